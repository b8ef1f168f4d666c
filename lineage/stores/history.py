"""The catalog through time: what differs between two times or two runs, and nodes as they were."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import orjson
from sqlalchemy import Connection, select

from lineage.database import reading
from lineage.diff import Key, Rows, Value
from lineage.errors import UnknownNode
from lineage.model import EdgeKind, Origin
from lineage.ports import Catalog, GraphReader
from lineage.stores import states
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog
from lineage.stores.folding import Folded, by_ids_named, folded, named
from lineage.stores.known import KnownStore
from lineage.stores.past import Spoken, When, among, bundles, groups_of
from lineage.stores.past_catalog import PastCatalog
from lineage.stores.rows import by_ids, unpack


class SqlHistory:
    """`lineage.ports.History` over the catalog's database. Reading is safe from any thread."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self.catalog = catalog
        self.engine = catalog.engine

    def between(self, since: int, until: int, scope: Collection[int] | None = None) -> tuple[Rows, Rows]:
        with reading(self.engine) as connection:
            return states.between(connection, since, until, scope)

    def shown_by(self, run_id: str) -> Rows:
        with reading(self.engine) as connection:
            return _shown_by(connection, run_id)

    def at(self, store: GraphReader, as_of_us: int | None, position: int | None) -> tuple[Catalog, GraphReader]:
        if position is not None:
            position = min(position, self.catalog.position())
        past = PastCatalog(self.catalog, When(as_of_us, position))
        return (past, store) if position is None else (past, KnownStore(past.knowledge))


def _shown_by(connection: Connection, run_id: str) -> states.State:
    """What a run showed. A run id that two jobs use is one run here."""
    r, e = t.run.c, t.run_event.c
    runs = connection.execute(select(r.id, r.owner_id).where(r.run_id == run_id, r.origin == int(Origin.OBSERVED)))
    owners = {row.id: row.owner_id for row in runs}
    if not owners:
        raise UnknownNode(f"run:{run_id[:100]}")
    events = connection.execute(select(e.position, e.edge_set_id).where(among(connection, e.run_pk, owners))).all()
    sets = by_ids(connection, [t.edge_set.c.id, t.edge_set.c.edge_ids], t.edge_set.c.id, {row[1] for row in events})
    edges = by_ids_named(connection, {edge for _, packed in sets for edge in unpack(packed)})
    state = _said_at(connection, [row[0] for row in events], {*owners.values(), *_ends(connection, edges)})
    state["edges"] = folded(edges)
    state["statistics"] = _measured(connection, owners)
    return state


def _ends(connection: Connection, edges: Iterable[Folded]) -> set[int]:
    """Datasets and jobs that edges join."""
    e, f = t.edge.c, t.field.c
    rows = by_ids(connection, [e.kind, e.source_id, e.target_id], e.id, [edge.id for edge in edges])
    fields = {end for kind, *ends in rows if kind == EdgeKind.DERIVED for end in ends}
    nodes = {end for kind, *ends in rows if kind != EdgeKind.DERIVED for end in ends}
    return nodes | {row[0] for row in by_ids(connection, [f.dataset_id], f.id, fields)}


def _said_at(connection: Connection, positions: Collection[int], nodes: Collection[int]) -> states.State:
    """What the events at some positions said of some nodes."""
    stands = {identity: rep for rep, ids in groups_of(connection, nodes).items() for identity in ids}
    s = t.said.c
    said = select(s.node_id, s.at_us, s.bundle_id)
    said = said.where(among(connection, s.node_id, stands), among(connection, s.position, positions))
    rows = connection.execute(said).all()
    held = bundles(connection, {row.bundle_id for row in rows}, (*states.SHOWN, *states.LOGIC))
    found: dict[int, Spoken] = {}
    for node, at_us, bundle in rows:
        found.setdefault(stands[node], Spoken(at_us, at_us)).take(at_us, at_us, held[bundle])
    return states.laid_out(connection, found)


def _measured(connection: Connection, runs: Collection[int]) -> dict[Key, Value]:
    c = t.statistic.c
    rows = by_ids(connection, [c.dataset_id, c.role, c.facet, c.at_us, c.body], c.run_pk, runs)
    names = named(connection, {row[0] for row in rows})
    # Sorted by time, then content: of several jobs under one run id the newest word stands.
    return {
        (names[dataset][1].id, role, facet): {"content": orjson.loads(bytes(body))}
        for dataset, role, facet, _, body in sorted(rows, key=lambda row: (row[3], bytes(row[4])))
    }
