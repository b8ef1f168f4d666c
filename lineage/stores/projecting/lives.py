"""The life of edges, event by event.

`lineage.history.story` says what is meant. Most events change no life, or only what the newest run of an owner opens
and closes: that is told from what is alive. Whatever it can't be told from, reads the owner's history.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import bindparam, delete, select

from lineage.facts import ABORT, FAIL
from lineage.history import NOTHING, Edges, Lives, story
from lineage.model import Origin
from lineage.ports import OPEN
from lineage.stores import histories
from lineage.stores import tables as t
from lineage.stores.projecting.edges import Edges as EdgesOfBatch
from lineage.stores.projecting.known import Batch, SeriesKey
from lineage.stores.projecting.series import NEVER, RunState, Series
from lineage.stores.rows import upsert


class Fates(histories.Fates, Protocol):
    """What became of the ends of edges, and whose lives that makes doubtful."""

    renewed: set[SeriesKey]


@dataclass(frozen=True, slots=True)
class Report:
    """What an event told of its run, and how the run stood before it."""

    at_us: int
    type: str
    incomplete: bool
    shown: int
    fresh: Edges
    is_new: bool
    first_us: int
    closed: bool
    terminal_us: int | None
    edge_set_id: int
    sibling: str
    snapshot: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """The newest run of an owner, or event of a stream. edges: all that it showed; before: until this event."""

    start_us: int
    end_us: int
    closes: bool
    edges: Edges
    kept: Edges
    before: Edges


class LivesOfBatch:
    """The lives that one batch changes."""

    def __init__(self, batch: Batch, edges: EdgesOfBatch, fates: Fates) -> None:
        self.batch = batch
        self.edges = edges
        self.fates = fates
        self._changed: dict[tuple[int, int], int] = {}  # edge and opening to closing
        self._anew: dict[SeriesKey, None] = {}

    def renew(self, key: SeriesKey) -> None:
        """Has the lives of an owner's edges worked out from all its runs when the batch is written."""
        self._anew[key] = None

    def take(self, key: SeriesKey, series: Series, run: RunState, report: Report) -> None:
        """What one event does to the lives of its owner's edges."""
        if report.fresh and not series.touched:
            series.touched = self.fates.touches(report.fresh)
        if key not in self._anew and not self._is_told(series, run, report):
            self.renew(key)
        if run.snapshot:
            series.began(report.at_us, b"")
        else:
            series.began(run.first_us, run.key)

    def _is_told(self, series: Series, run: RunState, report: Report) -> bool:
        """Brings `series.alive` up to date with an event; False if the owner's history must be read for that."""
        if series.touched or not (report.is_new or (run.sibling, run.snapshot) == (report.sibling, report.snapshot)):
            return False
        if run.snapshot:
            return not report.shown or self._streams(series, report)
        if self._stays(series, run, report):
            return True
        is_same = report.is_new or run.first_us == report.first_us
        if report.closed or run.sibling or not is_same or not series.is_newest(run, report.is_new):
            return False
        ended_us = max(run.first_us, run.last_us if run.terminal_us is None else run.terminal_us)
        before = NOTHING if report.is_new else self.edges.members(report.edge_set_id)
        shown, kept = self.edges.members(run.edge_set_id), self._kept(series, run)
        return self._advance(series, Unit(run.first_us, ended_us, run.closes, shown, kept, before), report)

    def _kept(self, series: Series, run: RunState) -> Edges:
        return series.kept(run.edge_set_id, self.edges.members(run.edge_set_id))

    # ------------------------------------------------------------------ what changes nothing

    def _stays(self, series: Series, run: RunState, report: Report) -> bool:
        """Whether every life of every edge stays as it is: the common case."""
        if not self._is_old_news(series, run, report):
            return False
        alive, kept = series.alive, self._kept(series, run)
        if series.closed_us == NEVER and series.window == 1 and not series.guesses:
            return not run.closes or kept >= alive.keys()
        if run.sibling or not (report.is_new or run.first_us == report.first_us):
            return False
        if report.closed:
            return run.closes and (run.terminal_us, run.edge_set_id) == (report.terminal_us, report.edge_set_id)
        if not run.closes:
            return True
        # What it had guessed under way counts from then on, now that it has ended.
        is_doubtful = run.first_us < series.closed_us and not kept.isdisjoint(series.guesses)
        if is_doubtful or kept != alive.keys() or not series.is_newest(run, report.is_new):
            return False
        series.missed = {}
        return True

    def _is_old_news(self, series: Series, run: RunState, report: Report) -> bool:
        """Whether all that an event shows was open by then, or is a guess that is void."""
        alive, at_us = series.alive, report.at_us
        news = [edge for edge in self.edges.members(report.shown) if at_us < alive.get(edge, OPEN)]
        if not news:
            return True
        if any(edge not in series.guesses for edge in news):
            return False
        if run.closes:
            return self._kept(series, run).isdisjoint(news)
        told = series.told(at_us)
        return all(series.guesses[edge] in told for edge in news)

    # ------------------------------------------------------------------ what the newest run changes

    def _streams(self, series: Series, report: Report) -> bool:
        """An event of a stream is a run of its own."""
        if report.at_us <= series.newest[0]:
            return False
        closes = not report.incomplete and report.type not in (FAIL, ABORT)
        shown = self.edges.members(report.shown)
        unit = Unit(report.at_us, report.at_us, closes, shown, series.kept(report.shown, shown), NOTHING)
        return self._advance(series, unit, report)

    def _advance(self, series: Series, unit: Unit, report: Report) -> bool:
        """Opens and closes what the newest run of an owner changes.

        Nothing that began before it, and nothing after it, decides about the same edges.
        """
        opening = self._opening(series, unit, report)
        if opening is None or not self._is_closing_told(series, unit, opening):
            return False
        lacking = _lacking(series, unit) if unit.closes else []
        if lacking and series.window > 1 and series.missed is None:
            return False
        gone = list(_gone(series, lacking, unit.edges))
        if series.guesses and any(edge in series.stronger for edge in gone):
            return False  # guesses shown since may count again
        for edge in opening:
            series.alive[edge] = self._live(edge, report.at_us, OPEN)
        if unit.closes:
            self._close(series, unit.end_us, lacking, gone)
        return True

    def _opening(self, series: Series, unit: Unit, report: Report) -> list[int] | None:
        """The edges that an event opens; None if that can't be told."""
        alive, guesses, at_us = series.alive, series.guesses, report.at_us
        opening = []
        for edge in self.edges.members(report.shown):
            opened = alive.get(edge)
            if opened is None:
                opening.append(edge)
            elif at_us < opened:
                return None
        # It may have been closed after that time, or the word that made a guess void.
        if at_us < series.closed_us and any(edge not in report.fresh or edge in guesses for edge in opening):
            return None
        if not guesses:
            return opening
        flows = {series.stronger[edge] for edge in opening if edge in series.stronger}
        if any(flow in flows and at_us <= alive.get(edge, NEVER) for edge, flow in guesses.items()):
            return None
        if unit.closes:
            return [edge for edge in opening if edge in unit.kept]
        told = series.told(at_us) | flows
        return [edge for edge in opening if guesses.get(edge) not in told]

    def _is_closing_told(self, series: Series, unit: Unit, opening: Iterable[int]) -> bool:
        """Whether a run's end leaves its guesses as they were counted while it was under way."""
        alive, guesses = series.alive, series.guesses
        if not unit.closes or not guesses:
            return True
        if any(alive.get(edge, NEVER) >= unit.start_us for edge in guesses.keys() & (unit.edges - unit.kept)):
            return False
        opens = set(opening)
        for edge in guesses.keys() & unit.kept:
            if edge in unit.before and alive.get(edge, OPEN) > unit.start_us:
                return False
            if edge not in alive and edge not in opens:
                return False
        return True

    def _close(self, series: Series, ended_us: int, lacking: Iterable[int], gone: Iterable[int]) -> None:
        missed = series.missed or {}
        series.missed = {edge: missed.get(edge, 0) + 1 for edge in lacking}
        for edge in gone:
            self._live(edge, series.alive.pop(edge), ended_us)
            del series.missed[edge]
            series.closed_us = max(series.closed_us, ended_us)

    def _live(self, edge: int, opened_us: int, closed_us: int) -> int:
        self._changed[edge, opened_us] = closed_us
        self.edges.touch(edge)
        return opened_us

    # ------------------------------------------------------------------ writing

    def write(self, series_of: dict[SeriesKey, Series]) -> None:
        """series_of: of every owner that is asked to be renewed."""
        owed = [{"edge_id": e, "opened_us": o, "closed_us": c} for (e, o), c in self._changed.items()]
        upsert(self.batch.connection, t.life, owed)
        for key in self._anew:
            self._write_anew(key, series_of[key])

    def _write_anew(self, key: SeriesKey, series: Series) -> None:
        """Works out the lives of an owner's edges from all its runs, and writes what differs."""
        connection, fates = self.batch.connection, self.fates
        history = histories.histories(connection, [key[0]], fates=fates, sets=self.edges.sets)
        self.batch.write(t.edge)  # those between later incarnations come with the history
        runs = history.get(key, [])
        windows = {key[0]: series.window} if key[1] == Origin.OBSERVED else {}
        strengthened = self.edges.strengthened
        rules = histories.rules_of(connection, {key: runs}, windows, fates=fates, strengthened=strengthened)[key]
        told = story(runs, rules)
        self._write_difference(key, told.lives)
        series.alive = {edge: spans[-1][0] for edge, spans in told.lives.items() if spans[-1][1] == OPEN}
        series.missed = dict(told.missed)
        closings = (closed for spans in told.lives.values() for _, closed in spans if closed != OPEN)
        series.closed_us = max(closings, default=NEVER)

    def _write_difference(self, key: SeriesKey, now: Lives) -> None:
        before: Lives = {}
        c = t.edge.c
        stored = select(t.life).join(t.edge, c.id == t.life.c.edge_id).where(c.owner_id == key[0], c.origin == key[1])
        for row in self.batch.connection.execute(stored):
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


def _lacking(series: Series, unit: Unit) -> list[int]:
    """Open edges that a finished run, begun since, doesn't show."""
    return [edge for edge, opened in series.alive.items() if edge not in unit.kept and opened < unit.start_us]


def _gone(series: Series, lacking: Iterable[int], told: Edges) -> Iterator[int]:
    """Of edges that the newest successful run lacks, those that enough of them lack in a row, and void guesses."""
    missed = series.missed or {}
    void = series.void(told)
    for edge in lacking:
        if missed.get(edge, 0) + 1 >= series.window or edge in void:
            yield edge
