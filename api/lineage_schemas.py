"""Shapes of answers about how the graph hangs together: paths between two nodes, the lineage report."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas import NodeText, Shape, Time

Number = Annotated[
    Annotated[int, Field(ge=0)] | Annotated[str, Field(pattern="^[0-9]+$")],
    Field(description="Exact; decimal digits past 2^53, which not every reader of JSON keeps as a number."),
]
BasisName = Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"]


class PathStep(Shape):
    source: NodeText
    target: NodeText
    kind: Literal["read", "wrote", "derived"]
    basis: BasisName
    origin: Literal["observed", "declared"]
    jobs: Annotated[
        list[str], Field(default_factory=list, description="The jobs between, at granularity dataset and field.")
    ]


class PathRow(Shape):
    length: Annotated[int, Field(ge=0, description="Hops.")]
    basis: Annotated[BasisName | None, Field(description="How its weakest step is known; null without steps.")]
    nodes: list[NodeText]
    steps: list[PathStep]


class PathTotals(Shape):
    shortest: Annotated[Number, Field(description="How many paths are as short as the shortest.")]
    all: Annotated[Number, Field(description="How many simple paths there are.")]
    at_least: Annotated[bool, Field(description="There may be more: cycles were counted up to a bound.")]


class PathPart(Shape):
    nodes: int
    edges: int


class Cut(Shape):
    size: int
    nodes: list[NodeText]


class KinRow(Shape):
    id: NodeText
    to_source: Annotated[int, Field(ge=0, description="Hops between it and the source.")]
    to_target: int


class Kin(Shape):
    ancestors: Annotated[list[KinRow], Field(description="Nearest by the sum of hops; at most 20 are named.")]
    ancestors_total: int
    descendants: list[KinRow]
    descendants_total: int


class PathsAnswer(Shape):
    source: NodeText
    target: NodeText
    granularity: Literal["dataset", "job", "field"]
    as_of: Time | None
    known_at: Time | None
    position: int
    truncated: Annotated[bool, Field(description="Not all was seen: numbers are bounds.")]
    distance: Annotated[int | None, Field(description="Hops of the shortest path; null: no path leads.")]
    between: Annotated[PathPart, Field(description="All that lies on some way from source to target.")]
    paths: Annotated[list[PathRow], Field(description="By length, then by the ids of their nodes.")]
    more: Annotated[bool, Field(description="There are more paths than these, or may be.")]
    totals: PathTotals
    dominators: Annotated[
        list[NodeText] | None, Field(description="Every path goes through these, in this order; null: not known.")
    ]
    min_cut: Annotated[
        Cut | None,
        Field(description="A smallest set of nodes that cuts every path; null: none does, or no path leads."),
    ]
    nearest: Annotated[Kin | None, Field(description="Where no path leads: what both come from and lead to.")]
    reason: str | None


class ReportSummary(Shape):
    nodes: Annotated[int, Field(description="Datasets and jobs.")]
    edges: int
    datasets: int
    jobs: int
    transformations: Annotated[int, Field(description="Jobs that read or write.")]
    fields: int
    average_connections_per_node: Annotated[float, Field(description="Edges over nodes.")]


class CriticalNode(Shape):
    id: NodeText
    kind: Literal["dataset", "job"]
    out_degree: int
    in_degree: int


class Orphans(Shape):
    total: int
    datasets: Annotated[list[NodeText], Field(description="The first by id.")]


class Knot(Shape):
    size: int
    nodes: Annotated[list[NodeText], Field(description="The first ten by id.")]


class Complexity(Shape):
    maximum_depth: Annotated[int, Field(description="Hops of the longest path; a cycle counts as one node.")]
    is_cyclic: bool
    weakly_connected_components: Annotated[int, Field(description="Of nodes that have an edge.")]
    largest_components: Annotated[list[int], Field(description="Nodes of the largest five.")]
    isolated_nodes: int
    cycles: Annotated[int, Field(description="Sets of nodes that all lead to one another.")]
    nodes_on_cycles: int
    largest_cycles: list[Knot]


class Covered(Shape):
    fields: int
    explicit: int
    column: int
    parsed: int
    ratio: Annotated[float | None, Field(description="Of columns whose lineage is known so; null: no columns.")]


class CoveredNamespace(Covered):
    namespace: str


class Coverage(Covered):
    namespaces: list[CoveredNamespace]


class ReportAnswer(Shape):
    as_of: Time | None
    known_at: Time | None
    position: int
    summary: ReportSummary
    critical_paths: Annotated[
        list[CriticalNode], Field(description="Nodes that more than five others depend on directly; the first ten.")
    ]
    orphaned_datasets: Orphans
    complexity_metrics: Complexity
    coverage: Coverage
