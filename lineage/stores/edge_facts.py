"""What the catalog knows of edges beyond their shape, read in bulk: a trace asks for 15,000 at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from lineage.graph import Ids
from lineage.model import EdgeKind, Transformation
from lineage.ports import EdgeFacts
from lineage.stores import tables as t
from lineage.stores.rows import by_ids
from lineage.stores.seen import recounted

E, L, S = t.edge.c, t.life.c, t.series.c
NEVER = np.iinfo(np.int64).min


def edge_facts(connection: Connection, ids: Sequence[int]) -> EdgeFacts:
    """Raises KeyError for an id that the catalog never gave. Cost: four statements; for columns a fifth."""
    wanted, at = np.unique(np.asarray(ids, dtype=np.int64), return_inverse=True)
    edges, kinds, owners, origins = _columns(by_ids(connection, [E.id, E.kind, E.owner_id, E.origin], E.id, ids), 4)
    if len(edges) < len(wanted):
        raise KeyError(int(np.setdiff1d(wanted, edges)[0]))
    order = np.argsort(edges)
    last, runs = seen(connection, wanted, owners, origins[order])
    return EdgeFacts(
        kinds=kinds[order][at],
        owners=owners[order][at],
        first_seen=_first(connection, wanted)[at],
        last_seen=np.where(last == NEVER, 0, last)[at],
        runs_seen=runs[at],
        transformations=_steps(connection, ids, edges[kinds == EdgeKind.DERIVED]),
    )


def seen(connection: Connection, edges: Ids, owners: Ids, origins: Ids) -> tuple[Ids, Ids]:
    """Last time and number of runs of edges, from the sets of edges that their owners showed; NEVER and 0 for none.

    edges: ascending; origins aligned with them. owners: of all of them, in any order.
    """
    last, runs = np.full(len(edges), NEVER), np.zeros(len(edges), dtype=np.int64)
    columns = [t.edge_set.c.edge_ids, S.origin, S.last_us, S.runs]
    series = by_ids(connection, columns, S.owner_id, np.unique(owners).tolist(), t.edge_set.c.id == S.edge_set_id)
    if not series or not len(edges):
        return last, runs
    shown, origin, last_us, count = _shown(series)
    at = np.minimum(np.searchsorted(edges, shown), len(edges) - 1)
    meant = (edges[at] == shown) & (origins[at] == origin)
    np.maximum.at(last, at[meant], last_us[meant])
    np.add.at(runs, at[meant], count[meant])
    for edge, told in recounted(connection, edges.tolist()).items():
        place = np.searchsorted(edges, edge)
        last[place], runs[place] = told
    return last, runs


def _shown(series: Sequence[tuple[Any, ...]]) -> tuple[Ids, Ids, Ids, Ids]:
    """Every edge of packed sets, and aligned with them origin, last time and number of runs."""
    shown = np.frombuffer(b"".join(row[0] for row in series), dtype="<i8")
    columns = _columns([row[1:] for row in series], 3)
    origin, last_us, count = np.repeat(columns, [len(row[0]) // 8 for row in series], axis=1)
    return shown, origin, last_us, count


def _first(connection: Connection, edges: Ids) -> Ids:
    """When each edge opened first, 0 where none ever did. edges: ascending."""
    first = np.full(len(edges), np.iinfo(np.int64).max)
    ids, opened = _columns(by_ids(connection, [L.edge_id, L.opened_us], L.edge_id, edges.tolist()), 2)
    np.minimum.at(first, np.searchsorted(edges, ids), opened)
    first[np.isin(edges, ids, invert=True)] = 0
    return first


def _steps(connection: Connection, ids: Sequence[int], derived: Ids) -> list[Transformation | None]:
    """What is done to values on the way, aligned with `ids`; only edges between columns say so."""
    rows = by_ids(connection, [E.id, E.type, E.subtype, E.masking], E.id, derived.tolist())
    made: dict[tuple[Any, ...], Transformation | None] = {("", "", 0): None}
    known = {
        edge: made.setdefault((type_, subtype, masking), Transformation(type_, subtype, bool(masking)))
        for edge, type_, subtype, masking in rows
    }
    return [known.get(edge) for edge in ids]


def _columns(rows: Sequence[tuple[Any, ...]], width: int) -> Any:
    return np.asarray(rows, dtype=np.int64).reshape(-1, width).T
