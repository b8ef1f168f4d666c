"""The big graph: reach as arrays against scipy and networkx, traces over HTTP, start from disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from statistics import median
from typing import Any

import networkx as nx
import numpy as np
import orjson
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order

from lineage.database import open_engine, sqlite_url
from lineage.model import Direction, Granularity
from lineage.ports import Walk
from lineage.stores.catalog import SqlCatalog
from lineage.stores.embedded import EmbeddedStore
from lineage.traces import trace
from tests.bench import big_catalog, big_graph
from tests.bench.options import Options
from tests.bench.reading import getter, ms
from tests.bench.serving import Served, headwater
from tests.bench.table import Row, figures

GOAL_MS = {10: 10, 20: 250}


def reach(options: Options) -> Iterator[Row]:
    """Everything downstream of dataset 1,000, 830,679 nodes, no limit of hops."""
    edges = big_graph.edges()
    ones = np.ones(len(edges), np.int8)
    matrix = csr_array((ones, (edges[:, 0], edges[:, 1])), shape=(big_graph.NODES, big_graph.NODES))
    matrix.sum_duplicates()
    weights = csr_array((np.ones(len(matrix.indices)), matrix.indices, matrix.indptr), shape=matrix.shape)
    store = loaded()
    root = [big_graph.ROOT + 1]  # ids of the catalog start at 1
    ours, scipys = [], []
    for _ in range(options.rounds * 3):
        ours.append(ms(lambda: store.reach(root, down=True, walk=Walk())))
        scipys.append(ms(lambda: breadth_first_order(weights, big_graph.ROOT, return_predecessors=True)))
    found = len(store.reach(root, down=True, walk=Walk()).nodes) - 1
    assert found == big_graph.DOWNSTREAM, found
    only_order = [ms(lambda: breadth_first_order(weights, big_graph.ROOT, return_predecessors=False)) for _ in scipys]
    assert len(breadth_first_order(weights, big_graph.ROOT, return_predecessors=False)) - 1 == found
    ratio = median(a / b for a, b in zip(ours, scipys, strict=True))
    yield Row(
        f"full downstream, {found:,} nodes, as arrays",
        figures(ours, "ms"),
        "scipy breadth_first_order, same arrays",
        figures(scipys, "ms"),
        f"{ratio:.2f}x",
        "<= 3x",
        ratio <= 3,
        f"scipy: order and predecessors (order alone: {median(only_order):.0f} ms); ours: hops, all edges crossed",
    )
    graph = nx.DiGraph()
    graph.add_edges_from(edges.tolist())
    ours, networkx = [], []
    for _ in range(max(2, options.rounds)):
        networkx.append(ms(lambda: nx.descendants(graph, big_graph.ROOT)))
        ours += [ms(lambda: store.reach(root, down=True, walk=Walk())) for _ in range(3)]
    ratio = median(networkx) / median(ours)
    yield Row(
        "the same",
        figures(ours, "ms"),
        "networkx descendants",
        figures(networkx, "ms"),
        f"{ratio:.0f}x",
        ">= 50x",
        ratio >= 50,
    )


def loaded() -> EmbeddedStore:
    store = EmbeddedStore()
    with closing(catalog().snapshot()) as snapshot:
        store.load(snapshot)
    return store


def catalog() -> SqlCatalog:
    return SqlCatalog(open_engine(sqlite_url(big_catalog.folder() / "catalog.db"), durable=False))


def traces(options: Options) -> Iterator[Row]:
    """GET /trace on that graph, over HTTP, one client on a kept connection."""
    with headwater(big_catalog.folder()) as served:
        served.await_graph(big_catalog.root().id)
        for depth, goal_ms in GOAL_MS.items():
            times, answer = _asked(served, depth, 10 * options.rounds)
            nodes = len(answer["nodes"]) - 1
            assert nodes == big_graph.WITHIN[depth], nodes
            document = [ms(partial(orjson.dumps, answer)) for _ in range(5)]
            p50 = median(times)
            share = median(document) / p50
            yield Row(
                f"GET /trace depth {depth}, {nodes:,} nodes",
                figures(times, "ms"),
                ratio=f"encoding {share:.0%}",
                goal=f"p50 <= {goal_ms} ms, encoding <= 50%",
                met=p50 <= goal_ms and share <= 0.5,
            )
        yield from _other_reads(served, options)


def _asked(served: Served, depth: int, times: int) -> tuple[list[float], Any]:
    query = {"node": big_catalog.root().id, "direction": "downstream", "granularity": "job", "depth": depth}
    get = getter(served, "/trace", query)
    body = get()
    return [ms(get) for _ in range(times)], orjson.loads(body)


def _other_reads(served: Served, options: Options) -> Iterator[Row]:
    node = big_catalog.root()
    reads: list[tuple[str, str, dict[str, Any]]] = [
        (
            "trace of datasets, depth 10",
            "/trace",
            {"node": node.id, "granularity": "dataset", "direction": "downstream"},
        ),
        ("search, prefix of a last part", "/search", {"q": "fct_order_0012", "limit": 20}),
        ("search, within a name", "/search", {"q": "rder_00123", "limit": 20}),
        ("list, first 100 of 900,000 datasets", "/datasets", {"limit": 100}),
        ("list, 100 jobs by part of the name", "/jobs", {"limit": 100, "q": "load_order"}),
        (
            "selection, three hops down of one dataset but for a namespace",
            "/select",
            {"q": f"{node.id}+3 and not namespace:airflow-001"},
        ),
        ("selection, 258,750 by namespace but for names", "/select", {"q": "namespace:postgres* and not name:*order*"}),
        ("one dataset in full", "/datasets/one", {"namespace": node.namespace, "name": node.name}),
    ]
    for work, path, query in reads:
        get = getter(served, path, query)
        get()
        yield Row(f"{work}, 1.6 M nodes", figures([ms(get) for _ in range(3 * options.rounds)], "ms"))


def start(options: Options) -> Iterator[Row]:
    """From the command to a server that is ready, graph and all; resident memory of both its processes then."""
    seconds, resident, listening = [], [], []
    for _ in range(options.rounds):
        with headwater(big_catalog.folder()) as served:
            listening.append(time.monotonic() - served.started)
            served.await_graph(big_catalog.root().id)
            seconds.append(time.monotonic() - served.started)
            resident.append(sum(served.resident_mb().values()))
    yield Row(
        "start on the big graph from disk",
        figures(seconds, "s"),
        goal="<= 15 s",
        met=median(seconds) <= 15,
        note=f"takes events after {median(listening):.1f} s, before the graph is loaded",
    )
    yield Row(
        "resident then, API and projector",
        figures(resident, "MB"),
        goal="<= 1,500 MB",
        met=max(resident) <= 1500,
    )


def in_process(depth: int) -> Any:
    """The same trace without HTTP: for profilers."""
    return trace(
        catalog(),
        loaded(),
        big_catalog.root(),
        direction=Direction.DOWNSTREAM,
        depth=depth,
        granularity=Granularity.JOB,
    )
