"""Rows as they go over the wire, laid out once from columns: no object per node or edge before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from lineage.aging import Aging
from lineage.graph import Ids
from lineage.model import Basis, EdgeKind, Kind, Layer, Node, Origin, Transformation
from lineage.ports import Catalog
from lineage.tracing.columns import Edges, Ints, Mask, Nodes, groups
from lineage.tracing.names import Names

Row = dict[str, Any]

FEEDS = len(EdgeKind)  # the kind of an edge between DAGs; no edge of the graph has it
CONTROL = "control"  # a job waits for another; no data goes along it
SIDES = ("root", "upstream", "downstream", "both")  # index: 1 for upstream, plus 2 for downstream
KINDS = (*(kind.word for kind in EdgeKind), "feeds")
ORIGINS = tuple(origin.word for origin in Origin)
BASES = tuple(basis.word for basis in Basis)


def node_rows(names: Names, nodes: Nodes, guessed: Mask) -> tuple[list[Row], list[int]]:
    """Rows by distance, then id, and the number of each. guessed: aligned with `names.ids`."""
    places = names.place(nodes.ids)
    order = np.lexsort((names.rank[places], nodes.distance))
    places = places[order]
    rows = _rows_of(names, places.tolist(), nodes.distance[order].tolist(), nodes.side[order].tolist())
    for at in np.flatnonzero(guessed[places]).tolist():
        rows[at]["guessed"] = True
    return rows, nodes.ids[order].tolist()


def _rows_of(names: Names, places: list[int], distance: list[int], side: list[int]) -> list[Row]:
    ids, kinds, words = names.texts, names.columns.kinds, [kind.word for kind in Kind]
    namespaces, titles, columns = names.columns.namespaces, names.columns.names, names.columns.columns
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
            for at, hops, met in zip(places, distance, side, strict=True)
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
        for at, hops, met in zip(places, distance, side, strict=True)
    ]


def root_row(node: Node) -> Row:
    """A root that the layer walked doesn't hold."""
    where = {"kind": node.kind.word, "namespace": node.namespace, "name": node.name}
    return {"id": node.id, **where, "distance": 0, "side": "root"}


def add_details(catalog: Catalog, layer: Layer, rows: Sequence[Row], ids: Sequence[int]) -> None:
    for row, detail in zip(rows, catalog.details(layer, ids), strict=True):
        row.update(detail)


class EdgeRows:
    """Edges between shown nodes as rows, by source, target, kind; parallel ones are one row.

    edges: in the order of the rows. starts: where the edges of each row begin, and the end.
    """

    def __init__(self, edges: Edges, names: Names, aging: Aging | None) -> None:
        source, target = (names.rank[names.place(end)] for end in (edges.source, edges.target))
        order = np.lexsort((edges.origin, edges.transformation, edges.kind, target, source))
        self.edges, self.starts = edges.taken(order), groups(edges.taken(order))
        first = self.starts[:-1]
        self.rows = _edge_rows(self.edges, first, names.sorted_texts, source[order][first], target[order][first])
        if len(first) and aging is not None:
            last = np.maximum.reduceat(self.edges.last, first)
            stale = aging.is_stale(self.edges.origin[first] == Origin.OBSERVED, last)
            for at in np.flatnonzero(stale).tolist():
                self.rows[at]["stale"] = True

    def add_transformations(self, known: Sequence[Transformation | None]) -> None:
        shown = [_transformation_row(item) for item in known]
        for row, code in zip(self.rows, self.edges.transformation[self.starts[:-1]].tolist(), strict=True):
            if (transformation := shown[code]) is not None:
                row["transformation"] = transformation

    def add_jobs(self, texts: Mapping[int, str]) -> None:
        """texts: of the jobs that edges go through. An edge that a dataset declared goes through none."""
        self._add(lambda row, numbers: row.update(jobs=sorted({texts[one] for one in numbers if one in texts})))

    def add_through(self, texts: Mapping[int, str], most: int) -> None:
        """The datasets between two DAGs: up to `most` of them, and how many there are. texts: of all."""

        def add(row: Row, numbers: Sequence[int]) -> None:
            through = sorted({texts[one] for one in numbers if one})
            if through:
                row.update(through=through[:most], through_total=len(through))

        self._add(add)

    def _add(self, add: Callable[[Row, Sequence[int]], None]) -> None:
        via, starts = self.edges.via.tolist(), self.starts.tolist()
        for row, begin, end in zip(self.rows, starts, starts[1:], strict=False):
            add(row, via[begin:end])

    def add_weakest(self) -> None:
        if self.rows:
            weakest = np.maximum.reduceat(self.edges.basis, self.starts[:-1]).tolist()
            for row, basis in zip(self.rows, weakest, strict=True):
                row["weakest_basis"] = BASES[basis]


def _edge_rows(edges: Edges, first: Ints, texts: list[str], source: Ints, target: Ints) -> list[Row]:
    """One row for each group of edges: its best basis, the whole time it was seen, the most runs of one of them."""
    if not len(first):
        return []
    return [
        {
            "source": texts[s],
            "target": texts[t],
            "kind": KINDS[kind],
            "origin": ORIGINS[origin],
            "basis": BASES[basis],
            "first_seen": earliest,
            "last_seen": latest,
            "runs_seen": runs,
        }
        for s, t, kind, origin, basis, earliest, latest, runs in zip(
            source.tolist(),
            target.tolist(),
            edges.kind[first].tolist(),
            edges.origin[first].tolist(),
            np.minimum.reduceat(edges.basis, first).tolist(),
            _times(np.minimum.reduceat(edges.first, first)),
            _times(np.maximum.reduceat(edges.last, first)),
            np.maximum.reduceat(edges.runs, first).tolist(),
            strict=True,
        )
    ]


def _times(moments: Ints) -> list[str]:
    """RFC 3339 of many times at once: a tenth of the cost of `text_of` for each."""
    texts: list[str] = np.datetime_as_string(moments.astype("datetime64[us]"), unit="us", timezone="UTC").tolist()
    return texts


def _transformation_row(item: Transformation | None) -> Row | None:
    if item is None:
        return None
    return {"type": item.type or None, "subtype": item.subtype or None, "masking": item.masking}


def shown_edges(edges: Edges, names: Names, via: Ids | None = None) -> Edges:
    """Edges between ids of the graph as edges between the nodes shown. via: as it is shown, where it is a node."""
    columns = {name: getattr(edges, name) for name in Edges.__dataclass_fields__}
    columns |= {"source": names.of(edges.source), "target": names.of(edges.target)}
    return Edges(**columns if via is None else {**columns, "via": via})
