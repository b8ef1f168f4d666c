"""Do journal, catalog and graph agree? What differs, named so that one can look at it.

The catalog is compared with a fresh replay of the journal into an empty one, as far as it claims to have come, and the
graph with the catalog it claims to follow. Everything is compared as two streams in one order, so memory doesn't grow
with what is equal.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, zip_longest
from typing import Any

import numpy as np

from ingest.errors import pointer
from ingest.openlineage.facts import Reader
from ingest.projection import JournalEntry, Projector, ReadableJournal
from lineage.canonical import canonical
from lineage.model import Basis, EdgeKind, Layer, Origin, Transformation
from lineage.ports import Catalog, EdgeColumns, EdgeRow, GraphStore, Snapshot

SHOWN = 20
TEXT = 300  # characters of a value
Row = dict[str, Any]
Advanced = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Difference:
    """where: "journal", "catalog" or "graph". what: the node, edge or position. expected, found: None where absent."""

    where: str
    what: str
    expected: str | None
    found: str | None


@dataclass(slots=True)
class Comparison:
    """What a check saw. count: of all differences; differences: the first SHOWN of each place."""

    events: int = 0
    compared: dict[str, int] = field(default_factory=dict)
    count: int = 0
    differences: list[Difference] = field(default_factory=list)
    _by_place: dict[str, int] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        return self.count == 0

    def add(self, difference: Difference) -> None:
        self.count += 1
        seen = self._by_place[difference.where] = self._by_place.get(difference.where, 0) + 1
        if seen <= SHOWN:
            self.differences.append(difference)


def compare_catalog(
    result: Comparison, journal: ReadableJournal, catalog: Catalog, fresh: Catalog, advanced: Advanced = lambda _: None
) -> None:
    """Adds to `result` where the catalog differs from a replay into `fresh`, which must be empty.

    The journal's positions must be 1, 2, 3 … without gaps up to where the catalog stands.
    Cost: a full replay, and what differs in memory.
    """
    position = catalog.position()
    result.events = _replay(result, journal, fresh, position, advanced)
    if result.events < position:
        at = f"position {position:,}"
        result.add(Difference("journal", at, f"{position:,} events", f"{result.events:,} events"))
    for expected, found in _unequal(fresh.export(), catalog.export(), result):
        result.add(_entity_difference(expected, found))


def _replay(result: Comparison, journal: ReadableJournal, fresh: Catalog, upto: int, advanced: Advanced) -> int:
    """How many events there were up to a position, applied as the real projector applies them."""
    return Projector(_Part(result, journal, upto), Reader(), fresh).catch_up(advanced)


class _Part:
    """The journal up to a position. Notes where positions don't follow each other."""

    def __init__(self, result: Comparison, journal: ReadableJournal, upto: int) -> None:
        self._result, self._journal, self._upto = result, journal, upto

    def head(self) -> int:
        return self._upto

    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        if after >= self._upto:
            return []
        entries = [e for e in self._journal.read(after, min(limit, self._upto - after)) if e.position <= self._upto]
        for wanted, entry in zip(range(after + 1, self._upto + 1), entries, strict=False):
            if entry.position != wanted:
                found = f"none; the next is {entry.position:,}"
                self._result.add(Difference("journal", f"position {wanted:,}", "an event", found))
                break
        return entries


def _unequal(left: Iterable[Row], right: Iterable[Row], result: Comparison) -> Iterator[tuple[Row | None, Row | None]]:
    """Rows of two streams that have no equal on the other side, paired by what they are rows of.

    As long as the streams go side by side nothing is kept; from the first difference on, rows by their digest.
    """
    lefts, rights = iter(left), iter(right)
    same = 0
    for one, other in zip_longest(lefts, rights):
        if canonical(one) != canonical(other):
            break
        same += 1
    else:
        result.compared["catalog"] = same
        return
    ours, theirs = _by_text(chain([one], lefts)), _by_text(chain([other], rights))
    result.compared["catalog"] = same + max(len(ours), len(theirs))
    expected = {_identity(row): row for text, row in ours.items() if text not in theirs}
    found = {_identity(row): row for text, row in theirs.items() if text not in ours}
    for identity in sorted(expected.keys() | found.keys()):
        yield expected.get(identity), found.get(identity)


def _by_text(rows: Iterable[Row | None]) -> dict[bytes, Row]:
    return {canonical(row): row for row in rows if row is not None}


def _identity(row: Row) -> str:
    """What a row of the export is about."""
    if row["entity"] == "edge":
        step = " ".join(str(part) for part in row["transformation"] if part)
        line = f"{row['source']} {row['kind']} {row['target']}, {row['origin']} by {row['owner']}"
        return f"{line} ({step})" if step else line
    return f"{row['entity']} {row.get('id') or row.get('run_id') or canonical(row.get('job')).decode()}"


def _entity_difference(expected: Row | None, found: Row | None) -> Difference:
    row = expected or found
    assert row is not None
    if expected is None or found is None:
        return Difference("catalog", _identity(row), _there(expected), _there(found))
    where, one, other = _first_difference(expected, found)
    return Difference("catalog", f"{_identity(row)}: {where}", _text(one), _text(other))


def _there(row: Row | None) -> str | None:
    return None if row is None else "there"


def _first_difference(one: Any, other: Any, where: str = "") -> tuple[str, Any, Any]:
    """The JSON pointer of the first place where two values differ, and what stands there. Depth is that of the rows."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            if one.get(name) != other.get(name):
                return _first_difference(one.get(name), other.get(name), f"{where}{pointer(name)}")
    if isinstance(one, list) and isinstance(other, list):
        for at, (left, right) in enumerate(zip_longest(one, other)):
            if left != right:
                return _first_difference(left, right, f"{where}{pointer(at)}")
    return where, one, other


def _text(value: Any) -> str | None:
    if value is None:
        return None
    text = canonical(value).decode()
    return text if len(text) <= TEXT else text[:TEXT] + "…"


def compare_graph(result: Comparison, catalog: Catalog, graph: GraphStore) -> None:
    """Adds to `result` where the graph's edges differ from the catalog's. The graph must have caught up."""
    snapshot = catalog.snapshot()
    try:
        mark = graph.mark()
        if mark != snapshot.mark:
            found = "nothing loaded" if mark is None else f"generation {mark.generation}, change {mark.seq:,}"
            wanted = f"generation {snapshot.mark.generation}, change {snapshot.mark.seq:,}"
            result.add(Difference("graph", f"mark of {graph.name}", wanted, found))
            return
        expected = _rows(snapshot)
        found_rows = (row for batch in graph.edges() for row in batch)
        result.compared["graph"] = _compare_edges(result, expected, found_rows, catalog)
    finally:
        snapshot.close()


def _compare_edges(result: Comparison, expected: Iterator[EdgeRow], found: Iterator[EdgeRow], catalog: Catalog) -> int:
    """Two streams by ascending id, joined. Returns how many edges the catalog has."""
    count = 0
    one, other = next(expected, None), next(found, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one.id < other.id):
            assert one is not None
            result.add(Difference("graph", _edge_name(catalog, one), "there", None))
            one, count = next(expected, None), count + 1
        elif one is None or other.id < one.id:
            result.add(Difference("graph", _edge_name(catalog, other), None, "there"))
            other = next(found, None)
        else:
            if _comparable(one) != _comparable(other):
                result.add(Difference("graph", _edge_name(catalog, one), repr(one), repr(other)))
            one, other, count = next(expected, None), next(found, None), count + 1
    return count


def _comparable(row: EdgeRow) -> tuple[Any, ...]:
    step = row.transformation if row.kind is EdgeKind.DERIVED else Transformation()
    return (row.kind, row.source, row.target, row.owner, row.origin, row.basis, tuple(sorted(row.lives)), step)


def _edge_name(catalog: Catalog, row: EdgeRow) -> str:
    try:
        names = catalog.names(row.layer, [row.source, row.target])
    except KeyError:
        return f"edge {row.id} from {row.source} to {row.target}, which the catalog doesn't have"
    columns = names.columns or ["", ""]
    source, target = (
        ":".join(part for part in (namespace, name, column) if part)
        for namespace, name, column in zip(names.namespaces, names.names, columns, strict=True)
    )
    return f"{source} {row.kind.word} {target}"


def _rows(snapshot: Snapshot) -> Iterator[EdgeRow]:
    """Every edge of the catalog, by ascending id."""
    layers = [_layer_rows(snapshot.edges(layer)) for layer in Layer]
    return heapq.merge(*layers, key=lambda row: row.id)


def _layer_rows(batches: Iterable[EdgeColumns]) -> Iterator[EdgeRow]:
    """One row an edge out of one row a life; lives of an edge stand side by side, perhaps across two batches."""
    pending: EdgeRow | None = None
    for batch in batches:
        for at in range(len(batch)):
            row = _row(batch, at)
            if pending is not None and pending.id == row.id:
                row = replace(row, lives=pending.lives + row.lives)
            elif pending is not None:
                yield pending
            pending = row
    if pending is not None:
        yield pending


def _row(batch: EdgeColumns, at: int) -> EdgeRow:
    number = _number
    return EdgeRow(
        id=number(batch.id, at),
        kind=EdgeKind(number(batch.kind, at)),
        source=number(batch.source, at),
        target=number(batch.target, at),
        owner=number(batch.owner, at),
        origin=Origin(number(batch.origin, at)),
        basis=Basis(number(batch.basis, at)),
        lives=((number(batch.opened, at), number(batch.closed, at)),),
        transformation=batch.transformations[at] if batch.transformations else Transformation(),
    )


def _number(column: np.ndarray[Any, np.dtype[Any]], at: int) -> int:
    return int(column[at])
