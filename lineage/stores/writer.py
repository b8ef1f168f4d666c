"""Facts into rows: the projection of the journal into the catalog.

Every table is a set that only grows, a least or greatest value, or a function of those; so the same set of events gives
the same catalog, whatever the order and number of deliveries. What repeats from run to run is recognised by its digest
and costs one look-up; rows are merged in memory over a batch and written once.
"""

from __future__ import annotations

from collections.abc import Sequence

import orjson
from sqlalchemy import Connection, Engine, update

from lineage.database import writing
from lineage.errors import NotOwner
from lineage.facts import Facts
from lineage.ports import Applied
from lineage.stores import tables as t
from lineage.stores.projecting.edges import Edges
from lineage.stores.projecting.fates import Fates
from lineage.stores.projecting.known import NAME, Batch, Known
from lineage.stores.projecting.latest import Latest
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.projecting.runs import Runs
from lineage.stores.projecting.settling import Settling


class Writer:
    """Applies batches of facts to the catalog behind `engine`. There is one per catalog.

    window: how many successful runs in a row must lack an edge before it closes, for jobs that say nothing of it.
    """

    def __init__(self, engine: Engine, *, window: int = 1) -> None:
        self.engine = engine
        self.window = window
        self._known = Known()

    def apply(self, batch: Sequence[Applied]) -> None:
        """Takes in events in the order of their positions, all or none. Raises NotOwner."""
        if not batch:
            return
        known = self._known
        try:
            with writing(self.engine) as connection:
                known.begin(connection)
                events = [(one.position, one.facts) for one in batch if one.facts is not None]
                project(connection, known, events, self.window)
                _set_aside(connection, batch)
                _advance(connection, known, batch[-1].position)
        except BaseException:
            known.forget()  # it may hold what was rolled back
            raise
        known.position = batch[-1].position

    def forget(self) -> None:
        """Drops what is remembered; the next batch reads again."""
        self._known.forget()


def project(connection: Connection, known: Known, events: Sequence[tuple[int, Facts]], window: int = 1) -> None:
    """Writes what events, with their positions, assert."""
    batch = Batch(connection, known)
    nodes = Nodes(batch)
    edges = Edges(batch, nodes)
    fates = Fates(batch, nodes)
    runs = Runs(batch, nodes, edges, fates, window)
    latest = Latest(batch, nodes)
    settling = Settling(batch, nodes, fates)
    every = [facts for _, facts in events]
    nodes.know(every)
    settling.begin(events)
    nodes.know_told(every)
    edges.know(every)
    runs.know(every)
    for position, facts in events:
        for described in facts.described:
            nodes.describe(described, facts, position)
        run_pk, added = runs.take(facts, position)
        for measured in facts.measured:
            latest.measure(measured, run_pk, facts.at_us)
        for asserted in facts.asserted:
            latest.check(asserted, run_pk, facts.at_us)
        batch.insert(t.receipt, _receipt(position, facts, added))
    # Edges are published by what the database holds of fields, so before new fields are written.
    edges.write()
    nodes.write()
    settling.settle()
    runs.write()
    latest.write(runs.new)
    settling.finish()
    edges.write_touched(fates.copies)
    batch.write(t.receipt)


def _set_aside(connection: Connection, batch: Sequence[Applied]) -> None:
    rows = [{"position": one.position, "reason": one.failure} for one in batch if one.failure is not None]
    if rows:
        connection.execute(t.failure.insert(), rows)


def _receipt(position: int, facts: Facts, added: int) -> dict[str, object]:
    not_linked = [{"dataset": one.dataset, "reason": one.reason} for one in facts.not_linked]
    return {
        "position": position,
        "added": added,
        "confirmed": len(facts.edges.edges) - added,
        "not_linked": orjson.dumps(not_linked) if not_linked else None,
    }


def _advance(connection: Connection, known: Known, position: int) -> None:
    moved = connection.execute(
        update(t.projection)
        .where(t.projection.c.name == NAME, t.projection.c.position == known.position)
        .values(position=position, changed=known.changed)
    )
    if moved.rowcount != 1:
        raise NotOwner("another process projects into this catalog; stop one of the two")
