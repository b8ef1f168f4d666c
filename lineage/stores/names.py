"""What ids are shown as: names, and the jobs that contain jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from lineage.model import Kind, Layer
from lineage.ports import NodeColumns
from lineage.stores import tables as t
from lineage.stores.rows import by_ids

N, F = t.node.c, t.field.c


class Namespaces:
    """Names of namespaces by id, kept in memory: they only ever grow within a generation. Safe from any thread."""

    def __init__(self) -> None:
        self._known: tuple[int, dict[int, str]] = (-1, {})

    def names(self, connection: Connection) -> dict[int, str]:
        """Cost: one statement while none came."""
        newest = select(func.max(t.namespace.c.id)).scalar_subquery()
        generation, count = connection.execute(select(t.projection.c.generation, newest)).one()
        known_generation, names = self._known
        if generation != known_generation or (count or 0) > len(names):
            names = {row.id: row.name for row in connection.execute(select(t.namespace.c.id, t.namespace.c.name))}
            self._known = (generation, names)  # one assignment: other threads see the old pair or the new
        return names


def names(connection: Connection, namespaces: dict[int, str], layer: Layer, ids: Sequence[int]) -> NodeColumns:
    """Raises KeyError for an id that the catalog never gave."""
    if layer is Layer.FIELD:
        return _of_fields(connection, namespaces, ids)
    told = _shown(connection, [N.kind, N.namespace_id, N.name, N.parent_id], ids)
    return NodeColumns(
        [row[2] for row in told],
        [namespaces[row[3]] for row in told],
        [row[4] for row in told],
        [row[5] for row in told],
        stands=[row[0] for row in told],
    )


def parents(connection: Connection, jobs: Sequence[int]) -> tuple[list[int], list[int]]:
    """What jobs and flows are shown as, and of that the parent, 0 for none. Raises KeyError as `names` does."""
    told = _shown(connection, [N.parent_id], jobs)
    return [row[0] for row in told], [row[2] for row in told]


def _shown(connection: Connection, columns: Sequence[Any], ids: Sequence[int]) -> list[tuple[Any, ...]]:
    """(id, same_id, …columns) of what datasets, jobs and flows are shown as, aligned with `ids`."""
    columns = [N.id, N.same_id, *columns]
    rows = {row[0]: row for row in by_ids(connection, columns, N.id, ids)}
    hidden = [identity for identity in ids if identity not in rows]
    if hidden:
        flows = dict(by_ids(connection, [t.flow.c.id, t.flow.c.job_id], t.flow.c.id, hidden))
        jobs = {row[0]: row for row in by_ids(connection, columns, N.id, flows.values())}
        rows |= {flow: jobs[job] for flow, job in flows.items()}
    others = {row[1] for row in rows.values()} - rows.keys()
    shown = rows | {row[0]: row for row in by_ids(connection, columns, N.id, others)}
    return [shown[rows[identity][1]] for identity in ids]


def _of_fields(connection: Connection, namespaces: dict[int, str], ids: Sequence[int]) -> NodeColumns:
    fields = {row[0]: row for row in by_ids(connection, [F.id, F.dataset_id, F.name, F.same_id], F.id, ids)}
    same = dict(by_ids(connection, [N.id, N.same_id], N.id, {row[1] for row in fields.values()}))
    datasets = {row[0]: row for row in by_ids(connection, [N.id, N.namespace_id, N.name], N.id, same.values())}
    pairs = [(fields[identity], datasets[same[fields[identity][1]]]) for identity in ids]
    return NodeColumns(
        [int(Kind.FIELD)] * len(pairs),
        [namespaces[dataset[1]] for _, dataset in pairs],
        [dataset[2] for _, dataset in pairs],
        [dataset[0] for _, dataset in pairs],
        [field[2] for field, _ in pairs],
        [field[3] for field, _ in pairs],
    )
