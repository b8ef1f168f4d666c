"""The graph as it was known after some event of the journal: reach worked out from all that was ever said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, select

from lineage.database import reading
from lineage.graph import Subgraph
from lineage.model import EdgeKind, Layer
from lineage.ports import OPEN, EdgeColumns, Mark, Walk
from lineage.stores import tables as t
from lineage.stores.feed import read_mark
from lineage.stores.knowledge import Knowledge
from lineage.stores.rows import by_ids

COLUMNS = ("id", "tail_id", "head_id", "kind", "source_id", "target_id", "owner_id", "origin", "basis")


class KnownStore:
    """`lineage.ports.GraphReader`: reach as it would have been answered after `position`.

    Names are joined, edges suppressed and bases strong as they are known now.
    Cost of a reach: for each hop the edges that ever left the frontier, and every run event of their jobs until then.
    """

    name = "known"

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.engine = knowledge.engine

    def mark(self) -> Mark | None:
        with reading(self.engine) as connection:
            return read_mark(connection)

    def reach(self, roots: Sequence[int], *, down: bool, layer: Layer = Layer.JOB, walk: Walk = Walk()) -> Subgraph:
        distance = dict.fromkeys(roots, 0)
        crossed: list[Any] = []
        frontier, hops, truncated = set(roots), 0, False
        while frontier and (walk.hops is None or hops < walk.hops):
            step = self._leaving(frontier, down, layer, walk)
            if len(crossed) + len(step) > walk.limit:
                truncated = True
                break
            hops += 1
            crossed += step
            frontier = {row[2] if down else row[1] for row in step} - distance.keys()
            distance.update(dict.fromkeys(frontier, hops))
        return _subgraph(layer, distance, crossed, truncated)

    def alive(self, layer: Layer, walk: Walk = Walk()) -> EdgeColumns:
        """Cost: every edge that ever was, and every run event until then."""
        e = t.edge.c
        statement = select(*(getattr(e, name) for name in COLUMNS)).where(*_usable(layer, walk)).order_by(e.id)
        with reading(self.engine) as connection:
            rows = [tuple(row) for row in connection.execute(statement)]
        return _columns(self._there(rows, walk), self.knowledge.lives(()), walk.as_of_us)

    def _leaving(self, frontier: Collection[int], down: bool, layer: Layer, walk: Walk) -> list[Any]:
        """Edges that left some nodes in the direction of a walk, as rows of COLUMNS."""
        e = t.edge.c
        near = e.tail_id if down else e.head_id
        with reading(self.engine) as connection:
            columns = [getattr(e, name) for name in COLUMNS]
            rows = by_ids(connection, columns, near, frontier, *_usable(layer, walk))
        return self._there(rows, walk)

    def _there(self, rows: list[Any], walk: Walk) -> list[Any]:
        lives = self.knowledge.lives({row[6] for row in rows})
        return self._published([row for row in rows if _life(lives.get(row[0], ()), walk.as_of_us)])

    def _published(self, rows: list[Any]) -> list[Any]:
        """Edges both of whose ends were known."""
        fields = {end for row in rows if row[3] == EdgeKind.DERIVED for end in row[4:6]}
        f = t.field.c
        with reading(self.engine) as connection:
            datasets = dict(by_ids(connection, [f.id, f.dataset_id], f.id, fields)) if fields else {}
        ends = {row[0]: [datasets[e] if row[3] == EdgeKind.DERIVED else e for e in row[4:6]] for row in rows}
        known = self.knowledge.are_known({end for both in ends.values() for end in both})
        return [row for row in rows if known.issuperset(ends[row[0]])]


def _usable(layer: Layer, walk: Walk) -> list[ColumnElement[bool]]:
    """What rows of edges must satisfy, whatever was known of them."""
    e, derived = t.edge.c, int(EdgeKind.DERIVED)
    usable = [e.published, ~e.suppressed, e.basis <= int(walk.min_basis)]
    usable.append(e.kind == derived if layer is Layer.FIELD else e.kind != derived)
    return usable if walk.origin is None else [*usable, e.origin == int(walk.origin)]


def _life(spans: Sequence[tuple[int, int]], as_of_us: int | None) -> tuple[int, int] | None:
    """The life that goes on at a time, or now."""
    for opened, closed in spans:
        if closed == OPEN if as_of_us is None else opened <= as_of_us < closed:
            return opened, closed
    return None


def _columns(rows: list[Any], lives: Mapping[int, Sequence[tuple[int, int]]], as_of_us: int | None) -> EdgeColumns:
    spans = [_life(lives[row[0]], as_of_us) or (0, 0) for row in rows]

    def column(values: Iterable[int], dtype: type) -> Any:
        return np.fromiter(values, dtype, len(rows))

    return EdgeColumns(
        id=column((row[0] for row in rows), np.int64),
        kind=column((row[3] for row in rows), np.int8),
        source=column((row[1] for row in rows), np.int64),
        target=column((row[2] for row in rows), np.int64),
        owner=column((row[6] for row in rows), np.int64),
        origin=column((row[7] for row in rows), np.int8),
        basis=column((row[8] for row in rows), np.int8),
        opened=column((opened for opened, _ in spans), np.int64),
        closed=column((closed for _, closed in spans), np.int64),
    )


def _subgraph(layer: Layer, distance: dict[int, int], crossed: list[Any], truncated: bool) -> Subgraph:
    crossed.sort(key=lambda row: (row[1], row[2], row[0]))
    nodes = sorted(distance, key=lambda node: (distance[node], node))
    return Subgraph(
        layer=layer,
        nodes=np.array(nodes, np.int64),
        hops=np.array([distance[node] for node in nodes], np.int32),
        edge=np.array([row[0] for row in crossed], np.int64),
        source=np.array([row[1] for row in crossed], np.int64),
        target=np.array([row[2] for row in crossed], np.int64),
        basis=np.array([row[8] for row in crossed], np.int8),
        origin=np.array([row[7] for row in crossed], np.int8),
        truncated=truncated,
    )
