"""`headwater trace`: the tree, and the words of other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from api.commands.tree import tree_of
from lineage.tracing.trust import trust_of
from tests.api.cli.conftest import Call, event, ndjson

FX_RATES = "dataset:postgres://127.0.0.1:5499:warehouse.raw.fx_rates"


def node(name: str, kind: str = "dataset", **more: Any) -> dict[str, Any]:
    return {"id": name, "kind": kind, "namespace": "db", "name": name, "distance": 1, **more}


def edge(source: str, target: str, basis: str = "explicit", **more: Any) -> dict[str, Any]:
    return {"source": source, "target": target, "kind": "read", "basis": basis, "origin": "observed", **more}


def drawn(edges: list[dict[str, Any]], *, direction: str = "downstream", siblings: int = 12, **nodes: Any) -> list[str]:
    """The tree from `root` as plain lines, without the totals."""
    names = {"root"} | {end for one in edges for end in (one["source"], one["target"])}
    document = {
        "root": "root",
        "direction": direction,
        "depth": 10,
        "as_of": None,
        "truncated": False,
        "nodes": [nodes.get(name) or node(name, distance=int(name != "root")) for name in sorted(names)],
        "edges": edges,
        "totals": {"datasets": len(names)},
        "trust": trust_of([], edges),
    }
    return [line.plain for line in tree_of(document, siblings=siblings)][:-1]


def test_a_tree_shows_each_node_where_it_is_nearest_to_the_root() -> None:
    lines = drawn([edge("root", "a"), edge("a", "b"), edge("b", "c"), edge("root", "c"), edge("c", "d")])

    assert lines == ["▤ root  db", "├── ▤ a", "│   └── ▤ b", "│       └── ▤ c  ↑ shown above", "└── ▤ c", "    └── ▤ d"]


def test_a_cycle_is_marked_and_ends() -> None:
    lines = drawn([edge("root", "a"), edge("a", "root"), edge("a", "a")])

    assert lines == ["▤ root  db", "└── ▤ a", "    ├── ▤ a  ↩ cycle", "    └── ▤ root  ↩ cycle"]


def test_a_guess_is_dashed_unless_the_same_edge_is_also_known_better() -> None:
    lines = drawn(
        [edge("root", "a", "implicit_product"), edge("root", "b", "implicit_product"), edge("root", "b", "column")]
    )

    assert lines == ["▤ root  db", "├╌╌ ▤ a  a guess", "└── ▤ b"]


def test_many_siblings_are_counted_instead_of_shown() -> None:
    edges = [edge("root", f"n{number:03d}") for number in range(100)]

    assert drawn(edges)[-1] == "└── … and 88 more"
    assert len(drawn(edges)) == 14
    assert len(drawn(edges, siblings=0)) == 101
    assert len(drawn(edges[:13])) == 14, "one more than the limit is shown rather than counted"


def test_a_chain_of_100_000_hops_is_drawn_as_far_as_there_is_room() -> None:
    edges = [edge("root", "n0"), *(edge(f"n{number}", f"n{number + 1}") for number in range(100_000))]

    lines = drawn(edges)

    assert len(lines) == 62
    assert "goes on" in lines[-1]


def test_owners_tags_and_namespaces_stand_beside_the_name() -> None:
    job = node("a", "job", namespace="airflow", owners=[{"name": "ada"}, {"name": "ada"}])
    table = node("b", tags=[{"key": "pii", "value": "pii"}, {"key": "days", "value": "30"}])

    lines = drawn([edge("root", "a"), edge("a", "b")], a=job, b=table)

    assert lines == ["▤ root  db", "└── ⚙ a  airflow  @ada", "    └── ▤ b #pii #days=30"]


def test_a_name_cannot_write_to_the_terminal() -> None:
    hostile = node("a") | {"name": "x\x1b[2J\u202ey[bold]"}

    assert drawn([edge("root", "a")], a=hostile)[1] == "└── ▤ x\ufffd[2J\ufffdy[bold]"


def test_nothing_on_a_side_is_said() -> None:
    lines = drawn([edge("a", "root")], direction="both")

    assert lines == [
        "▤ root  db",
        "├── ▲ comes from",
        "│   └── ▤ a",
        "└── ▼ goes to",
        "    └── nothing downstream is known",
    ]


def test_a_change_of_a_column_is_told(call: Call, tmp_path: Path) -> None:
    lineage = {
        "_producer": "https://example.com/tests",
        "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json",
        "fields": {
            "mail": {
                "inputFields": [
                    {
                        "namespace": "db",
                        "name": "table_1",
                        "field": "email",
                        "transformations": [{"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}],
                    }
                ]
            }
        },
    }
    schema = {"fields": [{"name": "email", "type": "text"}]}
    inputs = [{"namespace": "db", "name": "table_1", "facets": {"schema": schema}}]
    outputs = [{"namespace": "db", "name": "table_2", "facets": {"columnLineage": lineage}}]
    (tmp_path / "events").write_bytes(ndjson(event(1, inputs=inputs, outputs=outputs)))
    call("ingest", "events", tmp_path / "events", "--data", tmp_path / "data")

    called = call("trace", "datasetField:db:table_1:email", "--downstream", "--data", tmp_path / "data")

    assert "• table_2 . mail  transformation, masked" in called.out


def test_a_dataset_asked_for_by_columns_begins_at_its_columns(call: Call, demo_folder: Path) -> None:
    called = call("trace", FX_RATES, "--granularity", "field", "--downstream", "--data", demo_folder)

    assert called.status == 0
    assert "├── • warehouse.raw.fx_rates . " in called.out
    assert "warehouse.raw.fx_daily . " in called.out


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("tree", "▤ "),
        ("json", "{"),
        ("ndjson", "{"),
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("csv", "record,"),
        ("graphml", "<?xml"),
    ],
)
def test_every_format_is_written_to_stdout_alone(call: Call, demo_folder: Path, form: str, start: str) -> None:
    called = call("trace", FX_RATES, "--format", form, "--data", demo_folder)

    assert called.status == 0
    assert called.out.startswith(start)
    assert called.out.endswith("\n")
    assert called.err == ""


def test_options_reach_the_question(call: Call, demo_folder: Path) -> None:
    before = ["--as-of", "2020-01-01T00:00:00Z"]
    options = ["--upstream", "--depth", "1", "--granularity", "dataset", "--min-basis", "column", "--format", "json"]
    called = call("trace", FX_RATES, "--data", demo_folder, *options, *before)

    answer = orjson.loads(called.out)
    assert (answer["direction"], answer["depth"], answer["granularity"]) == ("upstream", 1, "dataset")
    assert answer["as_of"] == "2020-01-01T00:00:00.000000Z"
    assert answer["edges"] == []


def test_a_wrong_depth_is_refused_with_what_is_allowed(call: Call, demo_folder: Path) -> None:
    called = call("trace", FX_RATES, "--depth", "lots", "--data", demo_folder)

    assert called.status == 1
    assert "depth" in called.err
