"""The append-only log of events: what is committed here is acknowledged, everything else can be rebuilt from it.

One sequencer gives positions in the order of commits, without gaps, so a reader who goes on after the last position it
saw misses nothing. Those who wait at the same time share one transaction and one fsync (group commit).
"""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    func,
    select,
    update,
)

from ingest.commit import Appended, Committer, Record, Refusal, committer
from ingest.errors import JournalInUse, NotStored
from lineage.database import reading, writing

metadata = MetaData()
_Big = BigInteger().with_variant(Integer(), "sqlite")  # SQLite's row id only serves a column declared INTEGER

# position: given by the sequencer. digest: SHA-256 of the canonical JSON, so that one event has one position. subject:
# `subject_of` the event's job, or of a DatasetEvent's dataset. body: JSON as received, less secrets. scrubbed: JSON
# list of {pointer, rule} for what was taken out; null for nothing.
event = Table(
    "event",
    metadata,
    Column("position", _Big, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, unique=True),
    Column("received_us", BigInteger, nullable=False),
    Column("subject", BigInteger, nullable=False, index=True),
    Column("body", LargeBinary, nullable=False),
    Column("scrubbed", LargeBinary),
)

# What was refused and why, so that a producer can be mended. errors: JSON list of {pointer, reason}. body: its first
# MiB, less secrets; size: of all of it. replayed_position: where it went once it was sent again.
rejection = Table(
    "rejection",
    metadata,
    Column("id", _Big, primary_key=True),
    Column("received_us", BigInteger, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("detail", LargeBinary, nullable=False),
    Column("errors", LargeBinary, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("replayed_position", BigInteger),
    sqlite_autoincrement=True,  # an id once given out is never given to another, or a replay could hit the wrong body
)

GROUP_EVENTS = 1_000
GROUP_BYTES = 16 * 1024 * 1024
READ_BYTES = 64 * 1024 * 1024
KEEP_REJECTIONS = 10_000
KEEP_REJECTIONS_BYTES = 256 * 1024 * 1024
KEEP_REJECTIONS_US = 7 * 86_400_000_000

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event in the journal."""

    position: int
    received_us: int
    body: bytes
    scrubbed: bytes | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A refused body as it is kept. body: at most its first MiB, `size` bytes in all."""

    id: int
    received_us: int
    status: int
    detail: str
    errors: list[dict[str, str]]
    body: bytes
    size: int
    replayed_position: int | None

    @property
    def whole(self) -> bool:
        return len(self.body) >= self.size


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for its commit. age_s: of what has waited longest."""

    events: int
    size_bytes: int
    age_s: float


@dataclass(slots=True)
class _Waiting:
    """What one caller wants committed together. loop: where it waits; None: in a thread."""

    records: Sequence[Record]
    refusals: Sequence[Refusal]
    size_bytes: int
    since: float
    loop: asyncio.AbstractEventLoop | None = None
    future: Any = None  # of asyncio or of concurrent.futures: both take set_result and set_exception


@dataclass(slots=True)
class _Outcome:
    error: NotStored | None = None
    answers: list[tuple[_Waiting, list[Appended]]] = field(default_factory=list)


class Journal:
    """Appends in groups, reads by position. Threads may share it; on SQLite one process at a time may append."""

    def __init__(
        self,
        engine: Engine,
        *,
        group_events: int = GROUP_EVENTS,
        group_bytes: int = GROUP_BYTES,
        committed: Callable[[int, float], None] = lambda _events, _seconds: None,
    ) -> None:
        """committed: hears of every group that was committed: its events, and how long the oldest of them waited."""
        self._engine = engine
        self._group_events = group_events
        self._group_bytes = group_bytes
        self._committer: Committer = committer(engine)
        self._committed = committed
        self._committing = threading.Lock()
        self._changed = threading.Condition()
        self._queue: deque[_Waiting] = deque()
        self._group: list[_Waiting] = []
        self._waiting_events = 0
        self._waiting_bytes = 0
        self._thread: threading.Thread | None = None
        self._closed = False

    # Appending

    async def append(self, records: Sequence[Record], refusals: Sequence[Refusal] = ()) -> list[Appended]:
        """Where each record stands, once all are on stable storage. Raises NotStored: none of them is acknowledged."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Appended]] = loop.create_future()
        self._enqueue(_Waiting(records, refusals, _size(records, refusals), time.monotonic(), loop, future))
        return await future

    def append_many(self, records: Sequence[Record], refusals: Sequence[Refusal] = ()) -> list[Appended]:
        """The same for a thread of its own: commits now. Raises NotStored."""
        waiting = _Waiting(records, refusals, 0, time.monotonic())
        outcome = self._commit([waiting])
        if outcome.error is not None:
            raise outcome.error
        return outcome.answers[0][1]

    @property
    def backlog(self) -> Backlog:
        """What waits now; cheap enough to ask for every event."""
        oldest = self._group[0].since if self._group else self._queue[0].since if self._queue else None
        age_s = 0.0 if oldest is None else time.monotonic() - oldest
        return Backlog(self._waiting_events, self._waiting_bytes, age_s)

    @property
    def broken(self) -> str | None:
        """Why no more is appended until the journal is opened anew; None: all is well."""
        return self._committer.broken

    def close(self) -> None:
        """Commits what waits, then lets go of its connection."""
        with self._changed:
            self._closed = True
            self._changed.notify()
            thread = self._thread
        if thread is not None:
            thread.join()
        with self._committing:
            self._committer.close()

    # Reading

    def head(self) -> int:
        """Position of the newest event; 0 for none."""
        with reading(self._engine) as connection:
            return int(connection.execute(select(func.coalesce(func.max(event.c.position), 0))).scalar_one())

    def read(self, after: int = 0, limit: int = 1_000) -> list[Entry]:
        """Events after a position, oldest first; at least one if there is one, and no more than 64 MiB."""
        wanted = select(*_ENTRY).where(event.c.position > after).order_by(event.c.position).limit(limit)
        return self._entries(wanted)

    def of_subjects(self, subjects: Sequence[int], after: int = 0, limit: int = 1_000) -> list[Entry]:
        """The same for events of some subjects. Others with an equal hash may be among them."""
        wanted = select(*_ENTRY).where(event.c.subject.in_(subjects), event.c.position > after)
        return self._entries(wanted.order_by(event.c.position).limit(limit))

    def at(self, position: int) -> Entry | None:
        """The event at a position; None if there is none."""
        if not 0 < position < 2**63:
            return None
        found = self._entries(select(*_ENTRY).where(event.c.position == position))
        return found[0] if found else None

    def known_at(self, received_us: int) -> int:
        """The position up to which the journal was known at a time; 0: nothing was.

        Where clocks of several processes disagree, received times don't quite grow with positions. So positions are
        looked at in a fixed pattern, a bit at a time from the greatest: a later time gives no lesser position, what
        comes later changes no answer, and the event at the position was received by then and the next one wasn't.
        Cost: one look-up by key for each bit, 30 for a billion events.
        """
        position, head = 0, self.head()
        with reading(self._engine) as connection:
            for bit in reversed(range(head.bit_length())):
                tried = position | 1 << bit
                if tried <= head:
                    statement = select(event.c.received_us).where(event.c.position == tried)
                    if connection.execute(statement).scalar_one() <= received_us:
                        position = tried
        return position

    def rejections(self, after: int = 0, limit: int = 100) -> list[Rejected]:
        """Refused bodies after an id, oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(rejection).where(rejection.c.id > after).order_by(rejection.c.id).limit(limit)
            )
            return [_rejected(row) for row in rows]

    def rejection(self, id: int) -> Rejected | None:
        """One refused body; None if it is unknown or was pruned."""
        if not 0 < id < 2**63:
            return None
        with reading(self._engine) as connection:
            row = connection.execute(select(rejection).where(rejection.c.id == id)).first()
            return _rejected(row) if row is not None else None

    def replayed(self, id: int, position: int) -> None:
        """Notes that a refused body was taken in after all."""
        with self._committing, writing(self._engine) as connection:
            connection.execute(update(rejection).where(rejection.c.id == id).values(replayed_position=position))

    def prune_rejections(self, now_us: int) -> int:
        """Forgets refused bodies past seven days, 10,000 or 256 MiB; how many."""
        with self._committing, writing(self._engine) as connection:
            before = now_us - KEEP_REJECTIONS_US
            oldest = connection.execute(
                select(rejection.c.id).order_by(rejection.c.id.desc()).offset(KEEP_REJECTIONS).limit(1)
            ).scalar()
            gone = connection.execute(
                rejection.delete().where((rejection.c.received_us < before) | (rejection.c.id <= (oldest or 0)))
            ).rowcount
            kept = 0
            sizes = connection.execute(
                select(rejection.c.id, func.length(rejection.c.body)).order_by(rejection.c.id.desc())
            ).all()
            for id, size in sizes:
                kept += size
                if kept > KEEP_REJECTIONS_BYTES:
                    gone += connection.execute(rejection.delete().where(rejection.c.id <= id)).rowcount
                    break
            return int(gone)

    def _entries(self, wanted: Any) -> list[Entry]:
        entries, size = [], 0
        with reading(self._engine) as connection:
            for row in connection.execution_options(yield_per=100).execute(wanted):
                entries.append(Entry(row[0], row[1], bytes(row[2]), row[3] if row[3] is None else bytes(row[3])))
                size += len(row[2])
                if size > READ_BYTES:
                    break
        return entries

    # The writer

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._changed:
            if self._closed:
                raise NotStored("the server is stopping; send the event again")
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._write, name="journal", daemon=True)
                self._thread.start()
            self._queue.append(waiting)
            self._waiting_events += len(waiting.records)
            self._waiting_bytes += waiting.size_bytes
            self._changed.notify()

    def _write(self) -> None:
        while group := self._next_group():
            try:
                outcome = self._commit(group)
            except Exception as error:  # the writer outlives a fault of ours in one group; whoever waits hears of it
                log.exception("a group was not committed", events=sum(len(waiting.records) for waiting in group))
                outcome = _Outcome(NotStored(f"the journal failed ({type(error).__name__}); send the event again"))
            waited_s = time.monotonic() - group[0].since
            self._release(group)
            _tell(group, outcome)
            if outcome.error is None:
                self._committed(sum(len(waiting.records) for waiting in group), waited_s)

    def _next_group(self) -> list[_Waiting]:
        """What waits, up to the size of a group; waits for it. Empty: the journal was closed."""
        with self._changed:
            while not self._queue:
                if self._closed:
                    return []
                self._changed.wait()
            group, events, size = self._group, 0, 0
            while self._queue and (not group or (events < self._group_events and size < self._group_bytes)):
                waiting = self._queue.popleft()
                group.append(waiting)
                events += len(waiting.records)
                size += waiting.size_bytes
            return group

    def _release(self, group: list[_Waiting]) -> None:
        with self._changed:
            self._waiting_events -= sum(len(waiting.records) for waiting in group)
            self._waiting_bytes -= sum(waiting.size_bytes for waiting in group)
            self._group = []

    def _commit(self, group: list[_Waiting]) -> _Outcome:
        records = [record for waiting in group for record in waiting.records]
        refusals = [refusal for waiting in group for refusal in waiting.refusals]
        with self._committing:
            try:
                appended = self._committer.commit(records, refusals)
            except NotStored as error:
                return _Outcome(error)
        answers, at = [], 0
        for waiting in group:
            answers.append((waiting, appended[at : at + len(waiting.records)]))
            at += len(waiting.records)
        return _Outcome(None, answers)


@contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Holds the right to append to the journal beside which `path` lies. Raises JournalInUse if another process has it.

    The operating system lets go of it when the process ends, however it ends.
    """
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise JournalInUse(
                f"another process appends to {path.parent}; stop it, or send events to it with --url"
            ) from error
        yield


def subject_of(key: bytes) -> int:
    """What stands for a node, by its key, in the index of events: 63 bits of it.

    >>> subject_of(bytes(8) + b"rest")
    0
    """
    return int.from_bytes(key[:8], "big", signed=True)


_ENTRY = (event.c.position, event.c.received_us, event.c.body, event.c.scrubbed)


def _size(records: Sequence[Record], refusals: Sequence[Refusal]) -> int:
    return sum(len(record.body) for record in records) + sum(len(refusal.body) for refusal in refusals)


def _rejected(row: Any) -> Rejected:
    return Rejected(
        row.id, row.received_us, row.status, bytes(row.detail).decode(), orjson.loads(row.errors), bytes(row.body),
        row.size, row.replayed_position,
    )  # fmt: skip


def _tell(group: list[_Waiting], outcome: _Outcome) -> None:
    """Wakes every event loop once, whoever waits there."""
    for loop in {waiting.loop for waiting in group if waiting.loop is not None}:
        with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
            loop.call_soon_threadsafe(_resolve, loop, group, outcome)


def _resolve(loop: asyncio.AbstractEventLoop, group: list[_Waiting], outcome: _Outcome) -> None:
    if outcome.error is not None:
        for waiting in group:
            if waiting.loop is loop and not waiting.future.done():
                waiting.future.set_exception(NotStored(outcome.error.detail, outcome.error.retry_after or 1))
        return
    for waiting, appended in outcome.answers:
        if waiting.loop is loop and not waiting.future.done():
            waiting.future.set_result(appended)
