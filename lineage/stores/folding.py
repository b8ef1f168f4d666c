"""Edges as they are shown: all of the same ends as one, whatever job, flow or name they come under."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select

from lineage.diff import Key, Value
from lineage.model import Basis, EdgeKind, Kind, Node, Origin
from lineage.stores import tables as t
from lineage.stores.past import Groups, among
from lineage.stores.rows import by_ids

DERIVED = int(EdgeKind.DERIVED)
KINDS = tuple(Kind)  # by number: an enum is slow to make
KIND_WORDS = tuple(kind.word for kind in EdgeKind)
BASES = tuple(basis.word for basis in Basis)
ORIGINS = tuple(origin.word for origin in Origin)
NOTHING = ("", "", False)  # a step that nothing is said of
EDGE = ("id", "kind", "source_id", "target_id", "origin", "basis", "type", "subtype", "masking")


@dataclass(frozen=True, slots=True)
class Folded:
    """An edge of the catalog under the names it is shown with."""

    id: int
    key: Key
    origin: int
    basis: int
    step: tuple[str, str, bool]


def folded(edges: Iterable[Folded]) -> dict[Key, Value]:
    """One row for all edges with the same ends: every transformation, the strongest basis, observed before declared."""
    groups: dict[Key, list[Folded]] = {}
    for edge in edges:
        groups.setdefault(edge.key, []).append(edge)
    return {
        key: {
            "transformations": _steps(group),
            "basis": BASES[min(edge.basis for edge in group)],
            "origin": ORIGINS[min(edge.origin for edge in group)],
        }
        for key, group in groups.items()
    }


def _steps(group: Sequence[Folded]) -> list[Value]:
    steps = {edge.step for edge in group} - {NOTHING}
    return [{"type": type_, "subtype": subtype, "masking": masking} for type_, subtype, masking in sorted(steps)]


def parallel(connection: Connection, ids: Collection[int], within: Groups | None) -> list[Folded]:
    """Edges with all that are shown as the same ones. within: nodes that both ends must belong to.

    Cost: a few statements, these edges, and for ends that have several names the edges of all of them.
    """
    ends = _Ends(connection)
    rows = _rows(connection, t.edge.c.id, ids)
    shown = {ends.shown(row) for row in ends.met(rows)}
    joined = ends.joined(rows)
    rows += _twins(connection, [row[0] for row in rows if row not in joined])
    rows += _rows(connection, t.edge.c.source_id, ends.sources(joined))
    every = {row[0]: row for row in ends.met(rows) if ends.shown(row) in shown}
    return ends.folded(every.values(), within)


def by_ids_named(connection: Connection, ids: Collection[int]) -> list[Folded]:
    """Edges by id, those that are shown at all."""
    ends = _Ends(connection)
    return ends.folded(ends.met(_rows(connection, t.edge.c.id, ids)), None)


def _rows(connection: Connection, key: ColumnElement[Any], ids: Collection[int]) -> list[tuple[Any, ...]]:
    columns = [getattr(t.edge.c, name) for name in EDGE]
    return by_ids(connection, columns, key, ids, t.edge.c.published, ~t.edge.c.suppressed)


def _twins(connection: Connection, ids: Collection[int]) -> list[tuple[Any, ...]]:
    """Edges of the very same ends as some others, these among them."""
    one, twin = t.edge.alias(), t.edge.alias()
    same = [getattr(one.c, name) == getattr(twin.c, name) for name in ("source_id", "kind", "target_id")]
    found = select(*(getattr(twin.c, name) for name in EDGE)).distinct().join(one, and_(*same))
    found = found.where(among(connection, one.c.id, ids), twin.c.published, ~twin.c.suppressed)
    return [tuple(row) for row in connection.execute(found)]


class _Ends:
    """What stands for the ends of edges, asked for in bulk and remembered. A field is known by minus its number."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._stands: dict[int, int] = {}

    def shown(self, row: tuple[Any, ...]) -> tuple[int, int, int]:
        """What makes edges one: source, target, kind."""
        sign = -1 if row[1] == DERIVED else 1
        return self._stands[sign * row[2]], self._stands[sign * row[3]], row[1]

    def met(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """The same rows, once their ends are known."""
        for sign, table in ((-1, t.field), (1, t.node)):
            ends = {end for row in rows if (row[1] == DERIVED) == (sign < 0) for end in row[2:4]}
            fresh = [end for end in ends if sign * end not in self._stands]
            pairs = by_ids(self.connection, [table.c.id, table.c.same_id], table.c.id, fresh)
            self._stands |= {sign * end: sign * same for end, same in pairs}
        return rows

    def joined(self, rows: Sequence[tuple[Any, ...]]) -> set[tuple[Any, ...]]:
        """Edges of which an end has several names."""
        several = self._several({end for row in rows for end in self.shown(row)[:2]})
        return {row for row in rows if not several.isdisjoint(self.shown(row)[:2])} if several else set()

    def _several(self, ends: Collection[int]) -> set[int]:
        """Those of some ends that stand, or whose datasets stand, for others too."""
        n = t.node.c
        datasets = self._datasets(ends)
        own = {*(end for end in ends if end > 0), *datasets.values()}
        others = {row[0] for row in by_ids(self.connection, [n.same_id], n.same_id, own, n.id != n.same_id)}
        return others & set(ends) | {end for end, dataset in datasets.items() if dataset in others}

    def _datasets(self, ends: Collection[int]) -> dict[int, int]:
        """What stands for the datasets of fields."""
        f = t.field.c
        rows = by_ids(self.connection, [f.id, f.dataset_id], f.id, [-end for end in ends if end < 0])
        same = dict(by_ids(self.connection, [t.node.c.id, t.node.c.same_id], t.node.c.id, {row[1] for row in rows}))
        return {-identity: same[dataset] for identity, dataset in rows}

    def sources(self, rows: Collection[tuple[Any, ...]]) -> set[int]:
        """All numbers of the sources of edges; those of a node and of a field may be the same."""
        n, f = t.node.c, t.field.c
        ends = {self.shown(row)[0] for row in rows}
        nodes = by_ids(self.connection, [n.id], n.same_id, {end for end in ends if end > 0})
        members = by_ids(self.connection, [n.id], n.same_id, set(self._datasets(ends).values()))
        fields = by_ids(self.connection, [f.id, f.same_id], f.dataset_id, [row[0] for row in members])
        return {row[0] for row in nodes} | {identity for identity, same in fields if -same in ends}

    def folded(self, rows: Iterable[tuple[Any, ...]], within: Groups | None) -> list[Folded]:
        """Edges with the names of their ends."""
        pairs = [(row, self.shown(row)) for row in rows]
        ends = {end for _, shown in pairs for end in shown[:2]}
        texts = self._texts(ends, within)
        return [
            Folded(
                row[0],
                (texts[source], texts[target], KIND_WORDS[kind]),
                row[4],
                row[5],
                (row[6], row[7], bool(row[8])),
            )
            for row, (source, target, kind) in pairs
            if source in texts and target in texts
        ]

    def _texts(self, ends: Collection[int], within: Groups | None) -> dict[int, str]:
        f = t.field.c
        fields = by_ids(self.connection, [f.id, f.dataset_id, f.name], f.id, [-end for end in ends if end < 0])
        nodes = [end for end in ends if end > 0]
        names = named(self.connection, [*nodes, *(row[1] for row in fields)])
        inside = {i for i, (stands, _) in names.items() if within is None or stands in within}
        texts = {end: names[end][1].id for end in nodes if end in inside}
        for identity, dataset, name in fields:
            if dataset in inside:
                node = names[dataset][1]
                texts[-identity] = Node(Kind.FIELD, node.namespace, node.name, name).id
        return texts


def named(connection: Connection, ids: Collection[int]) -> dict[int, tuple[int, Node]]:
    """What stands for each node: its id and its name."""
    n = t.node.c
    same = dict(by_ids(connection, [n.id, n.same_id], n.id, ids))
    rows = by_ids(connection, [n.id, n.kind, n.namespace_id, n.name], n.id, same.values())
    spaces = t.namespace.c
    names = dict(by_ids(connection, [spaces.id, spaces.name], spaces.id, {row[2] for row in rows}))
    nodes = {row[0]: Node(KINDS[row[1]], names[row[2]], row[3]) for row in rows}
    return {i: (stands, nodes[stands]) for i, stands in same.items()}
