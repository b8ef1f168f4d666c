"""How often and until when edges were seen whose ends bear names that meant several things."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select

from lineage.model import EdgeKind
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids, unpack

N, E, F, L = t.node.c, t.edge.c, t.field.c, t.lifecycle.c
DERIVED = int(EdgeKind.DERIVED)
Span = tuple[int, int]


def recounted(connection: Connection, edges: Collection[int]) -> dict[int, tuple[int, int]]:
    """Last time and number of runs of those edges of which an end was given up by a rename; the others are left out.

    Runs show edges between names. Which of those between incarnations was meant follows from the time of each event.
    Cost: nothing where nothing was ever renamed; else the events of the owners of such edges.
    """
    if connection.execute(select(L.name_id).where(L.other_id != 0).limit(1)).scalar() is None:
        return {}
    shapes, windows = _told(connection, edges)
    if not shapes:
        return {}
    asserted = _asserted(connection, set(shapes.values()))
    wanted: dict[int, list[int]] = {}
    for edge, shape in shapes.items():
        wanted.setdefault(asserted[shape], []).append(edge)
    last: dict[int, int] = {}
    runs: dict[int, set[int]] = {edge: set() for edge in shapes}
    for run, at_us, shown in _events(connection, {shape[1] for shape in shapes.values()}, wanted.keys()):
        for edge in (edge for one in shown for edge in wanted[one]):
            since_us, until_us = windows[edge]
            if since_us <= at_us < until_us:
                last[edge] = max(at_us, last.get(edge, at_us))
                runs[edge].add(run)
    return {edge: (last.get(edge, 0), len(seen)) for edge, seen in runs.items()}


def _told(connection: Connection, edges: Iterable[int]) -> tuple[dict[int, tuple[Any, ...]], dict[int, Span]]:
    """What edges say, by the names of their ends, and when their ends bore these; only where one was given up."""
    columns = [E.id, E.kind, E.owner_id, E.origin, E.flow_id, E.type, E.subtype, E.masking, E.source_id, E.target_id]
    rows = by_ids(connection, columns, E.id, edges)
    ends = {end for row in rows if row[1] == DERIVED for end in row[8:]}
    fields = {i: rest for i, *rest in by_ids(connection, [F.id, F.dataset_id, F.name], F.id, ends)}
    nodes = {end for row in rows if row[1] != DERIVED for end in row[8:]} | {dataset for dataset, _ in fields.values()}
    spans, given_up = _spans(connection, nodes)
    shapes, windows = {}, {}
    for identity, kind, *shape, source, target in rows:
        places = [fields[end] if kind == DERIVED else [end, ""] for end in (source, target)]
        if given_up.isdisjoint(node for node, _ in places):
            continue
        shapes[identity] = (kind, *shape, *((spans[node][0], column) for node, column in places))
        windows[identity] = (max(spans[node][1] for node, _ in places), min(spans[node][2] for node, _ in places))
    return shapes, windows


def _spans(connection: Connection, nodes: Iterable[int]) -> tuple[dict[int, tuple[int, int, int]], set[int]]:
    """(name, since, until) of nodes, and which of their names meant more than one thing."""
    names = {row[0] for row in by_ids(connection, [N.name_id], N.id, nodes)}
    meant: dict[int, list[tuple[int, int]]] = {}
    for identity, name, since_us in by_ids(connection, [N.id, N.name_id, N.since_us], N.name_id, names):
        meant.setdefault(name, []).append((since_us, identity))
    spans: dict[int, tuple[int, int, int]] = {}
    for name, found in meant.items():
        ordered = [*sorted(found), (OPEN, 0)]
        for (since_us, identity), (until_us, _) in pairwise(ordered):
            spans[identity] = (name, since_us, until_us)
    return spans, {identity for found in meant.values() if len(found) > 1 for _, identity in found}


def _asserted(connection: Connection, shapes: set[tuple[Any, ...]]) -> dict[tuple[Any, ...], int]:
    """The edges between names that say the same: those of which both ends are the first that had their names."""
    owned = [row[0] for row in by_ids(connection, [E.id], E.owner_id, {shape[1] for shape in shapes})]
    told, windows = _told(connection, owned)
    return {shape: edge for edge, shape in told.items() if shape in shapes and windows[edge][0] == ALWAYS}


def _events(
    connection: Connection, owners: set[int], wanted: Collection[int]
) -> Iterable[tuple[int, int, frozenset[int]]]:
    """Run, time and those of the wanted edges that it showed, of every event of some owners that showed any."""
    r, e = t.run.c, t.run_event.c
    runs = {row[0] for row in by_ids(connection, [r.id], r.owner_id, owners)}
    rows = by_ids(connection, [e.run_pk, e.at_us, e.edge_set_id], e.run_pk, runs, e.edge_set_id != 0)
    columns = [t.edge_set.c.id, t.edge_set.c.edge_ids]
    sets = by_ids(connection, columns, t.edge_set.c.id, {row[2] for row in rows})
    shown = {set_id: frozenset(unpack(ids)).intersection(wanted) for set_id, ids in sets}
    return [(run, at_us, shown[set_id]) for run, at_us, set_id in rows if shown[set_id]]
