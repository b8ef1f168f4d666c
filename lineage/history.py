"""The life of edges: when they opened and closed, as a function of the runs that showed them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lineage.ports import OPEN

Lives = dict[int, list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Shown:
    """What one run of an owner showed.

    start_us: the least time the run spoke of. tie: decides between equal starts; any text, the same on every replay.
    end_us: when it ended. closes: it succeeded with complete lineage, so what it doesn't show is gone.
    edges: edge id to the first time that the run showed it. sibling: runs with the same text, if any, count as one.
    """

    start_us: int
    tie: str
    end_us: int
    closes: bool
    edges: Mapping[int, int]
    sibling: str = ""


def lives(runs: Iterable[Shown]) -> Lives:
    """Every life of every edge, [opened, closed), oldest first; OPEN while it lives.

    An edge opens with the first event that shows it and closes at the end of the first later run that succeeded
    without it. Later: begun after the edge had opened. A failed or unfinished run closes nothing. The order in which
    runs are given doesn't matter.
    Cost: edges shown and closed, plus a sort of the runs.
    """
    found: Lives = {}
    open_since: dict[int, int] = {}
    for run in sorted(_units(runs), key=lambda unit: (unit.start_us, unit.tie)):
        for edge, shown_us in run.edges.items():
            # Runs overlap: one that began later may have shown the edge earlier, even before an earlier closing.
            since = min(shown_us, open_since.get(edge, shown_us))
            past = found.get(edge)
            open_since[edge] = max(since, past[-1][1]) if past else since
        if run.closes:
            gone = [e for e, opened in open_since.items() if e not in run.edges and opened < run.start_us]
            for edge in gone:
                found.setdefault(edge, []).append((open_since.pop(edge), max(run.end_us, run.start_us)))
    for edge, opened in open_since.items():
        found.setdefault(edge, []).append((opened, OPEN))
    return found


def _units(runs: Iterable[Shown]) -> Iterable[Shown]:
    """Runs as they are, siblings folded into one that closes only if each of them would."""
    siblings: dict[str, list[Shown]] = {}
    for run in runs:
        if run.sibling:
            siblings.setdefault(run.sibling, []).append(run)
        else:
            yield run
    for key, group in siblings.items():
        edges: dict[int, int] = {}
        for run in group:
            for edge, shown_us in run.edges.items():
                edges[edge] = min(shown_us, edges.get(edge, shown_us))
        yield Shown(
            start_us=min(run.start_us for run in group),
            tie=key,
            end_us=max(run.end_us for run in group),
            closes=all(run.closes for run in group),
            edges=edges,
        )
