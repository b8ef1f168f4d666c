"""Where a node comes from and what depends on it: pure functions over reach and names.

Work is done on arrays of integer ids; names, and the dicts that go over the wire, are made once at the end. An answer
of 15,000 nodes has 250 ms, so there is no object per node or edge in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lineage.errors import InvalidNode, StoreBehind, TooWide
from lineage.graph import Ids, Subgraph
from lineage.model import (
    PREFIX,
    Basis,
    Direction,
    EdgeKind,
    Granularity,
    Kind,
    Layer,
    Node,
    Origin,
    Transformation,
    text_of,
)
from lineage.ports import Catalog, GraphStore, NodeColumns, Walk

DEPTH = 10
MAX_DEPTH = 500
MAX_PAIRS = 1_000_000  # dataset pairs: 1,000 inputs x 1,000 outputs of one job are as many
FAR = np.iinfo(np.int32).max
SIDES = ("root", "upstream", "downstream", "both")  # index: 1 for upstream, plus 2 for downstream

Row = dict[str, Any]  # what goes over the wire
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Trace:
    """A lineage answer in the words of the wire. nodes by distance, then id; edges by source, target, kind.

    depth None: all. as_of None: now. totals count the nodes kept, and the DAGs of all jobs on the way.
    warnings: what of a selection means nothing, as in `lineage.selection`.
    """

    root: str
    direction: Direction
    granularity: Granularity
    depth: int | None
    as_of: str | None
    position: int
    truncated: bool
    nodes: list[Row]
    edges: list[Row]
    totals: dict[str, int]
    warnings: list[Row] = field(default_factory=list)

    def head(self) -> Row:
        """Everything but nodes and edges."""
        return {
            "root": self.root,
            "direction": self.direction.value,
            "granularity": self.granularity.value,
            "depth": "all" if self.depth is None else self.depth,
            "as_of": self.as_of,
            "position": self.position,
            "truncated": self.truncated,
            "totals": self.totals,
            **({"warnings": self.warnings} if self.warnings else {}),
        }

    def document(self) -> Row:
        return {**self.head(), "nodes": self.nodes, "edges": self.edges}


@dataclass(frozen=True, slots=True)
class _Start:
    """Where the walks begin. shown: the root itself, where the layer walked doesn't hold it."""

    layer: Layer
    up: tuple[int, ...]
    down: tuple[int, ...]
    root: int = 0
    shown: Node | None = None
    between: Subgraph | None = None


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Nodes of an answer: ids ascending; distance and side aligned with them."""

    ids: Ids
    distance: NDArray[np.int32]
    side: NDArray[np.int8]

    def kept(self, keep: NDArray[np.bool_]) -> _Nodes:
        return _Nodes(self.ids[keep], self.distance[keep], self.side[keep])


@dataclass(frozen=True, slots=True)
class _Edges:
    """Edges of an answer as columns. source, target, via (a job): ids; kind, origin, basis, transformation: codes."""

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

    def taken(self, at: NDArray[Any]) -> _Edges:
        return _Edges(*(getattr(self, name)[at] for name in _COLUMNS))


_COLUMNS = tuple(_Edges.__dataclass_fields__)


def trace(
    catalog: Catalog,
    store: GraphStore,
    root: str | Node,
    *,
    direction: Direction = Direction.BOTH,
    depth: int | None = DEPTH,
    granularity: Granularity | None = None,
    walk: Walk = Walk(),
    details: bool = False,
) -> Trace:
    """What lies upstream or downstream of `root`, breadth first.

    depth: hops at the granularity asked for, 0 to 500; None for all. granularity: what is kept; None: fields for a
        field, else datasets and jobs. A field asked for at another granularity stands for its dataset. walk: the edges
        to use; its `hops` is not looked at. details: descriptions, owners, tags and the like for every node.
    Raises UnknownNode, InvalidNode, StoreUnavailable, StoreBehind while the store holds another build of the catalog,
    TooWide past 1,000,000 pairs of datasets.
    Cost: one or two round trips to the store, a few to the catalog, edges returned.
    """
    if depth is not None and not 0 <= depth <= MAX_DEPTH:
        raise InvalidNode(f"depth is {depth}; give 0 to {MAX_DEPTH}, or all")
    generation = shared_generation(catalog, store)
    position = catalog.position()
    node, number = catalog.find(root)
    if granularity is None:
        granularity = Granularity.FIELD if node.kind is Kind.FIELD else Granularity.JOB
    if node.kind is Kind.FIELD and granularity is not Granularity.FIELD:
        node, number = catalog.find(node.dataset)
    start = _start(catalog, store, node, number, granularity, walk)
    walked = _walks(store, start, replace(walk, hops=_hops(depth, granularity, node)), direction)
    try:
        nodes, edges, totals = _Answer(catalog, start, node, granularity, walked).built(details)
    except KeyError as error:
        require_generation(catalog, generation, error)
        raise
    require_generation(catalog, generation)
    return Trace(
        root=node.id,
        direction=direction,
        granularity=granularity,
        depth=depth,
        as_of=text_of(walk.as_of_us),
        position=position,
        truncated=any(part.truncated for _, part in walked),
        nodes=nodes,
        edges=edges,
        totals=totals,
    )


def shared_generation(catalog: Catalog, store: GraphStore) -> int:
    """The build of the catalog whose ids the store holds. Ids of another build would name the wrong nodes."""
    mark, own = catalog.mark(), store.mark()
    if own is None or own.generation != mark.generation:
        raise StoreBehind(f"the {store.name} graph is being loaded from the catalog; ask again in a moment")
    return mark.generation


def require_generation(catalog: Catalog, generation: int, cause: BaseException | None = None) -> None:
    if catalog.mark().generation != generation:
        raise StoreBehind("the catalog was rebuilt while this was asked; ask again") from cause


def _hops(depth: int | None, granularity: Granularity, root: Node) -> int | None:
    """Edges to walk: between two datasets lie two, between a job and a dataset one."""
    if depth is None or granularity is not Granularity.DATASET:
        return depth
    return 2 * depth - 1 if root.kind is Kind.JOB and depth else 2 * depth


def _start(
    catalog: Catalog, store: GraphStore, node: Node, number: int, granularity: Granularity, walk: Walk
) -> _Start:
    if granularity is not Granularity.FIELD:
        return _Start(Layer.JOB, (number,), (number,), root=number)
    if node.kind is Kind.FIELD:
        return _Start(Layer.FIELD, (number,), (number,), root=number)
    if node.kind is Kind.DATASET:
        fields = tuple(catalog.fields_of(number))
        return _Start(Layer.FIELD, fields, fields, shown=node)
    return _start_at_job(catalog, store, node, number, walk)


def _start_at_job(catalog: Catalog, store: GraphStore, node: Node, number: int, walk: Walk) -> _Start:
    """A job is asked for by its columns: upstream from those it reads, downstream from those it fills."""
    written = store.reach([number], down=True, layer=Layer.JOB, walk=replace(walk, hops=1))
    columns = [column for dataset in written.target.tolist() for column in catalog.fields_of(dataset)]
    if not columns:
        return _Start(Layer.FIELD, (), (), shown=node)
    into = store.reach(columns, down=False, layer=Layer.FIELD, walk=replace(walk, hops=1))
    own = np.asarray(catalog.edge_facts(into.edge.tolist()).owners, dtype=np.int64) == number
    between = _chosen(into, own)
    sources, targets = (tuple(np.unique(side).tolist()) for side in (between.source, between.target))
    return _Start(Layer.FIELD, sources, targets, shown=node, between=between)


def _chosen(part: Subgraph, keep: NDArray[np.bool_]) -> Subgraph:
    """The subgraph of some of the edges, its nodes all at distance 0."""
    columns: dict[str, Any] = {
        name: getattr(part, name)[keep] for name in ("edge", "source", "target", "basis", "origin")
    }
    nodes = np.unique(np.concatenate((columns["source"], columns["target"])))
    return replace(part, nodes=nodes, hops=np.zeros(len(nodes), dtype=np.int32), **columns)


Walked = list[tuple[int, Subgraph]]  # the side (1 upstream, 2 downstream, 0 between the roots) and what was found


def _walks(store: GraphStore, start: _Start, walk: Walk, direction: Direction) -> Walked:
    sides = []
    if direction is not Direction.DOWNSTREAM:
        sides.append((1, start.up))
    if direction is not Direction.UPSTREAM:
        sides.append((2, start.down))
    found = [(side, _reach(store, roots, side == 2, start.layer, walk)) for side, roots in sides]
    if start.between is not None and direction is Direction.BOTH:
        found.append((0, start.between))
    return found


def _reach(store: GraphStore, roots: Sequence[int], down: bool, layer: Layer, walk: Walk) -> Subgraph:
    if roots and walk.hops != 0:
        return store.reach(roots, down=down, layer=layer, walk=walk)
    none, nothing = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int8)
    nodes = np.asarray(roots, dtype=np.int64)
    return Subgraph(layer, nodes, np.zeros(len(nodes), dtype=np.int32), none, none, none, nothing, nothing)


class _Answer:
    """Names what the walks found and lays it out as rows."""

    def __init__(self, catalog: Catalog, start: _Start, root: Node, granularity: Granularity, walked: Walked) -> None:
        self.catalog, self.start, self.root, self.granularity, self.walked = catalog, start, root, granularity, walked
        self.transformations: list[Transformation | None] = []

    def built(self, details: bool) -> tuple[list[Row], list[Row], dict[str, int]]:
        nodes = _merged(self.walked)
        names = self.catalog.names(self.start.layer, nodes.ids.tolist())
        kinds = np.asarray(names.kinds, dtype=np.int64)
        if self.granularity is Granularity.DATASET:
            edges = self._dataset_edges(nodes, kinds)
            keep = (kinds == Kind.DATASET) | (nodes.ids == self.start.root)
        else:
            edges = self._edges(_joined(part for _, part in self.walked))
            keep = np.ones(len(kinds), dtype=np.bool_)
        jobs = nodes.ids[kinds == Kind.JOB] if self.start.layer is Layer.JOB else np.unique(edges.via)
        parents = dict(zip(nodes.ids.tolist(), names.parents, strict=True)) if self.start.layer is Layer.JOB else {}
        ids = texts_of(names)
        jobs_named = self._jobs_named(edges, nodes, ids)
        rows, place, texts = self._node_rows(nodes, names, ids, keep, details)
        edge_rows = self._edge_rows(edges, nodes.ids, place, texts, jobs_named)
        totals = self._totals(rows)
        totals["dags"] = _dags(self.catalog, [int(job) for job in jobs if job], parents)
        return rows, edge_rows, totals

    def _edges(self, part: Subgraph) -> _Edges:
        facts = self.catalog.edge_facts(part.edge.tolist())
        kinds = np.asarray(facts.kinds, dtype=np.int64)
        owners = np.asarray(facts.owners, dtype=np.int64)
        known: dict[Transformation | None, int] = {}
        codes = [known.setdefault(item, len(known)) for item in facts.transformations]
        # Codes in the order of what they stand for, so that sorting by code sorts by content.
        self.transformations = sorted(known, key=lambda item: (item is not None, item or Transformation()))
        rank = {item: at for at, item in enumerate(self.transformations)}
        ranks = np.asarray([rank[item] for item in known] or [0], dtype=np.int64)
        return _Edges(
            source=part.source,
            target=part.target,
            kind=kinds,
            origin=part.origin.astype(np.int64),
            basis=part.basis.astype(np.int64),
            first=np.asarray(facts.first_seen, dtype=np.int64),
            last=np.asarray(facts.last_seen, dtype=np.int64),
            runs=np.asarray(facts.runs_seen, dtype=np.int64),
            via=owners if part.layer is Layer.FIELD else np.zeros(len(owners), dtype=np.int64),
            transformation=ranks[np.asarray(codes, dtype=np.int64)] if codes else np.empty(0, dtype=np.int64),
        )

    def _dataset_edges(self, nodes: _Nodes, kinds: Ints) -> _Edges:
        """READ and WROTE edges joined at their job; those of the root, if it is a job, as they are."""
        is_job = kinds == Kind.JOB
        made = []
        for _, part in self.walked:
            edges = self._edges(part)
            into_job = is_job[np.searchsorted(nodes.ids, edges.target)]
            at_root = ((edges.source == self.start.root) | (edges.target == self.start.root)) & (
                self.root.kind is Kind.JOB
            )
            made += [edges.taken(at_root), _paired(edges.taken(into_job & ~at_root), edges.taken(~into_job & ~at_root))]
        return _stacked(made)

    def _jobs_named(self, edges: _Edges, nodes: _Nodes, ids: list[str]) -> dict[int, str]:
        """Texts of the jobs that edges go through."""
        wanted = [number for number in np.unique(edges.via).tolist() if number]
        if self.start.layer is Layer.JOB:
            at = np.searchsorted(nodes.ids, wanted).tolist()
            return {number: ids[place] for number, place in zip(wanted, at, strict=True)}
        names = self.catalog.names(Layer.JOB, wanted) if wanted else NodeColumns([], [], [], [])
        # Columns that a DatasetEvent declared have the dataset for owner: no job lies between.
        rows = zip(wanted, texts_of(names), names.kinds, strict=True)
        return {number: text for number, text, kind in rows if kind == Kind.JOB}

    def _node_rows(
        self, nodes: _Nodes, names: NodeColumns, ids: list[str], keep: NDArray[np.bool_], details: bool
    ) -> tuple[list[Row], Ints, list[str]]:
        """Rows in order; the rank of each node (by id as text) at its place in `nodes`; and the texts by rank."""
        by_text = sorted(range(len(ids)), key=ids.__getitem__)
        rank = np.empty(len(ids), dtype=np.int64)
        rank[by_text] = np.arange(len(ids))
        distance = (nodes.distance + 1) // 2 if self.granularity is Granularity.DATASET else nodes.distance
        order = np.lexsort((rank, distance))
        order = order[keep[order]]
        rows = _rows_of(names, ids, order.tolist(), distance[order].tolist(), nodes.side[order].tolist())
        if details:
            self._add_details(rows, nodes.ids[order].tolist())
        if self.start.shown is not None:
            rows.insert(0, self._shown(self.start.shown, details))
        return rows, rank, [ids[at] for at in by_text]

    def _add_details(self, rows: list[Row], ids: list[int]) -> None:
        for row, detail in zip(rows, self.catalog.details(self.start.layer, ids), strict=True):
            row.update(detail)

    def _shown(self, node: Node, details: bool) -> Row:
        row = {
            "id": node.id,
            "kind": node.kind.word,
            "namespace": node.namespace,
            "name": node.name,
            "distance": 0,
            "side": "root",
        }
        if details:
            row.update(self.catalog.details(Layer.JOB, [self.catalog.find(node)[1]])[0])
        return row

    def _edge_rows(self, edges: _Edges, ids: Ids, rank: Ints, texts: list[str], jobs: dict[int, str]) -> list[Row]:
        if not len(edges):
            return []
        source, target = rank[np.searchsorted(ids, edges.source)], rank[np.searchsorted(ids, edges.target)]
        order = np.lexsort((edges.origin, edges.transformation, edges.kind, target, source))
        edges, source, target = edges.taken(order), source[order], target[order]
        edges, starts = _folded(edges)
        source, target = source[starts[:-1]], target[starts[:-1]]
        rows = [
            {
                "source": texts[s],
                "target": texts[t],
                "kind": _KINDS[kind],
                "origin": _ORIGINS[origin],
                "basis": _BASES[basis],
                "first_seen": first,
                "last_seen": last,
                "runs_seen": runs,
            }
            for s, t, kind, origin, basis, first, last, runs in zip(
                source.tolist(),
                target.tolist(),
                edges.kind[starts[:-1]].tolist(),
                edges.origin[starts[:-1]].tolist(),
                np.minimum.reduceat(edges.basis, starts[:-1]).tolist(),
                _times(np.minimum.reduceat(edges.first, starts[:-1])),
                _times(np.maximum.reduceat(edges.last, starts[:-1])),
                np.maximum.reduceat(edges.runs, starts[:-1]).tolist(),
                strict=True,
            )
        ]
        if self.start.layer is Layer.FIELD:
            shown = [_transformation_row(item) for item in self.transformations]
            for row, code in zip(rows, edges.transformation[starts[:-1]].tolist(), strict=True):
                if (transformation := shown[code]) is not None:
                    row["transformation"] = transformation
        if jobs:
            _add_jobs(rows, edges.via.tolist(), starts.tolist(), jobs)
        return rows

    def _totals(self, rows: list[Row]) -> dict[str, int]:
        kinds = [row["kind"] for row in rows]
        return {f"{kind.word}s": kinds.count(kind.word) for kind in (Kind.DATASET, Kind.JOB, Kind.FIELD)}


_KINDS = tuple(kind.word for kind in EdgeKind)
_ORIGINS = tuple(origin.word for origin in Origin)
_BASES = tuple(basis.word for basis in Basis)


def _merged(walked: Walked) -> _Nodes:
    """Every node once, with the shorter of its distances and the sides it was met on."""
    ids = np.unique(np.concatenate([part.nodes for _, part in walked]))
    distance = np.full(len(ids), FAR, dtype=np.int32)
    side = np.zeros(len(ids), dtype=np.int8)
    for code, part in walked:
        at = np.searchsorted(ids, part.nodes)
        np.minimum.at(distance, at, part.hops)
        side[at] |= code
    side[distance == 0] = 0
    return _Nodes(ids, distance, side)


def _joined(parts: Iterable[Subgraph]) -> Subgraph:
    """The edges of all parts, each once."""
    found = list(parts)
    edge = np.concatenate([part.edge for part in found])
    _, first = np.unique(edge, return_index=True)
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in found])[first]
        for name in ("edge", "source", "target", "basis", "origin")
    }
    return replace(found[0], **columns)


def _paired(reads: _Edges, writes: _Edges) -> _Edges:
    """Dataset to dataset, one edge for each pair of a READ and a WROTE edge of one job.

    The basis is that of the READ; observed only if both are. Raises TooWide past MAX_PAIRS.
    """
    order = np.argsort(writes.source, kind="stable")
    writes = writes.taken(order)
    low = np.searchsorted(writes.source, reads.target, side="left")
    count = np.searchsorted(writes.source, reads.target, side="right") - low
    total = int(count.sum())
    if total > MAX_PAIRS:
        raise TooWide(
            f"{total:,} pairs of datasets lie on the way, more than {MAX_PAIRS:,}; use granularity=job or fewer hops"
        )
    left = np.repeat(np.arange(len(reads)), count)
    right = np.repeat(low, count) + np.arange(total) - np.repeat(np.cumsum(count) - count, count)
    r, w = reads.taken(left), writes.taken(right)
    return _Edges(
        source=r.source,
        target=w.target,
        kind=np.full(total, EdgeKind.DERIVED, dtype=np.int64),
        origin=np.maximum(r.origin, w.origin),
        basis=r.basis,
        first=np.minimum(r.first, w.first),
        last=np.maximum(r.last, w.last),
        runs=np.maximum(r.runs, w.runs),
        via=r.target,
        transformation=np.zeros(total, dtype=np.int64),
    )


def _stacked(parts: Sequence[_Edges]) -> _Edges:
    return _Edges(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))


def _folded(edges: _Edges) -> tuple[_Edges, Ints]:
    """Sorted edges and where each group begins that the answer shows as one edge; the last entry is the end."""
    differs = np.zeros(len(edges), dtype=np.bool_)
    differs[0] = True
    for column in (edges.source, edges.target, edges.kind, edges.transformation, edges.origin):
        differs[1:] |= column[1:] != column[:-1]
    return edges, np.append(np.flatnonzero(differs), len(edges))


def texts_of(names: NodeColumns) -> list[str]:
    """Ids as text."""
    if names.columns:
        prefix = PREFIX[Kind.FIELD]
        columns = zip(names.namespaces, names.names, names.columns, strict=True)
        return [f"{prefix}:{namespace}:{name}:{column}" for namespace, name, column in columns]
    prefixes = [PREFIX[kind] for kind in Kind]
    rows = zip(names.kinds, names.namespaces, names.names, strict=True)
    return [f"{prefixes[kind]}:{namespace}:{name}" for kind, namespace, name in rows]


def _rows_of(names: NodeColumns, ids: list[str], order: list[int], distance: list[int], side: list[int]) -> list[Row]:
    kinds, namespaces, words = names.kinds, names.namespaces, [kind.word for kind in Kind]
    titles, columns = names.names, names.columns
    if columns:
        return [
            {
                "id": ids[at],
                "kind": "field",
                "namespace": namespaces[at],
                "name": titles[at],
                "field": columns[at],
                "distance": hops,
                "side": SIDES[met],
            }
            for at, hops, met in zip(order, distance, side, strict=True)
        ]
    return [
        {
            "id": ids[at],
            "kind": words[kinds[at]],
            "namespace": namespaces[at],
            "name": titles[at],
            "distance": hops,
            "side": SIDES[met],
        }
        for at, hops, met in zip(order, distance, side, strict=True)
    ]


def _add_jobs(rows: list[Row], via: list[int], starts: list[int], jobs: dict[int, str]) -> None:
    for row, begin, end in zip(rows, starts, starts[1:], strict=False):
        row["jobs"] = sorted({jobs[number] for number in via[begin:end] if number in jobs})


def _times(moments: Ints) -> list[str]:
    """RFC 3339 of many times at once: a tenth of the cost of `text_of` for each."""
    texts: list[str] = np.datetime_as_string(moments.astype("datetime64[us]"), unit="us", timezone="UTC").tolist()
    return texts


def _transformation_row(item: Transformation | None) -> Row | None:
    if item is None:
        return None
    return {"type": item.type or None, "subtype": item.subtype or None, "masking": item.masking}


def _dags(catalog: Catalog, jobs: list[int], parents: dict[int, int]) -> int:
    """How many outermost jobs contain one of `jobs`. parents: those known already. Ends on cycles of parents too."""
    known, seen, frontier = dict(parents), set[int](), set(jobs)
    while frontier:
        missing = [job for job in frontier if job not in known]
        if missing:
            known.update(zip(missing, catalog.names(Layer.JOB, missing).parents, strict=True))
        seen |= frontier
        frontier = {known[job] for job in frontier} - seen - {0}
    return len({top for job in jobs if (top := _top(job, known)) != job})


def _top(job: int, parents: dict[int, int]) -> int:
    seen = {job}
    while (parent := parents.get(job, 0)) and parent not in seen:
        seen.add(parent)
        job = parent
    return job
