"""The journal into the catalog: one projector, batch by batch, for ever; and the same thing once, for a rebuild."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog

from ingest.openlineage.facts import Reader
from ingest.openlineage.parse import event_of
from lineage.errors import LineageError, StoreUnavailable
from lineage.ports import Applied, Catalog

# Events a transaction: enough to share its cost, few enough that who waits for one waits under a tenth of a second.
BATCH = 500
IDLE_S = 0.01
REST_S = 0.05
BACKOFF_S = 5.0
# Of so many events in a row, so many may be set aside; past that the projector stops.
LOOKED_BACK, TOO_MANY = 1_000, 10
REASON = 500  # characters

log = structlog.get_logger(__name__)


class JournalEntry(Protocol):
    @property
    def position(self) -> int: ...
    @property
    def received_us(self) -> int: ...
    @property
    def body(self) -> bytes: ...


class ReadableJournal(Protocol):
    def read(self, after: int, limit: int) -> Sequence[JournalEntry]:
        """Events after a position, oldest first."""
        ...

    def head(self) -> int:
        """Position of the newest event; 0 for none."""
        ...


class Projector:
    """Applies what the journal holds beyond the catalog's position."""

    def __init__(self, journal: Any, reader: Reader, catalog: Catalog, batch: int = BATCH) -> None:
        self._journal: ReadableJournal = journal
        self._reader = reader
        self._catalog = catalog
        self._batch = batch

    def step(self) -> int:
        """Applies the next batch; returns how many events it had. Raises StoreUnavailable, NotOwner.

        An event that can't be applied is set aside with its reason and the others go on; where many can't, the fault
        is ours and not theirs, and what they raise is raised.
        """
        entries = self._journal.read(self._catalog.position(), self._batch)
        if entries:
            try:
                self._catalog.apply([self._applied(entry) for entry in entries])
            except LineageError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at event by event
                log.warning("a batch failed; it is applied event by event", error=repr(error)[:REASON])
                self._one_by_one(entries)
        return len(entries)

    def _one_by_one(self, entries: Sequence[JournalEntry]) -> None:
        for entry in entries:
            try:
                self._catalog.apply([self._applied(entry)])
            except LineageError:
                raise
            except Exception as error:
                if self._catalog.failed(after=entry.position - LOOKED_BACK) >= TOO_MANY:
                    raise
                reason = repr(error)[:REASON]
                log.error("an event can't be applied and is set aside", position=entry.position, error=reason)
                self._catalog.apply([Applied(entry.position, None, failure=reason)])

    def catch_up(self, advanced: Callable[[int], None] = lambda _: None) -> int:
        """Applies all there is; `advanced` hears of every batch's size. Returns the number of events."""
        total = 0
        while count := self.step():
            total += count
            advanced(count)
        return total

    def run(self, stop: threading.Event) -> None:
        """Follows the journal until told to stop. A store that is away is waited for; nothing else is survived.

        Beyond full batches it rests as long as it worked: a batch costs some 15 ms however small it is, and a projector
        that runs after every few events takes the core that the intake or a reader needs. Where nothing comes it looks
        less and less often, down to twenty times a second: a hundred took a tenth of a core from an idle machine.
        """
        wait_s = IDLE_S
        while not stop.is_set():
            began = time.monotonic()
            try:
                count = self.step()
                worked_s = time.monotonic() - began if count else wait_s * 1.5
                wait_s = 0.0 if count >= self._batch else min(REST_S, max(IDLE_S, worked_s))
            except StoreUnavailable as error:
                wait_s = min(BACKOFF_S, max(0.1, wait_s * 2))
                log.warning("projector waits", reason=str(error), again_in_s=wait_s)
            if wait_s:
                stop.wait(wait_s)

    def _applied(self, entry: JournalEntry) -> Applied:
        return Applied(entry.position, self._reader.facts(event_of(entry.body), entry.received_us))
