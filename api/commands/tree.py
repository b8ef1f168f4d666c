"""A trace as a tree for the terminal.

A graph isn't a tree: each node is unfolded once, at the first place that is nearest to the root; elsewhere a mark says
where it goes on. Built breadth first and by loops, so a chain of any length is fine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text
from rich.tree import Tree

from api.commands.screens import plain, styled

Row = Mapping[str, Any]

ICONS = {"dataset": "▤", "job": "⚙", "field": "•"}
STYLES = {"dataset": "bold cyan", "job": "bold magenta", "field": "bold green"}
# An event said inputs and outputs, not which goes into which: the edge is a guess, and drawn as one.
GUESSES = frozenset({"implicit_product", "implicit_single"})
KNOWN_ARROW, GUESSED_ARROW = "──", "╌╌"
CYCLE, ELSEWHERE = "↩ cycle", "↑ shown above"
SIBLINGS = 12
LEVELS = 60  # deeper, a line has no room left for a name
OWNERS = 3


@dataclass(slots=True)
class _Branch:
    """A node at one place of the tree. above: the ids on the way from the root, this one last."""

    id: str
    tree: Tree
    above: frozenset[str]
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Hop:
    """Where an edge leads from a node, and by what: the best known of all parallel edges."""

    id: str
    edge: Row


@dataclass(frozen=True, slots=True)
class _Graph:
    nodes: Mapping[str, Row]
    hops: dict[str, list[_Hop]]


def tree_of(document: Row, *, siblings: int = SIBLINGS) -> RenderableType:
    """A trace (GET /trace with include=details) as a tree, with a line of totals under it.

    siblings: more under one node are counted instead of shown; 0 shows all.
    """
    nodes = {row["id"]: row for row in document["nodes"]}
    root = document["root"]
    sides = {"both": ("upstream", "downstream")}.get(document["direction"], (document["direction"],))
    trunk = Tree(_named(nodes[root], None), guide_style="dim")
    for side in sides:
        graph = _Graph(nodes, _hops(document["edges"], down=side == "downstream"))
        _begin_at_columns(graph, root)
        grown = _grown(graph, root, nodes, siblings)
        place = trunk if len(sides) == 1 else trunk.add(Text(_SIDE_TITLES[side], "italic"))
        place.children = grown.children
        if not grown.children:
            place.add(Text(_NOTHING[side], "dim"))
    return Group(trunk, _totals(document))


_SIDE_TITLES = {"upstream": "▲ comes from", "downstream": "▼ goes to"}
_NOTHING = {"upstream": "nothing upstream is known", "downstream": "nothing downstream is known"}


def _hops(edges: Iterable[Row], *, down: bool) -> dict[str, list[_Hop]]:
    """Where each node leads, in order of names; of parallel edges the best known."""
    near, far = ("source", "target") if down else ("target", "source")
    found: dict[str, dict[str, Row]] = {}
    for edge in edges:
        known = found.setdefault(edge[near], {}).get(edge[far])
        if known is None or (known["basis"] in GUESSES and edge["basis"] not in GUESSES):
            found[edge[near]][edge[far]] = edge
    return {node: [_Hop(other, hops[other]) for other in sorted(hops)] for node, hops in found.items()}


def _begin_at_columns(graph: _Graph, root: str) -> None:
    """A dataset or job asked for by columns has no edges of its own: its columns, at distance 0, have."""
    if graph.nodes[root]["kind"] == "field" or root in graph.hops:
        return
    columns = [row["id"] for row in graph.nodes.values() if row["distance"] == 0 and row["id"] in graph.hops]
    if columns:
        graph.hops[root] = [_Hop(column, _OWN) for column in columns]


_OWN: Row = {"basis": "explicit", "origin": "observed"}


def _grown(graph: _Graph, root: str, nodes: Mapping[str, Row], siblings: int) -> Tree:
    trunk = Tree("")
    shown = {root}
    waiting = deque([_Branch(root, trunk, frozenset({root}))])
    while waiting:
        branch = waiting.popleft()
        hops = graph.hops.get(branch.id, [])
        if branch.level >= LEVELS and hops:
            branch.tree.add(Text("… goes on; --format ndjson or dot shows all of it", "dim"))
            continue
        limit = len(hops) if not siblings or len(hops) <= siblings + 1 else siblings
        for hop in hops[:limit]:
            line = _line(nodes, branch.id, hop)
            if hop.id in branch.above:
                branch.tree.add(line.append(f"  {CYCLE}", "yellow"))
            elif hop.id in shown:
                # What leads nowhere has nothing above that is worth looking up.
                branch.tree.add(line.append(f"  {ELSEWHERE}", "dim") if graph.hops.get(hop.id) else line)
            else:
                shown.add(hop.id)
                waiting.append(_Branch(hop.id, branch.tree.add(line), branch.above | {hop.id}, branch.level + 1))
        if limit < len(hops):
            branch.tree.add(Text(f"… and {len(hops) - limit:,} more", "dim"))
    return trunk


def _line(nodes: Mapping[str, Row], near: str, hop: _Hop) -> Text:
    edge = hop.edge
    guess = edge["basis"] in GUESSES
    line = Text()
    line.append(f"{GUESSED_ARROW if guess else KNOWN_ARROW} ", "yellow" if guess else "dim")
    line.append_text(_named(nodes[hop.id], nodes[near]))
    remarks = [*_change(edge), *(["a guess"] if edge["basis"] == "implicit_product" else [])]
    if edge["origin"] == "declared":
        remarks.append("declared")
    if remarks:
        line.append(f"  ({', '.join(remarks)})", "yellow" if guess else "dim")
    return line


def _change(edge: Row) -> list[str]:
    """What happened to a column on its way."""
    change = edge.get("transformation") or {}
    words = [word.lower() for word in (change.get("subtype") or change.get("type"),) if word]
    return [*map(plain, words), *(["masked"] if change.get("masking") else [])]


def _named(row: Row, near: Row | None) -> Text:
    """Icon, name, namespace where it is another than the neighbour's, owners, tags."""
    kind = row["kind"]
    line = Text()
    line.append(f"{ICONS[kind]} ", STYLES[kind])
    line.append_text(styled(row["name"], STYLES[kind]))
    if kind == "field":
        line.append_text(styled(f" . {row['field']}", "bold"))
    if near is None or near["namespace"] != row["namespace"]:
        line.append_text(styled(f"  {row['namespace']}", "dim"))
    owners = list(dict.fromkeys(owner["name"] for owner in row.get("owners") or ()))
    if owners:
        more = f" +{len(owners) - OWNERS}" if len(owners) > OWNERS else ""
        line.append_text(styled("  @" + " @".join(owners[:OWNERS]) + more, "blue"))
    for tag in dict.fromkeys(_tag(tag) for tag in row.get("tags") or ()):
        line.append_text(styled(f" #{tag}", "red" if "pii" in tag.lower() else "green"))
    return line


def _tag(tag: Row) -> str:
    """Airflow sends a tag as key and equal value, dbt as key and "true"."""
    key, value = str(tag["key"]), tag.get("value")
    return key if value in {None, "", key, "true", True} else f"{key}={value}"


def _totals(document: Row) -> Text:
    totals = document["totals"]
    counts = [f"{count:,} {name[:-1] if count == 1 else name}" for name, count in totals.items() if count]
    counts = [words.replace(" dags", " DAGs").replace(" dag", " DAG") if "dag" in words else words for words in counts]
    guessed = sum(edge["basis"] in GUESSES for edge in document["edges"])
    depth = document["depth"]
    parts = [", ".join(counts), "all hops" if depth == "all" else f"up to {depth} hops"]
    if guessed:
        parts.append(f"{guessed:,} of {len(document['edges']):,} edges are guesses ({GUESSED_ARROW})")
    if document["as_of"]:
        parts.append(f"as of {document['as_of']}")
    line = Text(" · ".join(parts), "dim")
    if document["truncated"]:
        line.append(" · cut off: more edges than the server gives at once; ask with --depth", "yellow")
    return line
