"""Where a node comes from and what depends on it: pure functions over reach and names.

Work is done on arrays of integer ids (lineage/tracing); names, and the dicts that go over the wire, are made once at
the end. An answer of 15,000 nodes has 250 ms, so there is no object per node or edge in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from lineage.aging import Aging
from lineage.errors import InvalidNode, StoreBehind
from lineage.hierarchy import tops_of
from lineage.model import Direction, Granularity, Kind, Layer, Node, text_of
from lineage.ports import Catalog, GraphReader, Walk
from lineage.tracing.answers import Laid, laid
from lineage.tracing.columns import MAX_PAIRS
from lineage.tracing.controls import control_rows
from lineage.tracing.dags import DagTrace
from lineage.tracing.names import texts_of
from lineage.tracing.rows import Row
from lineage.tracing.starting import Start, start, walked_from
from lineage.tracing.trust import trust_of
from lineage.tracing.walks import Walker

__all__ = [
    "DEPTH",
    "MAX_DEPTH",
    "MAX_PAIRS",
    "Row",
    "Trace",
    "require_generation",
    "shared_generation",
    "texts_of",
    "trace",
]

DEPTH = 10
MAX_DEPTH = 500


@dataclass(frozen=True, slots=True)
class Trace:
    """A lineage answer in the words of the wire. nodes by distance, then id; edges by source, target, kind.

    depth None: all. as_of, known_at None: now. totals count the nodes kept, and the DAGs of all jobs on the way.
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
    known_at: str | None = None

    def head(self) -> Row:
        """Everything but nodes and edges."""
        return {
            "root": self.root,
            "direction": self.direction.value,
            "granularity": self.granularity.value,
            "depth": "all" if self.depth is None else self.depth,
            "as_of": self.as_of,
            "known_at": self.known_at,
            "position": self.position,
            "truncated": self.truncated,
            "totals": self.totals,
            "trust": trust_of(self.nodes, self.edges),
            **({"warnings": self.warnings} if self.warnings else {}),
        }

    def document(self) -> Row:
        return {**self.head(), "nodes": self.nodes, "edges": self.edges}


def trace(
    catalog: Catalog,
    store: GraphReader,
    root: str | Node,
    *,
    direction: Direction = Direction.BOTH,
    depth: int | None = DEPTH,
    granularity: Granularity | None = None,
    walk: Walk = Walk(),
    aging: Aging | None = None,
    details: bool = False,
    controls: bool = False,
) -> Trace:
    """What lies upstream or downstream of `root`, breadth first.

    depth: hops at the granularity asked for, 0 to 500; None for all. granularity: what is kept; None: fields for a
        field, else datasets and jobs. A field asked for at another granularity stands for its dataset, a job asked for
        at that of DAGs for the outermost one it lies in. walk: the edges to use; its `hops` is not looked at.
    aging: which edges are shown as stale, and which count as gone. details: descriptions, owners, tags and the like for
        every node. controls: edges of kind "control" between the jobs of the answer where one waits for another; only
        at the granularity of jobs.
    Raises UnknownNode, InvalidNode, StoreUnavailable, StoreBehind while the store holds another build of the catalog,
    TooWide past 1,000,000 pairs of datasets.
    Cost: one or two round trips to the store (more where DAGs are asked for), two transactions of the catalog, edges
    returned.
    """
    if depth is not None and not 0 <= depth <= MAX_DEPTH:
        raise InvalidNode(f"depth is {depth}; give 0 to {MAX_DEPTH}, or all")
    with catalog.at_once() as known:
        generation, position = shared_generation(known, store), known.position()
        node, number = known.find(root)
        granularity = granularity or (Granularity.FIELD if node.kind is Kind.FIELD else Granularity.JOB)
        node, number = _stood_for(known, node, number, granularity)
    question = _Question(Walker(catalog, store, walk, aging), node, number, direction, depth, granularity, generation)
    try:
        found, truncated = question.answered(details, controls)
    except KeyError as error:
        require_generation(catalog, generation, error)
        raise
    return Trace(
        root=node.id,
        direction=direction,
        granularity=granularity,
        depth=depth,
        as_of=text_of(walk.as_of_us),
        position=position,
        truncated=truncated,
        nodes=found.nodes,
        edges=found.edges,
        totals=found.totals,
    )


@dataclass(frozen=True, slots=True)
class _Question:
    """A trace that is to be answered."""

    walker: Walker
    node: Node
    number: int
    direction: Direction
    depth: int | None
    granularity: Granularity
    generation: int

    def answered(self, details: bool, controls: bool) -> tuple[Laid, bool]:
        """The answer, and whether it was cut off at the walk's limit."""
        begin = start(self.walker, self.node, self.number, self.granularity)
        if self.granularity is Granularity.DAG:
            return self._by_dags(begin, details)
        walked = walked_from(self.walker, begin, self.direction, self._hops())
        # After the walk: what a graph store found a moment ago is not in an older state of the catalog.
        with self.walker.catalog.at_once() as known:
            found = laid(known, begin, self.granularity, walked, self.walker.aging, details)
            if controls and self.granularity is Granularity.JOB:
                found.edges.extend(control_rows(known, found))
            require_generation(known, self.generation)
        return found, any(part.truncated for _, part in walked)

    def _by_dags(self, begin: Start, details: bool) -> tuple[Laid, bool]:
        """Walks and questions take turns, so each question is asked of a state as new as the walk before."""
        dags = DagTrace(self.walker, begin, self.depth)
        found = dags.laid(self.direction, self.walker.aging, details)
        require_generation(self.walker.catalog, self.generation)
        return found, dags.truncated

    def _hops(self) -> int | None:
        """Edges to walk: between two datasets lie two, between a job and a dataset one."""
        if self.depth is None or self.granularity is not Granularity.DATASET:
            return self.depth
        return 2 * self.depth - 1 if self.node.kind is Kind.JOB and self.depth else 2 * self.depth


def _stood_for(catalog: Catalog, node: Node, number: int, granularity: Granularity) -> tuple[Node, int]:
    """What is really asked for: a field's dataset unless fields are, the outermost job where DAGs are."""
    if node.kind is Kind.FIELD and granularity is not Granularity.FIELD:
        return catalog.find(node.dataset)
    if node.kind is Kind.JOB and granularity is Granularity.DAG:
        top = tops_of(catalog, [number])[number]
        names = catalog.names(Layer.JOB, [top])
        return Node(Kind.JOB, names.namespaces[0], names.names[0]), top
    return node, number


def shared_generation(catalog: Catalog, store: GraphReader) -> int:
    """The build of the catalog whose ids the store holds. Ids of another build would name the wrong nodes."""
    mark, own = catalog.mark(), store.mark()
    if own is None or own.generation != mark.generation:
        raise StoreBehind(f"the {store.name} graph is being loaded from the catalog; ask again in a moment")
    return mark.generation


def require_generation(catalog: Catalog, generation: int, cause: BaseException | None = None) -> None:
    if catalog.mark().generation != generation:
        raise StoreBehind("the catalog was rebuilt while this was asked; ask again") from cause
