"""Edges as they are shown: all of the same ends as one, whatever job, flow or name they come under."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection

from lineage.diff import Key, Value
from lineage.model import Basis, EdgeKind, Kind, Node, Origin
from lineage.stores import tables as t
from lineage.stores.past import Groups, groups_of
from lineage.stores.rows import by_ids

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
            "transformations": [
                {"type": type_, "subtype": subtype, "masking": masking}
                for type_, subtype, masking in sorted({edge.step for edge in group})
                if type_ or subtype or masking
            ],
            "basis": Basis(min(edge.basis for edge in group)).word,
            "origin": Origin(min(edge.origin for edge in group)).word,
        }
        for key, group in groups.items()
    }


def parallel(connection: Connection, ids: Collection[int], within: Groups | None) -> list[Folded]:
    """Edges with all that are shown as the same ones. within: nodes that both ends must belong to."""
    names = _Names(connection, within)
    rows = _rows(connection, t.edge.c.id, ids)
    wanted = set(names.keys(rows).values())
    sources = names.alike({(row[1] == EdgeKind.DERIVED, row[2]) for row in rows})
    return [edge for edge in _folded(names, _rows(connection, t.edge.c.source_id, sources)) if edge.key in wanted]


def by_ids_named(connection: Connection, ids: Collection[int]) -> list[Folded]:
    """Edges by id, those that are shown at all."""
    return _folded(_Names(connection, None), _rows(connection, t.edge.c.id, ids))


def _rows(connection: Connection, key: ColumnElement[Any], ids: Collection[int]) -> list[tuple[Any, ...]]:
    columns = [getattr(t.edge.c, name) for name in EDGE]
    return by_ids(connection, columns, key, ids, t.edge.c.published, ~t.edge.c.suppressed)


def _folded(names: _Names, rows: Collection[Any]) -> list[Folded]:
    keys = names.keys(rows)
    return [
        Folded(row[0], keys[row[0]], row[4], row[5], (row[6], row[7], bool(row[8]))) for row in rows if row[0] in keys
    ]


class _Names:
    """Ids as text of what stands for nodes and fields, asked for in bulk."""

    def __init__(self, connection: Connection, within: Groups | None) -> None:
        self.connection = connection
        self.within = within

    def keys(self, rows: Iterable[Any]) -> dict[int, Key]:
        """(source, target, kind) of edges by id; without those out of the scope."""
        rows = list(rows)
        derived = [row for row in rows if row[1] == EdgeKind.DERIVED]
        others = [row for row in rows if row[1] != EdgeKind.DERIVED]
        fields = self._fields({end for row in derived for end in row[2:4]})
        nodes = self._nodes({end for row in others for end in row[2:4]})
        found: dict[int, Key] = {}
        for part, texts in ((derived, fields), (others, nodes)):
            for row in part:
                if row[2] in texts and row[3] in texts:
                    found[row[0]] = (texts[row[2]], texts[row[3]], EdgeKind(row[1]).word)
        return found

    def alike(self, ends: Collection[tuple[bool, int]]) -> set[int]:
        """All nodes and fields that are shown as these: (whether it is a field, id). Their ids may coincide."""
        nodes = groups_of(self.connection, [identity for derived, identity in ends if not derived])
        fields = [identity for derived, identity in ends if derived]
        return {identity for members in nodes.values() for identity in members} | self._alike_fields(fields)

    def _alike_fields(self, ids: Collection[int]) -> set[int]:
        f = t.field.c
        rows = by_ids(self.connection, [f.same_id, f.dataset_id], f.id, ids)
        same = {row[0] for row in rows}
        groups = groups_of(self.connection, {row[1] for row in rows})
        joined = [identity for members in groups.values() if len(members) > 1 for identity in members]
        others = by_ids(self.connection, [f.id, f.same_id], f.dataset_id, joined)
        return {*ids, *same, *(identity for identity, rep in others if rep in same)}

    def _nodes(self, ids: Collection[int]) -> dict[int, str]:
        return {i: node.id for i, (rep, node) in named(self.connection, ids).items() if self._is_within(rep)}

    def _fields(self, ids: Collection[int]) -> dict[int, str]:
        f = t.field.c
        same = dict(by_ids(self.connection, [f.id, f.same_id], f.id, ids))
        rows = by_ids(self.connection, [f.id, f.dataset_id, f.name], f.id, same.values())
        datasets = named(self.connection, {row[1] for row in rows})
        texts = {
            row[0]: Node(Kind.FIELD, datasets[row[1]][1].namespace, datasets[row[1]][1].name, row[2]).id
            for row in rows
            if self._is_within(datasets[row[1]][0])
        }
        return {i: texts[rep] for i, rep in same.items() if rep in texts}

    def _is_within(self, rep: int) -> bool:
        return self.within is None or rep in self.within


def named(connection: Connection, ids: Collection[int]) -> dict[int, tuple[int, Node]]:
    """What stands for each node: its id and its name."""
    n = t.node.c
    same = dict(by_ids(connection, [n.id, n.same_id], n.id, ids))
    rows = by_ids(connection, [n.id, n.kind, n.namespace_id, n.name], n.id, same.values())
    spaces = t.namespace.c
    names = dict(by_ids(connection, [spaces.id, spaces.name], spaces.id, {row[2] for row in rows}))
    nodes = {row[0]: Node(Kind(row[1]), names[row[2]], row[3]) for row in rows}
    return {i: (rep, nodes[rep]) for i, rep in same.items()}
