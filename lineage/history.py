"""The life of edges: when they opened and closed, as a function of the runs that showed them.

docs/decisions/0005-lives-of-edges.md has the rules in the order in which they were chosen, and what each costs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lineage.facts import ABORT, COMPLETE, FAIL, START, TERMINAL
from lineage.ports import OPEN

Lives = dict[int, list[tuple[int, int]]]
Edges = frozenset[int]
NOTHING: Edges = frozenset()


@dataclass(frozen=True, slots=True)
class Told:
    """What one event told of its run: its time, its word (lineage.facts.EVENT_TYPES), the edges it showed."""

    at_us: int
    type: str
    edges: Edges
    incomplete: bool = False
    sibling: str = ""
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """What one run of an owner showed, or one event of a stream.

    start_us: the least time it spoke of. tie: decides between equal starts; any text, the same on every replay.
    end_us: when it ended. closes: it succeeded with complete lineage, so what it doesn't show is gone.
    shows: (time, edges that it showed then), ascending. sibling: runs with the same text, if any, count as one.
    """

    start_us: int
    tie: str
    end_us: int
    closes: bool
    shows: tuple[tuple[int, Edges], ...]
    sibling: str = ""

    @property
    def edges(self) -> Edges:
        """All that it showed."""
        return self.shows[0][1] if len(self.shows) == 1 else NOTHING.union(*(edges for _, edges in self.shows))


@dataclass(frozen=True, slots=True)
class Rules:
    """What besides its runs decides about the edges of one owner.

    window: an edge closes when so many successful runs in a row lack it. guesses: READs that are known only by standing
    in one event with the output, by edge id the flow they go into. stronger: READs that a producer told outright, by
    columns or in SQL, likewise. drops: when an end of an edge was dropped, by edge id, ascending.
    """

    window: int = 1
    guesses: Mapping[int, int] = field(default_factory=dict)
    stronger: Mapping[int, int] = field(default_factory=dict)
    drops: Mapping[int, Sequence[int]] = field(default_factory=dict)

    def kept(self, edges: Edges) -> Edges:
        """What a finished run that showed `edges` says: without guesses about flows of which it knows better."""
        return edges - self.replaced(edges)

    def replaced(self, edges: Edges) -> Edges:
        """The guesses of an owner, shown or not, that are void where these edges are told."""
        if not self.guesses:
            return NOTHING
        told = {self.stronger[edge] for edge in self.stronger.keys() & edges}
        return frozenset(edge for edge, flow in self.guesses.items() if flow in told)


@dataclass(frozen=True, slots=True)
class Story:
    """lives: of every edge, [opened, closed), oldest first; OPEN while it lives. No entry: it never lived.

    missed: of open edges, how many successful runs in a row lack it by now; no entry: none.
    """

    lives: Lives
    missed: Mapping[int, int]


PLAIN = Rules()


def ended_well(terminal: str | None, terminal_us: int | None, start_us: int | None) -> bool:
    """Whether a run succeeded and wasn't begun again since. start_us: of its newest START."""
    return terminal == COMPLETE and (start_us is None or terminal_us is None or start_us <= terminal_us)


def shown_by(tie: str, events: Sequence[Told], *, every: bool = False) -> list[Shown]:
    """What one run showed, from all of its events in any order; repeated ones change nothing.

    A stream whose events each tell the whole state is as many runs as there are times at which it told one.
    every: keep each time that a set of edges was shown, not only the first.
    """
    if any(event.snapshot for event in events):
        return _snapshots(tie, events)
    times = [event.at_us for event in events]
    start_us = max((event.at_us for event in events if event.type == START), default=None)
    ends = [(event.at_us, event.type) for event in events if event.type in TERMINAL]
    terminal_us, terminal = max(ends, default=(None, None))
    closes = ended_well(terminal, terminal_us, start_us) and not any(event.incomplete for event in events)
    end_us = max(times) if terminal_us is None else terminal_us
    sibling = max(event.sibling for event in events)
    # What closes nothing shows its guesses only while nothing better is known, so each time counts.
    shows = _shows(events, every=every or not closes or sibling != "")
    closes = closes and bool(shows)
    return [Shown(min(times), tie, end_us, closes, shows, sibling)]


def _shows(events: Sequence[Told], *, every: bool) -> tuple[tuple[int, Edges], ...]:
    if every:
        return tuple(sorted({(e.at_us, e.edges) for e in events if e.edges}, key=lambda show: show[0]))
    first: dict[Edges, int] = {}
    for event in events:
        if event.edges:
            first[event.edges] = min(event.at_us, first.get(event.edges, event.at_us))
    return tuple(sorted(((at_us, edges) for edges, at_us in first.items()), key=lambda show: show[0]))


def _snapshots(tie: str, events: Sequence[Told]) -> list[Shown]:
    """A stream's events as runs; failing, aborted and incomplete ones close nothing."""
    by_time: dict[int, list[Told]] = {}
    for event in events:
        if event.edges:
            by_time.setdefault(event.at_us, []).append(event)
    found = []
    for at_us, told in by_time.items():
        edges = told[0].edges.union(*(event.edges for event in told[1:]))
        closes = not any(event.incomplete or event.type in (FAIL, ABORT) for event in told)
        found.append(Shown(at_us, tie, at_us, closes, ((at_us, edges),)))
    return found


def lives(runs: Iterable[Shown], rules: Rules = PLAIN) -> Lives:
    """Every life of every edge of one owner; see `story`."""
    return story(runs, rules).lives


def story(runs: Iterable[Shown], rules: Rules = PLAIN) -> Story:
    """What became of the edges of one owner, from all its runs in any order.

    An edge opens with the first event that shows it. It closes at the end of the `window`th successful run in a row
    that lacks it, of those that began after it had opened. A failed or unfinished run closes nothing. A finished run
    that was told of a flow doesn't show its guesses about it, and closes those of others; a run that closes nothing
    shows no guess while the flow has a stronger READ. At a drop of one of its ends an edge closes, and only what
    shows it later than that opens it again.
    Cost: edges that came or went, some set operations a run, a sort of the runs.
    """
    units = sorted(_units(runs), key=lambda unit: (unit.start_us, unit.tie))
    epochs = _Epochs(rules)
    if rules.drops:
        units, rules = [epochs.split(unit) for unit in units], epochs.rules()
    firm, guesses = _Walk(rules.window), frozenset(rules.guesses)
    for unit in units:
        firm.take(unit, guesses)
    firm_lives = epochs.clip(firm.ended())
    if not guesses:
        return Story(epochs.joined(firm_lives), firm.missed)
    weak = _Walk(rules.window)
    told = _spans_of_flows(firm_lives, rules.stronger)
    for unit in units:
        replaced = rules.replaced(unit.edges) if unit.closes else NOTHING
        weak.take(_guessing(unit, rules.guesses, told, replaced), NOTHING, replaced)
    return Story(epochs.joined(firm_lives | epochs.clip(weak.ended())), {**firm.missed, **weak.missed})


def _units(runs: Iterable[Shown]) -> Iterable[Shown]:
    """Runs as they are, siblings folded into one that closes only if each of them would."""
    siblings: dict[str, list[Shown]] = {}
    for run in runs:
        if run.sibling:
            siblings.setdefault(run.sibling, []).append(run)
        else:
            yield run
    for key, group in siblings.items():
        yield Shown(
            start_us=min(run.start_us for run in group),
            tie=key,
            end_us=max(run.end_us for run in group),
            closes=all(run.closes for run in group),
            shows=tuple(sorted((show for run in group for show in run.shows), key=lambda show: show[0])),
        )


class _Walk:
    """Goes through runs in the order of their starts."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.missed: dict[int, int] = {}
        self._found: Lives = {}
        self._open: dict[int, int] = {}
        self._newest = -OPEN  # opening of any edge: what is shown later opens only what isn't open

    def take(self, unit: Shown, without: Edges = NOTHING, void: Edges = NOTHING) -> None:
        """The next run. without: edges that aren't meant here. void: edges that it closes whatever the window."""
        for at_us, edges in unit.shows:
            self._show(at_us, edges.difference(without) if without else edges)
        if unit.closes:
            self._close(unit, unit.edges, void)

    def _show(self, at_us: int, edges: Edges) -> None:
        for edge in edges if at_us < self._newest else edges.difference(self._open):
            # Runs overlap: one that began later may have shown the edge earlier, even before an earlier closing.
            since = min(at_us, self._open.get(edge, at_us))
            past = self._found.get(edge)
            self._open[edge] = since = max(since, past[-1][1]) if past else since
            self._newest = max(self._newest, since)

    def _close(self, unit: Shown, kept: Edges, void: Edges) -> None:
        for edge in self._open.keys() - kept:
            opened = self._open[edge]
            if opened >= unit.start_us:
                continue
            missed = self.missed[edge] = self.missed.get(edge, 0) + 1
            if missed >= self.window or edge in void:
                del self._open[edge], self.missed[edge]
                self._found.setdefault(edge, []).append((opened, max(unit.end_us, unit.start_us)))
        for edge in self.missed.keys() & kept:
            del self.missed[edge]

    def ended(self) -> Lives:
        """All lives, those included that last."""
        for edge, opened in self._open.items():
            self._found.setdefault(edge, []).append((opened, OPEN))
        return self._found


def _guessing(unit: Shown, guesses: Mapping[int, int], told: Mapping[int, _Spans], replaced: Edges) -> Shown:
    """A run with those of its guesses alone that count."""
    shows = []
    for at_us, edges in unit.shows:
        meant = (guesses.keys() & edges) - replaced
        if not unit.closes:
            meant = {edge for edge in meant if not (guesses[edge] in told and told[guesses[edge]].hold(at_us))}
        shows.append((at_us, frozenset(meant)))
    return replace(unit, shows=tuple(shows))


class _Spans:
    """Times at which one of several edges was open."""

    def __init__(self, spans: Iterable[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for opened, closed in sorted(spans):
            if self._ends and opened <= self._ends[-1]:
                self._ends[-1] = max(closed, self._ends[-1])
            else:
                self._starts.append(opened)
                self._ends.append(closed)

    def hold(self, at_us: int) -> bool:
        place = bisect_right(self._starts, at_us) - 1
        return place >= 0 and at_us < self._ends[place]


def _spans_of_flows(found: Lives, stronger: Mapping[int, int]) -> dict[int, _Spans]:
    spans: dict[int, list[tuple[int, int]]] = {}
    for edge, flow in stronger.items():
        spans.setdefault(flow, []).extend(found.get(edge, ()))
    return {flow: _Spans(of_flow) for flow, of_flow in spans.items()}


class _Epochs:
    """Edges whose ends were dropped, each as several: one for the time up to each drop, one since the last.

    They have ids of their own, below zero, so that what was shown of one says nothing of the next.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._ids: dict[tuple[int, int], int] = {}
        self._edges: dict[int, tuple[int, int]] = {}  # id to the edge and when it was dropped

    def split(self, unit: Shown) -> Shown:
        return replace(
            unit, shows=tuple((at_us, frozenset(self._id(e, at_us) for e in edges)) for at_us, edges in unit.shows)
        )

    def _id(self, edge: int, at_us: int) -> int:
        drops = self._rules.drops.get(edge)
        if not drops:
            return edge
        past = bisect_left(drops, at_us)
        made = self._ids.setdefault((edge, past), -1 - len(self._ids))
        self._edges[made] = (edge, drops[past] if past < len(drops) else OPEN)
        return made

    def rules(self) -> Rules:
        """The rules for the edges as they were split; ask after splitting."""
        return replace(
            self._rules, guesses=self._of_all(self._rules.guesses), stronger=self._of_all(self._rules.stronger)
        )

    def _of_all(self, flows: Mapping[int, int]) -> dict[int, int]:
        return {**flows, **{made: flows[edge] for made, (edge, _) in self._edges.items() if edge in flows}}

    def clip(self, found: Lives) -> Lives:
        """Ends what outlived a drop; what would end as it opened is no life."""
        if not self._edges:
            return found
        ends = {made: end for made, (_, end) in self._edges.items()}
        clipped = {e: [(o, min(c, ends.get(e, OPEN))) for o, c in spans] for e, spans in found.items()}
        return {edge: [(o, c) for o, c in spans if o < c] for edge, spans in clipped.items()}

    def joined(self, found: Lives) -> Lives:
        """Lives of edges as they were before the split."""
        if not self._edges:
            return found
        whole: Lives = {}
        for edge, spans in found.items():
            if spans:
                whole.setdefault(self._edges.get(edge, (edge, 0))[0], []).extend(spans)
        return {edge: sorted(spans) for edge, spans in whole.items()}
