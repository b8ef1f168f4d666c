"""Random graphs and walks, and what the port says about them in the plainest words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from lineage.graph import Subgraph
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin, Transformation
from lineage.ports import OPEN, EdgeColumns, EdgeRow, FieldRow, NodeRow, Walk

NODES = 9  # odd ids are datasets, even ones jobs, as fields any
TIMES = 12


@st.composite
def lives(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    """Disjoint spans in the order of time; the last one may be open."""
    points = sorted(draw(st.sets(st.integers(0, TIMES), min_size=1, max_size=5)))
    spans = list(zip(points[::2], points[1::2], strict=False))
    return (*spans, (points[-1], OPEN)) if len(points) % 2 else tuple(spans)


@st.composite
def edge_rows(draw: st.DrawFn, edge: int) -> EdgeRow:
    """An edge of any kind between any nodes: cycles, parallels, and loops where the layer has them."""
    kind = draw(st.sampled_from(EdgeKind))
    source, target = draw(st.integers(1, NODES)), draw(st.integers(1, NODES))
    if kind is EdgeKind.READ:
        source, target = source | 1, target & ~1 or 2
    elif kind is EdgeKind.WROTE:
        source, target = source & ~1 or 2, target | 1
    how = Transformation("DIRECT", draw(st.sampled_from(["", "IDENTITY"])), draw(st.booleans()))
    return EdgeRow(
        id=edge,
        kind=kind,
        source=source,
        target=target,
        owner=draw(st.integers(1, NODES)),
        origin=draw(st.sampled_from(Origin)),
        basis=draw(st.sampled_from(Basis)),
        lives=draw(lives()),
        transformation=how if kind is EdgeKind.DERIVED else Transformation(),
    )


@st.composite
def graphs(draw: st.DrawFn, most: int = 24) -> list[EdgeRow]:
    ids = draw(st.lists(st.integers(1, 60), unique=True, max_size=most))
    return [draw(edge_rows(edge)) for edge in ids]


walks = st.builds(
    Walk,
    hops=st.none() | st.integers(0, 8),
    as_of_us=st.none() | st.integers(-1, TIMES + 1),
    origin=st.none() | st.sampled_from(Origin),
    min_basis=st.sampled_from(Basis),
    limit=st.just(5_000_000) | st.integers(0, 12),
)
roots = st.lists(st.integers(1, NODES + 2), min_size=1, max_size=3)


def nodes_of(edges: Sequence[EdgeRow]) -> list[NodeRow | FieldRow]:
    """Rows for every node that edges name."""
    jobs = {(row.source if row.kind is EdgeKind.WROTE else row.target) for row in edges if row.layer is Layer.JOB}
    datasets = {(row.target if row.kind is EdgeKind.WROTE else row.source) for row in edges if row.layer is Layer.JOB}
    fields = {node for row in edges if row.layer is Layer.FIELD for node in (row.source, row.target)}
    return [
        *(NodeRow(node, Kind.DATASET, "db", f"d{node}") for node in sorted(datasets)),
        *(NodeRow(node, Kind.JOB, "etl", f"j{node}") for node in sorted(jobs)),
        *(FieldRow(node, 1, f"f{node}") for node in sorted(fields)),
    ]


def expected(edges: Sequence[EdgeRow], starts: Sequence[int], down: bool, layer: Layer, walk: Walk) -> Subgraph:
    """The answer by relaxing every edge until nothing changes: no frontier, no order, nothing shared with a store."""
    usable = [row for row in edges if row.layer is layer and _usable(row, walk)]
    hops = dict.fromkeys(starts, 0)
    for _ in range(len(usable) + 1):
        for row in usable:
            near, far = (row.source, row.target) if down else (row.target, row.source)
            if near in hops:
                hops[far] = min(hops.get(far, 10**9), hops[near] + 1)
    whole = max(hops.values()) + 1 if walk.hops is None else walk.hops
    most, truncated = whole, False
    while (
        len(crossed := [row for row in usable if hops.get(row.source if down else row.target, whole) < most])
        > walk.limit
    ):
        most, truncated = most - 1, True
    crossed.sort(key=lambda row: (row.source, row.target, row.id))
    nodes = sorted((node for node, hop in hops.items() if hop <= most), key=lambda node: (hops[node], node))
    return Subgraph(
        layer,
        np.array(nodes, np.int64),
        np.array([hops[node] for node in nodes], np.int32),
        *(np.array([getattr(row, name) for row in crossed], np.int64) for name in ("id", "source", "target")),
        *(np.array([getattr(row, name) for row in crossed], np.int8) for name in ("basis", "origin")),
        truncated=truncated,
    )


def _usable(row: EdgeRow, walk: Walk) -> bool:
    if walk.origin is not None and row.origin is not walk.origin:
        return False
    if row.basis > walk.min_basis:
        return False
    if walk.as_of_us is None:
        return any(closed == OPEN for _, closed in row.lives)
    return any(opened <= walk.as_of_us < closed for opened, closed in row.lives)


def alive_lines(edges: Sequence[EdgeRow], layer: Layer, walk: Walk) -> list[tuple[int, ...]]:
    """Every edge that the walk may use, by id, and its life at that time."""
    at = OPEN - 1 if walk.as_of_us is None else walk.as_of_us
    return [
        (e.id, e.kind, e.source, e.target, e.owner, e.origin, e.basis, opened, closed)
        for e in sorted(edges, key=lambda e: e.id)
        for opened, closed in e.lives
        if e.layer is layer and _usable(e, walk) and opened <= at < closed
    ]


def lines_of(columns: EdgeColumns) -> list[tuple[int, ...]]:
    """Rows of columns, which must have the types that the port names."""
    names = ("id", "kind", "source", "target", "owner", "origin", "basis", "opened", "closed")
    found = [getattr(columns, name) for name in names]
    assert [str(column.dtype) for column in found] == [
        "int8" if name in ("kind", "origin", "basis") else "int64" for name in names
    ]
    return list(zip(*(column.tolist() for column in found), strict=True))


def assert_same(found: Subgraph, wanted: Subgraph) -> None:
    """Equal in every column, order and type."""
    assert found.layer is wanted.layer
    assert found.truncated == wanted.truncated
    for name in ("nodes", "hops", "edge", "source", "target", "basis", "origin"):
        one, other = getattr(found, name), getattr(wanted, name)
        assert one.dtype == other.dtype, f"{name} is {one.dtype}, not {other.dtype}"
        assert one.tolist() == other.tolist(), name
