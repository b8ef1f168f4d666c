"""The shape of the big graph: the lineage report over all of it, and paths between its nodes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from statistics import median

import numpy as np

from lineage.model import Granularity
from lineage.paths import paths
from lineage.ports import Catalog, GraphStore, Walk
from lineage.report import report
from tests.bench import big_catalog, big_graph
from tests.bench.graph_rows import catalog, loaded
from tests.bench.options import Options
from tests.bench.reading import ms
from tests.bench.table import Row, figures

GOAL_S = 5
PAIRS = 20
FAR = 400_000  # a dataset of which dataset 1,000 is one of many origins


def shape(options: Options) -> Iterator[Row]:
    """In process: what HTTP adds is measured with traces."""
    known, store = catalog(), loaded()
    yield _report(known, store, options)
    for hops in (10, 20):
        yield _paths(known, store, hops)
    yield _far(known, store, options)


def _report(known: Catalog, store: GraphStore, options: Options) -> Row:
    found = report(known, store).document()
    assert found["summary"]["transformations"] == big_graph.JOBS
    seconds = [ms(partial(report, known, store)) / 1000 for _ in range(options.rounds)]
    return Row(
        f"lineage report, {found['summary']['nodes']:,} nodes, {found['summary']['edges']:,} edges",
        figures(seconds, "s"),
        goal=f"<= {GOAL_S} s",
        met=median(seconds) <= GOAL_S,
        note=f"depth {found['complexity_metrics']['maximum_depth']:,}",
    )


def _paths(known: Catalog, store: GraphStore, hops: int) -> Row:
    """From dataset 1,000 to datasets that many hops away: all of the answer, counts, dominators and cut."""
    near = store.reach([big_graph.ROOT + 1], down=True, walk=Walk(hops=hops))
    ends = near.nodes[(near.hops == hops) & (near.nodes <= big_graph.DATASETS)]
    rng = np.random.default_rng(big_graph.SEED)
    chosen = [big_catalog.dataset_node(int(end) - 1) for end in rng.choice(ends, min(PAIRS, len(ends)), replace=False)]
    times = [ms(partial(paths, known, store, big_catalog.root(), end)) for end in chosen]
    return Row(f"paths to a dataset {hops} hops downstream", figures(times, "ms"))


def _far(known: Catalog, store: GraphStore, options: Options) -> Row:
    end = big_catalog.dataset_node(FAR)
    asked = partial(paths, known, store, big_catalog.root(), end, granularity=Granularity.DATASET)
    found = asked()
    times = [ms(asked) for _ in range(options.rounds)]
    digits = len(str(found.total.value))
    note = f"{found.size[0]:,} datasets lie between, on paths whose number has {digits} digits"
    return Row("paths between ends that much lies between", figures(times, "ms"), note=note)
