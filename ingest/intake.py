"""The one way in: body to event, secrets out, into the journal; and only then an answer."""

from __future__ import annotations

import asyncio
import hashlib
import random
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
import structlog

from ingest.commit import Appended, Record, Refusal
from ingest.errors import NotStored, Overloaded, Refused, fault
from ingest.journal import Journal, Rejected, subject_of
from ingest.limits import MIB, Limits
from ingest.openlineage.gate import written
from ingest.openlineage.parse import DATASET, Event, Parser
from ingest.scrub import Change, Scrubber, as_json
from lineage import model
from lineage.errors import StoreUnavailable

CUT_RULE = "facet_over_limit"
# Above this a body is read in a thread: 5 ms of parsing are what another request may wait for.
INLINE_BYTES = 256 * 1024
KEPT_BODY_BYTES = MIB
TOGETHER = 32  # events of a batch that are searched for secrets at once
PRUNE_EVERY = 256

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Pressure:
    """When to refuse what comes in. age_s: of what has waited longest for its commit. parsers: large bodies at once."""

    age_s: float = 1.0
    events: int = 20_000
    size_bytes: int = 256 * MIB
    free_bytes: int = 512 * MIB
    parsers: int = 2


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event."""

    position: int
    duplicate: bool
    scrubbed: Sequence[Change] = ()

    def wire(self) -> dict[str, Any]:
        return {
            "position": self.position,
            "duplicate": self.duplicate,
            "scrubbed": [change._asdict() for change in self.scrubbed],
        }


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What became of a batch. failed: index and reason of each event that was refused; positions: of the others.

    duplicates: how many of the others stood in the journal before.
    """

    received: int
    positions: Sequence[int] = ()
    failed: Sequence[tuple[int, str]] = ()
    duplicates: int = 0

    def wire(self) -> dict[str, Any]:
        """As the OpenLineage OpenAPI has it. Nothing is retriable: what can't be stored now fails as a whole (503)."""
        return {
            "status": "partial_success" if self.failed else "success",
            "summary": {
                "received": self.received,
                "successful": self.received - len(self.failed),
                "duplicates": self.duplicates,
                "failed": len(self.failed),
                "retriable": 0,
                "non_retriable": len(self.failed),
            },
            "failed_events": [{"index": i, "reason": reason, "retriable": False} for i, reason in self.failed],
        }


@dataclass(slots=True)
class Counts:
    """What passed since the start, for metrics."""

    accepted: int = 0
    duplicates: int = 0
    scrubbed: int = 0
    refused: dict[int, int] = field(default_factory=dict)
    overloaded: int = 0
    unstored: int = 0


@dataclass(frozen=True, slots=True)
class _Draft:
    """An event ready for the journal."""

    record: Record
    changes: Sequence[Change]


class Intake:
    """Takes events in, one by one or in batches, on the event loop.

    folder: where the journal lies, whose free space is watched; None: somewhere else (PostgreSQL).
    """

    def __init__(
        self,
        journal: Journal,
        limits: Limits | None = None,
        pressure: Pressure | None = None,
        folder: Path | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.counts = Counts()
        self._journal = journal
        self._parser = Parser(self.limits)
        self._scrubber = Scrubber()
        self._pressure = pressure or Pressure()
        self._folder = folder
        self._free_bytes = 0
        self._free_until = 0.0
        self._parsing = asyncio.Semaphore(self._pressure.parsers)
        self._until_pruning = 0  # the first rejection after a start also clears what grew too old meanwhile

    async def receive(self, body: bytes, *, keep: bool = True) -> Receipt:
        """Where the event in `body` stands, once it is on stable storage.

        keep: a refused body is kept among the rejections. Raises Refused, Overloaded, NotStored.
        """
        self._admit()
        try:
            if len(body) <= INLINE_BYTES:
                draft = self._drafted(self._parser.event(body))
            else:
                async with self._parsing:
                    draft = await asyncio.to_thread(lambda: self._drafted(self._parser.event(body)))
        except Refused as refusal:
            self._count_refused(refusal)
            if keep:
                await self._keep([refusal_of(body, refusal, self._scrubber)])
            raise
        appended = await self._appended([draft])
        return Receipt(appended[0].position, appended[0].duplicate, draft.changes)

    async def receive_batch(self, body: bytes) -> BatchAnswer:
        """What became of each event of an array; those that are sound are on stable storage.

        Raises Refused: 400 no JSON, 413 too many, 422 no array or not one sound event. Raises Overloaded, NotStored.
        """
        self._admit()
        try:
            if len(body) <= INLINE_BYTES:
                drafts, refused, refusals = self._drafted_batch(body)
            else:
                async with self._parsing:
                    drafts, refused, refusals = await asyncio.to_thread(self._drafted_batch, body)
        except Refused as refusal:
            self._count_refused(refusal)
            await self._keep([refusal_of(body, refusal, self._scrubber)])
            raise
        for _, one in refused:
            self._count_refused(one)
        if refused and not drafts:
            await self._keep(refusals)
            raise _nothing_sound(refused, self.limits.faults)
        await self._prune(len(refusals))
        appended = await self._appended(drafts, refusals) if drafts else []
        failed = [(at, str(refusal)) for at, refusal in refused]
        positions, duplicates = [one.position for one in appended], sum(one.duplicate for one in appended)
        return BatchAnswer(len(drafts) + len(refused), positions, failed, duplicates)

    async def replay(self, rejected: Rejected, body: bytes | None = None) -> Receipt:
        """Sends a refused body again, or the mended one. Raises as `receive` does, and Refused 409 if it was cut."""
        if body is None:
            if not rejected.whole:
                raise Refused(
                    409, f"only the first MiB of rejection {rejected.id} was kept; send the mended event as the body"
                )
            body = rejected.body
        receipt = await self.receive(body, keep=False)
        await asyncio.to_thread(self._journal.replayed, rejected.id, receipt.position)
        return receipt

    def prepared(self, body: bytes) -> tuple[Record, Sequence[Change]]:
        """An event as the journal takes it: for what appends from a thread of its own. Raises Refused."""
        draft = self._drafted(self._parser.event(body))
        return draft.record, draft.changes

    def refusal(self, body: bytes, refused: Refused) -> Refusal:
        """A refused body as the journal takes it."""
        return refusal_of(body, refused, self._scrubber)

    # From body to record

    def _drafted(self, event: Event, suspicious: bool = True) -> _Draft:
        suspects = self._scrubber.suspects(event.canonical) if suspicious else frozenset[str]()
        changes = [Change(where, CUT_RULE) for where in event.cut]
        canonical = event.canonical
        if suspects:
            taken = self._scrubber.scrub(event.body, suspects)
            changes += taken
            canonical = written(event.body) if taken else canonical
        body = event.raw if event.raw is not None and not changes else written(event.body, ordered=False)
        record = Record(
            hashlib.sha256(canonical).digest(), time.time_ns() // 1000, _subject(event), body, as_json(changes)
        )
        return _Draft(record, changes)

    def _drafted_batch(self, body: bytes) -> tuple[list[_Draft], list[tuple[int, Refused]], list[Refusal]]:
        drafts: list[_Draft] = []
        refused: list[tuple[int, Refused]] = []
        refusals: list[Refusal] = []
        items = enumerate(self._parser.batch(body))
        while group := list(islice(items, TOGETHER)):
            events = [event for _, event in group if isinstance(event, Event)]
            # One search for a group: most batches are clean, and the call costs more than the bytes.
            suspicious = bool(self._scrubber.suspects(b"\n".join(event.canonical for event in events)))
            drafts += [self._drafted(event, suspicious) for event in events]
            for at, item in group:
                if isinstance(item, Refused):
                    refused.append((at, item))
                    refusals.append(refusal_of(item.body, item, self._scrubber))
        return drafts, refused, refusals

    # Back-pressure

    def _admit(self) -> None:
        """Raises Overloaded if what waits is too old or too much, or the disk is nearly full."""
        waiting = self._journal.backlog
        limit = self._pressure
        if waiting.age_s > limit.age_s or waiting.events > limit.events or waiting.size_bytes > limit.size_bytes:
            self.counts.overloaded += 1
            raise Overloaded("more events come in than can be stored; send again later", _jittered())
        if self._folder is not None and self._free() < limit.free_bytes:
            self.counts.overloaded += 1
            least = limit.free_bytes // MIB
            raise Overloaded(f"less than {least} MiB are free where the journal lies; make room", _jittered())

    def _free(self) -> int:
        now = time.monotonic()
        if now >= self._free_until and self._folder is not None:
            self._free_bytes = shutil.disk_usage(self._folder).free
            self._free_until = now + 1.0
        return self._free_bytes

    # Into the journal

    async def _appended(self, drafts: Sequence[_Draft], refusals: Sequence[Refusal] = ()) -> list[Appended]:
        try:
            appended = await self._journal.append([draft.record for draft in drafts], refusals)
        except NotStored:
            self.counts.unstored += len(drafts)
            raise
        duplicates = sum(one.duplicate for one in appended)
        self.counts.duplicates += duplicates
        self.counts.accepted += len(appended) - duplicates
        self.counts.scrubbed += sum(1 for draft in drafts if draft.changes)
        return appended

    async def _keep(self, refusals: Sequence[Refusal]) -> None:
        """Keeps refused bodies; if that fails the refusal is still the answer."""
        await self._prune(len(refusals))
        try:
            await self._journal.append((), refusals)
        except NotStored as error:
            log.warning("a rejection was not kept", reason=str(error), rejections=len(refusals))

    async def _prune(self, coming: int) -> None:
        """Makes room for rejections to come, now and then; if that fails, it is for the next time."""
        self._until_pruning -= coming
        if self._until_pruning > 0 or not coming:
            return
        self._until_pruning = PRUNE_EVERY
        try:
            await asyncio.to_thread(self._journal.prune_rejections, time.time_ns() // 1000)
        except StoreUnavailable as error:
            log.warning("rejections were not pruned", reason=str(error))

    def _count_refused(self, refusal: Refused) -> None:
        self.counts.refused[refusal.status] = self.counts.refused.get(refusal.status, 0) + 1


def refusal_of(body: bytes, refused: Refused, scrubber: Scrubber) -> Refusal:
    """A refused body without its secrets, cut to what is kept."""
    kept = scrubber.body(body[:KEPT_BODY_BYTES])[:KEPT_BODY_BYTES]
    # Scrubbing changes the length: the size then only tells whether all of it is there.
    size = len(kept) if len(body) <= KEPT_BODY_BYTES else len(body)
    return Refusal(time.time_ns() // 1000, refused.status, refused.detail, orjson.dumps(refused.errors), kept, size)


def _subject(event: Event) -> int:
    body = event.body
    if event.kind == DATASET:
        node = model.dataset(body["dataset"]["namespace"], body["dataset"]["name"])
    else:
        node = model.job(body["job"]["namespace"], body["job"]["name"])
    return subject_of(node.key)


def _nothing_sound(refused: Sequence[tuple[int, Refused]], limit: int) -> Refused:
    errors = [error for at, one in refused for error in one.errors or [fault(f"/{at}", one.detail)]]
    return Refused(422, f"none of the {len(refused):,} events is sound; nothing was stored", errors[:limit])


def _jittered() -> int:
    """Seconds to wait, spread out so that producers don't all come back at once."""
    return random.randint(1, 10)
