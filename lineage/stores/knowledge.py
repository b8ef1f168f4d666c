"""What was known after some event of the journal, for the length of one question.

No store keeps what it once knew; every edge that ever was is a row of the catalog, and what events told of runs has its
position. So for the jobs that a question meets, the lives of their edges are worked out anew, each once.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine, select

from lineage.database import reading
from lineage.stores import tables as t
from lineage.stores.histories import lives_known
from lineage.stores.known_fates import KnownFates
from lineage.stores.past import among, groups_of, known_by
from lineage.stores.rows import by_ids, unpack


@dataclass(frozen=True, slots=True)
class Seen:
    """How often an edge had been shown, and until when."""

    last_us: int
    runs: int


class Knowledge:
    """What was known at a position, remembered for the length of one question."""

    def __init__(self, engine: Engine, position: int, window: int = 1) -> None:
        self.engine = engine
        self.position = position
        self.window = window
        self._lives: dict[int, list[tuple[int, int]]] = {}
        self._seen: dict[int, Seen] = {}
        self._lived: set[int] = set()
        self._watched: set[int] = set()
        self._known: dict[int, bool] = {}

    def lives(self, owners: Collection[int]) -> dict[int, list[tuple[int, int]]]:
        """The lives of all edges of the owners asked for so far."""
        fresh = set(owners) - self._lived
        if fresh:
            with reading(self.engine) as connection:
                fates = KnownFates(connection, self.position)
                self._lives |= lives_known(connection, fresh, self.position, window=self.window, fates=fates)
            self._lived |= fresh
        return self._lives

    def seen(self, owners: Collection[int]) -> dict[int, Seen]:
        """What had been shown, of all owners asked for so far."""
        fresh = set(owners) - self._watched
        if fresh:
            self._seen |= self._shown_by(fresh)
            self._watched |= fresh
        return self._seen

    def _shown_by(self, owners: Collection[int]) -> dict[int, Seen]:
        e, s = t.run_event.c, t.edge_set.c
        with reading(self.engine) as connection:
            runs = select(t.run.c.id).where(among(connection, t.run.c.owner_id, owners))
            told = select(e.run_pk, e.at_us, e.edge_set_id).where(e.run_pk.in_(runs), e.position <= self.position)
            rows = connection.execute(told).all()
            packed = by_ids(connection, [s.id, s.edge_ids], s.id, {row[2] for row in rows if row[2]})
            sets = {identity: unpack(blob) for identity, blob in packed}
            fates = KnownFates(connection, self.position)
            touched = {identity for identity, edges in sets.items() if fates.touches(edges)}
            last: dict[int, int] = {}
            shown: dict[int, set[int]] = {}
            for run, at_us, edge_set in rows:
                last[run] = max(at_us, last.get(run, at_us))
                edges = sets.get(edge_set, [])
                meant = [fates.resolved(edge, at_us) for edge in edges] if edge_set in touched else edges
                shown.setdefault(run, set()).update(meant)
        found: dict[int, Seen] = {}
        for run, met in shown.items():
            for edge in met:
                before = found.get(edge, Seen(last[run], 0))
                found[edge] = Seen(max(before.last_us, last[run]), before.runs + 1)
        return found

    def are_known(self, nodes: Collection[int]) -> set[int]:
        """Those of some datasets and jobs that an event had spoken of."""
        fresh = [node for node in nodes if node not in self._known]
        if fresh:
            with reading(self.engine) as connection:
                groups = groups_of(connection, fresh)
                known = known_by(connection, groups, self.position)
            stands = {identity: rep for rep, members in groups.items() for identity in members}
            self._known |= {node: stands.get(node) in known for node in fresh}
        return {node for node in nodes if self._known[node]}
