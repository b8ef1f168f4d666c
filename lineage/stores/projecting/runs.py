"""Runs, what they showed, and the life of edges that follows from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, func, select

from lineage.facts import COMPLETE, EVENT_TYPES, RUNNING, START, TERMINAL, Facts, Ran, RunRef
from lineage.history import Lives, Shown, lives
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.projecting.edges import Edges
from lineage.stores.projecting.known import Batch, RunState, Series, SeriesKey
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.rows import by_values, chunks, upsert

NONE: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """What an event told of its run, and how the run stood before it."""

    at_us: int
    shown: int
    fresh: frozenset[int]
    is_new: bool
    first_us: int
    closed: bool
    terminal_us: int | None
    edge_set_id: int
    sibling: str


class Runs:
    """The runs of one batch."""

    def __init__(self, batch: Batch, nodes: Nodes, edges: Edges) -> None:
        self.batch = batch
        self.known = batch.known
        self.nodes = nodes
        self.edges = edges
        self.new: set[int] = set()
        self._runs: dict[bytes, RunState] = {}
        self._shapes: dict[tuple[int, int], int] = {}
        self._new_shapes: dict[tuple[int, int], int] = {}
        self._dirty: dict[bytes, RunState] = {}
        self._dirty_series: dict[tuple[SeriesKey, int], None] = {}
        self._lives: dict[tuple[int, int], int] = {}  # edge and opening to closing
        self._relive: dict[SeriesKey, None] = {}

    def know(self, every: Sequence[Facts]) -> None:
        """Reads the runs and series that the batch speaks of."""
        self._know_runs(every)
        self._know_series(every)

    def _know_runs(self, every: Sequence[Facts]) -> None:
        wanted = [_run_key(facts) for facts in every if facts.run is not None or facts.edges.edges]
        for row in by_values(self.batch.connection, list(t.run.c), t.run.c.key, wanted):
            values = dict(row._mapping)
            values["key"] = bytes(values["key"])
            self._runs[values["key"]] = RunState(**values)
        ids = [run.id for run in self._runs.values()]
        for row in by_values(self.batch.connection, list(t.run_shape.c), t.run_shape.c.run_pk, ids):
            self._shapes[row.run_pk, row.edge_set_id] = row.first_us

    def _know_series(self, every: Sequence[Facts]) -> None:
        known = self.known
        wanted: dict[SeriesKey, Series] = {}
        for facts in every:
            key = (known.nodes[facts.owner].id, int(facts.origin))
            if key not in known.series:
                known.series[key] = wanted[key] = Series()
        self._load_series({key: s for key, s in wanted.items() if key[0] not in self.nodes.new})

    def _load_series(self, wanted: dict[SeriesKey, Series]) -> None:
        owners = {owner for owner, _ in wanted}
        for row in by_values(self.batch.connection, list(t.series.c), t.series.c.owner_id, owners):
            series = wanted.get((row.owner_id, row.origin))
            if series is not None:
                series.sets[row.edge_set_id] = [row.runs, row.last_us]
        columns = [t.edge.c.id, t.edge.c.owner_id, t.edge.c.origin, t.life.c.opened_us, t.life.c.closed_us]
        joined = select(*columns).join(t.life, t.life.c.edge_id == t.edge.c.id)
        for chunk in chunks(list(owners)):
            for row in self.batch.connection.execute(joined.where(t.edge.c.owner_id.in_(chunk))):
                series = wanted.get((row.owner_id, row.origin))
                if series is None:
                    continue
                series.edges.add(row.id)
                if row.closed_us == OPEN:
                    series.alive[row.id] = row.opened_us
                else:
                    series.ever_closed = True
        newest = select(t.run.c.owner_id, t.run.c.origin, func.max(t.run.c.first_us)).group_by(
            t.run.c.owner_id, t.run.c.origin
        )
        for chunk in chunks(list(owners)):
            for row in self.batch.connection.execute(newest.where(t.run.c.owner_id.in_(chunk))):
                series = wanted.get((row[0], row[1]))
                if series is not None:
                    series.newest = (row[2], b"")

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
        before = (run.first_us, run.closes, run.terminal_us, run.edge_set_id, run.sibling)
        self._dirty[run.key] = run
        run.first_us = min(run.first_us, at_us)
        run.last_us = max(run.last_us, at_us)
        if facts.run is not None:
            self._report(run, facts.run, at_us)
        else:
            run.terminal, run.terminal_us = COMPLETE, at_us
        shown = self.edges.shown(facts)
        self._log(run, facts.run, at_us, position, shown)
        fresh = self._show(series, run, shown, at_us)
        self._count(series_key, series, run, self.edges.union(run.edge_set_id, shown), is_new)
        if series_key not in self._relive:
            told = Told(at_us, shown, fresh, is_new, *before)
            if not (self._quiet(series, run, told) or self._advance(series, run, told)):
                self._relive[series_key] = None
        series.began(run)
        return (run.id if facts.run is not None else 0), len(fresh)

    def _log(self, run: RunState, ran: Ran | None, at_us: int, position: int, shown: int) -> None:
        kind, incomplete, sibling = (ran.event_type, ran.incomplete, ran.sibling) if ran else (COMPLETE, False, "")
        told = {"type": EVENT_TYPES.index(kind), "edge_set_id": shown, "incomplete": incomplete, "sibling": sibling}
        self.batch.insert(t.run_event, {"run_pk": run.id, "position": position, "at_us": at_us, **told})

    def _run_of(self, facts: Facts, series_key: SeriesKey) -> RunState:
        key = _run_key(facts)
        run = self._runs.get(key)
        if run is None:
            run_id = facts.run.run_id if facts.run is not None else ""
            run = RunState(self.known.next_run, key, run_id, *series_key, facts.at_us, facts.at_us)
            self.known.next_run += 1
            self._runs[key] = run
            self.new.add(run.id)
        return run

    def _show(self, series: Series, run: RunState, shown: int, at_us: int) -> frozenset[int]:
        """Notes when the run first showed a set of edges; returns those that are new to the owner."""
        if not shown:
            return NONE
        shape = (run.id, shown)
        if at_us < self._shapes.get(shape, OPEN):
            self._shapes[shape] = self._new_shapes[shape] = at_us
        if shown in series.sets and shown == run.edge_set_id:
            return NONE
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

    def _quiet(self, series: Series, run: RunState, told: Told) -> bool:
        """Whether this event leaves every life of every edge as it is: the common case, history unread."""
        alive = series.alive
        if any(told.at_us < alive.get(edge, OPEN) for edge in self.edges.members(told.shown)):
            return False
        everything = self.edges.members(run.edge_set_id) == alive.keys()
        if not series.ever_closed:
            return everything or not run.closes
        if not told.is_new and (run.first_us, run.sibling) != (told.first_us, told.sibling):
            return False
        if told.closed:
            return run.closes and run.terminal_us == told.terminal_us and run.edge_set_id == told.edge_set_id
        if run.closes:
            return everything and series.is_newest(run, told.is_new) and not run.sibling
        return True

    def _advance(self, series: Series, run: RunState, told: Told) -> bool:
        """Opens and closes what the newest run of an owner changes, history unread; False if it must be read.

        Nothing that began before it, and nothing after it, decides about the same edges.
        """
        if told.closed or run.sibling or not series.is_newest(run, told.is_new):
            return False
        if not told.is_new and run.first_us != told.first_us:
            return False
        alive = series.alive
        for edge in self.edges.members(told.shown) - told.fresh:
            if told.at_us < alive.get(edge, OPEN):
                return False
        for edge in told.fresh:
            alive[edge] = self._live(edge, told.at_us, OPEN)
        if run.closes:
            kept = self.edges.members(run.edge_set_id)
            ended_us = max(run.first_us, run.last_us if run.terminal_us is None else run.terminal_us)
            for edge in [edge for edge, opened in alive.items() if edge not in kept and opened < run.first_us]:
                self._live(edge, alive.pop(edge), ended_us)
                series.ever_closed = True
        return True

    def _live(self, edge: int, opened_us: int, closed_us: int) -> int:
        self._lives[edge, opened_us] = closed_us
        self.edges.touch(edge)
        return opened_us

    def write(self) -> None:
        self.batch.write(t.run_event)
        shapes = self._new_shapes.items()
        upsert(
            self.batch.connection,
            t.run_shape,
            [{"run_pk": run, "edge_set_id": shown, "first_us": first_us} for (run, shown), first_us in shapes],
        )
        columns = [column.name for column in t.run.c]
        rows = [{name: getattr(run, name) for name in columns} for run in self._dirty.values()]
        upsert(self.batch.connection, t.run, rows)
        owed = [{"edge_id": e, "opened_us": o, "closed_us": c} for (e, o), c in self._lives.items()]
        upsert(self.batch.connection, t.life, owed)
        for key in self._relive:
            self._write_lives(key)
        self._write_series()

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

    def _write_lives(self, key: SeriesKey) -> None:
        """Works out the lives of an owner's edges from all its runs, and writes what differs."""
        owner, origin = key
        series = self.known.series[key]
        now = lives(self._history(owner, origin))
        ids = list(series.edges)
        before: Lives = {}
        for row in by_values(self.batch.connection, list(t.life.c), t.life.c.edge_id, ids):
            before.setdefault(row.edge_id, []).append((row.opened_us, row.closed_us))
        gone, come = [], []
        for edge in sorted(before.keys() | now.keys()):
            old, new = set(before.get(edge, ())), set(now.get(edge, ()))
            if old == new:
                continue
            self.edges.touch(edge)
            gone += [{"e": edge, "o": opened} for opened, _ in old - new]
            come += [{"edge_id": edge, "opened_us": opened, "closed_us": closed} for opened, closed in new - old]
        if gone:
            where = (t.life.c.edge_id == bindparam("e")) & (t.life.c.opened_us == bindparam("o"))
            self.batch.connection.execute(delete(t.life).where(where), gone)
        if come:
            self.batch.connection.execute(t.life.insert(), come)
        series.alive = {edge: spans[-1][0] for edge, spans in now.items() if spans[-1][1] == OPEN}
        series.ever_closed = any(closed != OPEN for spans in now.values() for _, closed in spans)

    def _history(self, owner: int, origin: int) -> list[Shown]:
        c = t.run.c
        rows = self.batch.connection.execute(select(t.run).where(c.owner_id == owner, c.origin == origin)).all()
        shapes: dict[int, list[tuple[int, int]]] = {}
        joined = (
            select(t.run_shape).join(t.run, c.id == t.run_shape.c.run_pk).where(c.owner_id == owner, c.origin == origin)
        )
        for row in self.batch.connection.execute(joined):
            shapes.setdefault(row.run_pk, []).append((row.first_us, row.edge_set_id))
        history = []
        for row in rows:
            values = dict(row._mapping)
            run = RunState(**values)
            edges: dict[int, int] = {}
            for first_us, set_id in sorted(shapes.get(run.id, ())):
                for edge in self.edges.members(set_id):
                    edges.setdefault(edge, first_us)
            ended = run.terminal_us if run.terminal_us is not None else run.last_us
            # Ids depend on the order of arrival, run ids and digests don't.
            tie = run.run_id or bytes(run.key).hex()
            history.append(Shown(run.first_us, tie, ended, run.closes, edges, run.sibling))
        return history


def _run_key(facts: Facts) -> bytes:
    """A run id used by two jobs is two runs."""
    if facts.run is not None:
        text = f"run\x1f{facts.run.run_id.lower()}\x1f"
    else:
        text = f"declared\x1f{facts.at_us}\x1f{facts.edges.digest.hex()}\x1f"
    return hashlib.sha256(text.encode() + facts.owner.key).digest()


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
