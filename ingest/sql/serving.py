"""The worker process: reads questions from its standard input, answers on its standard output, until that is closed.

It ends itself rather than answer late or take the machine's memory: the limits are the kernel's, so no statement,
however strange, gets past them. What it needs from its machine is the same every time: a fresh thread with room for
deep statements, and a limit of recursion that no text within `limits` reaches.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading

from ingest.sql.statements import columns_of
from ingest.sql.wire import LENGTH, answer, asked

PROCESSOR_S = 20.0  # of one text; the slowest that the limits let through took under 5 (tests/bench/sql_rows.py)
MEMORY_BYTES = 2 * 1024**3
STACK_BYTES = 256 * 1024**2
RECURSION = 200_000


def main() -> None:
    """Serves until its standard input ends. Signals meant for the whole group are left to who started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    sys.setrecursionlimit(RECURSION)
    threading.stack_size(STACK_BYTES)
    thread = threading.Thread(target=_serve)
    thread.start()
    thread.join()


def _serve() -> None:
    while True:
        head = _read(LENGTH.size)
        if head is None:
            return
        body = _read(LENGTH.unpack(head)[0])
        if body is None:
            return
        signal.setitimer(signal.ITIMER_PROF, PROCESSOR_S)  # at its end SIGPROF, which ends the process
        text = answer(columns_of(**asked(body)))
        signal.setitimer(signal.ITIMER_PROF, 0)
        _write(text)


def _read(count: int) -> bytes | None:
    parts = []
    while count:
        part = os.read(0, min(count, 1 << 20))
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def _write(text: bytes) -> None:
    view = memoryview(text)
    while view:
        view = view[os.write(1, view) :]


if __name__ == "__main__":
    main()
