"""The projector in a process of its own, so that its work doesn't hold the interpreter lock of the API.

The parent keeps one end of a pipe, the child's standard input: its first line brings the settings, its end says that
the parent is gone. On Linux the kernel kills the child as well when the parent dies without a word.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog

ROOT = Path(__file__).resolve().parent.parent
# -P: the current folder may hold a package of the same name; ROOT comes last for the same reason.
COMMAND = (
    sys.executable,
    "-P",
    "-c",
    f"import sys; sys.path.append({str(ROOT)!r}); import api.wiring as w; w.project()",
)
PR_SET_PDEATHSIG = 1
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 15.0
SETTLED_S = 30.0  # who lived so long didn't die of its start: the next wait is short again
PATIENCE_S = 5.0

log = structlog.get_logger(__name__)


class ProjectorProcess:
    """Keeps one projector alive: starts it, and starts it again, ever later, when it dies."""

    def __init__(self, settings: dict[str, Any], command: tuple[str, ...] = COMMAND) -> None:
        self._line = json.dumps(settings).encode() + b"\n"
        self._command = command
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None
        self._problem: str | None = None
        self.restarts = 0
        # The kernel's signal follows the thread that started the child: this one lives as long as the child may.
        self._thread = threading.Thread(target=self._keep, name="projector", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    @property
    def problem(self) -> str | None:
        """Why nothing is projected now; None: it runs."""
        return self._problem

    def stop(self) -> None:
        self._stop.set()
        self._close_pipe()
        self._thread.join(timeout=PATIENCE_S + 3)

    def _keep(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            began = time.monotonic()
            status = self._run()
            if self._stop.is_set():
                return
            wait_s = FIRST_WAIT_S if time.monotonic() - began > SETTLED_S else min(LONGEST_WAIT_S, wait_s * 2)
            self._problem = f"the projector stopped with {_said(status)}; it is started again after {wait_s:g} s"
            log.error("projector died", status=status, again_in_s=wait_s, restarts=self.restarts)
            self._stop.wait(wait_s)
            self.restarts += 1

    def _run(self) -> int:
        """One life of the child; its exit status."""
        child = subprocess.Popen(self._command, stdin=subprocess.PIPE)
        self._child = child
        try:
            assert child.stdin is not None
            child.stdin.write(self._line)
            child.stdin.flush()
        except BrokenPipeError:
            return child.wait()
        self._problem = None
        while child.poll() is None and not self._stop.wait(0.2):
            pass
        return self._ended(child)

    def _ended(self, child: subprocess.Popen[bytes]) -> int:
        self._close_pipe()
        try:
            return child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            child.kill()  # its transaction rolls back
            return child.wait()

    def _close_pipe(self) -> None:
        child = self._child
        if child is not None and child.stdin is not None:
            try:
                child.stdin.close()
            except BrokenPipeError:
                return


def _said(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def run_child(project: Callable[[dict[str, Any], threading.Event], None]) -> None:
    """The child's side: reads its settings, then projects until the parent closes the pipe or dies."""
    _die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent says when to stop
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    line = sys.stdin.buffer.readline()
    if not line:
        return
    threading.Thread(target=_watch_parent, args=(stop,), daemon=True).start()
    project(json.loads(line), stop)


def _watch_parent(stop: threading.Event) -> None:
    # Not through sys.stdin: a thread that holds its lock when the interpreter ends makes it abort.
    while os.read(0, 4096):
        pass
    stop.set()
    time.sleep(PATIENCE_S)
    os._exit(1)  # a step that hangs in a database must not outlive the parent; its transaction rolls back


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
