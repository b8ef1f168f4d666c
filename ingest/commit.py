"""One group of events into the journal in one transaction, by the driver's own cursor.

SQLAlchemy's statement for each row costs more than the row; its tables (ingest.journal) define what is written here. A
group costs a handful of statements however large it is, because each of them lets go of the interpreter's lock once,
and a busy event loop gives it back only after some milliseconds.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ingest.errors import NotStored
from lineage.errors import StoreUnavailable

# Any number that no other program takes as an advisory lock in this database: "headwate" in ASCII.
LOCK = 0x6865616477617465
ROWS = 128  # a statement; more make SQLite's parser the cost

T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Record:
    """An event on its way into the journal."""

    digest: bytes
    received_us: int
    subject: int
    body: bytes
    scrubbed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused body on its way into the table of rejections. errors: JSON. body: its first MiB; size: of all of it."""

    received_us: int
    status: int
    detail: str
    errors: bytes
    body: bytes
    size: int


@dataclass(frozen=True, slots=True)
class Appended:
    """Where an event stands. duplicate: it stood there before."""

    position: int
    duplicate: bool


class Committer(ABC):
    """Appends groups, one at a time, over a connection that it opens when needed and drops when in doubt.

    broken: why it commits no more; None: it does.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._driver_error: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._pooled: Any = None
        self.broken: str | None = None

    def commit(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> list[Appended]:
        """Where each record stands once all are on stable storage. Raises NotStored: nothing of it is acknowledged.

        An unknown outcome (the connection broke inside COMMIT) counts as failed: what was stored after all is found by
        its digest when it is sent again.
        """
        if self.broken is not None:
            raise NotStored(f"the journal takes no more until it is opened anew: {self.broken}", 10)
        try:
            cursor = self._begun()
            appended = self._append(cursor, records) if records else []
            self._refuse(cursor, refusals)
            self._end(cursor)
        except self._driver_error as error:
            self._give_up()
            self._judge(error)
            raise NotStored(f"the journal can't store now: {error}; send the event again") from error
        except (DBAPIError, StoreUnavailable) as error:
            self._give_up()
            raise NotStored(f"the journal can't be reached now: {error}; send the event again") from error
        except BaseException:
            self._give_up()
            raise
        return appended

    def close(self) -> None:
        if self._pooled is not None:
            self._pooled.close()
            self._pooled = None

    def _begun(self) -> Any:
        """A cursor in a new transaction; on a new connection if the old one died since the last group."""
        old = self._pooled
        cursor = self._cursor()
        try:
            self._begin(cursor)
        except self._driver_error as error:
            if old is None or not self._is_gone(error, old.driver_connection):
                raise
            self._give_up()
            cursor = self._cursor()  # nothing had been sent: to begin again repeats nothing
            self._begin(cursor)
        return cursor

    def _is_gone(self, error: Any, connection: Any) -> bool:
        return self._engine.dialect.is_disconnect(error, connection, None)

    def _cursor(self) -> Any:
        if self._pooled is None:
            self._pooled = self._engine.raw_connection()
        return self._pooled.cursor()

    def _give_up(self) -> None:
        """Rolls back and drops the connection: the next group starts on one that nothing clings to."""
        pooled, self._pooled = self._pooled, None
        if pooled is not None:
            with suppress(self._driver_error, DBAPIError):
                pooled.rollback()
            with suppress(self._driver_error, DBAPIError):
                pooled.invalidate()

    def _append(self, cursor: Any, records: Sequence[Record]) -> list[Appended]:
        known = self._known(cursor, [record.digest for record in records])
        head = self._head(cursor)
        fresh: list[tuple[int, Record]] = []
        answers = []
        for record in records:
            position = known.get(record.digest)
            if position is None:
                head += 1
                known[record.digest] = head
                fresh.append((head, record))
                answers.append(Appended(head, False))
            else:
                answers.append(Appended(position, True))
        self._insert(cursor, fresh)
        return answers

    @abstractmethod
    def _begin(self, cursor: Any) -> None:
        """Opens a transaction in which no other writer gives positions."""

    @abstractmethod
    def _known(self, cursor: Any, digests: list[bytes]) -> dict[bytes, int]:
        """Positions of those digests that are in the journal."""

    @abstractmethod
    def _insert(self, cursor: Any, fresh: Sequence[tuple[int, Record]]) -> None: ...

    @abstractmethod
    def _refuse(self, cursor: Any, refusals: Sequence[Refusal]) -> None: ...

    @abstractmethod
    def _end(self, cursor: Any) -> None:
        """Commits."""

    @abstractmethod
    def _judge(self, error: Exception) -> None:
        """Sets `broken` if after this error a commit could no longer be trusted."""

    def _head(self, cursor: Any) -> int:
        cursor.execute("SELECT coalesce(max(position), 0) FROM event")
        return int(cursor.fetchone()[0])


class _Sqlite(Committer):
    """SQLite: BEGIN IMMEDIATE is the sequencer; `exclusively` keeps other processes away."""

    # Extended codes of SQLITE_IOERR that a full disk causes where shared memory is grown (SHMOPEN, SHMSIZE, SHMMAP).
    _NO_ROOM = frozenset({4618, 4874, 5386})
    _IOERR, _CORRUPT, _NOTADB = 10, 11, 26

    def _begin(self, cursor: Any) -> None:
        cursor.execute("BEGIN IMMEDIATE")

    def _known(self, cursor: Any, digests: list[bytes]) -> dict[bytes, int]:
        known: dict[bytes, int] = {}
        for part in _parts(digests):
            marks = ",".join("?" * len(part))
            cursor.execute(f"SELECT digest, position FROM event WHERE digest IN ({marks})", part)  # noqa: S608 - only marks
            known.update(cursor.fetchall())
        return known

    def _insert(self, cursor: Any, fresh: Sequence[tuple[int, Record]]) -> None:
        for part in _parts(fresh):
            rows = ",".join(["(?,?,?,?,?,?)"] * len(part))
            values: list[Any] = []
            for position, record in part:
                values += (
                    position, record.digest, record.received_us, record.subject, record.body, record.scrubbed
                )  # fmt: skip
            cursor.execute(
                f"INSERT INTO event (position, digest, received_us, subject, body, scrubbed) VALUES {rows}",  # noqa: S608
                values,
            )

    def _refuse(self, cursor: Any, refusals: Sequence[Refusal]) -> None:
        if refusals:
            cursor.executemany(
                "INSERT INTO rejection (received_us, status, detail, errors, body, size) VALUES (?,?,?,?,?,?)",
                [_row(refusal) for refusal in refusals],
            )

    def _end(self, cursor: Any) -> None:
        cursor.execute("COMMIT")

    def _judge(self, error: Exception) -> None:
        code = getattr(error, "sqlite_errorcode", None) or 0
        if code & 0xFF in (self._IOERR, self._CORRUPT, self._NOTADB) and code not in self._NO_ROOM:
            # After a failed fsync the kernel may have dropped the pages and say yes to the next one: what PostgreSQL
            # answers with a panic. Only a fresh start, which reads the file again, knows what is there.
            self.broken = f"{error} ({getattr(error, 'sqlite_errorname', code)})"
            log.error("the journal is broken", reason=self.broken)


class _Postgresql(Committer):
    """PostgreSQL: an advisory lock for the transaction is the sequencer, so several processes may append.

    It is let go of after the commit can be seen: whoever has it next reads the true head, and no reader sees a position
    before all lower ones.
    """

    def _begin(self, cursor: Any) -> None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))

    def _known(self, cursor: Any, digests: list[bytes]) -> dict[bytes, int]:
        cursor.execute("SELECT digest, position FROM event WHERE digest = ANY(%b::bytea[])", (digests,))
        return {bytes(digest): position for digest, position in cursor.fetchall()}

    def _insert(self, cursor: Any, fresh: Sequence[tuple[int, Record]]) -> None:
        if not fresh:
            return
        records = [record for _, record in fresh]
        cursor.execute(
            "INSERT INTO event (position, digest, received_us, subject, body, scrubbed) SELECT * FROM"
            " unnest(%b::bigint[], %b::bytea[], %b::bigint[], %b::bigint[], %b::bytea[], %b::bytea[])",
            (
                [position for position, _ in fresh],
                [record.digest for record in records],
                [record.received_us for record in records],
                [record.subject for record in records],
                [record.body for record in records],
                [record.scrubbed for record in records],
            ),
        )

    def _refuse(self, cursor: Any, refusals: Sequence[Refusal]) -> None:
        if refusals:
            cursor.executemany(
                "INSERT INTO rejection (received_us, status, detail, errors, body, size) VALUES (%s,%s,%s,%s,%s,%s)",
                [_row(refusal) for refusal in refusals],
            )

    def _end(self, cursor: Any) -> None:
        cursor.connection.commit()

    def _judge(self, error: Exception) -> None:
        """Nothing: the server itself panics after a failed fsync, and recovers to what is true."""


def committer(engine: Engine) -> Committer:
    return _Sqlite(engine) if engine.dialect.name == "sqlite" else _Postgresql(engine)


def _parts(rows: Sequence[T]) -> list[Sequence[T]]:
    return [rows[at : at + ROWS] for at in range(0, len(rows), ROWS)]


def _row(refusal: Refusal) -> tuple[Any, ...]:
    return (
        refusal.received_us, refusal.status, refusal.detail.encode("utf-8", "replace"), refusal.errors, refusal.body,
        refusal.size,
    )  # fmt: skip
