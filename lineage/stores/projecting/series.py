"""What the projector remembers of runs, and of all that one owner showed."""

from __future__ import annotations

from dataclasses import dataclass, field

from lineage.history import NOTHING, Edges, Rules, ended_well
from lineage.ports import OPEN
from lineage.stores.histories import strength_of

NEVER = -OPEN


@dataclass(slots=True)
class RunState:
    id: int
    key: bytes
    run_id: str
    owner_id: int
    origin: int
    first_us: int
    last_us: int
    start_us: int | None = None
    terminal_us: int | None = None
    terminal: str | None = None
    running: bool = False
    nominal_start_us: int | None = None
    nominal_end_us: int | None = None
    parent_run: str | None = None
    parent_id: int = 0
    root_run: str | None = None
    root_id: int = 0
    error: str | None = None
    error_us: int | None = None
    sibling: str = ""
    incomplete: bool = False
    snapshot: bool = False
    edge_set_id: int = 0

    @property
    def closes(self) -> bool:
        """Succeeded, and not begun again since, with lineage that the producer calls whole and that is not empty."""
        whole = not self.incomplete and self.edge_set_id != 0
        return whole and ended_well(self.terminal, self.terminal_us, self.start_us)


@dataclass(slots=True)
class Series:
    """All that one owner showed with one origin.

    sets: [runs, last time] by set of edges. alive: opening of the edges that are open. missed: of these, how many
    successful runs in a row lack it; None: not read. closed_us: the latest end of any life. newest: start and key of
    what began last, see `began`. guesses, stronger, between: READs by id, with their flow, by what their basis is
    worth. window_from: ids of the facets that `window` was read off. touched: an end of one of its edges was dropped or
    renamed.
    """

    sets: dict[int, list[int]] = field(default_factory=dict)
    edges: set[int] = field(default_factory=set)
    alive: dict[int, int] = field(default_factory=dict)
    missed: dict[int, int] | None = None
    closed_us: int = NEVER
    newest: tuple[int, bytes] = (NEVER, b"")
    guesses: dict[int, int] = field(default_factory=dict)
    stronger: dict[int, int] = field(default_factory=dict)
    between: dict[int, int] = field(default_factory=dict)
    window: int = 1
    window_from: tuple[int, ...] = ()
    touched: bool = False
    _kept: dict[int, Edges] = field(default_factory=dict)

    def began(self, start_us: int, key: bytes) -> None:
        """Notes a run, or (with no key) an event of a stream; no key stands where two began at once."""
        newest_us, newest = self.newest
        if start_us > newest_us:
            self.newest = (start_us, key)
        elif start_us == newest_us and key != newest:
            self.newest = (newest_us, b"")

    def is_newest(self, run: RunState, is_new: bool) -> bool:
        """Whether nothing else began when this run did, or later."""
        start_us, key = self.newest
        return run.first_us > start_us if is_new else (run.first_us, run.key) == (start_us, key)

    def read_in_flow(self, edge: int, flow: int, basis: int) -> None:
        """Notes a READ into a flow, and what its basis is worth."""
        strength = strength_of(basis)
        for place in (self.guesses, self.stronger, self.between):
            place.pop(edge, None)
        (self.between if strength is None else (self.guesses, self.stronger)[strength])[edge] = flow

    def promote(self, edge: int, basis: int) -> bool:
        """Notes that a stronger word was given for an edge; whether that changes what its runs showed before."""
        flow = next((p[edge] for p in (self.guesses, self.stronger, self.between) if edge in p), None)
        if flow is None or edge in self.stronger:
            return False
        was_guess = edge in self.guesses
        self.read_in_flow(edge, flow, basis)
        self._kept.clear()
        return was_guess or flow in self.guesses.values()

    def kept(self, set_id: int, members: Edges) -> Edges:
        """What a finished run that showed a set of edges says."""
        if not self.guesses:
            return members
        found = self._kept.get(set_id)
        if found is None:
            found = self._kept[set_id] = Rules(1, self.guesses, self.stronger).kept(members)
        return found

    def void(self, members: Edges) -> Edges:
        """The guesses that a finished run which showed these edges makes void."""
        return Rules(1, self.guesses, self.stronger).replaced(members) if self.guesses else NOTHING

    def told(self, at_us: int) -> set[int]:
        """The flows that have an open stronger READ at a time, of those that are open still."""
        return {flow for edge, flow in self.stronger.items() if self.alive.get(edge, OPEN) <= at_us}
