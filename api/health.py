"""How a running Headwater is: whether it takes events, and how far the projections lag behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from lineage.errors import LineageError
from lineage.ports import Catalog, GraphStore, Mark

OK, DEGRADED, DOWN = "ok", "degraded", "down"


@dataclass(slots=True)
class Vitals:
    """What health is read from. problems: why the projector and the graph's follower don't get on, None if they do."""

    head: Callable[[], int]
    broken: Callable[[], str | None]
    catalog: Catalog
    graph: GraphStore
    lag_degraded: int
    projector_problem: Callable[[], str | None] = lambda: None
    follower_problem: Callable[[], str | None] = lambda: None
    _stood: tuple[Mark, int] | None = None

    def read(self) -> dict[str, Any]:
        """`status`, `journal`, `projections`, as in the contract. Raises nothing: a store that is away is news."""
        position, journal_error = _asked(self.head)
        journal_error = journal_error or self.broken()
        at, catalog_error = _asked(self.catalog.position)
        catalog = _part(at, position, catalog_error or self.projector_problem())
        stands, graph_error = _asked(lambda: self._graph_position(at))
        graph = {"store": self.graph.name, **_part(stands, position, graph_error or self.follower_problem())}
        parts = (catalog, graph)
        late = any(part["lag"] is None or part["lag"] > self.lag_degraded or "error" in part for part in parts)
        status = DOWN if journal_error else DEGRADED if late else OK
        journal = {"position": position, **({"error": journal_error} if journal_error else {})}
        return {"status": status, "journal": journal, "projections": {"catalog": catalog, "graph": graph}}

    def _graph_position(self, catalog_position: int | None) -> int:
        """The position whose changes the graph holds for certain."""
        if catalog_position is None:
            return 0
        mark, own = self.catalog.mark(), self.graph.mark()
        if own is None or own.generation != mark.generation:
            return 0
        if own.seq >= mark.seq:
            self._stood = (own, catalog_position)
        # Between two looks it went on; where exactly is known only when it has caught up.
        known = self._stood
        return known[1] if known is not None and known[0].generation == own.generation else 0


def _asked(question: Callable[[], int]) -> tuple[int | None, str | None]:
    try:
        return question(), None
    except LineageError as error:
        return None, str(error)


def _part(position: int | None, head: int | None, error: str | None) -> dict[str, Any]:
    lag = None if position is None or head is None else max(0, head - position)
    return {"position": position, "lag": lag, **({"error": error} if error else {})}
