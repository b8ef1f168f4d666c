"""Servers under measurement: started as a user would, watched through /proc, ended by their own process id."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
KEY = "hw_bench_0123456789abcdef0123456789abcdef"
NAMES = ("api", "projector")
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Served:
    """A running server on 127.0.0.1."""

    process: subprocess.Popen[str]
    port: int
    started: float

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> list[int]:
        path = Path(f"/proc/{self.pid}/task")
        return [int(pid) for task in path.iterdir() for pid in (task / "children").read_text().split()]

    def resident_mb(self) -> dict[str, float]:
        """Of the API and, where there is one, the projector."""
        return {name: _resident_mb(pid) for name, pid in zip(NAMES, [self.pid, *self.children()], strict=False)}

    def private_mb(self) -> dict[str, float]:
        """The same without pages of files: SQLite maps up to 256 MiB of each database, which cost nobody anything."""
        return {name: _private_mb(pid) for name, pid in zip(NAMES, [self.pid, *self.children()], strict=False)}

    def cpu_s(self) -> dict[str, float]:
        return {name: _cpu_s(pid) for name, pid in zip(NAMES, [self.pid, *self.children()], strict=False)}

    def get(self, path: str, **query: Any) -> Any:
        """One answer of the API, parsed. Raises RuntimeError unless it is 200, or 503 for now."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        target = f"/api/v1{path}" + (f"?{urlencode(query)}" if query else "")
        connection.request("GET", target, headers={"Authorization": f"Bearer {KEY}"})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        if response.status not in {200, 503}:
            raise RuntimeError(f"GET {target} gave {response.status}: {body[:500]!r}")
        return json.loads(body)

    def await_graph(self, node: str, timeout_s: float = 120) -> None:
        """Until traces are answered: events are taken while the embedded graph still loads."""
        until = time.monotonic() + timeout_s
        while self.get("/trace", node=node, depth=0).get("status") == 503:
            if time.monotonic() > until:
                raise RuntimeError(f"no trace is answered after {timeout_s:g} s: {self.get('/health')}")
            time.sleep(0.02)

    def lag(self) -> int:
        """Events that catalog or graph are behind the journal."""
        health = self.get("/health")
        parts = health["projections"].values()
        return max(int(part["lag"]) if part["lag"] is not None else 1 for part in parts)

    def await_applied(self, timeout_s: float = 600) -> None:
        until = time.monotonic() + timeout_s
        while self.lag():
            if time.monotonic() > until:
                raise RuntimeError(f"the projections lag by {self.lag()} events after {timeout_s:g} s")
            time.sleep(0.05)


@contextmanager
def headwater(data: Path, *options: str) -> Iterator[Served]:
    """`headwater serve` on a folder, as installed."""
    start = "import sys; sys.path.append('.'); from api.cli import main; main()"  # as the console script does
    command = [sys.executable, "-P", "-c", start, "serve", "--data", str(data), "--port", "0", *options]
    with _running(command, data) as served:
        yield served


@contextmanager
def bare(data: Path) -> Iterator[Served]:
    with _running([sys.executable, "-m", "tests.bench.bare", str(data)], data) as served:
        yield served


@contextmanager
def _running(command: list[str], data: Path) -> Iterator[Served]:
    environment = {**os.environ, "HEADWATER_ADMIN_KEY": KEY, "PYTHONUNBUFFERED": "1"}
    log = data / "bench.log"
    with log.open("w") as errors:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=ROOT, env=environment)
        try:
            yield Served(process, _port(process, log), started)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _port(process: subprocess.Popen[str], log: Path) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if " listening on http" in line or line.startswith("listening on http"):
            return int(line.rsplit(":", 1)[1])
    raise RuntimeError(f"{process.args} ended with {process.wait()}: {log.read_text()[-2000:]}")


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE / 1e6


def _private_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e6


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
