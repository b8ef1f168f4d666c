"""Where the walks of a trace begin."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lineage.graph import Subgraph
from lineage.model import Direction, Granularity, Kind, Layer, Node
from lineage.tracing.columns import Walked
from lineage.tracing.walks import Walker, with_edges


@dataclass(frozen=True, slots=True)
class Start:
    """up, down: ids of the graph. node, number: what was asked for.

    shown: whether the answer must show the node beside what the walks find, since the layer walked doesn't hold it.
    between: edges between the two starts.
    """

    layer: Layer
    node: Node
    number: int
    up: tuple[int, ...]
    down: tuple[int, ...]
    shown: bool = False
    between: Subgraph | None = None


def start(walker: Walker, node: Node, number: int, granularity: Granularity) -> Start:
    """A job stands for its flows, and for the jobs within it with theirs; for columns, a dataset for all it has."""
    if granularity is not Granularity.FIELD or node.kind is Kind.FIELD:
        layer = Layer.FIELD if granularity is Granularity.FIELD else Layer.JOB
        roots = walker.catalog.roots(node, number)
        return Start(layer, node, number, roots, roots)
    if node.kind is Kind.DATASET:
        fields = tuple(walker.catalog.fields_of(number))
        return Start(Layer.FIELD, node, number, fields, fields, shown=True)
    return _start_at_job(walker, node, number)


def _start_at_job(walker: Walker, node: Node, number: int) -> Start:
    """A job is asked for by its columns: upstream from those it reads, downstream from those it fills."""
    catalog = walker.catalog
    owners = catalog.roots(node, number)
    written = walker.reach(owners, Layer.JOB, down=True, hops=1)
    columns = [column for dataset in np.unique(written.target).tolist() for column in catalog.fields_of(dataset)]
    into = walker.reach(columns, Layer.FIELD, down=False, hops=1)
    own = np.isin(catalog.edge_facts(into.edge.tolist()).owners, owners)
    between = with_edges(into, own)
    sources, targets = (tuple(np.unique(side).tolist()) for side in (between.source, between.target))
    ends = np.unique(np.concatenate((between.source, between.target)))
    between = replace(between, nodes=ends, hops=np.zeros(len(ends), dtype=np.int32))
    return Start(Layer.FIELD, node, number, sources, targets, shown=True, between=between)


def walked_from(walker: Walker, begin: Start, direction: Direction, hops: int | None) -> Walked:
    """What lies on each side that was asked for."""
    found: Walked = []
    if direction is not Direction.DOWNSTREAM:
        found.append((1, walker.reach(begin.up, begin.layer, down=False, hops=hops)))
    if direction is not Direction.UPSTREAM:
        found.append((2, walker.reach(begin.down, begin.layer, down=True, hops=hops)))
    if begin.between is not None and direction is Direction.BOTH:
        found.append((0, begin.between))
    return found
