"""The load generator: keep-alive HTTP/1.1 over raw protocols of uvloop, in a process of its own.

Some 25 us of this process a request, where a general client takes 500: on two cores it must not be what is measured.
Requests are made before the clock starts. A run's START and COMPLETE go over one connection, in this order.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvloop

from tests.bench.events import World

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = 2_000  # of the bodies of answers that weren't as expected: none; of latencies: so many at most are sent back


@dataclass(frozen=True)
class Order:
    """What to send. batch: events a request, 1 for one without an array. first: number of the first event."""

    port: int
    path: str
    events: int
    first: int = 0
    batch: int = 1
    connections: int = 32
    jobs: int = 1_000
    columns: int = 3
    namespace: str = "bench"
    key: str = ""


@dataclass(frozen=True)
class Sent:
    """What came of it. cpu_s: of the load generator."""

    events: int
    wall_s: float
    p50_ms: float
    p99_ms: float
    statuses: dict[str, int]
    cpu_s: float
    bytes_per_event: float

    @property
    def rate(self) -> float:
        return self.events / self.wall_s


def send(order: Order) -> Sent:
    """Sends from another process and waits for the end. Raises RuntimeError unless every answer was 200 or 201."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.load"],
        input=json.dumps(asdict(order)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=900,
    )
    if done.returncode:
        raise RuntimeError(f"the load generator ended with {done.returncode}: {done.stderr[-2000:]}")
    sent = Sent(**json.loads(done.stdout))
    if set(sent.statuses) - {"200", "201"}:
        raise RuntimeError(f"not every event was taken: {sent.statuses}")
    return sent


class _Connection(asyncio.Protocol):
    """One request after the other until there are no more."""

    def __init__(self, requests: Iterator[bytes], statuses: Counter[str], latencies: list[float], over: Any) -> None:
        self._requests, self._statuses, self._latencies, self._over = requests, statuses, latencies, over
        self._transport: Any = None
        self._began = 0.0
        self._waiting = b""
        self._missing = 0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._finish()
            return
        self._began = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
            if self._missing <= 0:
                self._answered()
            return
        data = self._waiting + data if self._waiting else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._waiting = data
            return
        self._waiting = b""
        self._statuses[data[9:12].decode()] += 1
        at = data.lower().find(b"content-length:", 0, end) + 15
        self._missing = end + 4 + int(data[at : data.find(b"\r\n", at)]) - len(data)
        if self._missing <= 0:
            self._answered()

    def _answered(self) -> None:
        self._missing = 0
        self._latencies.append(time.perf_counter() - self._began)
        self.next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._over.done():
            self._statuses["lost"] += 1
            self._finish()

    def _finish(self) -> None:
        if not self._over.done():
            self._over.set_result(None)
        self._transport.close()


def _requests(order: Order) -> list[list[bytes]]:
    """Of each connection."""
    world = World(order.jobs, order.columns, namespace=order.namespace)
    head = (
        f"POST {order.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {order.key}\r\nContent-Length: "
    ).encode()
    shards: list[list[bytes]] = [[] for _ in range(order.connections)]
    step = max(order.batch, 2)
    for at in range(0, order.events, step):
        numbers = range(order.first + at, order.first + min(at + step, order.events))
        events = [world.event(number) for number in numbers]
        bodies = events if order.batch == 1 else [b"[" + b",".join(events) + b"]"]
        shard = shards[at // step % order.connections]
        shard += [b"%b%d\r\n\r\n%b" % (head, len(body), body) for body in bodies]
    return shards


async def _run(order: Order) -> Sent:
    shards = _requests(order)
    size = sum(len(request) for shard in shards for request in shard)
    loop = asyncio.get_running_loop()
    statuses: Counter[str] = Counter()
    latencies: list[float] = []
    connections, ends = [], []
    for shard in shards:
        over = loop.create_future()
        make = lambda shard=shard, over=over: _Connection(iter(shard), statuses, latencies, over)  # noqa: E731
        _, connection = await loop.create_connection(make, "127.0.0.1", order.port)
        connections.append(connection)
        ends.append(over)
    used, began = _cpu_s(), time.perf_counter()
    for connection in connections:
        connection.next()
    await asyncio.gather(*ends)
    wall_s = time.perf_counter() - began
    latencies.sort()
    at = lambda share: round(1000 * latencies[min(len(latencies) - 1, int(share * len(latencies)))], 2)  # noqa: E731
    return Sent(order.events, wall_s, at(0.5), at(0.99), dict(statuses), _cpu_s() - used, size / order.events)


def _cpu_s() -> float:
    times = os.times()
    return times.user + times.system


if __name__ == "__main__":
    given = Order(**json.loads(sys.stdin.read()))
    sys.stdout.write(json.dumps(asdict(uvloop.run(_run(given)))))
