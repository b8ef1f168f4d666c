"""Keeping a graph store at the end of the catalog's feed, whatever happens to the store in between."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from threading import Event, Lock
from time import monotonic

import structlog

from lineage.errors import StoreUnavailable
from lineage.ports import GraphSource, GraphStore, Mark

# After work more is likely; idle, 50 questions a second take 1 to 3 % of a core (SQLite, 135 us of CPU each).
BUSY_S, IDLE_S = 0.002, 0.02
HEARTBEAT_S = 1.0  # how often a store is asked for its mark though the feed stands still: someone may have wiped it
BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 10.0
SLICE_S = 0.05  # how late a stop may be noticed

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Following:
    """How it goes. lag: changes not applied yet, None if unknown. error, since: the trouble and when it began."""

    store: str
    mark: Mark | None = None
    lag: int | None = None
    healthy: bool = True
    error: str | None = None
    since: datetime | None = None


class Follower:
    """One store following one feed. Any number of threads may call `catch_up`; they take turns."""

    def __init__(self, source: GraphSource, store: GraphStore) -> None:
        self._source, self._store = source, store
        self._turn = Lock()
        self._wake = Event()
        self._asked_at = -HEARTBEAT_S
        self._end: Mark | None = None
        self._status = Following(store.name)

    @property
    def status(self) -> Following:
        return self._status

    def wake(self) -> None:
        """Makes `run` look now instead of after its pause."""
        self._wake.set()

    def catch_up(self, stop: Event | None = None) -> Mark:
        """Brings the store to the end of the feed, by loading if it must; where it stands then.

        stop: ends it early, between two pages of changes.
        Raises StoreUnavailable if the store or the catalog is away.
        """
        with self._turn:
            mark = self._store.mark()
            while True:
                changes = self._source.changes(mark) if mark is not None else None
                if changes is None:
                    mark = self._load()
                    continue
                if changes.mark != mark or changes.nodes or changes.fields or changes.edges:
                    self._store.apply(changes)
                    mark = changes.mark
                if not changes.more or (stop is not None and stop.is_set()):
                    self._asked_at = monotonic()
                    self._end = mark
                    self._status = Following(self._store.name, mark, 0)
                    return mark

    def _load(self) -> Mark:
        snapshot = self._source.snapshot()
        try:
            self._store.load(snapshot)
        finally:
            snapshot.close()
        return snapshot.mark

    def run(self, stop: Event) -> None:
        """Follows until `stop`, through any trouble: it is told in `status`, and ends when the store comes back."""
        pause_s, failures = IDLE_S, 0
        while not stop.is_set():
            try:
                pause_s = BUSY_S if self._look(stop) else min(IDLE_S, pause_s * 1.5)
                failures = 0
            except StoreUnavailable as error:
                self._went_wrong(str(error))
                failures += 1
            except Exception as error:  # not the end: a follower that died would leave a graph that lies
                log.exception("following failed", store=self._store.name)
                self._went_wrong(f"{type(error).__name__}: {error}")
                failures += 1
            self._sleep(_backoff_s(failures) if failures else pause_s, stop)

    def _look(self, stop: Event) -> bool:
        """Whether there was something to do; then it is done."""
        self._end = end = self._source.mark()
        status = self._status
        if status.mark == end and status.healthy:
            if monotonic() - self._asked_at < HEARTBEAT_S:
                return False
            self._asked_at = monotonic()
            if self._store.mark() == end:
                return False
        self._status = replace(status, lag=_lag(status.mark, end))
        self.catch_up(stop)
        return True

    def _went_wrong(self, error: str) -> None:
        status = self._status
        since = status.since or datetime.now(UTC)
        self._status = replace(status, lag=_lag(status.mark, self._end), healthy=False, error=error, since=since)

    def _sleep(self, pause_s: float, stop: Event) -> None:
        until = monotonic() + pause_s
        while not stop.is_set() and (left_s := until - monotonic()) > 0:
            if self._wake.wait(min(left_s, SLICE_S)):
                break
        self._wake.clear()


def _lag(mark: Mark | None, end: Mark | None) -> int | None:
    if mark is None or end is None or mark.generation != end.generation:
        return None
    return end.seq - mark.seq


def _backoff_s(failures: int) -> float:
    """Longer after each failure in a row, and never the same for two who fail together."""
    return min(LONGEST_BACKOFF_S, BACKOFF_S * 2.0 ** min(failures, 10)) * random.uniform(0.5, 1)
