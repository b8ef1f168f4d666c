"""How one node leads to another: the shortest paths, how many there are, and what all of them go through."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lineage.algorithms.counting import Count, count_shortest, count_simple
from lineage.algorithms.shortest import k_shortest
from lineage.between import between, common, on_ways
from lineage.bottlenecks import passed_by_all, smallest_cut
from lineage.ends import End, end_at, granularity_of, reach
from lineage.errors import InvalidNode
from lineage.graph import Ids, Subgraph
from lineage.kinship import Kin, near, nearest_kin
from lineage.model import Granularity, Node, text_of
from lineage.path_rows import Row, exact, path_rows
from lineage.ports import Catalog, GraphReader, Walk
from lineage.traces import require_generation, shared_generation, texts_of

K = 5
MAX_K = 100
KIN = 20  # of the nearest common ancestors, and descendants, as many are named
NARROW = 20_000  # edges; a walk that ends within so many takes milliseconds
WIDE = "the store stops a walk at 5,000,000 edges; ask with an origin or a min_basis"
NONE = Count(0)


@dataclass(frozen=True, slots=True)
class Paths:
    """How `source` leads to `target`, in the words of the wire.

    distance: hops of the shortest path, None if there is none. size: nodes and edges of the part between. paths: the
    shortest ones, each with its nodes and steps. more: there are others. shortest, total: how many there are.
    dominators: in the order in which every path goes through them. cut: a smallest set of nodes such that every path
    goes through one; None: no path, or one of a single hop. nearest: only where no path leads: what both ends come from
    and what both lead to. truncated: the store's answer ended before all was seen; then numbers are bounds, and
    dominators and cut aren't known.
    """

    source: str
    target: str
    granularity: Granularity
    as_of: str | None
    position: int
    truncated: bool
    distance: int | None = None
    size: tuple[int, int] = (0, 0)
    paths: tuple[Row, ...] = ()
    more: bool = False
    shortest: int = 0
    total: Count = NONE
    dominators: list[str] | None = None
    cut: list[str] | None = None
    nearest: Row | None = None
    reason: str | None = None

    def document(self) -> Row:
        return {
            "source": self.source,
            "target": self.target,
            "granularity": self.granularity.value,
            "as_of": self.as_of,
            "position": self.position,
            "truncated": self.truncated,
            "distance": self.distance,
            "between": {"nodes": self.size[0], "edges": self.size[1]},
            "paths": list(self.paths),
            "more": self.more,
            "totals": {
                "shortest": exact(self.shortest),
                "all": exact(self.total.value),
                "at_least": self.total.at_least or self.truncated,
            },
            "dominators": self.dominators,
            "min_cut": None if self.cut is None else {"size": len(self.cut), "nodes": self.cut},
            "nearest": self.nearest,
            "reason": self.reason,
        }


def paths(
    catalog: Catalog,
    store: GraphReader,
    source: str | Node,
    target: str | Node,
    *,
    granularity: Granularity | None = None,
    k: int = K,
    walk: Walk = Walk(),
) -> Paths:
    """The k shortest paths from `source` to `target`, and what is true of all of them.

    granularity: what a path shows; None: fields if one of the ends is a field, else datasets and jobs. At `dataset` and
        `job` a field stands for its dataset, a DAG for its tasks; at `field` a dataset stands for its columns, a job
        for those it fills, as source, or reads, as target. walk: the edges to use; its `hops` is not looked at.
    Raises UnknownNode, InvalidNode, StoreUnavailable, StoreBehind as a trace does; TooWide past 1,000,000 pairs of
    datasets.
    Cost: what lies downstream of the source or upstream of the target, the less of both if it is little; one to four
    round trips to the store, four more where no path leads.
    """
    if not 1 <= k <= MAX_K:
        raise InvalidNode(f"k is {k}; give 1 to {MAX_K}")
    generation = shared_generation(catalog, store)
    position = catalog.position()
    (one, first), (other, second) = catalog.find(source), catalog.find(target)
    if granularity is None:
        granularity = granularity_of((one, other))
    if granularity is Granularity.DAG:
        raise InvalidNode("paths are shown at granularity dataset, job or field; a DAG may be one of the two ends")
    walk = replace(walk, hops=None)
    ends = [end_at(catalog, store, node, at, granularity, walk) for node, at in ((one, first), (other, second))]
    try:
        found = _Question(catalog, store, ends[0], ends[1], granularity, walk).answer(k)
    except KeyError as error:
        require_generation(catalog, generation, error)
        raise
    require_generation(catalog, generation)
    return replace(found, position=position)


@dataclass(frozen=True, slots=True)
class _Question:
    catalog: Catalog
    store: GraphReader
    source: End
    target: End
    granularity: Granularity
    walk: Walk

    def answer(self, k: int) -> Paths:
        bare = self._bare()
        if self.source.node == self.target.node:
            return replace(bare, distance=0, size=(1, 0), paths=(_standing(bare.source),), shortest=1, total=Count(1))
        shared = np.intersect1d(self.source.down, self.target.up)
        if len(shared):  # a column and its own dataset, a task and its own DAG
            texts = sorted(set(texts_of(self.catalog.names(self.source.layer, shared.tolist()))))
            rows = tuple(_standing(text) for text in texts[:k])
            count = len(texts)
            return replace(bare, distance=0, size=(count, 0), paths=rows, shortest=count, total=Count(count))
        part, ids, truncated = self._found()
        bare = replace(bare, truncated=truncated)
        return self._joined(bare, part, ids, k) if len(ids) else self._apart(bare)

    def _found(self) -> tuple[Subgraph, Ids, bool]:
        """Edges and nodes between, and whether not all was seen. A narrow side is enough: each alone holds all ways."""
        starts, ends = self.source.down, self.target.up
        narrow = replace(self.walk, limit=min(NARROW, self.walk.limit))
        for roots, is_down in ((ends, False), (starts, True)):
            part = self._walked(roots, narrow, down=is_down)
            if not part.truncated:
                return part, on_ways(part, starts, ends), False
        down, up = self._walked(starts, self.walk, down=True), self._walked(ends, self.walk, down=False)
        return *common(down, up, starts, ends), down.truncated or up.truncated

    def _walked(self, roots: Ids, walk: Walk, *, down: bool) -> Subgraph:
        return reach(self.store, roots, self.source.layer, walk, down=down)

    def _bare(self) -> Paths:
        return Paths(
            source=self.source.node.id,
            target=self.target.node.id,
            granularity=self.granularity,
            as_of=text_of(self.walk.as_of_us),
            position=0,
            truncated=False,
            dominators=[],
        )

    def _joined(self, bare: Paths, found: Subgraph, ids: Ids, k: int) -> Paths:
        names = self.catalog.names(found.layer, ids.tolist())
        part = between(found, ids, names, self.source, self.target, self.granularity)
        best = k_shortest(part.graph, part.source, part.target, part.far, part.parts, part.rank, k)
        shortest = count_shortest(part.graph, part.source, part.far)
        total = count_simple(part.graph, part.source, part.target, part.parts)
        total = Count(max(total.value, shortest, len(best.paths)), total.at_least)
        rows = path_rows(self.catalog, part, best.paths)
        answer = replace(
            bare,
            distance=rows[0]["length"],
            size=part.size,
            paths=tuple(rows),
            more=not best.whole or total.value > len(rows) or total.at_least or bare.truncated,
            shortest=shortest,
            total=total,
        )
        if bare.truncated:
            return replace(answer, dominators=None, reason=f"what lies between was seen only in part: {WIDE}")
        return replace(answer, dominators=passed_by_all(part, best.paths[0]), cut=smallest_cut(part))

    def _apart(self, bare: Paths) -> Paths:
        above = [self._walked(end.up, self.walk, down=False) for end in (self.source, self.target)]
        below = [self._walked(end.down, self.walk, down=True) for end in (self.source, self.target)]
        ancestors, descendants = self._kin(*above), self._kin(*below)
        nearest: Row = {
            "ancestors": self._kin_rows(ancestors),
            "ancestors_total": len(ancestors.ids),
            "descendants": self._kin_rows(descendants),
            "descendants_total": len(descendants.ids),
        }
        truncated = bare.truncated or any(part.truncated for part in (*above, *below))
        reason = self._reason(nearest["ancestors"], nearest["descendants"], truncated)
        return replace(bare, truncated=truncated, nearest=nearest, reason=reason)

    def _kin(self, source: Subgraph, target: Subgraph) -> Kin:
        one = near(source, self.source.node, self.granularity)
        other = near(target, self.target.node, self.granularity)
        return nearest_kin(one, other, self._stands)

    def _stands(self, ids: Ids) -> Ids:
        if self.granularity is not Granularity.JOB or not len(ids):
            return ids
        flows, jobs = self.catalog.flows()
        _, at, of = np.intersect1d(ids, flows, assume_unique=True, return_indices=True)
        shown = ids.copy()
        shown[at] = jobs[of]
        return shown

    def _kin_rows(self, kin: Kin) -> list[Row]:
        texts = texts_of(self.catalog.names(self.source.layer, kin.ids.tolist()))
        rows = sorted(zip(texts, kin.source.tolist(), kin.target.tolist(), strict=True))
        return [{"id": text, "to_source": one, "to_target": other} for text, one, other in rows[:KIN]]

    def _reason(self, ancestors: list[Row], descendants: list[Row], truncated: bool) -> str:
        one, other = self.source.node.id, self.target.node.id
        for end in (self.source, self.target):
            if not len(end.down) and not len(end.up):
                return f"no column of {end.node.id} is known; ask with granularity=dataset or job"
        if truncated:
            return f"no path was found, but not all was seen: {WIDE}"
        apart = f"no path leads from {one} to {other}"
        if any(not row["to_target"] for row in ancestors):
            return f"{apart}; the other way there is one, {ancestors[0]['to_source']:,} hops long"
        shared = [
            f"{word} {rows[0]['id']}, {rows[0]['to_source']:,} and {rows[0]['to_target']:,} hops away"
            for rows, word in ((ancestors, "both come from"), (descendants, "both lead to"))
            if rows
        ]
        return "; ".join([apart, *(shared or ["they have no ancestor and no descendant in common"])])


def _standing(text: str) -> Row:
    """The path that goes nowhere."""
    return {"length": 0, "basis": None, "nodes": [text], "steps": []}
