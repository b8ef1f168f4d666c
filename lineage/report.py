"""The lineage report: how large the graph is, how it hangs together, and how well it is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from lineage.algorithms.digraph import Condensed, Digraph, Ints, condensed, distinct, weak_components
from lineage.coverage import coverage_rows
from lineage.graph import Ids
from lineage.model import Kind, Layer, text_of
from lineage.ports import Catalog, EdgeColumns, GraphReader, Inventory, Walk
from lineage.traces import require_generation, shared_generation, texts_of

ITEMS = 100
MAX_ITEMS = 1_000
CRITICAL = 5  # mission: a node is on a critical path past this out-degree …
TOP = 10  # … and the report names so many
LARGEST = 5  # components

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """In the words of the wire. position: of the journal; as_of None: now."""

    as_of: str | None
    position: int
    summary: Row
    critical_paths: list[Row]
    orphaned_datasets: Row
    complexity_metrics: Row
    coverage: Row

    def document(self) -> Row:
        return {
            "as_of": self.as_of,
            "position": self.position,
            "summary": self.summary,
            "critical_paths": self.critical_paths,
            "orphaned_datasets": self.orphaned_datasets,
            "complexity_metrics": self.complexity_metrics,
            "coverage": self.coverage,
        }


def report(catalog: Catalog, store: GraphReader, *, walk: Walk = Walk(), items: int = ITEMS) -> Report:
    """The lineage report over everything that is listed.

    walk: the edges that count: as of when, of which origin, how well known; hops and limit are not looked at.
    items: how many orphaned datasets are named.
    Raises StoreUnavailable, StoreBehind while the store holds another build of the catalog.
    Cost: all nodes and edges; 3 s for 1.6 million nodes and 2.5 million edges.
    """
    generation = shared_generation(catalog, store)
    position = catalog.position()
    held = catalog.inventory(walk.as_of_us)
    shape = _Shape(held, catalog.flows(), store.alive(Layer.JOB, walk))
    try:
        found = Report(
            as_of=text_of(walk.as_of_us),
            position=position,
            summary=shape.summary(),
            critical_paths=_critical(catalog, shape),
            orphaned_datasets=_orphans(catalog, shape, items),
            complexity_metrics=_complexity(catalog, shape),
            coverage=coverage_rows(held, store.alive(Layer.FIELD, walk)),
        )
    except KeyError as error:
        require_generation(catalog, generation, error)
        raise
    require_generation(catalog, generation)
    return found


class _Shape:
    """The graph twice, over the same nodes, which are all that is listed and all that edges name: `shown` as it is
    read, a job as one node; `flowing` as data flows, where what goes into one output of a job doesn't reach its others.

    stand: for each node the one it is shown as: the job for a flow.
    """

    def __init__(self, held: Inventory, flows: tuple[Ids, Ids], edges: EdgeColumns) -> None:
        self.held = held
        self.ids, place = _numbered(held.ids, edges.source, edges.target)
        source, target, size = place[edges.source], place[edges.target], len(self.ids)
        self.flowing = Digraph.of(size, source, target)
        self.stand = self._stands(*flows)
        self.shown = Digraph.of(size, self.stand[source], self.stand[target]) if len(flows[0]) else self.flowing
        self.out = np.diff(self.shown.indptr)
        self.into = np.bincount(self.shown.heads, minlength=size)
        self.listed = np.isin(self.ids, held.ids, assume_unique=True)
        self.is_dataset = np.zeros(size, bool)
        self.is_dataset[self.listed] = held.kinds == Kind.DATASET

    def _stands(self, flows: Ids, jobs: Ids) -> Ints:
        stand = np.arange(len(self.ids))
        known = np.isin(flows, self.ids) & np.isin(jobs, self.ids)
        stand[np.searchsorted(self.ids, flows[known])] = np.searchsorted(self.ids, jobs[known])
        return stand

    @property
    def connected(self) -> Any:
        """Nodes with an edge, as they are shown."""
        return self.out + self.into > 0

    def summary(self) -> Row:
        """transformations: jobs that read or write; the others contain such jobs, or nothing is known of them."""
        nodes, edges = int(self.listed.sum()), len(self.shown.heads)
        jobs = self.listed & ~self.is_dataset
        return {
            "nodes": nodes,
            "edges": edges,
            "datasets": int(self.is_dataset.sum()),
            "jobs": int(jobs.sum()),
            "transformations": int((jobs & self.connected).sum()),
            "fields": len(self.held.fields),
            "average_connections_per_node": round(edges / nodes, 4) if nodes else 0.0,
        }


def _numbered(*columns: Ids) -> tuple[Ids, Ints]:
    """The ids in any column, ascending, and for each id up to the greatest its place among them: ids are dense."""
    seen = np.zeros(max(int(column.max(initial=0)) for column in columns) + 1, bool)
    for column in columns:
        seen[column] = True
    return np.flatnonzero(seen), np.cumsum(seen) - 1


def _critical(catalog: Catalog, shape: _Shape) -> list[Row]:
    """The nodes that most others depend on directly; of equal ones the first by id."""
    best = np.flatnonzero(shape.out > CRITICAL)
    if len(best) > TOP:
        least = np.partition(shape.out[best], -TOP)[-TOP]
        best = best[shape.out[best] >= least]
    degrees = zip(shape.out[best].tolist(), shape.into[best].tolist(), strict=True)
    named = zip(_named(catalog, shape.ids[best]), degrees, strict=True)
    rows = sorted((-out, text, kind, into) for (text, kind), (out, into) in named)
    return [{"id": text, "kind": kind, "out_degree": -out, "in_degree": into} for out, text, kind, into in rows[:TOP]]


def _named(catalog: Catalog, ids: Ids) -> list[tuple[str, str]]:
    names = catalog.names(Layer.JOB, ids.tolist())
    return list(zip(texts_of(names), (Kind(kind).word for kind in names.kinds), strict=True))


def _orphans(catalog: Catalog, shape: _Shape, items: int) -> Row:
    """Datasets that nothing is known to read or write."""
    lone = shape.ids[shape.is_dataset & ~shape.connected]
    texts = sorted(text for text, _ in _named(catalog, lone)) if items else []
    return {"total": len(lone), "datasets": texts[:items]}


def _complexity(catalog: Catalog, shape: _Shape) -> Row:
    """maximum_depth: hops of the longest path, where what lies on a cycle counts as one node."""
    parts = condensed(shape.flowing)
    knotted = np.flatnonzero(parts.sizes[parts.label] > 1)
    count, label = weak_components(shape.shown)
    sizes = np.bincount(label[shape.connected], minlength=count)
    sizes = np.sort(sizes[sizes > 0])[::-1]
    return {
        "maximum_depth": int(parts.level.max(initial=0)),
        "is_cyclic": not parts.is_acyclic,
        "weakly_connected_components": len(sizes),
        "largest_components": sizes[:LARGEST].tolist(),
        "isolated_nodes": int((shape.listed & ~shape.connected).sum()),
        "cycles": int((parts.sizes > 1).sum()),
        "nodes_on_cycles": len(distinct(shape.stand[knotted])),
        "largest_cycles": _largest(catalog, shape, parts),
    }


def _largest(catalog: Catalog, shape: _Shape, parts: Condensed) -> list[Row]:
    """The largest sets of nodes that all lead to one another, each with the first of its nodes by id."""
    knots = np.flatnonzero(parts.sizes > 1)
    if len(knots) > LARGEST:
        least = np.partition(parts.sizes[knots], -LARGEST)[-LARGEST]
        knots = knots[parts.sizes[knots] >= least]
    at = np.flatnonzero(np.isin(parts.label, knots))
    members: dict[int, set[str]] = {}
    for (text, _), knot in zip(_named(catalog, shape.ids[at]), parts.label[at].tolist(), strict=True):
        members.setdefault(knot, set()).add(text)
    rows = sorted((-len(texts), sorted(texts)[:TOP]) for texts in members.values())
    return [{"size": -size, "nodes": texts} for size, texts in rows[:LARGEST]]
