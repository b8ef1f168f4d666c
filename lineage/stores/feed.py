"""The catalog as graph stores see it: a mark, what changed after one, and everything at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Engine, Table, func, literal, select

from lineage.database import reading
from lineage.model import Basis as BasisOf
from lineage.model import EdgeKind, Kind, Layer, Origin, Transformation
from lineage.ports import Changes, EdgeColumns, EdgeRow, FieldRow, Mark, NodeRow
from lineage.stores import tables as t
from lineage.stores.rows import by_values

SHAPE = ("id", "kind", "tail_id", "head_id", "owner_id", "origin", "basis")
STEP = (t.edge.c.type, t.edge.c.subtype, t.edge.c.masking)


def read_mark(connection: Connection) -> Mark:
    row = connection.execute(select(t.projection.c.generation, t.projection.c.changed)).one()
    return Mark(row.generation, row.changed)


def read_changes(engine: Engine, after: Mark, limit: int) -> Changes | None:
    """The next changes after a mark, whole up to a place in the feed; None if the mark is of another generation."""
    with reading(engine) as connection:
        now = read_mark(connection)
        if now.generation != after.generation or after.seq > now.seq:
            return None
        if now.seq == after.seq:
            return Changes(now)
        tables = (t.node, t.flow, t.field, t.edge)
        upto = min([_reach_of(connection, table, after.seq, limit) for table in tables] + [now.seq])
        return Changes(
            Mark(now.generation, upto),
            nodes=[_node(row) for row in connection.execute(_between(_nodes(), t.node, after.seq, upto))]
            + [_node(row) for row in connection.execute(_between(_flows(), t.flow, after.seq, upto))],
            fields=[_field(row) for row in connection.execute(_between(select(t.field), t.field, after.seq, upto))],
            edges=_edges(connection, after.seq, upto),
            more=upto < now.seq,
        )


def _reach_of(connection: Connection, table: Table, after: int, limit: int) -> int:
    """The place in the feed up to which one table has no more than `limit` changes."""
    statement = (
        select(table.c.changed).where(table.c.changed > after).order_by(table.c.changed).offset(limit - 1).limit(1)
    )
    found = connection.execute(statement).scalar()
    return 2**62 if found is None else int(found)


def _between(statement: Any, table: Table, after: int, upto: int) -> Any:
    return statement.where(table.c.changed > after, table.c.changed <= upto).order_by(table.c.changed)


def _nodes() -> Any:
    columns = [t.node.c.id, t.node.c.kind, t.namespace.c.name.label("namespace"), t.node.c.name, t.node.c.parent_id]
    return select(*columns, literal("").label("flow")).join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)


def _flows() -> Any:
    """Flows as nodes: named like their job, and within it."""
    columns = [t.flow.c.id, t.node.c.kind, t.namespace.c.name.label("namespace"), t.node.c.name]
    joined = select(*columns, t.flow.c.job_id.label("parent_id"), t.flow.c.name.label("flow"))
    joined = joined.join(t.node, t.node.c.id == t.flow.c.job_id)
    return joined.join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)


def _node(row: Any) -> NodeRow:
    return NodeRow(row.id, Kind(row.kind), row.namespace, row.name, row.parent_id, row.flow)


def _field(row: Any) -> FieldRow:
    return FieldRow(row.id, row.dataset_id, row.name)


def _edges(connection: Connection, after: int, upto: int) -> list[EdgeRow]:
    rows = connection.execute(_between(select(t.edge), t.edge, after, upto)).all()
    spans: dict[int, list[tuple[int, int]]] = {}
    shown = [row.id for row in rows if row.published and not row.suppressed]
    for row in by_values(connection, list(t.life.c), t.life.c.edge_id, shown):
        spans.setdefault(row.edge_id, []).append((row.opened_us, row.closed_us))
    return [edge_row(row, spans.get(row.id, ())) for row in rows]


def edge_row(row: Any, lives: Sequence[tuple[int, int]]) -> EdgeRow:
    return EdgeRow(
        row.id,
        EdgeKind(row.kind),
        row.tail_id,
        row.head_id,
        row.owner_id,
        Origin(row.origin),
        BasisOf(row.basis),
        tuple(sorted(lives)),
        Transformation(row.type, row.subtype, bool(row.masking)),
    )


class SqlSnapshot:
    """Everything in one read transaction, streamed in batches."""

    def __init__(self, engine: Engine) -> None:
        self._transaction = reading(engine)
        self._connection = self._transaction.__enter__()
        self.mark = read_mark(self._connection)

    def counts(self) -> dict[str, int]:
        tables = {"nodes": (t.node, t.flow), "fields": (t.field,), "edges": (t.life,)}
        return {name: sum(self._count(table) for table in counted) for name, counted in tables.items()}

    def _count(self, table: Table) -> int:
        return int(self._connection.execute(select(func.count()).select_from(table)).scalar_one())

    def nodes(self, batch: int = 20_000) -> Iterator[Sequence[NodeRow]]:
        for statement in (_nodes().order_by(t.node.c.id), _flows().order_by(t.flow.c.id)):
            for rows in self._stream(statement, batch):
                yield [NodeRow(r[0], Kind(r[1]), *r[2:]) for r in rows]

    def fields(self, batch: int = 20_000) -> Iterator[Sequence[FieldRow]]:
        statement = select(t.field.c.id, t.field.c.dataset_id, t.field.c.name).order_by(t.field.c.id)
        for rows in self._stream(statement, batch):
            yield [FieldRow(r[0], r[1], r[2]) for r in rows]

    def edges(self, layer: Layer, batch: int = 100_000) -> Iterator[EdgeColumns]:
        e = t.edge.c
        derived = layer is Layer.FIELD
        columns = [getattr(e, name) for name in SHAPE] + [t.life.c.opened_us, t.life.c.closed_us]
        statement = select(*columns, *(STEP if derived else ()))
        statement = statement.join(t.life, t.life.c.edge_id == e.id).where(e.published, ~e.suppressed)
        statement = statement.where(e.kind == int(EdgeKind.DERIVED) if derived else e.kind != int(EdgeKind.DERIVED))
        steps = _Steps()
        for rows in self._stream(statement.order_by(e.id, t.life.c.opened_us), batch):
            numbers = _numbers(rows, len(columns))
            yield EdgeColumns(
                id=numbers[:, 0],
                kind=numbers[:, 1].astype(np.int8),
                source=numbers[:, 2],
                target=numbers[:, 3],
                owner=numbers[:, 4],
                origin=numbers[:, 5].astype(np.int8),
                basis=numbers[:, 6].astype(np.int8),
                opened=numbers[:, 7],
                closed=numbers[:, 8],
                transformations=[steps[row[9:]] for row in rows] if derived else (),
            )

    def _stream(self, statement: Any, batch: int) -> Iterator[Sequence[Any]]:
        if self._connection.dialect.name != "sqlite":
            yield from self._connection.execution_options(yield_per=batch).execute(statement).partitions(batch)
            return
        # Plain tuples of the driver's: SQLAlchemy's rows would double the time of a start on 2.5 million edges. Without
        # stream_results, which SQLite's cursor doesn't need: SQLAlchemy would take the first row into its own buffer.
        result: Any = self._connection.execute(statement)
        try:
            while rows := result.cursor.fetchmany(batch):
                yield rows
        finally:
            result.close()

    def close(self) -> None:
        self._transaction.__exit__(None, None, None)


class _Steps(dict[tuple[str, str, Any], Transformation]):
    """Each transformation as one object, however many edges have it."""

    def __missing__(self, step: tuple[str, str, Any]) -> Transformation:
        made = self[step] = Transformation(step[0], step[1], bool(step[2]))
        return made


def _numbers(rows: Sequence[tuple[Any, ...]], width: int) -> NDArray[np.int64]:
    """The first `width` columns. Filled from one flat iterator: a third of the time of an array of tuples."""
    flat = chain.from_iterable(rows if len(rows[0]) == width else (row[:width] for row in rows))
    return np.fromiter(flat, np.int64, len(rows) * width).reshape(-1, width)
