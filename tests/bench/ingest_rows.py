"""Intake over HTTP against a bare endpoint, and the catalog and graph keeping up with it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.bench.load import Order, Sent, send
from tests.bench.options import Options
from tests.bench.serving import KEY, NAMES, Served, bare, headwater
from tests.bench.table import Row, figures

WARM_EVENTS, EVENTS = 2_000, 8_000
BATCH, BATCHED_EVENTS, BATCH_CONNECTIONS = 500, 40_000, 4
JOBS = 1_000
LINEAGE, LINEAGE_BATCH = "/api/v1/lineage", "/api/v1/lineage/batch"


def ingest(options: Options) -> Iterator[Row]:
    """One event a request, 32 connections; the two sides take turns, each on a fresh database."""
    ours: list[Sent] = []
    bares: list[Sent] = []
    batches: list[Sent] = []
    spent: list[dict[str, float]] = []
    bare_us: list[float] = []
    for _ in range(options.rounds):
        sent, cpu_us, _ = _round(bare, batched=False)
        bares.append(sent)
        bare_us.append(cpu_us["api"])
        sent, cpu_us, batch = _round(headwater, batched=True)
        ours.append(sent)
        spent.append(cpu_us)
        batches += [batch] if batch else []
    share = median(a.rate / b.rate for a, b in zip(ours, bares, strict=True))
    size = ours[0].bytes_per_event / 1000
    yield Row(
        f"durable ingest, one {size:.1f} KB event a request, 32 connections",
        figures([sent.rate for sent in ours], "events/s"),
        "bare ASGI endpoint",
        figures([sent.rate for sent in bares], "events/s"),
        f"{share:.0%}",
        ">= 60%",
        share >= 0.6,
        _spent(ours, spent, bare_us),
    )
    gain = median(b.rate / a.rate for a, b in zip(ours, batches, strict=True))
    yield Row(
        f"the same by batches of {BATCH}",
        figures([sent.rate for sent in batches], "events/s"),
        "one a request",
        figures([sent.rate for sent in ours], "events/s"),
        f"{gain:.1f}x",
        ">= 5x",
        gain >= 5,
    )


def _spent(ours: list[Sent], spent: list[dict[str, float]], bare_us: list[float]) -> str:
    api, projector = (median(one[name] for one in spent) for name in ("api", "projector"))
    load = median(sent.cpu_s / sent.events * 1e6 for sent in ours)
    p50, p99 = median(sent.p50_ms for sent in ours), median(sent.p99_ms for sent in ours)
    return (
        f"processor time an event: API {api:.0f} us (bare {median(bare_us):.0f}), projector beside it {projector:.0f},"
        f" load generator {load:.0f}; latency p50 {p50:.1f} ms, p99 {p99:.1f} ms"
    )


def _round(
    serving: Callable[[Path], AbstractContextManager[Served]], *, batched: bool
) -> tuple[Sent, dict[str, float], Sent | None]:
    """Single events, microseconds of processor time for each by process, events by batches."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, serving(Path(folder)) as served:
        order = Order(served.port, LINEAGE, WARM_EVENTS, jobs=JOBS, key=KEY)
        send(order)
        if batched:
            served.await_applied()
        before = served.cpu_s()
        sent = send(replace(order, events=EVENTS, first=WARM_EVENTS))
        cpu_us = {name: (after - before[name]) / EVENTS * 1e6 for name, after in served.cpu_s().items()}
        if not batched:
            return sent, cpu_us, None
        served.await_applied()
        bulk = replace(
            order,
            path=LINEAGE_BATCH,
            events=BATCHED_EVENTS,
            first=WARM_EVENTS + EVENTS,
            batch=BATCH,
            connections=BATCH_CONNECTIONS,
        )
        return sent, cpu_us, send(bulk)


def applied(options: Options) -> Iterator[Row]:
    """Events of known jobs without a pause: when they are acknowledged, when the graph has them; memory."""
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, headwater(Path(folder)) as served:
        order = Order(served.port, LINEAGE, 4 * JOBS, jobs=JOBS, key=KEY)
        send(order)
        served.await_applied()
        watch = _Watch(served, 4 * JOBS, options.events)
        sent = send(replace(order, events=options.events, first=4 * JOBS))
        ended = time.monotonic()
        served.await_applied()
        behind_s = time.monotonic() - ended
        memory = watch.stop()
    rate = options.events / (sent.wall_s + behind_s)
    share = rate / sent.rate
    yield Row(
        f"applied to catalog and graph, {options.events:,} events of known jobs",
        figures([rate], "events/s"),
        "acknowledged",
        figures([sent.rate], "events/s"),
        f"{share:.0%}",
        ">= 50%",
        share >= 0.5,
        f"caught up {behind_s:.1f} s after the last answer",
    )
    quarters = [memory[share] for share in (25, 50, 75, 100)]
    for name in NAMES:
        resident = [quarter.resident[name] for quarter in quarters]
        private = [quarter.private[name] for quarter in quarters]
        growth = private[-1] / private[0] - 1
        yield Row(
            f"memory of {name} at 25, 50, 75, 100% of them",
            figures([private[-1]], "MB"),
            f"private {' '.join(f'{value:.0f}' for value in private)}; "
            f"resident {' '.join(f'{value:.0f}' for value in resident)}",
            None,
            f"{growth:+.0%}",
            "doesn't grow",
            growth < 0.1,
            "resident counts the pages of the databases that SQLite maps, 256 MiB of each at most",
        )


@dataclass(frozen=True)
class _Memory:
    resident: dict[str, float]
    private: dict[str, float]


class _Watch:
    """Memory as the journal grows."""

    def __init__(self, served: Served, before: int, events: int) -> None:
        self._served, self._before, self._events = served, before, events
        self._seen: list[tuple[int, _Memory]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(1.0):
            self._look()

    def _look(self) -> None:
        position = self._served.get("/health")["journal"]["position"] - self._before
        self._seen.append((position, _Memory(self._served.resident_mb(), self._served.private_mb())))

    def stop(self) -> dict[int, _Memory]:
        """By per cent of the events."""
        self._stop.set()
        self._thread.join()
        self._look()
        found = {}
        for percent in (25, 50, 75, 100):
            wanted = self._events * percent // 100
            found[percent] = next(memory for position, memory in self._seen if position >= wanted)
        return found
