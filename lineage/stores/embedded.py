"""The default graph store: the whole graph as compressed arrays in this process, loaded from the catalog at start.

Readers never wait: each takes the present state, which no one changes, in one read of a reference. A writer makes the
next state: changed edges go to a small overlay of fresh rows, and past a threshold base and overlay become one again.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from threading import Lock
from typing import Any

import numpy as np

from lineage.graph import Subgraph
from lineage.model import Basis, EdgeKind, Layer, Origin, Transformation
from lineage.ports import Changes, EdgeColumns, EdgeRow, Mark, Snapshot, Walk
from lineage.stores.arrays import DTYPES, Table, Ways, table_of
from lineage.stores.loading import require_loaded, require_successor
from lineage.stores.walking import Graph, alive, graph_of, reach

# Of fresh and dead rows together. An apply costs what the overlay holds (8,192 rows: 5 ms), compaction what the graph
# holds (2.5 million rows: 0.22 s): a share of the graph keeps both small beside the work that made the changes.
OVERLAY_ROWS = 8_192
OVERLAY_SHARE = 64
PART = 50_000  # rows that stand as Python's numbers at a time while edges are listed
EMPTY = table_of(**{name: np.empty(0, dtype) for name, dtype in DTYPES.items()})


@dataclass(frozen=True)
class State:
    """What a reader sees: a graph per layer, all at one mark."""

    mark: Mark
    graphs: dict[Layer, Graph]


class EmbeddedStore:
    """Reach in memory: about 60 bytes an edge beside the catalog.

    overlay_rows: how many fresh and dead rows a layer may hold before it is compacted.
    """

    name = "embedded"

    def __init__(self, overlay_rows: int = OVERLAY_ROWS) -> None:
        self._overlay_rows = overlay_rows
        self._writing = Lock()
        self._state: State | None = None
        self._codes: dict[Transformation, int] = {Transformation(): 0}

    def mark(self) -> Mark | None:
        state = self._state
        return state.mark if state else None

    def load(self, snapshot: Snapshot) -> None:
        with self._writing:
            # Before reading: another generation's ids mean other nodes, and two graphs would need twice the memory.
            self._state = None
            graphs = {layer: _whole(self._read(snapshot, layer)) for layer in Layer}
            self._state = State(snapshot.mark, graphs)

    def _read(self, snapshot: Snapshot, layer: Layer) -> Table:
        columns: dict[str, list[Any]] = {name: [] for name in DTYPES}
        for batch in snapshot.edges(layer):
            for name in DTYPES:
                if name != "transformation":
                    column = np.asarray(getattr(batch, "id" if name == "edge" else name))
                    columns[name].append(_narrow(name, column))
            columns["transformation"].append(self._coded(batch.transformations, len(batch)))
        if not columns["edge"]:
            return EMPTY
        return table_of(**{name: np.concatenate(columns.pop(name)) for name in DTYPES})

    def _coded(self, transformations: Sequence[Transformation], size: int) -> Any:
        if not transformations:
            return np.zeros(size, np.int32)
        # A catalog hands out few objects many times: each is hashed once, by where it is.
        held = list(transformations)
        _, first, which = np.unique(np.fromiter(map(id, held), np.int64, size), return_index=True, return_inverse=True)
        codes = [self._code(held[at]) for at in first.tolist()]
        return np.array(codes, np.int32)[which]

    def apply(self, changes: Changes) -> None:
        with self._writing:
            state = self._loaded()
            require_successor(self.name, state.mark, changes)
            graphs = dict(state.graphs)
            latest = {row.id: row for row in changes.edges}
            for layer in Layer:
                rows = [row for row in latest.values() if row.layer is layer]
                if rows:
                    graphs[layer] = self._changed(graphs[layer], rows)
            self._state = State(changes.mark, graphs)

    def _changed(self, graph: Graph, rows: list[EdgeRow]) -> Graph:
        edges = np.sort(np.array([row.id for row in rows], np.int64))
        dead = np.zeros(len(graph.base.table), bool) if graph.dead is None else graph.dead.copy()
        dead[graph.base.slots_of_edges(edges)] = True
        kept = np.ones(len(graph.fresh.table), bool)
        kept[graph.fresh.slots_of_edges(edges)] = False
        fresh = _joined(graph.fresh.table.take(kept), self._table(rows))
        graph = Graph(graph.base, Ways(fresh, sparse=True), dead if dead.any() else None, graph.base.places(fresh))
        return _compacted(graph) if self._is_large(graph) else graph

    def _is_large(self, graph: Graph) -> bool:
        overlay = len(graph.fresh.table) + (0 if graph.dead is None else int(np.count_nonzero(graph.dead)))
        return overlay > max(self._overlay_rows, len(graph.base.table) // OVERLAY_SHARE)

    def _table(self, rows: list[EdgeRow]) -> Table:
        lives = [
            (r.id, r.source, r.target, r.owner, r.kind, r.origin, r.basis, *life, self._code(r.transformation))
            for r in rows
            for life in r.lives
        ]
        return table_of(**dict(zip(DTYPES, np.array(lives, np.int64).T, strict=True))) if lives else EMPTY

    def _code(self, transformation: Transformation) -> int:
        return self._codes.setdefault(transformation, len(self._codes))

    def _loaded(self) -> State:
        state = self._state
        require_loaded(self.name, state.mark if state else None)
        assert state is not None
        return state

    def reach(self, roots: Sequence[int], *, down: bool, layer: Layer = Layer.JOB, walk: Walk = Walk()) -> Subgraph:
        return reach(self._loaded().graphs[layer], roots, down, layer, walk)

    def alive(self, layer: Layer, walk: Walk = Walk()) -> EdgeColumns:
        return alive(self._loaded().graphs[layer], walk)

    def edges(self) -> Iterator[Sequence[EdgeRow]]:
        state = self._loaded()
        transformations = list(self._codes)
        rows = heapq.merge(
            *(_rows(_merged(graph), transformations) for graph in state.graphs.values()), key=lambda row: row.id
        )
        while batch := list(islice(rows, 10_000)):
            yield batch

    def close(self) -> None:
        self._state = None


def _narrow(name: str, column: Any) -> Any:
    """A batch in the width that is kept, so that loading needs no second copy of everything at twice the size."""
    if DTYPES[name] is np.int32 and column.size and int(column.max()) > np.iinfo(np.int32).max:
        raise OverflowError(f"{name} {int(column.max())} is past 2^31; more than this store can number")
    return column.astype(DTYPES[name], copy=False)


def _whole(table: Table) -> Graph:
    """A graph without an overlay, with what every reach needs made."""
    graph = graph_of(table)
    graph.base.warm()
    return graph


def _joined(first: Table, second: Table) -> Table:
    pairs = ((name, getattr(first, name), getattr(second, name)) for name in DTYPES)
    return table_of(**{name: np.concatenate((a, b)) for name, a, b in pairs})


def _compacted(graph: Graph) -> Graph:
    """The same graph with its overlay worked in."""
    return _whole(_merged(graph))


def _merged(graph: Graph) -> Table:
    """All rows, those of the overlay in their places."""
    table, place = graph.base.table, graph.place
    if graph.dead is not None:
        place = place - np.concatenate(([0], np.cumsum(graph.dead)))[place]
        table = table.take(~graph.dead)
    return table.with_rows(place, graph.fresh.table) if len(place) else table


def _rows(table: Table, transformations: list[Transformation]) -> Iterator[EdgeRow]:
    """Edges with all their lives, by id."""
    for _, lives in groupby(_lines(table), key=itemgetter(0)):
        lines = list(lives)
        edge, source, target, owner, kind, origin, basis, _, _, code = lines[0]
        spans = tuple((line[7], line[8]) for line in lines)
        how = transformations[code]
        yield EdgeRow(edge, EdgeKind(kind), source, target, owner, Origin(origin), Basis(basis), spans, how)


def _lines(table: Table) -> Iterator[tuple[int, ...]]:
    """Rows by edge and opening, a part at a time: as Python's numbers they take ten times the memory."""
    order = Ways(table).by_edge
    for start in range(0, len(order), PART):
        part = table.take(order[start : start + PART])
        yield from zip(*(getattr(part, name).tolist() for name in DTYPES), strict=True)
