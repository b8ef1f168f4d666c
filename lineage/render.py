"""A trace in the words of other tools: GraphML, DOT, Mermaid, NDJSON, CSV.

Names are whatever a producer sent. Each format has its own way to be broken by a name; each function here says which,
and tests/lineage/test_render.py tries it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import orjson

from lineage.traces import Row, Trace
from lineage.tracing.rows import CONTROL

# What XML 1.0 can't hold at all, not even escaped.
_NO_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
# Breaks a line or hides text in a terminal: C0, DEL, C1, the Unicode line ends, the overrides of direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
# OWASP ASVS 5.0, 1.2.10, and NUL, which some spreadsheets skip before they look for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")

NODE_COLUMNS = ("id", "kind", "namespace", "name", "field", "distance", "side")
EDGE_COLUMNS = ("source", "target", "kind", "origin", "basis", "first_seen", "last_seen", "runs_seen")
CHANGE_COLUMNS = ("type", "subtype", "masking")
# Only where a row has them.
DETAIL_COLUMNS = ("guessed", "description", "type", "owners", "tags")
EDGE_REMARKS = ("stale", "through", "through_total", "weakest_basis", "rule")


@dataclass(frozen=True, slots=True)
class Format:
    """media_type as HTTP names it; render: the whole document."""

    media_type: str
    render: Callable[[Trace], str]


def graphml(trace: Trace) -> str:
    """GraphML, as networkx, yEd and Gephi read it. Nodes and edges with their columns as attributes, absent where null.

    XML can't hold most control characters: they become U+FFFD.
    """
    return "".join(_graphml(trace))


def dot(trace: Trace) -> str:
    """Graphviz. Nodes are n0, n1, …, since two names may look the same once drawn; what a name holds stays text."""
    lines = ["digraph trace {", "  rankdir=LR;", '  node [fontname="sans-serif"];']
    shapes = {"dataset": "cylinder", "job": "box", "field": "plain"}
    numbers = {row["id"]: f"n{at}" for at, row in enumerate(trace.nodes)}
    for row in trace.nodes:
        style = ", style=bold" if row["side"] == "root" else ""
        label, title = _dot_text(_label(row)), _dot_text(row["id"])
        look = f'label="{label}", shape={shapes[row["kind"]]}, tooltip="{title}"{style}'
        lines.append(f"  {numbers[row['id']]} [{look}];")
    for row in trace.edges:
        ends = f"{numbers[row['source']]} -> {numbers[row['target']]}"
        lines.append(f'  {ends} [tooltip="{row["kind"]}, {row["basis"]}"{_dot_look(row)}];')
    return "\n".join([*lines, "}", ""])


def mermaid(trace: Trace) -> str:
    """A Mermaid flowchart. Nodes are n0, n1, …; every character of a name that could end its label is an entity."""
    shapes = {"dataset": ('[("', '")]'), "job": ('["', '"]'), "field": ('(["', '"])')}
    numbers = {row["id"]: f"n{at}" for at, row in enumerate(trace.nodes)}
    lines = ["flowchart LR"]
    for row in trace.nodes:
        begin, end = shapes[row["kind"]]
        lines.append(f"  {numbers[row['id']]}{begin}{_mermaid_text(_label(row))}{end}")
    for row in trace.edges:
        arrow = "-->" if row["origin"] == "observed" and row["kind"] != CONTROL else "-.->"
        label = f'|"{_mermaid_text(words)}"|' if (words := _edge_label(row)) else ""
        lines.append(f"  {numbers[row['source']]} {arrow}{label} {numbers[row['target']]}")
    return "\n".join([*lines, ""])


def ndjson(trace: Trace) -> str:
    """One JSON object a line: the head (`record: trace`), then nodes, then edges."""
    records = [{"record": "trace", **trace.head()}]
    records += [{"record": "node", **row} for row in trace.nodes]
    records += [{"record": "edge", **row} for row in trace.edges]
    return b"".join(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE) for record in records).decode()


def csv_table(trace: Trace) -> str:
    """RFC 4180, nodes and then edges, told apart by `record`. A cell that a spreadsheet would compute gets a `'`."""
    details = _present(DETAIL_COLUMNS, trace.nodes)
    edge_only = [name for name in (*EDGE_COLUMNS, *_present(EDGE_REMARKS, trace.edges)) if name != "kind"]
    header = ["record", *NODE_COLUMNS, *details, *edge_only, *(f"transformation_{c}" for c in CHANGE_COLUMNS), "jobs"]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for record, rows in (("node", trace.nodes), ("edge", trace.edges)):
        for row in rows:
            cells = {"record": record, **row}
            cells |= {f"transformation_{k}": v for k, v in (row.get("transformation") or {}).items()}
            writer.writerow([_cell(cells.get(name)) for name in header])
    return text.getvalue()


FORMATS = {
    "graphml": Format("application/graphml+xml", graphml),
    "dot": Format("text/vnd.graphviz", dot),
    "mermaid": Format("text/vnd.mermaid", mermaid),
    "ndjson": Format("application/x-ndjson", ndjson),
    "csv": Format("text/csv", csv_table),
}


def _graphml(trace: Trace) -> Iterator[str]:
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<graphml xmlns="http://graphml.graphdrawing.org/xmlns">\n'
    keys = _keys(trace)
    for (owner, name), (key, kind) in keys.items():
        yield f'  <key id="{key}" for="{owner}" attr.name="{name}" attr.type="{kind}"/>\n'
    yield '  <graph id="trace" edgedefault="directed">\n'
    for row in trace.nodes:
        yield f"    <node id={_attribute(row['id'])}>{_values('node', row, keys)}</node>\n"
    for number, row in enumerate(trace.edges):
        ends = f"source={_attribute(row['source'])} target={_attribute(row['target'])}"
        yield f'    <edge id="e{number}" {ends}>{_values("edge", _flat(row), keys)}</edge>\n'
    yield "  </graph>\n</graphml>\n"


def _keys(trace: Trace) -> dict[tuple[str, str], tuple[str, str]]:
    """Attributes: ("node"|"edge", name) to the key's id and GraphML type."""
    nodes = [("node", name) for name in (*NODE_COLUMNS[1:], *_present(DETAIL_COLUMNS, trace.nodes))]
    remarks = _present(EDGE_REMARKS, trace.edges)
    edges = [("edge", name) for name in (*EDGE_COLUMNS[2:], *CHANGE_COLUMNS, "jobs", *remarks)]
    kinds = {"distance": "int", "runs_seen": "int", "through_total": "int"}
    kinds |= dict.fromkeys(("masking", "guessed", "stale"), "boolean")
    return {pair: (f"k{at}", kinds.get(pair[1], "string")) for at, pair in enumerate((*nodes, *edges))}


def _present(columns: Iterable[str], rows: Sequence[Row]) -> list[str]:
    """Those that any row has."""
    return [name for name in columns if any(name in row for row in rows)]


def _values(owner: str, row: Row, keys: dict[tuple[str, str], tuple[str, str]]) -> str:
    shown = ((key, row.get(name)) for (of, name), (key, _) in keys.items() if of == owner)
    return "".join(f'<data key="{key}">{escape(_xml_text(value))}</data>' for key, value in shown if value is not None)


def _flat(row: Row) -> Row:
    return {**row, **(row.get("transformation") or {})}


def _xml_text(value: Any) -> str:
    return _NO_XML.sub("\ufffd", _plain(value))


def _attribute(text: str) -> str:
    # A parser turns line ends and tabs of an attribute into spaces unless they are references.
    return quoteattr(_NO_XML.sub("\ufffd", text), {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"})


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return " ".join(value)
    return orjson.dumps(value).decode()


def _label(row: Row) -> str:
    return f"{row['name']}.{row['field']}" if row["kind"] == "field" else str(row["name"])


def _edge_label(row: Row) -> str:
    """What an edge is drawn with: what lies between two DAGs; that one job only runs before another."""
    if row["kind"] == CONTROL:
        return "then"
    total = row.get("through_total", 0)
    return f"{total} dataset{'' if total == 1 else 's'}" if total else ""


def _dot_look(row: Row) -> str:
    style = "dotted" if row["kind"] == CONTROL else "dashed" if row["origin"] == "declared" else ""
    words = {"label": _edge_label(row), "style": style, "color": "gray" if row.get("stale") else ""}
    return "".join(f', {name}="{value}"' for name, value in words.items() if value)


def _dot_text(text: str) -> str:
    return _CONTROL.sub("\ufffd", text).replace("\\", "\\\\").replace('"', '\\"')


def _mermaid_text(text: str) -> str:
    """Letters, digits and harmless signs; the rest as Mermaid's entities `#NUMBER;`. Markdown and HTML stay text."""
    clean = _CONTROL.sub("\ufffd", text)
    return "".join(char if char.isalnum() or char in " ._/:-" else f"#{ord(char)};" for char in clean)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = _plain(value)
    return f"'{text}" if isinstance(value, (str, list)) and text.startswith(_FORMULA) else text
