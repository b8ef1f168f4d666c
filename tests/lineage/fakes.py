"""A catalog's feed of changes in memory: our own port `GraphSource`, for tests of whoever follows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from threading import RLock

import numpy as np

from lineage.model import Layer
from lineage.ports import Changes, EdgeColumns, EdgeRow, FieldRow, Mark, NodeRow

Row = NodeRow | FieldRow | EdgeRow
GENERATIONS = count(1)  # no two catalogs share one, or a store would take the new for the old


class Feed:
    """Rows by the number of their last change. `forget`: too old for marks before; `renew`: another generation."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._lock = RLock()
        self._generation, self._seq, self._oldest = next(GENERATIONS), 0, 0
        self._rows: dict[tuple[type, int], tuple[int, Row]] = {}
        self.snapshots = 0
        self.put(*rows)

    def put(self, *rows: Row) -> None:
        with self._lock:
            for row in rows:
                self._seq += 1
                self._rows[type(row), row.id] = (self._seq, row)

    def forget(self) -> None:
        self._oldest = self._seq

    def renew(self, rows: Iterable[Row] = ()) -> None:
        """Starts again with other rows, as a rebuilt catalog does."""
        with self._lock:
            self._generation, self._seq, self._oldest = next(GENERATIONS), 0, 0
            self._rows.clear()
            self.put(*rows)

    def rows(self, kind: type[Row]) -> list[Row]:
        with self._lock:
            return [row for _, row in sorted(self._rows.values(), key=lambda pair: pair[0]) if isinstance(row, kind)]

    def mark(self) -> Mark:
        return Mark(self._generation, self._seq)

    def changes(self, after: Mark, limit: int = 10_000) -> Changes | None:
        with self._lock:
            if after.generation != self._generation or after.seq < self._oldest:
                return None
            newer = sorted((pair for pair in self._rows.values() if pair[0] > after.seq), key=lambda pair: pair[0])
            page = newer[:limit]
            more = len(newer) > limit
            mark = Mark(self._generation, page[-1][0] if more else self._seq)
            return changes_of(mark, [row for _, row in page], more)

    def snapshot(self) -> FeedSnapshot:
        with self._lock:
            self.snapshots += 1
            return FeedSnapshot(self.mark(), [row for _, row in self._rows.values()])


def changes_of(mark: Mark, rows: Sequence[Row], more: bool = False) -> Changes:
    return Changes(
        mark,
        [row for row in rows if isinstance(row, NodeRow)],
        [row for row in rows if isinstance(row, FieldRow)],
        [row for row in rows if isinstance(row, EdgeRow)],
        more,
    )


class FeedSnapshot:
    """Everything in a feed, by id."""

    def __init__(self, mark: Mark, rows: Sequence[Row]) -> None:
        self.mark = mark
        self.closed = False
        ordered = sorted(rows, key=lambda row: row.id)
        self._nodes = [row for row in ordered if isinstance(row, NodeRow)]
        self._fields = [row for row in ordered if isinstance(row, FieldRow)]
        self._edges = [row for row in ordered if isinstance(row, EdgeRow) and row.lives]

    def counts(self) -> dict[str, int]:
        return {"nodes": len(self._nodes), "fields": len(self._fields), "edges": len(self._edges)}

    def nodes(self, batch: int = 20_000) -> Iterator[Sequence[NodeRow]]:
        for start in range(0, len(self._nodes), batch):
            yield self._nodes[start : start + batch]

    def fields(self, batch: int = 20_000) -> Iterator[Sequence[FieldRow]]:
        for start in range(0, len(self._fields), batch):
            yield self._fields[start : start + batch]

    def edges(self, layer: Layer, batch: int = 100_000) -> Iterator[EdgeColumns]:
        lives = [(row, *life) for row in self._edges if row.layer is layer for life in row.lives]
        for start in range(0, len(lives), batch):
            yield columns_of(lives[start : start + batch], layer)

    def close(self) -> None:
        self.closed = True


def columns_of(lives: Sequence[tuple[EdgeRow, int, int]], layer: Layer) -> EdgeColumns:
    """Lives of edges as arrays."""
    rows = [row for row, _, _ in lives]

    def column(values: Iterable[int], dtype: type) -> np.ndarray:
        return np.fromiter(values, dtype, len(rows))

    return EdgeColumns(
        id=column((row.id for row in rows), np.int64),
        kind=column((row.kind for row in rows), np.int8),
        source=column((row.source for row in rows), np.int64),
        target=column((row.target for row in rows), np.int64),
        owner=column((row.owner for row in rows), np.int64),
        origin=column((row.origin for row in rows), np.int8),
        basis=column((row.basis for row in rows), np.int8),
        opened=column((opened for _, opened, _ in lives), np.int64),
        closed=column((closed for _, _, closed in lives), np.int64),
        transformations=[row.transformation for row in rows] if layer is Layer.FIELD else (),
    )
