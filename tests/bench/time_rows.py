"""Questions about time on the big graph, over HTTP: a trace as of a time, and what changed in two days."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import orjson

from lineage.model import text_of
from tests.bench import big_catalog, big_graph
from tests.bench.big_catalog import DAY_US, FIRST_US
from tests.bench.options import Options
from tests.bench.reading import getter, ms
from tests.bench.serving import Served, headwater
from tests.bench.table import Row, figures

# Every job's edges are open by then, so both traces find the same.
LATE = text_of(FIRST_US + 400 * DAY_US)
DAYS = (100, 102)  # a three-hundredth of all jobs begins each day
GOAL_S = 2.0


def times(options: Options) -> Iterator[Row]:
    with headwater(big_catalog.folder()) as served:
        served.await_graph(big_catalog.root().id)
        for depth in (10, 20):
            yield _as_of(served, depth, options)
        yield _two_days(served, options)


def _as_of(served: Served, depth: int, options: Options) -> Row:
    """The trace as of a time and the present one, in turns."""
    query = {"node": big_catalog.root().id, "direction": "downstream", "granularity": "job", "depth": depth}
    now, then = getter(served, "/trace", query), getter(served, "/trace", {**query, "as_of": LATE})
    nodes = len(orjson.loads(then())["nodes"]) - 1
    assert nodes == len(orjson.loads(now())["nodes"]) - 1 == big_graph.WITHIN[depth]
    pairs = [(ms(then), ms(now)) for _ in range(5 * options.rounds)]
    ratio = median(a / b for a, b in pairs)
    return Row(
        f"GET /trace depth {depth} as of a time, {nodes:,} nodes",
        figures([a for a, _ in pairs], "ms"),
        "the present one, in turns",
        figures([b for _, b in pairs], "ms"),
        f"{ratio:.2f}x",
        "<= 2x",
        ratio <= 2,
    )


def _two_days(served: Served, options: Options) -> Row:
    since, until = (text_of(FIRST_US + day * DAY_US) for day in DAYS)
    get = getter(served, "/diff", {"from": since, "to": until})
    came = orjson.loads(get())["totals"]["added"]["edges"]
    assert came > 10_000, came
    seconds = [ms(get) / 1_000 for _ in range(3 * options.rounds)]
    return Row(
        f"GET /diff of two days, {came:,} edges came",
        figures(seconds, "s"),
        goal=f"<= {GOAL_S:g} s",
        met=max(seconds) <= GOAL_S,
    )
