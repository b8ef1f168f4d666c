"""Nodes and edges of an answer as columns: merged from several walks, joined at their jobs, folded to what is shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.errors import TooWide
from lineage.graph import Ids, Subgraph
from lineage.model import EdgeKind, Layer, Transformation
from lineage.ports import Catalog

MAX_PAIRS = 1_000_000  # dataset pairs: 1,000 inputs x 1,000 outputs of one job are as many
FAR = np.iinfo(np.int32).max

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]
Walked = list[tuple[int, Subgraph]]  # the side (1 upstream, 2 downstream, 0 between the roots) and what was found


@dataclass(frozen=True, slots=True)
class Nodes:
    """Nodes of an answer: ids ascending; distance and side (1 upstream plus 2 downstream, 0 a root) aligned."""

    ids: Ids
    distance: NDArray[np.int32]
    side: NDArray[np.int8]

    def taken(self, at: NDArray[Any]) -> Nodes:
        return Nodes(self.ids[at], self.distance[at], self.side[at])


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of an answer as columns. source, target, via: ids; kind, origin, basis, transformation: codes.

    via: the job that an edge goes through, or whose edge it is; between DAGs the dataset; 0 for none.
    """

    source: Ids
    target: Ids
    kind: Ints
    origin: Ints
    basis: Ints
    first: Ints
    last: Ints
    runs: Ints
    via: Ints
    transformation: Ints

    def __len__(self) -> int:
        return len(self.source)

    def taken(self, at: NDArray[Any]) -> Edges:
        return Edges(*(getattr(self, name)[at] for name in COLUMNS))


COLUMNS = tuple(Edges.__dataclass_fields__)


class Seen:
    """What the catalog knows of the edges of some walks, asked for once."""

    def __init__(self, catalog: Catalog, edges: Iterable[Ids]) -> None:
        self._edges = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *edges]))
        facts = catalog.edge_facts(self._edges.tolist())
        self._kinds, self._owners = facts.kinds, facts.owners
        self._first, self._last, self._runs = facts.first_seen, facts.last_seen, facts.runs_seen
        self._steps = self._coded(facts.transformations)

    def _coded(self, steps: Sequence[Transformation | None]) -> Ints:
        known: dict[Transformation | None, int] = {}
        codes = [known.setdefault(step, len(known)) for step in steps]
        # Codes in the order of what they stand for, so that sorting by code sorts by content.
        self.transformations = sorted(known, key=lambda step: (step is not None, step or Transformation()))
        rank = {step: at for at, step in enumerate(self.transformations)}
        ranks = np.asarray([rank[step] for step in known], dtype=np.int64)
        return ranks[np.asarray(codes, dtype=np.int64)] if codes else np.empty(0, dtype=np.int64)

    def edges_of(self, part: Subgraph) -> Edges:
        """The edges of a walk, between ids of the graph, in its order."""
        at = np.searchsorted(self._edges, part.edge)
        owners = self._owners[at]
        return Edges(
            source=part.source,
            target=part.target,
            kind=self._kinds[at],
            origin=part.origin.astype(np.int64),
            basis=part.basis.astype(np.int64),
            first=self._first[at],
            last=self._last[at],
            runs=self._runs[at],
            via=owners if part.layer is Layer.FIELD else np.zeros(len(owners), dtype=np.int64),
            transformation=self._steps[at],
        )


def merged(parts: Iterable[tuple[int, Nodes]]) -> Nodes:
    """Every node once, with the least of its distances and the sides it was met on."""
    found = list(parts)
    ids = np.unique(np.concatenate([nodes.ids for _, nodes in found]))
    distance = np.full(len(ids), FAR, dtype=np.int32)
    side = np.zeros(len(ids), dtype=np.int8)
    for code, nodes in found:
        at = np.searchsorted(ids, nodes.ids)
        np.minimum.at(distance, at, nodes.distance)
        side[at] |= code
    side[distance == 0] = 0
    return Nodes(ids, distance, side)


def nodes_of(walked: Walked) -> Nodes:
    """The nodes of several walks, by their ids in the graph."""
    return merged((side, Nodes(part.nodes, part.hops, np.empty(0, dtype=np.int8))) for side, part in walked)


def shown_as(nodes: Nodes, shown: Ids) -> Nodes:
    """The same as they are shown: several ids of the graph may be one node. shown: aligned with the ids."""
    ids, at = np.unique(shown, return_inverse=True)
    distance = np.full(len(ids), FAR, dtype=np.int32)
    side = np.zeros(len(ids), dtype=np.int8)
    np.minimum.at(distance, at, nodes.distance)
    np.bitwise_or.at(side, at, nodes.side)
    side[distance == 0] = 0
    return Nodes(ids, distance, side)


def together(parts: Iterable[Edges]) -> Edges:
    found = list(parts)
    return Edges(*(np.concatenate([getattr(part, name) for part in found]) for name in COLUMNS))


def meetings(left: Ids, right: Ids) -> tuple[Ints, Ints]:
    """Every pair of places where the two hold the same id. Raises TooWide past MAX_PAIRS."""
    order = np.argsort(right, kind="stable")
    ordered = right[order]
    low = np.searchsorted(ordered, left, side="left")
    count = np.searchsorted(ordered, left, side="right") - low
    total = int(count.sum())
    if total > MAX_PAIRS:
        raise TooWide(
            f"{total:,} pairs of datasets or jobs lie on the way, more than {MAX_PAIRS:,}; "
            "use granularity=job or fewer hops"
        )
    first = np.repeat(np.arange(len(left)), count)
    second = np.repeat(low, count) + np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    return first, order[second]


def paired(left: Edges, right: Edges, kind: int = EdgeKind.DERIVED) -> Edges:
    """Edges that follow one another, aligned, as one: as weak as the weaker, observed only if both are.

    via: where they meet.
    """
    return Edges(
        source=left.source,
        target=right.target,
        kind=np.full(len(left), kind, dtype=np.int64),
        origin=np.maximum(left.origin, right.origin),
        basis=np.maximum(left.basis, right.basis),
        first=np.minimum(left.first, right.first),
        last=np.maximum(left.last, right.last),
        runs=np.maximum(left.runs, right.runs),
        via=left.target,
        transformation=np.zeros(len(left), dtype=np.int64),
    )


def groups(edges: Edges) -> Ints:
    """Where each group of sorted edges begins that an answer shows as one; the last entry is the end."""
    differs = np.zeros(len(edges), dtype=np.bool_)
    differs[:1] = True
    for column in (edges.source, edges.target, edges.kind, edges.transformation, edges.origin):
        differs[1:] |= column[1:] != column[:-1]
    return np.append(np.flatnonzero(differs), len(edges))
