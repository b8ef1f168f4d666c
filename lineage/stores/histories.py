"""The runs of jobs as history, from what each event told: now, or as it was known when the journal ended earlier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Protocol

from sqlalchemy import Connection, select

from lineage.facts import EVENT_TYPES
from lineage.history import Edges, Lives, Rules, Shown, Told, lives, shown_by
from lineage.model import Basis, EdgeKind, Origin
from lineage.stores import tables as t
from lineage.stores.rows import by_values, chunks, unpack
from lineage.stores.windows import windows_of

Owned = tuple[int, int]  # owner id, origin
# Owners whose runs are in memory together; a job with 100,000 runs takes some 60 MB.
TOGETHER = 200


class Fates(Protocol):
    """What became of the ends of edges, as far as lives depend on it."""

    def touches(self, edge_ids: Iterable[int]) -> bool: ...

    def resolved(self, edge_id: int, at_us: int) -> int: ...

    def drops(self, edge_id: int) -> Sequence[int]: ...


class NoFates:
    """Nothing was ever dropped or renamed."""

    def touches(self, edge_ids: Iterable[int]) -> bool:  # noqa: ARG002 - what doesn't exist needs no look
        return False

    def resolved(self, edge_id: int, at_us: int) -> int:  # noqa: ARG002
        return edge_id

    def drops(self, edge_id: int) -> Sequence[int]:  # noqa: ARG002
        return ()


NONE = NoFates()


def lives_known(
    connection: Connection, owners: Iterable[int], position: int | None, *, window: int = 1, fates: Fates = NONE
) -> Lives:
    """Lives of all edges of some owners as they followed from the events up to a position; None: from all.

    window: the default of the installation. Windows of jobs and bases of edges are those of today.
    Cost: every event of these owners; memory for the runs of TOGETHER owners, and the result.
    """
    found: Lives = {}
    for chunk in chunks(list(dict.fromkeys(owners)), TOGETHER):
        histories_of = histories(connection, chunk, upto=position, fates=fates)
        rules = rules_of(connection, histories_of, windows_of(connection, chunk, window), fates=fates)
        for key, runs in histories_of.items():
            found |= lives(runs, rules[key])
    return found


def histories(
    connection: Connection,
    owners: Sequence[int],
    *,
    upto: int | None = None,
    fates: Fates = NONE,
    sets: dict[int, Edges] | None = None,
) -> dict[Owned, list[Shown]]:
    """The runs of owners, by owner and origin; upto: only what stood in the journal up to that position.

    sets: edges by id of their set, as far as they are known; what is read is added.
    Edges of `fates` are as resolved for the time of each event, and each time at which they were shown is kept.
    """
    sets = {} if sets is None else sets
    found: dict[Owned, list[Shown]] = {}
    rows = list(_events(connection, owners, upto))
    _know_sets(connection, sets, {row.edge_set_id for row in rows if row.edge_set_id})
    touched = {set_id for set_id in {row.edge_set_id for row in rows if row.edge_set_id} if fates.touches(sets[set_id])}
    for _, of_run in groupby(rows, key=lambda row: row.id):
        events = list(of_run)
        first = events[0]
        # Ids depend on the order of arrival, run ids and digests don't.
        tie = first.run_id or bytes(first.key).hex()
        told = [_told(row, _edges(row, sets, touched, fates)) for row in events]
        found.setdefault((first.owner_id, first.origin), []).extend(shown_by(tie, told, every=bool(touched)))
    return found


def rules_of(
    connection: Connection,
    histories_of: Mapping[Owned, Sequence[Shown]],
    windows: Mapping[int, int],
    *,
    fates: Fates = NONE,
    strengthened: Mapping[int, int] | None = None,
) -> dict[Owned, Rules]:
    """What decides about the edges of owners besides their runs.

    windows: of jobs whose window isn't 1; only runs that were observed are counted. strengthened: bases that are
    stronger than what the table has by now.
    """
    stronger = strengthened or {}
    flows: dict[Owned, tuple[dict[int, int], dict[int, int]]] = {key: ({}, {}) for key in histories_of}
    e = t.edge.c
    columns, is_flow = (
        [e.id, e.owner_id, e.origin, e.flow_id, e.basis],
        (e.kind == int(EdgeKind.READ)) & (e.flow_id != 0),
    )
    for row in by_values(connection, columns, e.owner_id, (owner for owner, _ in histories_of), is_flow):
        strength = strength_of(min(row.basis, stronger.get(row.id, row.basis)))
        if strength is not None and (row.owner_id, row.origin) in flows:
            flows[row.owner_id, row.origin][strength][row.id] = row.flow_id
    found = {}
    for key, (guesses, told) in flows.items():
        window = windows.get(key[0], 1) if key[1] == Origin.OBSERVED else 1
        edges = frozenset[int]().union(*(edges for run in histories_of[key] for _, edges in run.shows))
        drops = {edge: fates.drops(edge) for edge in edges} if fates.touches(edges) else {}
        found[key] = Rules(window, guesses, told, {edge: times for edge, times in drops.items() if times})
    return found


def strength_of(basis: int) -> int | None:
    """0 for a guess, 1 for what a producer told outright, None between: it neither gives way nor makes way."""
    if basis == Basis.IMPLICIT_PRODUCT:
        return 0
    return 1 if basis <= Basis.PARSED else None


def _events(connection: Connection, owners: Sequence[int], upto: int | None) -> Iterator[Any]:
    """Events with their runs, those of one run together."""
    r, e = t.run.c, t.run_event.c
    columns = [r.owner_id, r.origin, r.id, r.run_id, r.key]
    columns += [e.at_us, e.type, e.edge_set_id, e.incomplete, e.sibling, e.snapshot]
    statement = select(*columns).join(t.run_event, e.run_pk == r.id).order_by(r.owner_id, r.first_us, r.id)
    if upto is not None:
        statement = statement.where(e.position <= upto)
    for chunk in chunks(owners):
        yield from connection.execute(statement.where(r.owner_id.in_(chunk)))


def _know_sets(connection: Connection, sets: dict[int, Edges], wanted: Iterable[int]) -> None:
    missing = [set_id for set_id in wanted if set_id not in sets]
    for row in by_values(connection, list(t.edge_set.c), t.edge_set.c.id, missing):
        sets[row.id] = frozenset(unpack(bytes(row.edge_ids)))


def _edges(row: Any, sets: Mapping[int, Edges], touched: set[int], fates: Fates) -> Edges:
    if not row.edge_set_id:
        return frozenset()
    edges = sets[row.edge_set_id]
    return frozenset(fates.resolved(edge, row.at_us) for edge in edges) if row.edge_set_id in touched else edges


def _told(row: Any, edges: Edges) -> Told:
    word = EVENT_TYPES[row.type]
    return Told(row.at_us, word, edges, bool(row.incomplete), row.sibling, bool(row.snapshot))
