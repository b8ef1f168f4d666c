"""The big graph in a real Neo4j: our store and our traces against plain Cypher sent by the bare driver.

By default only what lies within 22 hops of the root is loaded, so that nothing the questions touch is missing; with
--full all 2.5 million relationships.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import fields as fields_of
from statistics import median
from typing import Any

import numpy as np
from neo4j import GraphDatabase

from lineage.model import Direction, Granularity, Layer
from lineage.ports import EdgeColumns, FieldRow, Mark, NodeRow, Snapshot, Walk
from lineage.stores.neo4j import Neo4jStore
from lineage.traces import trace
from tests import servers
from tests.bench import big_catalog, big_graph
from tests.bench.graph_rows import catalog, loaded
from tests.bench.options import Options
from tests.bench.reading import ms
from tests.bench.table import Row, figures

SLICE_HOPS = 22
WARM = 5
ROOT = big_graph.ROOT + 1
# What somebody who knows Cypher writes for "everything downstream within n hops, and how far".
PLAIN = (
    "MATCH (a:Dataset {id: $root}) MATCH p = (a)-[:READ_BY|WROTE*1..%d]->(b) "
    "RETURN b.namespace AS namespace, b.name AS name, min(length(p)) AS hops"
)


def neo4j(options: Options) -> Iterator[Row]:
    if "-Xmx1g" in servers.JVM_FLAGS and options.full:
        servers.JVM_FLAGS[servers.JVM_FLAGS.index("-Xmx1g")] = "-Xmx3g"
    with servers.running_neo4j(own=not os.environ.get("NEO4J_URI")) as server:
        store = Neo4jStore(server.uri, auth=server.auth)
        names = catalog()
        with closing(_snapshot(options.full)) as snapshot:
            took_ms = ms(lambda: store.load(snapshot))
            yield Row(f"loading {snapshot.counts()['edges']:,} edges into Neo4j", figures([took_ms / 1000], "s"))
        with GraphDatabase.driver(server.uri, auth=server.auth) as driver:
            for depth in big_graph.WITHIN:
                yield from _compared(store, names, driver, depth, options)
        store.close()


def _compared(store: Neo4jStore, names: Any, driver: Any, depth: int, options: Options) -> Iterator[Row]:
    def plain() -> list[Any]:
        with driver.session() as session:
            return session.run(PLAIN % depth, root=ROOT).values()

    def ours() -> Any:
        return trace(
            names, store, big_catalog.root(), direction=Direction.DOWNSTREAM, depth=depth, granularity=Granularity.JOB
        )

    expected = big_graph.WITHIN[depth]
    assert len(plain()) == expected == len(ours().nodes) - 1
    for _ in range(WARM):  # plans are made and the JVM compiles
        plain(), ours()
    reaches, traces, plains = [], [], []
    for _ in range((4 if depth > 10 else 10) * options.rounds):
        plains.append(ms(plain))
        traces.append(ms(ours))
        reaches.append(ms(lambda: store.reach([ROOT], down=True, walk=Walk(hops=depth))))
    for work, times, judged in (
        (f"trace on Neo4j, depth {depth}, names, edges and their history", traces, True),
        (f"reach on Neo4j, depth {depth}, hops and edges", reaches, False),
    ):
        ratio = median(times) / median(plains)
        goal, met = ("<= 1.5x", ratio <= 1.5) if judged else ("", None)
        peer = "plain Cypher, names and hops"
        yield Row(work, figures(times, "ms"), peer, figures(plains, "ms"), f"{ratio:.2f}x", goal, met)


def _snapshot(full: bool) -> Snapshot:
    snapshot = catalog().snapshot()
    if full:
        return snapshot
    near = loaded().reach([ROOT], down=True, walk=Walk(hops=SLICE_HOPS)).nodes
    sys.stderr.write(f"Neo4j gets the {len(near):,} nodes within {SLICE_HOPS} hops; --full gives it all\n")
    return _Slice(snapshot, near)


class _Slice:
    """Some nodes of a snapshot and the edges between them."""

    def __init__(self, whole: Snapshot, nodes: Any) -> None:
        self._whole = whole
        self._nodes = np.sort(nodes)
        self._edges = 0

    @property
    def mark(self) -> Mark:
        return self._whole.mark

    def counts(self) -> dict[str, int]:
        return {"nodes": len(self._nodes), "fields": 0, "edges": self._edges}

    def nodes(self, batch: int = 20_000) -> Iterator[Sequence[NodeRow]]:
        wanted = set(self._nodes.tolist())
        for rows in self._whole.nodes(batch):
            yield [NodeRow(row.id, row.kind, row.namespace, row.name) for row in rows if row.id in wanted]

    def fields(self, batch: int = 20_000) -> Iterator[Sequence[FieldRow]]:
        return iter(())

    def edges(self, layer: Layer, batch: int = 100_000) -> Iterator[EdgeColumns]:
        for columns in self._whole.edges(layer, batch):
            keep = np.isin(columns.source, self._nodes) & np.isin(columns.target, self._nodes)
            self._edges += int(np.count_nonzero(keep))
            kept = {f.name: getattr(columns, f.name)[keep] for f in fields_of(columns) if f.name != "transformations"}
            yield EdgeColumns(**kept)

    def close(self) -> None:
        self._whole.close()
