"""Walks over the graph, without edges that are long gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.aging import Aging
from lineage.graph import Ids, Subgraph
from lineage.model import Layer, Origin
from lineage.ports import Catalog, GraphReader, Walk
from lineage.tracing.columns import Ints, Mask


@dataclass(frozen=True, slots=True)
class Walker:
    """walk: the edges to use; its hops are given for each walk. aging: what is too old to be used."""

    catalog: Catalog
    store: GraphReader
    walk: Walk
    aging: Aging | None = None

    def reach(self, roots: Sequence[int], layer: Layer, *, down: bool, hops: int | None) -> Subgraph:
        """The graph within `hops` edges of `roots`; from nowhere, or no hops far, the roots alone."""
        if not roots or hops == 0:
            return _alone(layer, roots)
        found = self.store.reach(roots, down=down, layer=layer, walk=replace(self.walk, hops=hops))
        if self.aging is None or self.aging.gone_us is None or not len(found.edge):
            return found
        seen = self.catalog.edge_facts(found.edge.tolist()).last_seen
        gone = self.aging.is_gone(found.origin == Origin.OBSERVED, seen)
        return rewalked(found, ~gone, np.asarray(roots, dtype=np.int64), down=down, hops=hops) if gone.any() else found


def _alone(layer: Layer, roots: Sequence[int]) -> Subgraph:
    none, nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    nodes = np.unique(np.asarray(roots, dtype=np.int64))
    return Subgraph(layer, nodes, np.zeros(len(nodes), dtype=np.int32), none, none, none, nothing, nothing)


def rewalked(part: Subgraph, keep: Mask, roots: Ids, *, down: bool, hops: int | None) -> Subgraph:
    """What a walk would have found without the edges that aren't kept: the same walk, so within its hops exact."""
    ids = np.unique(part.nodes)
    source, target = np.searchsorted(ids, part.source), np.searchsorted(ids, part.target)
    near, far = (source, target) if down else (target, source)
    level = _levels(near[keep], far[keep], np.searchsorted(ids, np.unique(roots)), len(ids), hops)
    crossed = keep & (level[near] >= 0)
    if hops is not None:
        crossed &= level[near] < hops
    met = np.flatnonzero(level >= 0)
    order = met[np.argsort(level[met], kind="stable")]
    return replace(with_edges(part, crossed), nodes=ids[order], hops=level[order].astype(np.int32))


def _levels(near: Ints, far: Ints, roots: Ints, size: int, hops: int | None) -> Ints:
    """Hops of each node from the roots, -1 where none lead; breadth first, a hop at a time."""
    order = np.argsort(near, kind="stable")
    far = far[order]
    first = np.searchsorted(near[order], np.arange(size + 1))
    level = np.full(size, -1, dtype=np.int64)
    frontier, hop = roots, 0
    level[frontier] = 0
    while len(frontier) and (hops is None or hop < hops):
        hop += 1
        ends = far[_ranges(first[frontier], first[frontier + 1])]
        frontier = np.unique(ends[level[ends] < 0])
        level[frontier] = hop
    return level


def _ranges(low: Ints, high: Ints) -> Ints:
    """All numbers from each low to before its high."""
    count = high - low
    return np.repeat(low - np.cumsum(count) + count, count) + np.arange(int(count.sum()))


def with_edges(part: Subgraph, at: NDArray[Any]) -> Subgraph:
    """The subgraph with some of its edges, by a mask or their places; its nodes as they are."""
    columns: dict[str, Any] = {
        name: getattr(part, name)[at] for name in ("edge", "source", "target", "basis", "origin")
    }
    return replace(part, **columns)
