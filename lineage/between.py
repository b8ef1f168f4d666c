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

from lineage.algorithms.digraph import Condensed, Digraph, Ints, Mask, condensed, hops_from, reached_from
from lineage.errors import TooWide
from lineage.graph import Ids, Subgraph
from lineage.model import Granularity, Kind, Layer
from lineage.ports import NodeColumns
from lineage.traces import MAX_PAIRS

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
        return len(np.unique(self.name[self.name >= 0])), len(np.unique(source[both] * len(self.texts) + target[both]))

    @cached_property
    def has_copies(self) -> bool:
        return len(np.unique(self.name[self.name >= 0])) < int(np.count_nonzero(self.name >= 0))


@dataclass(frozen=True)
class _Draft:
    """A part in the making. lead: per node, the node that follows where names alone leave the order open; else 0."""

    steps: Steps
    name: Ints
    source: int
    target: int
    lead: Ints = field(default_factory=lambda: np.empty(0, np.int64))


def common(down: Subgraph, up: Subgraph, starts: Ids, ends: Ids) -> tuple[Subgraph, Ids]:
    """What lies downstream of the starts and upstream of the ends, both included: its edges (and more), and its nodes,
    ascending; no nodes where no path leads."""
    if not down.truncated and not up.truncated:
        return down, np.intersect1d(down.nodes, up.nodes)
    # Where each walk ended early, a way may still lead from what the one saw into what the other did.
    whole = _both(down, up)
    ids = np.union1d(down.nodes, up.nodes)
    size, (first, last) = len(ids), (np.searchsorted(ids, starts), np.searchsorted(ids, ends))
    sources = np.concatenate((np.searchsorted(ids, whole.source), np.full(len(first), size), last))
    targets = np.concatenate((np.searchsorted(ids, whole.target), first, np.full(len(last), size + 1)))
    graph = Digraph.of(size + 2, sources, targets)
    kept = reached_from(graph, size) & reached_from(graph.reverse, size + 1)
    return whole, ids[kept[:size]]


def _both(down: Subgraph, up: Subgraph) -> Subgraph:
    """The edges of both, each once."""
    _, first = np.unique(np.concatenate((down.edge, up.edge)), return_index=True)
    names = ("edge", "source", "target", "basis", "origin")
    columns: dict[str, Any] = {n: np.concatenate((getattr(down, n), getattr(up, n)))[first] for n in names}
    return replace(down, **columns)


def between(
    down: Subgraph, ids: Ids, names: NodeColumns, texts: list[str], starts: Ids, ends: Ids, granularity: Granularity
) -> Between:
    """The part between `starts` and `ends`, which have no node in common.

    down: what lies downstream of the starts. ids: of it, what lies upstream of the ends, ascending; not empty. names,
    texts: aligned with ids. granularity DATASET: jobs become `via` of the steps between datasets, but for the ends.
    Raises TooWide past 1,000,000 pairs of datasets.
    """
    order = sorted(range(len(ids)), key=texts.__getitem__)
    sorted_texts = [texts[at] for at in order]
    name, kinds = _codes(order, sorted_texts), np.asarray(names.kinds, np.int64)
    steps = _within(down, ids)
    one, other = np.searchsorted(ids, np.intersect1d(ids, starts)), np.searchsorted(ids, np.intersect1d(ids, ends))
    draft = _trimmed(_closed(steps, name, one, other, apart=down.layer is Layer.FIELD))
    if granularity is Granularity.DATASET:
        draft = _over_jobs(draft, kinds)
    elif granularity is Granularity.JOB:
        draft = _copies_joined(draft, kinds == Kind.JOB)
    by_code = dict(zip(name.tolist(), kinds.tolist(), strict=True))
    distinct = {int(code): text for code, text in zip(name[order].tolist(), sorted_texts, strict=True)}
    return _numbered(draft, list(distinct.values()), [by_code[code] for code in distinct])


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


def _closed(steps: Steps, name: Ints, starts: Ints, ends: Ints, *, apart: bool) -> _Draft:
    """No step into a start or out of an end. Ids of one job become one node; columns stay `apart`, with a node of no
    name before all starts and one behind all ends."""
    size = len(name)
    if apart:
        place = np.arange(size)
        virtual = np.concatenate((np.full(len(starts), size), ends))
        leads = np.concatenate((starts, np.full(len(ends), size + 1)))
        more = np.zeros(len(virtual), np.int64) - 1
    else:
        place = np.arange(size)
        place[starts], place[ends] = starts[0], ends[0]
        virtual = leads = more = np.empty(0, np.int64)
    banned_in, banned_out = np.isin(steps.target, starts), np.isin(steps.source, ends)
    steps = steps.taken(~(banned_in | banned_out)).moved(place)
    if not apart:
        return _Draft(steps, name, int(starts[0]), int(ends[0]))
    added = Steps(virtual, leads, more, more, more, more)
    columns = (np.concatenate((getattr(steps, c.name), getattr(added, c.name))) for c in fields(steps))
    return _Draft(Steps(*columns), np.append(name, [-1, -1]), size, size + 1)


def _over_jobs(draft: _Draft, kinds: Ints) -> _Draft:
    """READ and WROTE steps joined at the job between, as in a trace of datasets; those of an end that is a job stay."""
    steps = draft.steps
    at_end = np.zeros(len(kinds), bool)
    at_end[[draft.source, draft.target]] = True
    is_job = (kinds == Kind.JOB) & ~at_end
    reads, writes = steps.taken(is_job[steps.target]), steps.taken(is_job[steps.source])
    left, right = _pairs(reads.target, writes.source)
    r, w = reads.taken(left), writes.taken(right)
    joined = Steps(r.source, w.target, r.basis, np.maximum(r.origin, w.origin), r.edge, draft.name[r.target])
    rest = steps.taken(~is_job[steps.target] & ~is_job[steps.source])
    columns = (np.concatenate((getattr(joined, c.name), getattr(rest, c.name))) for c in fields(steps))
    return _Draft(Steps(*columns), draft.name, draft.source, draft.target)


def _copies_joined(draft: _Draft, is_job: Mask) -> _Draft:
    """Jobs that read the same become one for each dataset that they lead to: then no two paths read the same."""
    steps, size = draft.steps, len(draft.name)
    used = np.unique(np.concatenate((steps.source, steps.target, [draft.source, draft.target])))
    several = np.zeros(size, bool)
    several[used] = np.bincount(draft.name[used], minlength=int(draft.name.max()) + 1)[draft.name[used]] > 1
    several &= is_job
    if not several.any():
        return draft
    leaving, entering = several[steps.source], several[steps.target]
    writes, reads, rest = steps.taken(leaving), steps.taken(entering), steps.taken(~leaving & ~entering)
    keys, copy = np.unique(np.stack((draft.name[writes.source], writes.target)), axis=1, return_inverse=True)
    copy = size + copy.reshape(-1)
    left, right = _pairs(reads.target, writes.source)
    into, onward = reads.taken(left), writes.taken(slice(None))
    into = Steps(into.source, copy[right], into.basis, into.origin, into.edge, into.via)
    onward = Steps(copy, onward.target, onward.basis, onward.origin, onward.edge, onward.via)
    columns = (np.concatenate([getattr(part, c.name) for part in (rest, into, onward)]) for c in fields(steps))
    lead = np.concatenate((np.zeros(size, np.int64), draft.name[keys[1]] + 1))
    return _Draft(Steps(*columns), np.concatenate((draft.name, keys[0])), draft.source, draft.target, lead)


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
