"""The lives of edges as they were known: worked out from what events told of runs until a position."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from lineage.facts import COMPLETE, EVENT_TYPES, START, TERMINAL
from lineage.history import Lives, Shown, lives
from lineage.stores import tables as t
from lineage.stores.past import among
from lineage.stores.rows import by_ids, unpack


def lives_known(connection: Connection, owners: Collection[int], position: int) -> Lives:
    """Every life of every edge of these owners, by edge. Cost: all that their runs told until then."""
    r, e, s = t.run.c, t.run_event.c, t.edge_set.c
    runs = {run.id: run for run in connection.execute(select(t.run).where(among(connection, r.owner_id, owners)))}
    told = select(t.run_event).where(among(connection, e.run_pk, runs), e.position <= position)
    events: dict[int, list[Any]] = {}
    for row in connection.execute(told.order_by(e.at_us)):
        events.setdefault(row.run_pk, []).append(row)
    sets = {row.edge_set_id for rows in events.values() for row in rows}
    members = {identity: unpack(packed) for identity, packed in by_ids(connection, [s.id, s.edge_ids], s.id, sets)}
    series: dict[tuple[int, int], list[Shown]] = {}
    for pk, rows in events.items():
        run = runs[pk]
        shown = _shown(rows, members, run.run_id or bytes(run.key).hex())
        series.setdefault((run.owner_id, run.origin), []).append(shown)
    return _united(lives(history) for history in series.values())


def _united(parts: Iterable[Lives]) -> Lives:
    return {edge: spans for part in parts for edge, spans in part.items()}


def _shown(rows: Sequence[Any], members: Mapping[int, Sequence[int]], tie: str) -> Shown:
    """A run by its events, which come by time."""
    edges: dict[int, int] = {}
    for row in rows:
        for edge in members.get(row.edge_set_id, ()):
            edges.setdefault(edge, row.at_us)
    ends = [(row.at_us, EVENT_TYPES[row.type]) for row in rows if EVENT_TYPES[row.type] in TERMINAL]
    end_us, word = max(ends, default=(rows[-1].at_us, ""))
    began = max((row.at_us for row in rows if EVENT_TYPES[row.type] == START), default=end_us)
    closes = word == COMPLETE and began <= end_us and bool(edges) and not any(row.incomplete for row in rows)
    return Shown(rows[0].at_us, tie, end_us, closes, edges, max(row.sibling for row in rows))
