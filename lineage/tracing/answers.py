"""What walks found, at the granularity asked for: datasets and jobs, datasets alone, or columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lineage.aging import Aging
from lineage.hierarchy import dags_among, tops_of
from lineage.model import Basis, Granularity, Kind, Layer
from lineage.ports import Catalog
from lineage.tracing.columns import (
    Edges,
    Mask,
    Nodes,
    Seen,
    Walked,
    meetings,
    nodes_of,
    paired,
    shown_as,
    together,
)
from lineage.tracing.names import Names, texts_of
from lineage.tracing.rows import EdgeRows, Row, add_details, node_rows, root_row, shown_edges
from lineage.tracing.starting import Start
from lineage.tracing.walks import rewalked


@dataclass(frozen=True, slots=True)
class Laid:
    """nodes by distance, then id; edges by source, target, kind. shown: the number of each node of the layer walked."""

    nodes: list[Row]
    edges: list[Row]
    totals: dict[str, int]
    shown: list[int]


def laid(
    catalog: Catalog, begin: Start, granularity: Granularity, walked: Walked, aging: Aging | None, details: bool
) -> Laid:
    """Everything but the granularity of DAGs."""
    found = nodes_of(walked)
    names = _named(catalog, begin, granularity, found)
    seen = Seen(catalog, (part.edge for _, part in walked))
    nodes = shown_as(found, names.shown)
    if granularity is Granularity.DATASET:
        edges = _between_datasets(seen, walked, names, begin)
        nodes = Nodes(nodes.ids, (nodes.distance + 1) // 2, nodes.side)
        nodes = nodes.taken((names.kinds == Kind.DATASET) | (nodes.ids == begin.number))
    else:
        edges = shown_edges(_distinct(seen, walked), names)
    rows, ids = node_rows(names, nodes, _guessed(walked, begin, names))
    if details:
        add_details(catalog, begin.layer, rows, ids)
    if begin.shown:
        rows.insert(0, _root(catalog, begin, details))
    written = EdgeRows(edges, names, aging)
    if begin.layer is Layer.FIELD:
        written.add_transformations(seen.transformations)
    if granularity is not Granularity.JOB:
        written.add_jobs(_jobs_between(catalog, begin.layer, edges, names))
    return Laid(rows, written.rows, totals(rows, _dags(catalog, begin.layer, edges, names)), ids)


def _named(catalog: Catalog, begin: Start, granularity: Granularity, found: Nodes) -> Names:
    """Between datasets, a job asked for is one node with all the jobs within it: they are what it stands for."""
    if granularity is Granularity.DATASET and begin.node.kind is Kind.JOB:
        return Names(catalog, begin.layer, found.ids, np.isin(found.ids, begin.up), begin.number)
    return Names(catalog, begin.layer, found.ids)


def _distinct(seen: Seen, walked: Walked) -> Edges:
    """The edges of all walks, each once."""
    _, first = np.unique(np.concatenate([part.edge for _, part in walked]), return_index=True)
    return together(seen.edges_of(part) for _, part in walked).taken(first)


def _between_datasets(seen: Seen, walked: Walked, names: Names, begin: Start) -> Edges:
    """READ and WROTE edges joined where they meet, at the job or its flow; those of a job asked for as they are."""
    roots = np.asarray(begin.up if begin.node.kind is Kind.JOB else (), dtype=np.int64)
    made = []
    for _, part in walked:
        edges = seen.edges_of(part)
        into_job = names.kinds[names.place(names.of(edges.target))] == Kind.JOB
        at_root = np.isin(edges.source, roots) | np.isin(edges.target, roots)
        made.append(shown_edges(edges.taken(at_root), names))
        reads, writes = edges.taken(into_job & ~at_root), edges.taken(~into_job & ~at_root)
        first, second = meetings(reads.target, writes.source)
        pairs = paired(reads.taken(first), writes.taken(second))
        made.append(shown_edges(pairs, names, via=names.of(pairs.via)))
    return together(made)


def _jobs_between(catalog: Catalog, layer: Layer, edges: Edges, names: Names) -> dict[int, str]:
    """Texts of the jobs that edges go through."""
    wanted = np.unique(edges.via[edges.via > 0])
    if layer is Layer.JOB:
        at = names.place(wanted).tolist()
        return {number: names.texts[place] for number, place in zip(wanted.tolist(), at, strict=True)}
    if not len(wanted):
        return {}
    found = catalog.names(Layer.JOB, wanted.tolist())
    # Columns that a DatasetEvent declared have the dataset for owner: no job lies between.
    rows = zip(wanted.tolist(), texts_of(found), found.kinds, strict=True)
    return {number: text for number, text, kind in rows if kind == Kind.JOB}


def _guessed(walked: Walked, begin: Start, names: Names) -> Mask:
    """Which of the nodes shown nothing but guesses lead to."""
    none = np.zeros(len(names.ids), dtype=np.bool_)
    if all((part.basis < Basis.IMPLICIT_PRODUCT).all() for _, part in walked):
        return none
    sure = []
    for side, part in walked:
        roots = np.asarray(begin.up if side == 1 else begin.down if side == 2 else part.nodes, dtype=np.int64)
        firm = part.basis < Basis.IMPLICIT_PRODUCT
        sure.append(rewalked(part, firm, roots, down=side == 2, hops=None).nodes)
    return ~np.isin(names.ids, names.of(np.unique(np.concatenate(sure))))


def _root(catalog: Catalog, begin: Start, details: bool) -> Row:
    row = root_row(begin.node)
    if details:
        add_details(catalog, Layer.JOB, [row], [begin.number])
    return row


def _dags(catalog: Catalog, layer: Layer, edges: Edges, names: Names) -> int:
    """How many outermost jobs contain one on the way."""
    if layer is Layer.FIELD:
        return dags_among(tops_of(catalog, np.unique(edges.via[edges.via > 0]).tolist()))
    return dags_among(tops_of(catalog, names.jobs, names.parents))


def totals(rows: list[Row], dags: int) -> dict[str, int]:
    kinds = [row["kind"] for row in rows]
    counts = {f"{kind.word}s": kinds.count(kind.word) for kind in (Kind.DATASET, Kind.JOB, Kind.FIELD)}
    return {**counts, "dags": dags}
