"""What is known of the identity of one dataset: its other names, contradictions, and what may be the same."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from lineage.errors import InvalidCursor
from lineage.model import Kind
from lineage.stores import tables as t
from lineage.stores.aliases import aliases_of
from lineage.stores.conflicts import conflicts
from lineage.stores.finding import names
from lineage.stores.rows import by_ids
from lineage.suggestions import Known, suggest

N = t.node.c
CANDIDATES = 500  # datasets with the same last part of the name that are compared: 5 ms


def identity(connection: Connection, number: int, after: str | None, limit: int) -> dict[str, Any]:
    """`Catalog.identity`. Cost: all names of the thing, however few are shown."""
    node = names(connection, [number])[number]
    aliases = aliases_of(connection, number)
    begin = place(after)
    return {
        "id": node.id,
        "namespace": node.namespace,
        "name": node.name,
        "aliases": aliases[begin : begin + limit],
        "total": len(aliases),
        "next": str(begin + limit) if begin + limit < len(aliases) else None,
        "conflicts": conflicts(connection, number),
        "suggestions": _suggestions(connection, number) if node.kind is Kind.DATASET else [],
    }


def place(after: str | None) -> int:
    """Where a page begins. Raises InvalidCursor."""
    if after is None:
        return 0
    if not (after.isascii() and after.isdigit() and len(after) < 10):
        raise InvalidCursor(f"{after[:80]!r} is no cursor of this list; pass what `next` of the page before said")
    return int(after)


def _suggestions(connection: Connection, number: int) -> list[dict[str, Any]]:
    """Listed datasets with the same last part of the name, the likeliest first."""
    leaf = select(N.leaf).where(N.id == number).scalar_subquery()
    alike = select(N.id).where(N.leaf == leaf, N.kind == int(Kind.DATASET), N.listed, N.id != number)
    ids = list(connection.execute(alike.order_by(N.id).limit(CANDIDATES)).scalars())
    known = _known(connection, [number, *ids])
    return [
        {
            "node": found.node.id,
            "score": round(found.score, 3),
            "reasons": list(found.reasons),
            "environments_differ": found.environments_differ,
        }
        for found in suggest(known[number], [known[i] for i in ids])
    ]


def _known(connection: Connection, ids: list[int]) -> dict[int, Known]:
    f, o = t.field.c, t.owner.c
    columns: dict[int, set[str]] = {}
    for dataset, name in by_ids(connection, [f.dataset_id, f.name], f.dataset_id, ids):
        columns.setdefault(dataset, set()).add(name)
    owners: dict[int, set[str]] = {}
    for node, name in by_ids(connection, [o.node_id, o.name], o.node_id, ids):
        owners.setdefault(node, set()).add(name)
    return {
        i: Known(node, frozenset(columns.get(i, ())), frozenset(owners.get(i, ())))
        for i, node in names(connection, ids).items()
    }
