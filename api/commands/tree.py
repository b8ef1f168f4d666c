"""A trace as a tree for the terminal.

A graph isn't a tree: each node is unfolded once, at the first place that is nearest to the root; elsewhere a mark says
that it stands above. Built breadth first and drawn with a stack of its own, so a chain of any length is fine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.text import Text

from api.commands.screens import plain, styled

Row = Mapping[str, Any]

ICONS = {"dataset": "▤", "job": "⚙", "field": "•"}
STYLES = {"dataset": "bold cyan", "job": "bold magenta", "field": "bold green"}
# Several inputs, several outputs, and nothing said which went into which: such an edge is a guess, and dashed.
GUESSES = frozenset({"implicit_product"})
KNOWN, GUESSED, DASHED = "── ", "╌╌ ", "yellow"
CYCLE, ELSEWHERE = "↩ cycle", "↑ shown above"
SIBLINGS = 12
LEVELS = 60  # deeper, a line has no room left for a name
OWNERS = 3
TITLES = {"upstream": "▲ comes from", "downstream": "▼ goes to"}
NOTHING = {"upstream": "nothing upstream is known", "downstream": "nothing downstream is known"}


@dataclass(slots=True)
class _Twig:
    """A line of the tree and what grows from it."""

    line: Text
    guessed: bool = False
    twigs: list[_Twig] = field(default_factory=list)

    def grow(self, line: Text, *, guessed: bool = False) -> _Twig:
        twig = _Twig(line, guessed)
        self.twigs.append(twig)
        return twig


@dataclass(frozen=True, slots=True)
class _Place:
    """A node to be unfolded. above: ids from the root to here. spaces: the namespace last shown on the way, by kind."""

    id: str
    twig: _Twig
    above: frozenset[str]
    spaces: Mapping[str, str]
    level: int = 0


@dataclass(frozen=True, slots=True)
class _Hop:
    """Where an edge leads from a node, and by what: the best known of all parallel edges."""

    id: str
    edge: Row


_OWN: Row = {"basis": "explicit", "origin": "observed"}  # from a dataset to its own column


def tree_of(document: Row, *, siblings: int = SIBLINGS) -> list[Text]:
    """The lines of a trace (GET /trace with include=details), the last one its totals.

    siblings: more under one node are counted instead of shown; 0 shows all.
    """
    nodes = {row["id"]: row for row in document["nodes"]}
    root = document["root"]
    trunk = _Twig(_named(nodes[root], {}))
    sides = ("upstream", "downstream") if document["direction"] == "both" else (document["direction"],)
    for side in sides:
        place = trunk if len(sides) == 1 else trunk.grow(Text(TITLES[side], "italic"))
        hops = _hops(document["edges"], down=side == "downstream")
        _begin_at_parts(nodes, hops, root)
        _unfold(nodes, hops, root, place, siblings)
        if not place.twigs:
            place.grow(Text(NOTHING[side], "dim"))
    return [*_drawn(trunk), _totals(document)]


def _hops(edges: Iterable[Row], *, down: bool) -> dict[str, list[_Hop]]:
    """Where each node leads, in order of names; of parallel edges the best known."""
    near, far = ("source", "target") if down else ("target", "source")
    found: dict[str, dict[str, Row]] = {}
    for edge in edges:
        if edge["kind"] == "control":
            continue
        known = found.setdefault(edge[near], {}).get(edge[far])
        if known is None or (known["basis"] in GUESSES and edge["basis"] not in GUESSES):
            found[edge[near]][edge[far]] = edge
    return {node: [_Hop(other, hops[other]) for other in sorted(hops)] for node, hops in found.items()}


def _begin_at_parts(nodes: Mapping[str, Row], hops: dict[str, list[_Hop]], root: str) -> None:
    """What else stands at distance 0 has the edges: the columns of what was asked for, the tasks of a DAG."""
    parts = [row["id"] for row in nodes.values() if row["distance"] == 0 and row["id"] in hops and row["id"] != root]
    if parts:
        hops[root] = [*hops.get(root, ()), *(_Hop(part, _OWN) for part in parts)]


def _unfold(nodes: Mapping[str, Row], hops: Mapping[str, list[_Hop]], root: str, trunk: _Twig, siblings: int) -> None:
    shown = {root}
    waiting = deque([_Place(root, trunk, frozenset({root}), _spaces({}, nodes[root]))])
    while waiting:
        place = waiting.popleft()
        found = hops.get(place.id, [])
        if place.level >= LEVELS and found:
            place.twig.grow(Text("… goes on; --format ndjson or dot shows all of it", "dim"))
            continue
        limit = len(found) if not siblings or len(found) <= siblings + 1 else siblings
        for hop in found[:limit]:
            row = nodes[hop.id]
            # What leads nowhere has nothing above that is worth looking up.
            mark = CYCLE if hop.id in place.above else ELSEWHERE if hop.id in shown and hops.get(hop.id) else ""
            twig = place.twig.grow(_line(row, hop.edge, place.spaces, mark), guessed=hop.edge["basis"] in GUESSES)
            if hop.id not in shown:
                shown.add(hop.id)
                above, spaces = place.above | {hop.id}, _spaces(place.spaces, row)
                waiting.append(_Place(hop.id, twig, above, spaces, place.level + 1))
        if limit < len(found):
            place.twig.grow(Text(f"… and {len(found) - limit:,} more", "dim"))


def _spaces(before: Mapping[str, str], row: Row) -> dict[str, str]:
    return {**before, _group(row): row["namespace"]}


def _group(row: Row) -> str:
    """Datasets and their columns live in the same namespaces, jobs in others."""
    return "job" if row["kind"] == "job" else "dataset"


def _drawn(trunk: _Twig) -> Iterator[Text]:
    yield trunk.line
    stack = [("", twig, last) for twig, last in reversed(_marked(trunk.twigs))]
    while stack:
        prefix, twig, last = stack.pop()
        line = Text()
        line.append(f"{prefix}{'└' if last else '├'}", "dim")
        line.append(GUESSED if twig.guessed else KNOWN, DASHED if twig.guessed else "dim")
        yield line.append_text(twig.line)
        below = prefix + ("    " if last else "│   ")
        stack += [(below, inner, is_last) for inner, is_last in reversed(_marked(twig.twigs))]


def _marked(twigs: list[_Twig]) -> list[tuple[_Twig, bool]]:
    """Each with whether it is the last one."""
    return [(twig, at == len(twigs) - 1) for at, twig in enumerate(twigs)]


def _line(row: Row, edge: Row, spaces: Mapping[str, str], mark: str) -> Text:
    remarks = [*_change(edge), *_through(edge), *(["a guess"] if edge["basis"] == "implicit_product" else [])]
    if edge["origin"] == "declared":
        remarks.append("declared")
    if edge.get("stale"):
        remarks.append("stale")
    if mark:
        remarks.append(mark)
    return _named(row, spaces, ", ".join(remarks))


def _change(edge: Row) -> list[str]:
    """What happened to a column on its way."""
    change = edge.get("transformation") or {}
    words = [word.lower() for word in (change.get("subtype") or change.get("type"),) if word]
    return [*map(plain, words), *(["masked"] if change.get("masking") else [])]


def _through(edge: Row) -> list[str]:
    """What lies between two DAGs."""
    total = edge.get("through_total", 0)
    return [f"through {total:,} dataset{'' if total == 1 else 's'}"] if total else []


def _named(row: Row, spaces: Mapping[str, str], remarks: str = "") -> Text:
    """Icon, name, remarks, namespace where the way there did not show it, owners, tags."""
    kind = row["kind"]
    line = Text()
    line.append(f"{ICONS[kind]} ", STYLES[kind])
    line.append_text(styled(row["name"], STYLES[kind]))
    if kind == "field":
        line.append_text(styled(f" . {row['field']}", "bold"))
    if remarks:
        line.append(f"  {remarks}", DASHED)
    if spaces.get(_group(row)) != row["namespace"]:
        line.append_text(styled(f"  {row['namespace']}", "dim"))
    owners = list(dict.fromkeys(owner["name"] for owner in row.get("owners") or ()))
    if owners:
        more = f" +{len(owners) - OWNERS}" if len(owners) > OWNERS else ""
        line.append_text(styled("  @" + " @".join(owners[:OWNERS]) + more, "blue"))
    for tag in dict.fromkeys(tag_text(tag) for tag in row.get("tags") or ()):
        line.append_text(styled(f" #{tag}", "red" if "pii" in tag.lower() else "green"))
    return line


def tag_text(tag: Row) -> str:
    """Airflow sends a tag as key and equal value, dbt as key and "true"."""
    key, value = str(tag["key"]), tag.get("value")
    return key if value in {None, "", key, "true"} else f"{key}={value}"


def _trust(trust: Row) -> list[str]:
    """What rests on guesses, if anything does."""
    guesses, nodes = sum(trust["by_basis"].get(basis, 0) for basis in GUESSES), trust["guessed_nodes"]
    if not guesses:
        return []
    text = f"{guesses:,} of {trust['edges']:,} edges are guesses ({GUESSED.strip()})"
    return [f"{text}, {nodes:,} node{' rests' if nodes == 1 else 's rest'} on them alone" if nodes else text]


def _totals(document: Row) -> Text:
    words = {"datasets": "dataset", "jobs": "job", "fields": "column", "dags": "DAG"}
    totals = [(count, words[name]) for name, count in document["totals"].items() if count and name in words]
    parts = [", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for count, word in totals)]
    parts.append("all hops" if document["depth"] == "all" else f"up to {document['depth']} hops")
    parts += _trust(document["trust"])
    if document["as_of"]:
        parts.append(f"as of {document['as_of']}")
    line = Text(" · ".join(parts), "dim")
    if document["truncated"]:
        line.append(" · cut off: more edges than one answer may have; ask with a smaller --depth", DASHED)
    return line
