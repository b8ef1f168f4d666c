"""A `headwater` on the path, and servers of it, for tests that do what the documentation says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
START_S = 60
# The sample events were recorded once: their edges are stale a month later, and the manual doesn't show that.
SETTINGS = {"HEADWATER_LOG_LEVEL": "warning", "HEADWATER_STALE_AFTER_DAYS": "36500"}


@dataclass(slots=True)
class Running:
    """A process that says when it listens. said: the lines it wrote up to now."""

    process: subprocess.Popen[str]
    said: list[str] = field(default_factory=list)
    listening: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        line = next(line for line in self.said if line.startswith("Headwater listening on "))
        return line.removeprefix("Headwater listening on ").strip()

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said.append(line)
            if line.startswith("Headwater listening on "):
                self.listening.set()
        self.listening.set()


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a shell in which `headwater` is installed: `folder` gets the command."""
    command = folder / "bin" / "headwater"
    command.parent.mkdir(parents=True, exist_ok=True)
    script = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from api.cli import main; main()"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{script}" "$@"\n')
    command.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
    return kept | {"PATH": f"{command.parent}:{os.environ['PATH']}", **SETTINGS} | more


@contextmanager
def running(arguments: list[str], cwd: Path) -> Iterator[Running]:
    """`headwater` with these arguments, listening; stopped by SIGINT, as Ctrl-C does, on leaving."""
    process = subprocess.Popen(
        ["headwater", *arguments], cwd=cwd, env=environment(cwd), stdout=subprocess.PIPE, text=True
    )
    found = Running(process)
    reader = threading.Thread(target=found.read, daemon=True)
    reader.start()
    try:
        assert found.listening.wait(START_S), found.said
        assert process.poll() is None, found.said
        yield found
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
        reader.join(5)
        if process.stdout is not None:
            process.stdout.close()


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a line does when it is pasted into a shell."""
    return subprocess.run(
        ["bash", "-c", command], cwd=cwd, env=environment(cwd), capture_output=True, text=True, timeout=60, check=False
    )


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
