"""Jobs that wait for jobs. No data need go between them, so nothing that follows data looks here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from lineage.model import Node, text_of
from lineage.ports import Control
from lineage.stores import tables as t
from lineage.stores.rows import by_ids


def among(connection: Connection, jobs: Sequence[int]) -> list[Control]:
    """`Catalog.controls`"""
    c = t.control.c
    rows = by_ids(connection, [c.upstream_id, c.downstream_id, c.rule, c.first_us, c.last_us], c.upstream_id, jobs)
    asked = set(jobs)
    return sorted(Control(*row) for row in rows if row[1] in asked)


def waiting(connection: Connection, job: int) -> dict[str, list[dict[str, Any]]]:
    """What a job waits for, and what waits for it: [{job, rule, first_seen, last_seen}], by the id of the job."""
    c = t.control.c
    upstream, downstream = (select(t.control, other.label("other")) for other in (c.upstream_id, c.downstream_id))
    return {
        "waits_for": _others(connection, upstream.where(c.downstream_id == job)),
        "awaited_by": _others(connection, downstream.where(c.upstream_id == job)),
    }


def _others(connection: Connection, rows: Any) -> list[dict[str, Any]]:
    """Rows of the table with the other job as `other`."""
    found = rows.subquery()
    named = (
        select(found.c.rule, found.c.first_us, found.c.last_us, t.node.c.kind, t.namespace.c.name.label("namespace"))
        .add_columns(t.node.c.name)
        .join(t.node, t.node.c.id == found.c.other)
        .join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)
    )
    shown = [
        {
            "job": Node(row.kind, row.namespace, row.name).id,
            "rule": row.rule or None,
            "first_seen": text_of(row.first_us),
            "last_seen": text_of(row.last_us),
        }
        for row in connection.execute(named)
    ]
    return sorted(shown, key=lambda one: str(one["job"]))
