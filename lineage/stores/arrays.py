"""Compressed adjacency over numpy: one layer of the graph as columns, and the ways through it.

A row of a table is a life of an edge; rows are sorted by (source, target, edge, opened), so the number of a row, its
slot, is its place in every answer. Compressed sparse rows (CSR) lead from a node to its slots, out and in.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from lineage.ports import OPEN

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]
Mask = NDArray[np.bool_]

SMALL = 50_000  # rows; below, sorting by comparison beats counting over every node there is


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of one layer, aligned, read-only. transformation: a code that the store gives."""

    edge: Int32
    source: Int32
    target: Int32
    owner: Int32
    kind: NDArray[np.int8]
    origin: NDArray[np.int8]
    basis: NDArray[np.int8]
    opened: Int64
    closed: Int64
    transformation: Int32

    def __len__(self) -> int:
        return len(self.edge)

    def columns(self) -> dict[str, NDArray[Any]]:
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def take(self, rows: NDArray[Any]) -> Table:
        """These rows: by numbers or by a mask."""
        return Table(**{name: column[rows] for name, column in self.columns().items()})

    def with_rows(self, at: Int64, rows: Table) -> Table:
        """Other rows put in, each before the row that stands at its `at`."""
        return Table(**{name: np.insert(column, at, getattr(rows, name)) for name, column in self.columns().items()})


DTYPES: dict[str, type[np.generic]] = {
    "edge": np.int32,
    "source": np.int32,
    "target": np.int32,
    "owner": np.int32,
    "kind": np.int8,
    "origin": np.int8,
    "basis": np.int8,
    "opened": np.int64,
    "closed": np.int64,
    "transformation": np.int32,
}


def table_of(**columns: Any) -> Table:
    """A table of columns in any order of rows and any integer type. Raises OverflowError past 2^31 of an id."""
    cast: dict[str, NDArray[Any]] = {}
    for name, dtype in DTYPES.items():
        column = np.asarray(columns[name])
        if dtype is np.int32 and column.size and int(column.max()) > np.iinfo(np.int32).max:
            raise OverflowError(f"{name} {int(column.max())} is past 2^31; more than a graph store can number")
        cast[name] = column.astype(dtype, copy=False)
    return _sorted(Table(**cast))


def _sorted(table: Table) -> Table:
    if len(table) < SMALL:
        return table.take(np.lexsort((table.opened, table.edge, table.target, table.source)))
    order = np.lexsort((table.opened, table.edge)) if _needs_order(table) else np.arange(len(table))
    order = order[counting_order(table.target[order])[0]]
    order = order[counting_order(table.source[order])[0]]
    return table.take(order)


def _needs_order(table: Table) -> bool:
    """Whether rows don't come by (edge, opened) already, as a catalog gives them."""
    edge, opened = table.edge, table.opened
    later = (edge[1:] > edge[:-1]) | ((edge[1:] == edge[:-1]) & (opened[1:] >= opened[:-1]))
    return not bool(later.all())


def counting_order(keys: Int32) -> tuple[Int32, Int32]:
    """The stable order of keys >= 0, and where each key's rows begin in it (indptr).

    Cost: linear, a tenth of numpy's stable argsort: transposing a matrix of one entry a row is a counting sort in C.
    """
    size = int(keys.max()) + 1 if len(keys) else 0
    ones = np.ones(len(keys), np.int8)
    matrix = csr_array((ones, keys, np.arange(len(keys) + 1, dtype=np.int32)), shape=(len(keys), size))
    turned = matrix.tocsc()
    return turned.indices.astype(np.int32, copy=False), turned.indptr.astype(np.int32, copy=False)


@dataclass(frozen=True)
class Adjacency:
    """The way from nodes to neighbours: entries indptr[i]:indptr[i+1] are those of node i, or of rows[i] if given.

    node: neighbour per entry. slot: row of the table per entry; None: the entry's own number.
    """

    indptr: Int32
    node: Int32
    slot: Int32 | None
    rows: Int32 | None = None

    def entries(self, frontier: Int64) -> Int64:
        """Numbers of the entries of some nodes; nodes it doesn't know have none."""
        if self.rows is None:
            known = frontier[frontier < len(self.indptr) - 1]
        else:
            known = np.searchsorted(self.rows, frontier)
            known = known[self.rows[np.minimum(known, len(self.rows) - 1)] == frontier] if len(self.rows) else known[:0]
        first = self.indptr[known]
        count = self.indptr[known + 1] - first
        ends = np.cumsum(count, dtype=np.int64)
        total = int(ends[-1]) if len(ends) else 0
        return np.repeat(first - (ends - count), count) + np.arange(total)

    def slots(self, entries: Int64) -> Int64:
        return entries if self.slot is None else self.slot[entries].astype(np.int64)

    def only(self, allowed: Mask) -> Adjacency:
        """The same without the slots that aren't allowed (a mask over slots)."""
        keep = allowed if self.slot is None else allowed[self.slot]
        kept = np.zeros(len(keep) + 1, np.int32)
        np.cumsum(keep, dtype=np.int32, out=kept[1:])
        slot = np.flatnonzero(keep).astype(np.int32) if self.slot is None else self.slot[keep]
        return Adjacency(kept[self.indptr], self.node[keep], slot, self.rows)


def outward(table: Table) -> Adjacency:
    size = int(table.source[-1]) + 1 if len(table) else 0
    return Adjacency(_indptr(table.source, size), table.target, None)


def inward(table: Table) -> Adjacency:
    order, indptr = counting_order(table.target)
    return Adjacency(indptr, table.source[order], order)


def _indptr(keys: Int32, size: int) -> Int32:
    indptr = np.zeros(size + 1, np.int32)
    np.cumsum(np.bincount(keys, minlength=size), out=indptr[1:])
    return indptr


def sparse_outward(table: Table) -> Adjacency:
    """As `outward`, for a table that is small beside the number of nodes."""
    rows, first = np.unique(table.source, return_index=True)
    return Adjacency(np.append(first, len(table)).astype(np.int32), table.target, None, rows)


def sparse_inward(table: Table) -> Adjacency:
    order = np.argsort(table.target, kind="stable")
    rows, first = np.unique(table.target[order], return_index=True)
    indptr = np.append(first, len(table)).astype(np.int32)
    return Adjacency(indptr, table.source[order], order.astype(np.int32), rows)


class Ways:
    """A table with its adjacencies, out and in, over all lives and over the open ones; each made when first needed."""

    def __init__(self, table: Table, *, sparse: bool = False) -> None:
        self.table = table
        self._sparse = sparse

    def adjacency(self, down: bool, only_open: bool) -> Adjacency:
        if only_open and not self._all_open:
            return self._open_out if down else self._open_in
        return self._out if down else self._in

    @cached_property
    def size(self) -> int:
        """One more than the greatest node id."""
        return max(
            (int(column.max()) + 1 for column in (self.table.source, self.table.target) if len(column)), default=0
        )

    @cached_property
    def open(self) -> Mask:
        mask: Mask = self.table.closed == OPEN
        return mask

    @cached_property
    def _all_open(self) -> bool:
        return bool(self.open.all())

    @cached_property
    def _out(self) -> Adjacency:
        return sparse_outward(self.table) if self._sparse else outward(self.table)

    @cached_property
    def _in(self) -> Adjacency:
        return sparse_inward(self.table) if self._sparse else inward(self.table)

    @cached_property
    def _open_out(self) -> Adjacency:
        return self._out.only(self.open)

    @cached_property
    def _open_in(self) -> Adjacency:
        return self._in.only(self.open)

    @cached_property
    def by_edge(self) -> Int32:
        """Slots in the order of (edge, opened)."""
        if self._sparse:
            return np.argsort(self.table.edge, kind="stable").astype(np.int32)
        return counting_order(self.table.edge)[0]

    def slots_of_edges(self, edges: Int64) -> Int64:
        """Slots of all lives of some edges."""
        first = np.searchsorted(self.table.edge, edges, "left", sorter=self.by_edge)
        last = np.searchsorted(self.table.edge, edges, "right", sorter=self.by_edge)
        spans = [self.by_edge[a:b] for a, b in zip(first.tolist(), last.tolist(), strict=True) if b > a]
        return np.concatenate(spans).astype(np.int64) if spans else np.empty(0, np.int64)

    def warm(self) -> None:
        """Makes what every reach needs, so that no reader waits for it."""
        for down in (True, False):
            self.adjacency(down, only_open=True)

    def places(self, rows: Table) -> Int64:
        """For each row, the slot before which it belongs by (source, target, edge): a bisection of all at once."""
        indptr, size = self._out.indptr, len(self.table)
        known = rows.source < len(indptr) - 1
        row = np.where(known, rows.source, 0)
        low = np.where(known, indptr[row], size).astype(np.int64)
        high = np.where(known, indptr[np.minimum(row + 1, len(indptr) - 1)], size).astype(np.int64)
        while (undecided := low < high).any():
            middle = (low + high) // 2
            at = np.minimum(middle, size - 1)
            target, edge = self.table.target[at], self.table.edge[at]
            less = (target < rows.target) | ((target == rows.target) & (edge < rows.edge))
            low = np.where(undecided & less, middle + 1, low)
            high = np.where(undecided & ~less, middle, high)
        return low
