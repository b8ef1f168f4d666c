"""How a running Headwater is: whether it takes events, and how far the projections lag behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from lineage.errors import LineageError
from lineage.following import Following
from lineage.ports import Catalog, Mark

OK, DEGRADED, DOWN = "ok", "degraded", "down"
LOOK_S = 0.5
REMEMBERED = 20_000  # looks that saw something new: three hours of them, 4 MB


@dataclass(slots=True)
class Vitals:
    """What health is read from. projector_problem: why nothing is projected now, None if it is."""

    head: Callable[[], int]
    broken: Callable[[], str | None]
    catalog: Catalog
    following: Callable[[], Following]
    lag_degraded: int
    projector_problem: Callable[[], str | None] = lambda: None
    _stood: deque[tuple[Mark, int]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def read(self) -> dict[str, Any]:
        """`status`, `journal`, `projections`, as in the contract. Raises nothing: a store that is away is news."""
        position, journal_error = _asked(self.head)
        journal_error = journal_error or self.broken()
        at, catalog_error = _asked(self.look)
        following = self.following()
        failed, _ = _asked(self.catalog.failed)
        catalog = _part(at, position, catalog_error or self.projector_problem())
        if failed:
            catalog["failed"] = failed
        graph = {"store": following.store, **_part(self._graph_position(following), position, following.error)}
        parts = (catalog, graph)
        late = any(part["lag"] is None or part["lag"] > self.lag_degraded or "error" in part for part in parts)
        late = late or bool(failed)
        status = DOWN if journal_error else DEGRADED if late else OK
        journal = {"position": position, **({"error": journal_error} if journal_error else {})}
        return {"status": status, "journal": journal, "projections": {"catalog": catalog, "graph": graph}}

    def look(self) -> int:
        """The catalog's position; remembers which mark of its feed belongs to it. Raises StoreUnavailable."""
        position = self.catalog.position()
        mark = self.catalog.mark()  # asked later, so it covers the position
        newest = self._stood[-1] if self._stood else None
        if newest is None or newest != (mark, position):
            self._stood.append((mark, position))
        return position

    def watch(self, stop: Event) -> None:
        """Looks twice a second, so that a graph that falls behind can be told its position in the journal."""
        while not stop.wait(LOOK_S):
            with suppress(LineageError):  # health says so itself when it is asked
                self.look()

    def _graph_position(self, following: Following) -> int:
        """The newest position seen whose changes the graph holds for certain; 0: none is known."""
        own = following.mark
        if own is None:
            return 0
        held = (at for mark, at in reversed(self._stood) if mark.generation == own.generation and mark.seq <= own.seq)
        return next(held, 0)


def _asked(question: Callable[[], int]) -> tuple[int | None, str | None]:
    try:
        return question(), None
    except LineageError as error:
        return None, str(error)


def _part(position: int | None, head: int | None, error: str | None) -> dict[str, Any]:
    lag = None if position is None or head is None else max(0, head - position)
    return {"position": position, "lag": lag, **({"error": error} if error else {})}
