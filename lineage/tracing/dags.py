"""A trace at the level of DAGs: outermost jobs, joined where data goes from one to another through a dataset.

The walk is that of tasks and datasets, so a DAG is in the answer only if data really gets there, and not because some
task of a DAG reads what is asked about and another one writes something else. Distances count changes of DAG, however
many tasks lie between two of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lineage.aging import Aging
from lineage.graph import Ids, Subgraph
from lineage.hierarchy import tops_of
from lineage.model import Basis, Direction, Kind, Layer
from lineage.tracing.answers import Laid, totals
from lineage.tracing.columns import FAR, Edges, Ints, Mask, Nodes, Seen, meetings, merged, paired, together
from lineage.tracing.names import Names, texts_of
from lineage.tracing.rows import FEEDS, EdgeRows, add_details, node_rows
from lineage.tracing.starting import Start
from lineage.tracing.walks import Walker, with_edges

THROUGH = 20  # datasets that an edge between two DAGs names


@dataclass(frozen=True, slots=True)
class Ground:
    """What was walked so far. jobs: its tasks and flows, ascending. walked: nodes whose edges are all there."""

    part: Subgraph
    jobs: Ids
    walked: Ids

    def joined(self, other: Ground, limit: int) -> Ground:
        """Both, cut off if they have more than `limit` edges. Hops no longer mean anything."""
        _, first = np.unique(np.concatenate((self.part.edge, other.part.edge)), return_index=True)
        names = ("edge", "source", "target", "basis", "origin")
        columns: dict[str, Any] = {
            name: np.concatenate((getattr(self.part, name), getattr(other.part, name)))[first] for name in names
        }
        nodes = np.union1d(self.part.nodes, other.part.nodes)
        hops = np.zeros(len(nodes), dtype=np.int32)
        truncated = other.part.truncated or len(first) > limit
        part = replace(self.part, nodes=nodes, hops=hops, truncated=truncated, **columns)
        return Ground(part, np.union1d(self.jobs, other.jobs), np.union1d(self.walked, other.walked))


@dataclass(frozen=True, slots=True)
class Steps:
    """Steps of a walk from task to task, aligned; from a dataset asked for, to or from a task.

    near, far: places in the nodes of the walk. first, second: places of the edges that are crossed, in the direction of
    the data; the same one where a step is one edge. crosses: it leads to another DAG. firm: neither edge is a guess.
    """

    near: Ints
    far: Ints
    first: Ints
    second: Ints
    crosses: Mask
    firm: Mask

    def taken(self, at: Mask) -> Steps:
        return Steps(*(getattr(self, name)[at] for name in Steps.__dataclass_fields__))


@dataclass(frozen=True, slots=True)
class Side:
    """What was found on one side; all but `part` and `steps` aligned with `ids`, the walk's nodes, ascending.

    shown: the job of a flow. tops: the outermost one. distance: in DAGs; FAR for what is neither a task nor asked for.
    sure: not by guesses alone.
    """

    part: Subgraph
    ids: Ids
    shown: Ids
    tops: Ids
    steps: Steps
    distance: Ints
    sure: Mask


class DagTrace:
    """One question at the level of DAGs. begin: from a DAG with all that is in it, or from a dataset.

    depth: DAGs away; None for all.
    """

    def __init__(self, walker: Walker, begin: Start, depth: int | None) -> None:
        self._walker, self._begin, self._depth = walker, begin, depth
        self._parents: dict[int, int] = {}
        self._own: dict[int, int] = {}  # the job that each job and flow of the graph is shown as
        self._from_job = begin.node.kind is Kind.JOB
        self.truncated = False

    def laid(self, direction: Direction, aging: Aging | None, details: bool) -> Laid:
        sides = []
        if direction is not Direction.DOWNSTREAM:
            sides.append((1, self._side(down=False)))
        if direction is not Direction.UPSTREAM:
            sides.append((2, self._side(down=True)))
        self.truncated = any(side.part.truncated for _, side in sides)
        nodes = merged((code, self._nodes(side)) for code, side in sides)
        names = Names(self._walker.catalog, Layer.JOB, nodes.ids)
        sure = np.unique(np.concatenate([side.tops[side.sure] for _, side in sides]))
        rows, ids = node_rows(names, nodes, ~np.isin(names.ids, sure))
        if details:
            add_details(self._walker.catalog, Layer.JOB, rows, ids)
        edges = together([self._edges_of(side) for _, side in sides])
        written = EdgeRows(edges, names, aging)
        written.add_through(self._texts(edges.via), THROUGH)
        written.add_weakest()
        with_tasks = [side.tops[self._is_met(side) & (side.shown != side.tops)] for _, side in sides]
        return Laid(rows, written.rows, totals(rows, len(np.unique(np.concatenate(with_tasks)))), ids)

    # ------------------------------------------------------------------ walking

    def _side(self, down: bool) -> Side:
        """Walks on from tasks near enough until all of them are walked from: how many lie in a DAG is not known."""
        roots, depth = (self._begin.down if down else self._begin.up), self._depth
        hops = None if depth is None else 2 * depth - (0 if self._from_job or not depth else 1)
        ground, stretch = self._walked(roots, down, hops, from_jobs=self._from_job), 1
        while True:
            side = self._measured(ground, roots, down)
            open_ends = ~np.isin(side.ids, ground.walked) & (side.distance < (depth or 0))
            if ground.part.truncated or not open_ends.any():
                return side
            further = 2 * stretch * ((depth or 0) - int(side.distance[open_ends].min()))
            more = self._walked(side.ids[open_ends].tolist(), down, further, from_jobs=True)
            ground, stretch = ground.joined(more, self._walker.walk.limit), 2 * stretch

    def _walked(self, roots: Sequence[int], down: bool, hops: int | None, *, from_jobs: bool) -> Ground:
        part = self._walker.reach(roots, Layer.JOB, down=down, hops=hops)
        is_job = part.hops % 2 == (0 if from_jobs else 1)  # jobs and datasets take turns along a walk
        walked = part.nodes if hops is None else part.nodes[part.hops < hops]
        return Ground(part, np.unique(part.nodes[is_job]), walked)

    def _measured(self, ground: Ground, roots: Sequence[int], down: bool) -> Side:
        part, ids = ground.part, np.unique(ground.part.nodes)
        is_job = np.isin(ids, ground.jobs, assume_unique=True)
        shown, tops = self._tops(ids, is_job)
        steps = self._steps(part, ids, tops, is_job, down)
        starts = np.searchsorted(ids, np.asarray(roots, dtype=np.int64))
        distance = _distances(steps, starts, len(ids))
        sure = distance if steps.firm.all() else _distances(steps.taken(steps.firm), starts, len(ids))
        return Side(part, ids, shown, tops, steps, distance, sure < FAR)

    def _tops(self, ids: Ids, is_job: Mask) -> tuple[Ids, Ids]:
        """The job of each flow, and the outermost job of each; a dataset stands for itself."""
        jobs = ids[is_job].tolist()
        fresh = [number for number in jobs if number not in self._own]
        stands, parents = self._walker.catalog.parents(fresh)
        self._own.update(zip(fresh, stands, strict=True))
        self._parents.update(zip(stands, parents, strict=True))
        own = [self._own[number] for number in jobs]
        outermost = tops_of(self._walker.catalog, own, self._parents)
        shown, tops = ids.copy(), ids.copy()
        shown[is_job], tops[is_job] = own, [outermost[number] for number in own]
        return shown, tops

    def _steps(self, part: Subgraph, ids: Ids, tops: Ids, is_job: Mask, down: bool) -> Steps:
        source, target = np.searchsorted(ids, part.source), np.searchsorted(ids, part.target)
        writes, reads = np.flatnonzero(is_job[source]), np.flatnonzero(is_job[target])
        at, to = meetings(part.target[writes], part.source[reads])
        first, second = writes[at], reads[to]
        if not self._from_job:
            alone = np.flatnonzero((part.source if down else part.target) == self._begin.number)
            first, second = np.concatenate((first, alone)), np.concatenate((second, alone))
        giver, taker = source[first], target[second]
        near, far = (giver, taker) if down else (taker, giver)
        firm = np.maximum(part.basis[first], part.basis[second]) < Basis.IMPLICIT_PRODUCT
        return Steps(near, far, first, second, tops[near] != tops[far], firm)

    # ------------------------------------------------------------------ what is shown

    def _is_met(self, side: Side) -> Mask:
        met: Mask = side.distance <= (FAR - 1 if self._depth is None else self._depth)
        return met

    def _nodes(self, side: Side) -> Nodes:
        """The DAGs within the depth, each at the distance of its nearest task."""
        met = self._is_met(side)
        ids, at = np.unique(side.tops[met], return_inverse=True)
        distance = np.full(len(ids), FAR, dtype=np.int64)
        np.minimum.at(distance, at, side.distance[met])
        return Nodes(ids, distance.astype(np.int32), np.empty(0, dtype=np.int8))

    def _edges_of(self, side: Side) -> Edges:
        """From DAG to DAG by each dataset between; from or to a dataset asked for, as the graph has them."""
        limit = FAR if self._depth is None else self._depth
        steps = side.steps.taken(side.steps.crosses & (side.distance[side.steps.near] < limit))
        first, second = (with_edges(side.part, at) for at in (steps.first, steps.second))
        seen = Seen(self._walker.catalog, (first.edge, second.edge))
        left = seen.edges_of(first)
        joined = paired(left, seen.edges_of(second), FEEDS)
        alone = steps.first == steps.second
        source, target = (side.tops[np.searchsorted(side.ids, end)] for end in (joined.source, joined.target))
        kind, via = np.where(alone, left.kind, joined.kind), np.where(alone, 0, joined.via)
        return replace(joined, source=source, target=target, kind=kind, via=via)

    def _texts(self, datasets: Ids) -> dict[int, str]:
        wanted = np.unique(datasets[datasets > 0]).tolist()
        return dict(zip(wanted, texts_of(self._walker.catalog.names(Layer.JOB, wanted)), strict=True)) if wanted else {}


def _distances(steps: Steps, roots: Ints, size: int) -> Ints:
    """Changes of DAG from the roots, FAR where no step leads: relaxed until nothing changes (Bellman and Ford)."""
    found = np.full(size, FAR, dtype=np.int64)
    found[roots] = 0
    while True:
        before = found.copy()
        reached = before[steps.near] < FAR
        np.minimum.at(found, steps.far[reached], before[steps.near[reached]] + steps.crosses[reached])
        if np.array_equal(found, before):
            return found
