"""A real `headwater serve` in a process of its own, to be stopped, killed, starved and started again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.servers import ROOT

PATIENCE_S = 60.0
CODE = "from api.server import serve; from api.settings import load; serve(load())"
KEY = "hw_" + "k" * 40


class Served:
    """One life of the server. port 0: a free one."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        ours = {"DATA": str(folder), "PORT": str(port), "ADMIN_KEY": KEY, "LOG_LEVEL": "warning"}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        environment = {**clean, **{f"HEADWATER_{name}": value for name, value in ours.items()}, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(
            [sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.said: list[str] = []
        self.url = self._listening()
        # What it says later is read, or a full pipe would stop it.
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=f"{self.url}/api/v1", headers={"Authorization": f"Bearer {KEY}"}, timeout=PATIENCE_S
        )

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._process.poll() is None:
            self._process.send_signal(how)
        self._process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)  # the projector has let go of the pipe, too
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _listening(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)
            found = re.match(r"Headwater listening on (\S+)$", line)
            if found:
                return found[1]
        raise AssertionError(f"the server ended with {self._process.wait()}: {''.join(self.said)[-2000:]}")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.said.append(line)


@contextmanager
def served(folder: Path, port: int = 0) -> Iterator[Served]:
    """A running server, killed on leaving if it still runs."""
    server = Served(folder, port)
    try:
        yield server
    finally:
        server.kill()
