"""Runs, what they showed, and the life of edges that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import bindparam, case, delete, func, select

from lineage.facts import COMPLETE, EVENT_TYPES, RUNNING, START, TERMINAL, Facts, Ran, RunRef
from lineage.history import NOTHING, Edges
from lineage.model import EdgeKind, Kind, Origin
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.projecting.edges import Edges as EdgesOfBatch
from lineage.stores.projecting.known import Batch, NodeState, SeriesKey
from lineage.stores.projecting.lives import Fates, LivesOfBatch, Report
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.projecting.series import RunState, Series
from lineage.stores.rows import by_values, chunks, upsert
from lineage.stores.windows import FACETS, window_of, windows_of


class Runs:
    """The runs of one batch. window: how many runs in a row must lack an edge of a job that says nothing of it."""

    def __init__(self, batch: Batch, nodes: Nodes, edges: EdgesOfBatch, fates: Fates, window: int = 1) -> None:
        self.batch = batch
        self.known = batch.known
        self.nodes = nodes
        self.edges = edges
        self.fates = fates
        self.window = window
        self.lives = LivesOfBatch(batch, edges, fates)
        self.new: set[int] = set()
        self._runs: dict[bytes, RunState] = {}
        self._dirty: dict[bytes, RunState] = {}
        self._dirty_series: dict[tuple[SeriesKey, int], None] = {}
        self._windowed: dict[SeriesKey, NodeState] = {}

    def know(self, every: Sequence[Facts]) -> None:
        """Reads the runs and series that the batch speaks of."""
        self._know_runs(every)
        self._know_series(every)

    def _know_runs(self, every: Sequence[Facts]) -> None:
        wanted = [run_key(facts) for facts in every if facts.run is not None or facts.edges.edges]
        for row in by_values(self.batch.connection, list(t.run.c), t.run.c.key, wanted):
            values = dict(row._mapping)
            values["key"] = bytes(values["key"])
            self._runs[values["key"]] = RunState(**values)

    def _know_series(self, every: Sequence[Facts]) -> None:
        keys: dict[SeriesKey, None] = {}
        for facts in every:
            keys[self.known.nodes[facts.owner].id, int(facts.origin)] = None
            for described in facts.described:
                if described.node.kind is Kind.JOB and not described.facets.keys().isdisjoint(FACETS):
                    state = self.known.described[described.digest][0]
                    self._windowed[state.id, int(Origin.OBSERVED)] = state
        self._load(list(keys | self._windowed.keys()))
        for row in self.batch.waiting(t.edge):
            series = self.known.series.get((row["owner_id"], row["origin"]))
            if series is not None and row["kind"] == EdgeKind.READ and row["flow_id"]:
                series.read_in_flow(row["id"], row["flow_id"], row["basis"])
        for key in keys:
            self._promote(key, self.edges.strengthened)

    def _promote(self, key: SeriesKey, strengthened: Mapping[int, int]) -> None:
        """A basis is the strongest that was ever told, so a stronger one changes what every run before showed."""
        series = self.known.series[key]
        for edge in strengthened.keys() & series.edges if strengthened else ():
            if series.promote(edge, strengthened[edge]):
                self.lives.renew(key)

    # ------------------------------------------------------------------ reading

    def _load(self, keys: Sequence[SeriesKey]) -> None:
        """Reads what owners showed so far, of those that aren't remembered."""
        wanted = {key: Series() for key in keys if key not in self.known.series}
        self.known.series |= wanted
        owners = list({owner for owner, _ in wanted})
        for key, series in wanted.items():
            self._set_window(key, series)
        stored = [owner for owner in owners if owner not in self.nodes.new]
        if stored:
            self._load_sets(wanted, stored)
            self._load_edges(wanted, stored)
            self._load_newest(wanted, stored)
        for series in wanted.values():
            series.touched = bool(series.edges) and self.fates.touches(series.edges)

    def _load_sets(self, wanted: Mapping[SeriesKey, Series], owners: Sequence[int]) -> None:
        for row in by_values(self.batch.connection, list(t.series.c), t.series.c.owner_id, owners):
            series = wanted.get((row.owner_id, row.origin))
            if series is not None:
                series.sets[row.edge_set_id] = [row.runs, row.last_us]

    def _load_edges(self, wanted: Mapping[SeriesKey, Series], owners: Sequence[int]) -> None:
        e, life = t.edge.c, t.life.c
        columns = [e.id, e.owner_id, e.origin, e.kind, e.flow_id, e.basis, life.opened_us, life.closed_us]
        joined = select(*columns).outerjoin(t.life, life.edge_id == e.id)
        for chunk in chunks(owners):
            for row in self.batch.connection.execute(joined.where(e.owner_id.in_(chunk))):
                series = wanted.get((row.owner_id, row.origin))
                if series is None:
                    continue
                series.edges.add(row.id)
                if row.kind == EdgeKind.READ and row.flow_id:
                    series.read_in_flow(row.id, row.flow_id, row.basis)
                if row.closed_us == OPEN:
                    series.alive[row.id] = row.opened_us
                elif row.closed_us is not None:
                    series.closed_us = max(series.closed_us, row.closed_us)

    def _load_newest(self, wanted: Mapping[SeriesKey, Series], owners: Sequence[int]) -> None:
        r = t.run.c
        begun = func.max(case((r.snapshot, r.last_us), else_=r.first_us))
        newest = select(r.owner_id, r.origin, begun).group_by(r.owner_id, r.origin)
        for chunk in chunks(owners):
            for row in self.batch.connection.execute(newest.where(r.owner_id.in_(chunk))):
                series = wanted.get((row[0], row[1]))
                if series is not None:
                    series.newest = (row[2], b"")

    # ------------------------------------------------------------------ windows

    def _set_window(self, key: SeriesKey, series: Series) -> bool:
        """Reads an owner's window off its present facets; whether it is another than before."""
        if key[1] != Origin.OBSERVED:
            return False
        before, state = series.window, self.known.node_of.get(key[0])
        if state is None or not (state.bundles or state.id in self.nodes.new):
            series.window = windows_of(self.batch.connection, [key[0]], self.window)[key[0]]
            return series.window != before
        ids = tuple(state.winners[name][2] for name in FACETS if name in state.winners)
        if not ids:
            series.window = self.window
        elif ids != series.window_from:
            bodies = by_values(self.batch.connection, [t.facet.c.name, t.facet.c.body], t.facet.c.id, ids)
            series.window = window_of({row.name: orjson.loads(bytes(row.body)) for row in bodies}, self.window)
        series.window_from = ids
        return series.window != before

    # ------------------------------------------------------------------ taking

    def take(self, facts: Facts, position: int) -> tuple[int, int]:
        """Merges an event into its run.

        Returns the run's id, 0 for a declaration, and how many edges its owner showed for the first time.
        """
        if facts.run is None and not facts.edges.edges:
            return 0, 0
        at_us = facts.at_us
        series_key = (self.nodes.id(facts.owner), int(facts.origin))
        series = self.known.series[series_key]
        run = self._run_of(facts, series_key)
        is_new = run.key not in self._dirty and run.id in self.new
        before = (run.first_us, run.closes, run.terminal_us, run.edge_set_id, run.sibling, run.snapshot)
        self._dirty[run.key] = run
        run.first_us = min(run.first_us, at_us)
        run.last_us = max(run.last_us, at_us)
        kind, incomplete = (facts.run.event_type, facts.run.incomplete) if facts.run is not None else (COMPLETE, False)
        if facts.run is not None:
            self._report(run, facts.run, at_us)
        else:
            run.terminal, run.terminal_us = COMPLETE, at_us
        shown = self.edges.shown(facts)
        self._log(run, facts.run, at_us, position, shown)
        fresh = self._show(series, run, shown)
        self._count(series_key, series, run, self.edges.union(run.edge_set_id, shown), is_new)
        self.lives.take(series_key, series, run, Report(at_us, kind, incomplete, shown, fresh, is_new, *before))
        return (run.id if facts.run is not None else 0), len(fresh)

    def _log(self, run: RunState, ran: Ran | None, at_us: int, position: int, shown: int) -> None:
        row: dict[str, Any] = {"run_pk": run.id, "position": position, "at_us": at_us, "edge_set_id": shown}
        if ran is None:
            row |= {"type": EVENT_TYPES.index(COMPLETE), "incomplete": False, "sibling": "", "snapshot": False}
        else:
            row |= {"type": EVENT_TYPES.index(ran.event_type), "incomplete": ran.incomplete}
            row |= {"sibling": ran.sibling, "snapshot": ran.snapshot}
        self.batch.insert(t.run_event, row)

    def _run_of(self, facts: Facts, series_key: SeriesKey) -> RunState:
        key = run_key(facts)
        run = self._runs.get(key)
        if run is None:
            run_id = facts.run.run_id if facts.run is not None else ""
            run = RunState(self.known.next_run, key, run_id, *series_key, facts.at_us, facts.at_us)
            self.known.next_run += 1
            self._runs[key] = run
            self.new.add(run.id)
        return run

    def _show(self, series: Series, run: RunState, shown: int) -> Edges:
        """The edges of a set that are new to the owner."""
        if not shown or (shown in series.sets and shown == run.edge_set_id):
            return NOTHING
        fresh = self.edges.members(shown) - series.edges
        series.edges |= fresh
        return fresh

    def _report(self, run: RunState, ran: Ran, at_us: int) -> None:
        """Every value is a least, a greatest or an or, so that the order of events doesn't matter."""
        kind = ran.event_type
        if kind == START:
            run.start_us = at_us if run.start_us is None else max(run.start_us, at_us)
        elif kind in TERMINAL:
            if run.terminal_us is None or (at_us, kind) > (run.terminal_us, run.terminal):
                run.terminal, run.terminal_us = kind, at_us
        elif kind == RUNNING:
            run.running = True
        if ran.error is not None and (run.error_us is None or (at_us, ran.error) > (run.error_us, run.error)):
            run.error, run.error_us = ran.error, at_us
        run.incomplete = run.incomplete or ran.incomplete
        run.snapshot = run.snapshot or ran.snapshot
        run.sibling = max(run.sibling, ran.sibling)
        run.nominal_start_us = _later(run.nominal_start_us, ran.nominal_start_us)
        run.nominal_end_us = _later(run.nominal_end_us, ran.nominal_end_us)
        run.parent_run, run.parent_id = self._greater(run.parent_run, run.parent_id, ran.parent)
        run.root_run, run.root_id = self._greater(run.root_run, run.root_id, ran.root)

    def _greater(self, run_id: str | None, job_id: int, came: RunRef | None) -> tuple[str | None, int]:
        """If a run ever names two parents, the greater run id wins, then the greater name: ids depend on arrival."""
        if came is None:
            return run_id, job_id
        came_id = self.known.nodes[came.job].id
        if run_id is None or came.run_id > run_id:
            return came.run_id, came_id
        if came.run_id < run_id or came_id == job_id:
            return run_id, job_id
        return run_id, came_id if came.job.id > self.nodes.name(job_id) else job_id

    def _count(self, key: SeriesKey, series: Series, run: RunState, union: int, is_new: bool) -> None:
        """One run counts once, under all that it showed."""
        if not union:
            return
        if union != run.edge_set_id:
            if run.edge_set_id and not is_new:
                series.sets[run.edge_set_id][0] -= 1
                self._dirty_series[key, run.edge_set_id] = None
            entry = series.sets.setdefault(union, [0, run.last_us])
            entry[0] += 1
            run.edge_set_id = union
        entry = series.sets[union]
        entry[1] = max(entry[1], run.last_us)
        self._dirty_series[key, union] = None

    # ------------------------------------------------------------------ writing

    def write(self) -> None:
        self.batch.write(t.run_event)
        columns = [column.name for column in t.run.c]
        rows = [{name: getattr(run, name) for name in columns} for run in self._dirty.values()]
        upsert(self.batch.connection, t.run, rows)
        self._renew(self.fates.renewed)
        for key in self._windowed:
            if self._set_window(key, self.known.series[key]):
                self.lives.renew(key)
        self.lives.write(self.known.series)
        self._write_series()

    def _renew(self, keys: Iterable[SeriesKey]) -> None:
        """What became of ends of their edges puts in doubt what these owners' lives were."""
        self._load(list(keys))
        for key in keys:
            series = self.known.series[key]
            series.touched = self.fates.touches(series.edges)
            self.lives.renew(key)

    def _write_series(self) -> None:
        kept, gone = [], []
        for (owner, origin), set_id in self._dirty_series:
            runs, last = self.known.series[owner, origin].sets[set_id]
            if runs:
                kept.append({"owner_id": owner, "origin": origin, "edge_set_id": set_id, "runs": runs, "last_us": last})
            else:
                del self.known.series[owner, origin].sets[set_id]
                gone.append({"o": owner, "g": origin, "s": set_id})
        upsert(self.batch.connection, t.series, kept)
        if gone:
            c = t.series.c
            where = (c.owner_id == bindparam("o")) & (c.origin == bindparam("g")) & (c.edge_set_id == bindparam("s"))
            self.batch.connection.execute(delete(t.series).where(where), gone)


def run_key(facts: Facts) -> bytes:
    """The key of an event's run. A run id used by two jobs is two runs."""
    if facts.run is not None:
        text = f"run\x1f{facts.run.run_id.lower()}\x1f"
    else:
        text = f"declared\x1f{facts.at_us}\x1f{facts.edges.digest.hex()}\x1f"
    return hashlib.sha256(text.encode() + facts.owner.key).digest()


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
