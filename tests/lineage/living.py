"""The life of edges by brute force, edge by edge, straight from what docs/concepts.md says: an oracle for tests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lineage.history import Lives, Rules, Told
from lineage.ports import OPEN


@dataclass
class Unit:
    start: int
    tie: str
    end: int
    closes: bool
    shows: list[tuple[int, int]]  # time, edge


def brute_lives(runs: Mapping[str, Sequence[Told]], rules: Rules) -> Lives:
    """Lives of all edges of one owner; runs: events by a text that decides between runs with equal starts."""
    units = sorted(_units(runs), key=lambda unit: (unit.start, unit.tie))
    edges = {edge for unit in units for _, edge in unit.shows}
    found = {e: _spans(e, units, rules, {}) for e in edges if e not in rules.guesses}
    firm = dict(found)
    found |= {e: _spans(e, units, rules, firm) for e in edges if e in rules.guesses}
    return {edge: spans for edge, spans in found.items() if spans}


def _units(runs: Mapping[str, Sequence[Told]]) -> list[Unit]:
    alone: list[Unit] = []
    groups: dict[str, list[Unit]] = {}
    for tie, events in runs.items():
        if any(event.snapshot for event in events):
            alone += _of_stream(tie, events)
            continue
        unit = _of_run(tie, events)
        sibling = sorted(event.sibling for event in events)[-1]
        if sibling:
            groups.setdefault(sibling, []).append(unit)
        else:
            alone.append(unit)
    for sibling, group in groups.items():
        start, end = min(unit.start for unit in group), max(unit.end for unit in group)
        shows = [show for unit in group for show in unit.shows]
        alone.append(Unit(start, sibling, end, all(unit.closes for unit in group), shows))
    return alone


def _of_stream(tie: str, events: Sequence[Told]) -> list[Unit]:
    units = []
    for at in sorted({event.at_us for event in events if event.edges}):
        told = [event for event in events if event.at_us == at and event.edges]
        bad = any(event.incomplete or event.type in ("FAIL", "ABORT") for event in told)
        units.append(Unit(at, tie, at, not bad, [(at, edge) for event in told for edge in event.edges]))
    return units


def _of_run(tie: str, events: Sequence[Told]) -> Unit:
    times = sorted(event.at_us for event in events)
    ends = sorted((event.at_us, event.type) for event in events if event.type in ("COMPLETE", "FAIL", "ABORT"))
    again = bool(ends) and any(event.type == "START" and event.at_us > ends[-1][0] for event in events)
    shows = [(event.at_us, edge) for event in events for edge in event.edges]
    well = bool(ends) and ends[-1][1] == "COMPLETE" and not again
    whole = not any(event.incomplete for event in events)
    return Unit(times[0], tie, ends[-1][0] if ends else times[-1], well and whole and bool(shows), shows)


def _spans(edge: int, units: Sequence[Unit], rules: Rules, firm: Lives) -> list[tuple[int, int]]:
    """Between two drops an edge lives as if nothing had been shown before or after."""
    borders = [-OPEN, *rules.drops.get(edge, ()), OPEN]
    found = []
    for after, upto in itertools.pairwise(borders):
        found += [(o, min(c, upto)) for o, c in _between(edge, units, rules, firm, after, upto) if o < upto]
    return sorted(found)


def _between(
    edge: int, units: Sequence[Unit], rules: Rules, firm: Lives, after: int, upto: int
) -> list[tuple[int, int]]:
    flow = rules.guesses.get(edge)
    opened: int | None = None
    lacking = 0
    past: list[tuple[int, int]] = []
    for unit in units:
        knows_better = any(rules.stronger.get(e) == flow for _, e in unit.shows) if flow is not None else False
        times = [at for at, e in unit.shows if e == edge and after < at <= upto]
        if unit.closes and knows_better:
            times = []
        if not unit.closes and flow is not None:
            times = [at for at in times if not _is_told(flow, at, rules, firm)]
        if times:
            opened = min(times) if opened is None else min(opened, *times)
            opened = max(opened, past[-1][1]) if past else opened
            if unit.closes:
                lacking = 0
        elif unit.closes and opened is not None and opened < unit.start:
            lacking += 1
            if knows_better or lacking == rules.window:
                past.append((opened, max(unit.start, unit.end)))
                opened, lacking = None, 0
    return past if opened is None else [*past, (opened, OPEN)]


def _is_told(flow: int, at: int, rules: Rules, firm: Lives) -> bool:
    return any(o <= at < c for edge, f in rules.stronger.items() if f == flow for o, c in firm.get(edge, ()))
