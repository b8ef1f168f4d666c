"""The part of the graph that lies between two nodes, as the reader sees it: every node of it is on a way between them.

What a reader takes for one node may be several in a store: a job is there once for itself and once for each flow, the
part of it that fills one output. So that the paths counted are the paths read, flows of a job that lead to the same
output become one node, and what is asked for itself becomes one in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from lineage.algorithms.digraph import Condensed, Digraph, Ints, Mask, condensed, distinct, hops_from, reached_from
from lineage.ends import End
from lineage.errors import TooWide
from lineage.graph import Ids, Subgraph
from lineage.model import Granularity, Kind
from lineage.ports import NodeColumns
from lineage.traces import MAX_PAIRS, texts_of

NOBODY = -1  # via of a step that no job stands behind


@dataclass(frozen=True)
class Steps:
    """Edges as they are known, aligned; several may lead from one node to another. source, target: nodes of the part.

    basis, origin: codes. edge: its id, of the READ where two are joined. via: name code of the job between, or NOBODY.
    """

    source: Ints
    target: Ints
    basis: Ints
    origin: Ints
    edge: Ints
    via: Ints

    def taken(self, at: Any) -> Steps:
        return Steps(*(getattr(self, column.name)[at] for column in fields(self)))

    def moved(self, place: Ints) -> Steps:
        """The same between other numbers of nodes; place -1: the node is gone."""
        steps = Steps(place[self.source], place[self.target], self.basis, self.origin, self.edge, self.via)
        return steps.taken((steps.source >= 0) & (steps.target >= 0))

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True)
class Between:
    """source, target: nodes of `graph`; no edge enters the one or leaves the other. name: code per node, equal for what
    reads as one node; codes are in the order of `texts`, of which -1 is none: a start before several columns. kinds: by
    code. rank: of each node in the order of what is read, no two the same.
    """

    graph: Digraph
    source: int
    target: int
    name: Ints
    rank: list[int]
    steps: Steps
    texts: Sequence[str]
    kinds: Sequence[int]

    @cached_property
    def parts(self) -> Condensed:
        return condensed(self.graph)

    @cached_property
    def far(self) -> Ints:
        """Hops to the target."""
        return hops_from(self.graph.reverse, self.target)

    @property
    def size(self) -> tuple[int, int]:
        """Nodes and edges, as they are read."""
        source, target = self.name[self.graph.tails], self.name[self.graph.heads]
        both = (source >= 0) & (target >= 0)
        return len(distinct(self.name[self.name >= 0])), len(distinct(source[both] * len(self.texts) + target[both]))

    @cached_property
    def has_copies(self) -> bool:
        return len(distinct(self.name[self.name >= 0])) < int(np.count_nonzero(self.name >= 0))


@dataclass(frozen=True)
class _Draft:
    """A part in the making. kept: starts and ends. lead: per node, what follows where names leave the order open."""

    steps: Steps
    name: Ints
    source: int
    target: int
    kept: Ints
    lead: Ints = field(default_factory=lambda: np.empty(0, np.int64))


def common(down: Subgraph, up: Subgraph, starts: Ids, ends: Ids) -> tuple[Subgraph, Ids]:
    """What lies downstream of the starts and upstream of the ends, both included: its edges (and more), and its nodes,
    ascending; no nodes where no path leads."""
    if not down.truncated and not up.truncated:
        return down, np.intersect1d(down.nodes, up.nodes, assume_unique=True)
    # Where each walk ended early, a way may still lead from what the one saw into what the other did.
    whole = _both(down, up)
    return whole, on_ways(whole, starts, ends)


def on_ways(part: Subgraph, starts: Ids, ends: Ids) -> Ids:
    """The nodes on ways from starts to ends that a subgraph holds, ascending. What lies upstream of the ends holds all
    ways, and so does what lies downstream of the starts."""
    ids = np.sort(part.nodes)
    size, (first, last) = len(ids), (np.flatnonzero(np.isin(ids, side)) for side in (starts, ends))
    sources = np.concatenate((np.searchsorted(ids, part.source), np.full(len(first), size), last))
    targets = np.concatenate((np.searchsorted(ids, part.target), first, np.full(len(last), size + 1)))
    graph = Digraph.of(size + 2, sources, targets)
    kept = reached_from(graph, size) & reached_from(graph.reverse, size + 1)
    return ids[kept[:size]]


def _both(down: Subgraph, up: Subgraph) -> Subgraph:
    """The edges of both, each once."""
    _, first = np.unique(np.concatenate((down.edge, up.edge)), return_index=True)
    names = ("edge", "source", "target", "basis", "origin")
    columns: dict[str, Any] = {n: np.concatenate((getattr(down, n), getattr(up, n)))[first] for n in names}
    return replace(down, nodes=distinct(np.concatenate((down.nodes, up.nodes))), **columns)


def between(
    found: Subgraph, ids: Ids, names: NodeColumns, source: End, target: End, granularity: Granularity
) -> Between:
    """The part between two ends, which have no id in common.

    found, ids: as `common` gives them, at least one id. names: aligned with ids. granularity DATASET: jobs become `via`
    of the steps between datasets, but for the ends.
    Raises TooWide past 1,000,000 pairs of datasets.
    """
    texts = texts_of(names)
    order = sorted(range(len(ids)), key=texts.__getitem__)
    name, kinds = _codes(order, [texts[at] for at in order]), np.asarray(names.kinds, np.int64)
    codes = {texts[at]: int(name[at]) for at in order}
    sides = [(source.down, codes.get(source.node.id)), (target.up, codes.get(target.node.id))]
    draft = _trimmed(_closed(_within(found, ids), name, [(np.flatnonzero(np.isin(ids, at)), of) for at, of in sides]))
    if granularity is Granularity.DATASET:
        draft = _over_jobs(draft, kinds == Kind.JOB)
    elif granularity is Granularity.JOB:
        draft = _copies_joined(draft, kinds == Kind.JOB)
    by_code = dict(zip(name.tolist(), kinds.tolist(), strict=True))
    return _numbered(draft, list(codes), [by_code[code] for code in codes.values()])


def _codes(order: list[int], sorted_texts: list[str]) -> Ints:
    """A number for each text, in the order of texts from 0, equal for equal ones."""
    fresh = np.array([False, *(a != b for a, b in pairwise(sorted_texts))])
    codes = np.empty(len(order), np.int64)
    codes[order] = np.cumsum(fresh)
    return codes


def _within(down: Subgraph, ids: Ids) -> Steps:
    """The edges between these nodes, by their places in `ids`."""
    top = max(int(column.max(initial=0)) for column in (down.source, down.target, ids)) + 1
    place = np.full(top, -1, np.int64)
    place[ids] = np.arange(len(ids))
    source, target = place[down.source], place[down.target]
    kept = np.flatnonzero((source >= 0) & (target >= 0))
    return Steps(
        source[kept],
        target[kept],
        down.basis[kept].astype(np.int64),
        down.origin[kept].astype(np.int64),
        down.edge[kept],
        np.full(len(kept), NOBODY, np.int64),
    )


def _closed(steps: Steps, name: Ints, sides: Sequence[tuple[Ints, int | None]]) -> _Draft:
    """No step into a start or out of an end. Ids of one name are one node; what others stand for, as columns do for a
    dataset, is a node of no name before all starts or behind all ends.

    sides: of starts and of ends, their nodes, and the name code of what was asked for.
    """
    (starts, _), (ends, _) = sides
    steps = steps.taken(~(np.isin(steps.target, starts) | np.isin(steps.source, ends)))
    place, size = np.arange(len(name)), len(name)
    for nodes, _ in sides:
        _, first, which = np.unique(name[nodes], return_index=True, return_inverse=True)
        place[nodes] = nodes[first][which]
    steps, asked, lone = steps.moved(place), [], []
    for at, (nodes, code) in enumerate(sides):
        apart = np.unique(place[nodes])
        if name[apart].tolist() == [code]:
            asked.append(int(apart[0]))
        else:
            asked.append(size + at)
            virtual, none = np.full(len(apart), size + at), np.full(len(apart), NOBODY)
            before, behind = (apart, virtual) if at else (virtual, apart)
            lone.append(Steps(before, behind, none, none, none, none))
    kept = np.unique(place[np.concatenate((starts, ends))])
    return _Draft(_stacked(steps, *lone), np.append(name, [-1, -1]), asked[0], asked[1], kept)


def _stacked(*parts: Steps) -> Steps:
    return Steps(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Steps)))


def _over_jobs(draft: _Draft, is_job: Mask) -> _Draft:
    """READ and WROTE steps joined at the job between, as in a trace of datasets; those of an end that is a job stay."""
    steps, passed = draft.steps, np.append(is_job, [False, False])
    passed[draft.kept] = False
    reads, writes = steps.taken(passed[steps.target]), steps.taken(passed[steps.source])
    left, right = _pairs(reads.target, writes.source)
    r, w = reads.taken(left), writes.taken(right)
    joined = Steps(r.source, w.target, r.basis, np.maximum(r.origin, w.origin), r.edge, draft.name[r.target])
    return replace(draft, steps=_stacked(joined, steps.taken(~passed[steps.target] & ~passed[steps.source])))


def _copies_joined(draft: _Draft, is_job: Mask) -> _Draft:
    """Jobs that read the same become one for each dataset that they lead to: then no two paths read the same."""
    steps, size = draft.steps, len(draft.name)
    used = distinct(np.concatenate((steps.source, steps.target, [draft.source, draft.target])))
    several = np.zeros(size, bool)
    several[used] = np.bincount(draft.name[used] + 1)[draft.name[used] + 1] > 1
    several &= np.append(is_job, [False, False])
    if not several.any():
        return draft
    leaving, entering = several[steps.source], several[steps.target]
    writes, reads, rest = steps.taken(leaving), steps.taken(entering), steps.taken(~leaving & ~entering)
    keys, copy = np.unique(np.stack((draft.name[writes.source], writes.target)), axis=1, return_inverse=True)
    copy = size + copy.reshape(-1)
    left, right = _pairs(reads.target, writes.source)
    into = replace(reads.taken(left), target=copy[right])
    onward = replace(writes, source=copy)
    lead = np.concatenate((np.zeros(size, np.int64), draft.name[keys[1]] + 1))
    name = np.concatenate((draft.name, keys[0]))
    return replace(draft, steps=_stacked(rest, into, onward), name=name, lead=lead)


def _pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Places of all pairs of equal keys. Raises TooWide past MAX_PAIRS."""
    order = np.argsort(right, kind="stable")
    keys = right[order]
    low = np.searchsorted(keys, left, "left")
    count = np.searchsorted(keys, left, "right") - low
    total = int(count.sum())
    if total > MAX_PAIRS:
        raise TooWide(f"{total:,} pairs of datasets lie between, more than {MAX_PAIRS:,}; use granularity=job")
    at = np.repeat(low, count) + np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    return np.repeat(np.arange(len(left)), count), order[at]


def _on_the_way(draft: _Draft) -> Mask:
    """The nodes that can be reached from the source and reach the target."""
    whole = Digraph.of(len(draft.name), draft.steps.source, draft.steps.target)
    return reached_from(whole, draft.source) & reached_from(whole.reverse, draft.target)


def _trimmed(draft: _Draft) -> _Draft:
    """Without steps that are on no way."""
    on_the_way = _on_the_way(draft)
    return replace(draft, steps=draft.steps.taken(on_the_way[draft.steps.source] & on_the_way[draft.steps.target]))


def _numbered(draft: _Draft, texts: list[str], kinds: list[int]) -> Between:
    """Only the nodes on the way, numbered anew."""
    size = len(draft.name)
    kept = np.flatnonzero(_on_the_way(draft))
    place = np.full(size, -1, np.int64)
    place[kept] = np.arange(len(kept))
    steps = draft.steps.moved(place)
    lead = draft.lead if len(draft.lead) else np.zeros(size, np.int64)
    rank = np.empty(len(kept), np.int64)
    rank[np.lexsort((kept, lead[kept], draft.name[kept]))] = np.arange(len(kept))
    return Between(
        graph=Digraph.of(len(kept), steps.source, steps.target),
        source=int(place[draft.source]),
        target=int(place[draft.target]),
        name=draft.name[kept],
        rank=rank.tolist(),
        steps=steps,
        texts=texts,
        kinds=kinds,
    )
