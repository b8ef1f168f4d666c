"""Formats of a trace, with names that try to break each of them."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess

import networkx as nx
import orjson
import pytest

from lineage.model import Direction, Granularity, Node, dataset, job
from lineage.render import FORMATS, csv_table, dot, graphml, mermaid, ndjson
from lineage.traces import Trace

NASTY = (
    '=HYPERLINK("http://evil","x")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\0=1",
    'a"; rm [label="x',
    "a\\",
    "a\nb -> c",
    "</node><script>alert(1)</script>",
    "]]> --> n1",
    '")] --> evil[("',
    "click n0 href",
    "end",
    "#quot;#59;",
    "\x1b[31mred",
    "\u202eoverride",
    "café 表 😀",
    "`md` **bold** <b>",
    "%%{init: {}}%%",
)


def a_trace(names: tuple[str, ...] = NASTY) -> Trace:
    root = dataset("db", "root")
    nodes = [row(root, 0)] + [row(make("ns", name), 1) for make in (dataset, job) for name in names]
    edges = [
        {
            "source": root.id,
            "target": node["id"],
            "kind": "read",
            "origin": "observed",
            "basis": "column",
            "first_seen": "1970-01-01T00:00:01.000000Z",
            "last_seen": "1970-01-01T00:00:02.000000Z",
            "runs_seen": 1,
            "jobs": [node["id"]],
            "transformation": {"type": "DIRECT", "subtype": None, "masking": True},
        }
        for node in nodes[1:]
    ]
    totals = {"datasets": len(names) + 1, "jobs": len(names), "fields": 0, "dags": 0}
    return Trace(
        root.id, Direction.DOWNSTREAM, Granularity.JOB, 10, None, 1, False, nodes=nodes, edges=edges, totals=totals
    )


def row(node: Node, distance: int) -> dict[str, object]:
    side = "downstream" if distance else "root"
    where = {"kind": node.kind.word, "namespace": node.namespace, "name": node.name}
    return {"id": node.id, **where, "distance": distance, "side": side}


def test_graphml_is_read_back_with_every_node_and_edge() -> None:
    trace = a_trace()
    graph = nx.parse_graphml(graphml(trace), force_multigraph=True)
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (len(trace.nodes), len(trace.edges))
    assert graph.nodes["dataset:ns:café 表 😀"]["name"] == "café 表 😀"
    assert graph.nodes["dataset:ns:a\nb -> c"]["distance"] == 1


def test_graphml_replaces_what_xml_cannot_hold() -> None:
    text = graphml(a_trace(("\0\x1b\ufffe",)))
    assert "dataset:ns:\ufffd\ufffd\ufffd" in text


def test_dot_has_one_line_a_node_and_an_edge_whatever_the_names() -> None:
    trace = a_trace()
    assert len(dot(trace).splitlines()) == 4 + len(trace.nodes) + len(trace.edges)


def test_dot_quotes_close_where_they_should() -> None:
    text = dot(a_trace(('a"; rm [label="x', "a\\")))
    assert 'tooltip="dataset:ns:a\\"; rm [label=\\"x"' in text
    assert 'tooltip="dataset:ns:a\\\\"' in text


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz isn't installed; `apt install graphviz` enables this")
def test_dot_is_read_by_graphviz() -> None:
    done = subprocess.run(["dot", "-Tplain"], input=dot(a_trace()).encode(), capture_output=True, check=True)
    assert done.stdout.count(b"\nnode ") == len(a_trace().nodes)


def test_mermaid_lets_no_name_leave_its_label() -> None:
    trace = a_trace()
    lines = mermaid(trace).splitlines()
    assert len(lines) == 1 + len(trace.nodes) + len(trace.edges)
    labels = [line.split('"')[1] for line in lines if '"' in line]
    assert all(line.count('"') == 2 for line in lines if '"' in line)
    assert not any(set(label) & set('<>[](){}`|"\\%*') for label in labels)


def test_csv_cells_never_begin_like_a_formula() -> None:
    table = list(csv.reader(io.StringIO(csv_table(a_trace()), newline="")))
    assert not [cell for line in table for cell in line if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))]
    assert '\'=HYPERLINK("http://evil","x")' in [line[4] for line in table]


def test_csv_has_a_line_for_every_node_and_edge() -> None:
    trace = a_trace()
    table = list(csv.DictReader(io.StringIO(csv_table(trace), newline="")))
    assert [line["record"] for line in table] == ["node"] * len(trace.nodes) + ["edge"] * len(trace.edges)
    assert table[-1]["transformation_masking"] == "true"


def test_ndjson_has_one_object_a_line_and_begins_with_the_head() -> None:
    trace = a_trace()
    lines = [orjson.loads(line) for line in ndjson(trace).split("\n")[:-1]]
    assert lines[0] == {"record": "trace", **trace.head()}
    assert len(lines) == 1 + len(trace.nodes) + len(trace.edges)
    assert lines[1]["id"] == trace.root


@pytest.mark.parametrize("name", FORMATS)
def test_a_trace_of_one_node_is_written_in_every_format(name: str) -> None:
    trace = a_trace(())
    assert "db" in FORMATS[name].render(trace) or "root" in FORMATS[name].render(trace)


def test_what_lies_between_two_dags_is_in_every_format() -> None:
    trace = a_trace(())
    trace.nodes.append(row(job("af", "dag"), 1))
    edge = {"source": trace.root, "target": "job:af:dag", "kind": "feeds", "origin": "observed", "basis": "column"}
    seen = {"first_seen": "1970-01-01T00:00:01.000000Z", "last_seen": "1970-01-01T00:00:02.000000Z", "runs_seen": 1}
    between = {"through": ["dataset:db:t"], "through_total": 21, "weakest_basis": "parsed", "stale": True}
    trace.edges.append({**edge, **seen, **between})
    texts = {name: form.render(trace) for name, form in FORMATS.items()}

    assert 'n0 -->|"21 datasets"| n1' in texts["mermaid"]
    assert ', label="21 datasets", color="gray"]' in texts["dot"]
    assert "dataset:db:t,21,parsed" in texts["csv"]
    assert ">21</data>" in texts["graphml"]
    assert '"through_total":21' in texts["ndjson"]


def test_an_edge_of_control_is_dotted_and_says_so() -> None:
    trace = a_trace(())
    trace.nodes.append(row(job("af", "task"), 1))
    edge = {"source": trace.root, "target": "job:af:task", "kind": "control", "origin": "observed", "basis": "explicit"}
    seen = {"first_seen": "1970-01-01T00:00:01.000000Z", "last_seen": "1970-01-01T00:00:02.000000Z", "runs_seen": 0}
    trace.edges.append({**edge, **seen, "rule": None})

    assert 'n0 -.->|"then"| n1' in mermaid(trace)
    assert ', label="then", style="dotted"]' in dot(trace)
