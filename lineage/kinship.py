"""What two nodes that no path joins have in common: the nearest that both come from, and that both lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from lineage.graph import Ids, Subgraph
from lineage.model import Granularity, Kind, Node

FAR = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Near:
    """Nodes, ascending, and their hops to one end."""

    ids: Ids
    hops: Ids

    def within(self, hops: int) -> Near:
        return Near(self.ids[self.hops <= hops], self.hops[self.hops <= hops])


@dataclass(frozen=True, slots=True)
class Kin:
    """ids: nodes that stand nearest to both ends, by the sum of hops. source, target: hops to each end, aligned."""

    ids: Ids
    source: Ids
    target: Ids


def nearest_kin(source: Near, target: Near, stands: Callable[[Ids], Ids]) -> Kin:
    """Of the nodes near both ends, those with the least sum of hops; an end counts as its own kin.

    stands: what ids are shown as, aligned: flows of one job are one node to the reader, though none reaches the other.
    """
    found = _nearest(source, target)
    most = int((found.source + found.target).min(initial=FAR))
    return _nearest(_as_shown(source.within(most), stands), _as_shown(target.within(most), stands))


def _nearest(source: Near, target: Near) -> Kin:
    ids, at, to = np.intersect1d(source.ids, target.ids, assume_unique=True, return_indices=True)
    one, other = source.hops[at], target.hops[to]
    best = one + other == (one + other).min(initial=FAR)
    return Kin(ids[best], one[best], other[best])


def _as_shown(near: Near, stands: Callable[[Ids], Ids]) -> Near:
    shown = stands(near.ids)
    order = np.lexsort((near.hops, shown))
    shown, hops = shown[order], near.hops[order]
    first = np.diff(shown, prepend=-1) > 0
    return Near(shown[first], hops[first])


def near(part: Subgraph, root: Node, granularity: Granularity) -> Near:
    """The nodes of a walk that the granularity shows. Jobs and datasets take turns along it."""
    ids, hops = part.nodes, part.hops.astype(np.int64)
    if granularity is Granularity.DATASET:
        shown = (hops % 2 == (1 if root.kind is Kind.JOB else 0)) | (hops == 0)
        ids, hops = ids[shown], (hops[shown] + 1) // 2
    order = np.argsort(ids)
    return Near(ids[order], hops[order])
