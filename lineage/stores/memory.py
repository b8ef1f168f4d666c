"""The reference graph store: networkx, slow and obvious. Every other store must give its answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import RLock
from typing import Any

import networkx as nx
import numpy as np

from lineage.graph import Subgraph
from lineage.model import Basis, EdgeKind, Layer, Origin, Transformation
from lineage.ports import OPEN, Changes, EdgeColumns, EdgeRow, Mark, Snapshot, Walk
from lineage.stores.loading import require_loaded, require_successor

WIDE, NARROW = ("id", "source", "target", "owner"), ("kind", "origin", "basis")


class MemoryStore:
    """Each layer a MultiDiGraph, its edges keyed by edge id, with their EdgeRow as attribute `row`."""

    name = "memory"

    def __init__(self) -> None:
        self._lock = RLock()
        self._mark: Mark | None = None
        self._clear()

    def _clear(self) -> None:
        self._mark = None
        self._graphs: dict[Layer, nx.MultiDiGraph] = {layer: nx.MultiDiGraph() for layer in Layer}
        self._rows: dict[int, EdgeRow] = {}

    def mark(self) -> Mark | None:
        return self._mark

    def load(self, snapshot: Snapshot) -> None:
        with self._lock:
            self._clear()
            for layer in Layer:
                for columns in snapshot.edges(layer):
                    for row in rows_of(columns):
                        self._put(row)
            self._mark = snapshot.mark

    def apply(self, changes: Changes) -> None:
        with self._lock:
            require_successor(self.name, self._mark, changes)
            for row in changes.edges:
                self._remove(row.id)
                if row.lives:
                    self._put(row)
            self._mark = changes.mark

    def _put(self, row: EdgeRow) -> None:
        """Adds an edge, or more lives of one that is there."""
        known = self._rows.get(row.id)
        lives = tuple(sorted({*(known.lives if known else ()), *row.lives}))
        whole = EdgeRow(
            row.id, row.kind, row.source, row.target, row.owner, row.origin, row.basis, lives, row.transformation
        )
        self._rows[row.id] = whole
        self._graphs[row.layer].add_edge(row.source, row.target, key=row.id, row=whole)

    def _remove(self, edge: int) -> None:
        row = self._rows.pop(edge, None)
        if row is not None:
            self._graphs[row.layer].remove_edge(row.source, row.target, key=edge)

    def reach(self, roots: Sequence[int], *, down: bool, layer: Layer = Layer.JOB, walk: Walk = Walk()) -> Subgraph:
        with self._lock:
            require_loaded(self.name, self._mark)
            return _reach(self._graphs[layer], roots, down, layer, walk)

    def alive(self, layer: Layer, walk: Walk = Walk()) -> EdgeColumns:
        with self._lock:
            require_loaded(self.name, self._mark)
            rows = [row for _, row in sorted(self._rows.items()) if row.layer is layer and _allowed(row, walk)]
        return _columns_of([(row, *_life(row, walk)) for row in rows])

    def edges(self) -> Iterator[Sequence[EdgeRow]]:
        with self._lock:
            require_loaded(self.name, self._mark)
            rows = [self._rows[edge] for edge in sorted(self._rows)]
        for start in range(0, len(rows), 10_000):
            yield rows[start : start + 10_000]

    def close(self) -> None:
        return


def _reach(graph: nx.MultiDiGraph, roots: Sequence[int], down: bool, layer: Layer, walk: Walk) -> Subgraph:
    distance = dict.fromkeys(roots, 0)
    crossed: list[EdgeRow] = []
    frontier, hops, truncated = set(roots), 0, False
    while frontier and (walk.hops is None or hops < walk.hops):
        step = [row for node in frontier for row in _leaving(graph, node, down) if _allowed(row, walk)]
        if len(crossed) + len(step) > walk.limit:
            truncated = True
            break
        hops += 1
        crossed += step
        ends = (row.target if down else row.source for row in step)
        frontier = {node for node in ends if node not in distance}
        distance.update(dict.fromkeys(frontier, hops))
    crossed.sort(key=lambda row: (row.source, row.target, row.id))
    nodes = sorted(distance, key=lambda node: (distance[node], node))
    return Subgraph(
        layer=layer,
        nodes=np.array(nodes, np.int64),
        hops=np.array([distance[node] for node in nodes], np.int32),
        edge=np.array([row.id for row in crossed], np.int64),
        source=np.array([row.source for row in crossed], np.int64),
        target=np.array([row.target for row in crossed], np.int64),
        basis=np.array([row.basis for row in crossed], np.int8),
        origin=np.array([row.origin for row in crossed], np.int8),
        truncated=truncated,
    )


def _leaving(graph: nx.MultiDiGraph, node: int, down: bool) -> list[EdgeRow]:
    """Edges that leave a node in the direction of the walk."""
    if node not in graph:
        return []
    found = graph.out_edges(node, data="row") if down else graph.in_edges(node, data="row")
    return [row for _, _, row in found]


def _allowed(row: EdgeRow, walk: Walk) -> bool:
    if walk.as_of_us is None:
        alive = any(closed == OPEN for _, closed in row.lives)
    else:
        alive = any(opened <= walk.as_of_us < closed for opened, closed in row.lives)
    return alive and row.basis <= walk.min_basis and walk.origin in (None, row.origin)


def _life(row: EdgeRow, walk: Walk) -> tuple[int, int]:
    """The life in which an allowed edge is."""
    at = OPEN - 1 if walk.as_of_us is None else walk.as_of_us
    return next(life for life in row.lives if life[0] <= at < life[1])


def _columns_of(lives: Sequence[tuple[EdgeRow, int, int]]) -> EdgeColumns:
    wide = {name: np.array([getattr(row, name) for row, *_ in lives], np.int64) for name in WIDE}
    narrow = {name: np.array([getattr(row, name) for row, *_ in lives], np.int8) for name in NARROW}
    spans = {name: np.array([life[at] for life in lives], np.int64) for at, name in ((1, "opened"), (2, "closed"))}
    columns: dict[str, Any] = {**wide, **narrow, **spans}
    return EdgeColumns(**columns)


def rows_of(columns: EdgeColumns) -> Iterator[EdgeRow]:
    """The rows of a column batch, each with the one life that its line holds."""
    for at in range(len(columns)):
        yield EdgeRow(
            id=int(columns.id[at]),
            kind=EdgeKind(int(columns.kind[at])),
            source=int(columns.source[at]),
            target=int(columns.target[at]),
            owner=int(columns.owner[at]),
            origin=Origin(int(columns.origin[at])),
            basis=Basis(int(columns.basis[at])),
            lives=((int(columns.opened[at]), int(columns.closed[at])),),
            transformation=columns.transformations[at] if columns.transformations else Transformation(),
        )
