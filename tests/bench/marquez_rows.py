"""The same questions as Marquez 0.51 was asked, on the same events; its figures are quoted, not measured here.

Measured once on this kind of machine (2 cores, PostgreSQL 15): ingest of 10.8 KB events 14 to 22 a second over 8
connections; lineage of a dataset among 1,000 jobs at depth 20 in 5.9 s (2,045 nodes: it walks without direction, so
it answers with everything that hangs together); columns of a dataset at depth 20: no answer within 300 s.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import orjson

from tests.bench.events import FULL_COLUMNS, World
from tests.bench.load import Order, send
from tests.bench.options import Options
from tests.bench.reading import getter, ms
from tests.bench.serving import KEY, Served, headwater
from tests.bench.table import Figures, Row, figures

JOBS = 1_000
INGEST = Figures((14, 18, 22), "events/s")
LINEAGE_S = Figures((5.9,), "s")
COLUMNS_S = Figures((300,), "s, no answer")
QUOTED = "Marquez, quoted"


def marquez(options: Options) -> Iterator[Row]:
    """1,000 jobs as 2,000 events of 10.8 KB over 8 connections, then the graph around a dataset in their middle."""
    rates, batched = [], []
    with tempfile.TemporaryDirectory(prefix="headwater-bench-") as folder, headwater(Path(folder)) as served:
        for turn in range(options.rounds):
            order = Order(
                served.port,
                "/api/v1/lineage",
                2 * JOBS,
                first=2 * JOBS * turn,
                connections=8,
                jobs=JOBS,
                columns=FULL_COLUMNS,
                key=KEY,
            )
            rates.append(send(order).rate)
            served.await_applied()
        for turn in range(options.rounds, 2 * options.rounds):
            bulk = replace(order, path="/api/v1/lineage/batch", first=2 * JOBS * turn, batch=500, connections=4)
            batched.append(send(bulk).rate)
            served.await_applied()
        ratio = median(rates) / INGEST.middle
        yield Row(
            "ingest, 10.8 KB events, 8 connections",
            figures(rates, "events/s"),
            QUOTED,
            INGEST,
            f"{ratio:.0f}x",
            ">= 100x",
            ratio >= 100,
            f"against the best rate of Marquez, 22 events/s: {median(rates) / 22:.0f}x",
        )
        ratio = median(batched) / INGEST.middle
        yield Row(
            "the same by batches of 500, which Marquez doesn't take",
            figures(batched, "events/s"),
            QUOTED,
            INGEST,
            f"{ratio:.0f}x",
            ">= 100x",
            ratio >= 100,
        )
        yield from _reads(served, options)


def _reads(served: Served, options: Options) -> Iterator[Row]:
    middle = World(JOBS, FULL_COLUMNS).middle
    times, answer = _asked(served, {"node": middle, "depth": 20, "direction": "both"}, 5 * options.rounds)
    ratio = LINEAGE_S.middle * 1000 / median(times)
    yield Row(
        f"trace among 1,000 jobs, depth 20, both ways, {len(answer['nodes']):,} nodes",
        figures(times, "ms"),
        QUOTED,
        LINEAGE_S,
        f"{ratio:.0f}x",
        ">= 100x",
        ratio >= 100,
        f"{median(times) / len(answer['nodes']) * 1000:.0f} us a node, Marquez 2,900 us a node",
    )
    query = {"node": middle, "depth": 20, "direction": "both", "granularity": "field"}
    times, answer = _asked(served, query, 5 * options.rounds)
    p50 = median(times)
    size = f"{len(answer['nodes']):,} columns, {len(answer['edges']):,} edges"
    yield Row(
        f"columns of a dataset, depth 20, both ways, {size}",
        figures(times, "ms"),
        QUOTED,
        COLUMNS_S,
        f"{COLUMNS_S.middle * 1000 / p50:,.0f}x and more",
        "<= 50 ms",
        p50 <= 50,
    )


def _asked(served: Served, query: dict[str, Any], times: int) -> tuple[list[float], Any]:
    get = getter(served, "/trace", query)
    answer = orjson.loads(get())
    return [ms(get) for _ in range(times)], answer
