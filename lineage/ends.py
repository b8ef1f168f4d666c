"""The two ends of a question about how nodes are connected, as ids of the graph; and how near others are to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lineage.graph import Ids, Subgraph
from lineage.model import Granularity, Kind, Layer, Node
from lineage.ports import Catalog, GraphReader, Walk

NOBODY: Ids = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class End:
    """A node at a granularity. down: where walks downstream begin; up: where those upstream do; both ascending."""

    node: Node
    layer: Layer
    down: Ids
    up: Ids


def granularity_of(nodes: Sequence[Node]) -> Granularity:
    """What a question shows unless it says so: columns, if it names one."""
    return Granularity.FIELD if any(node.kind is Kind.FIELD for node in nodes) else Granularity.JOB


def end_at(catalog: Catalog, store: GraphReader, node: Node, number: int, granularity: Granularity, walk: Walk) -> End:
    """At `field` a dataset stands for its columns, a job for those it reads and those it fills; else a field for its
    dataset. A job that contains others, such as a DAG, stands for them."""
    if granularity is not Granularity.FIELD:
        if node.kind is Kind.FIELD:
            node, number = catalog.find(node.dataset)
        roots = _ids(catalog.roots(node, number))
        return End(node, Layer.JOB, roots, roots)
    if node.kind is Kind.JOB:
        return _columns_of_job(catalog, store, node, number, walk)
    columns = _ids(catalog.roots(node, number) if node.kind is Kind.FIELD else catalog.fields_of(number))
    return End(node, Layer.FIELD, columns, columns)


def _columns_of_job(catalog: Catalog, store: GraphReader, node: Node, number: int, walk: Walk) -> End:
    jobs = catalog.roots(node, number)
    written = store.reach(jobs, down=True, layer=Layer.JOB, walk=replace(walk, hops=1))
    datasets = np.unique(written.target).tolist()
    columns = [column for dataset in datasets for column in catalog.fields_of(dataset)]
    into = reach(store, _ids(columns), Layer.FIELD, replace(walk, hops=1), down=False)
    own = np.isin(catalog.edge_facts(into.edge.tolist()).owners, jobs)
    return End(node, Layer.FIELD, np.unique(into.target[own]), np.unique(into.source[own]))


def _ids(numbers: Sequence[int]) -> Ids:
    return np.unique(np.asarray(numbers, np.int64))


def reach(store: GraphReader, roots: Ids, layer: Layer, walk: Walk, *, down: bool) -> Subgraph:
    """What the store reaches; from nowhere, nothing."""
    if len(roots):
        return store.reach(roots.tolist(), down=down, layer=layer, walk=walk)
    small = np.empty(0, np.int8)
    return Subgraph(layer, NOBODY, np.empty(0, np.int32), NOBODY, NOBODY, NOBODY, small, small)
