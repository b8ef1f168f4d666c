"""SQL is read in a process of its own: a statement that nobody thought of can't stall or end the projector."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from functools import cache

from ingest.sql.model import Statement, Table
from ingest.sql.wire import LENGTH, answered, question

# The worker ends itself by processor time; this is for one that is stopped or starved.
WAIT_S = 120.0
TRIES = 2
GAVE_UP = "the SQL can't be read: reading it took more time or memory than it may; its producer's tables stay"


class Gone(Exception):
    """The worker ended, or gave no answer in time."""


class Worker:
    """One worker process, started when it is first asked. Threads take turns; a fork gets one of its own."""

    def __init__(self, command: Sequence[str] = ()) -> None:
        self._command = list(command) or [sys.executable, "-m", "ingest.sql.serving"]
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def columns_of(
        self,
        sql: str,
        *,
        dialect: str | None = None,
        schemas: Mapping[Table, Sequence[str]] | None = None,
        default: tuple[str, str] = ("", ""),
        wait_s: float = WAIT_S,
    ) -> list[Statement]:
        """As `statements.columns_of`. A text that ends the worker twice is told as one statement that can't be read.

        Twice, since the first time may have been the machine's fault: out of memory, somebody's signal.
        """
        try:
            text = question(sql, dialect, schemas or {}, default)
        except TypeError:  # half a surrogate pair: no text that any database has run
            return [Statement("", unresolved=("the SQL can't be read: it holds characters that are none",))]
        with self._lock:
            for _ in range(TRIES):
                try:
                    return answered(self._ask(text, time.monotonic() + wait_s))
                except (Gone, OSError):
                    self._end()
        return [Statement("", unresolved=(GAVE_UP,))]

    def close(self) -> None:
        """Ends the process; the next question starts another."""
        with self._lock:
            self._end()

    def _ask(self, text: bytes, until: float) -> bytes:
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(text)
        process.stdin.flush()
        head = _read(process.stdout.fileno(), LENGTH.size, until)
        return _read(process.stdout.fileno(), LENGTH.unpack(head)[0], until)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            path = os.pathsep.join(part or os.getcwd() for part in sys.path)
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
            self._owner = os.getpid()
            weakref.finalize(self, _kill, self._process, self._owner)
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            _kill(self._process, self._owner)
            self._process = None


@cache
def shared() -> Worker:
    """The worker of this process: readers share it, since it holds nothing between two questions."""
    return Worker()


def _kill(process: subprocess.Popen[bytes], owner: int) -> None:
    """Ends a worker, if it is this process that started it."""
    for pipe in (process.stdin, process.stdout):
        try:
            if pipe is not None:
                pipe.close()
        except OSError:  # nobody reads any more what was to be written
            pass
    if owner == os.getpid():
        process.kill()
        process.wait()


def _read(handle: int, count: int, until: float) -> bytes:
    parts = []
    poll = select.poll()
    poll.register(handle, select.POLLIN | select.POLLHUP)
    while count:
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise Gone
        part = os.read(handle, min(count, 1 << 20))
        if not part:
            raise Gone
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
