"""What the domain asks of storage: small protocols, no driver's types, no driver's exceptions.

Nodes and fields have integer ids that the catalog gives, dense from 1, in two spaces: one of datasets and jobs
(Layer.JOB), one of fields (Layer.FIELD). Edge ids are one space. A rebuilt catalog gives other ids and a new
`generation`; whoever kept the old ones loads again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lineage.diff import Rows
from lineage.expressions import Term
from lineage.facts import Facts
from lineage.graph import Ids, Subgraph
from lineage.model import Basis, EdgeKind, Kind, Layer, Node, Origin, Transformation

OPEN = 2**63 - 1  # closed_us of an edge that is open


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a reader has come in the catalog's feed of changes."""

    generation: int
    seq: int


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A dataset, job or flow of a job as graph stores keep it. parent: id of the containing job, 0 for none.

    A flow is the part of a job that fills one output: of kind JOB, named like it, and its parent is the job itself.
    flow: the id of that output; "" for all that is no flow.
    """

    id: int
    kind: Kind
    namespace: str
    name: str
    parent: int = 0
    flow: str = ""


@dataclass(frozen=True, slots=True)
class FieldRow:
    id: int
    dataset: int
    name: str


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """An edge with all its lives: [opened_us, closed_us), closed_us OPEN while it lives; no lives: take it away.

    source, target: ids in the space of the edge's layer. owner: id of the job (or dataset) whose edge it is.
    """

    id: int
    kind: EdgeKind
    source: int
    target: int
    owner: int
    origin: Origin
    basis: Basis
    lives: tuple[tuple[int, int], ...]
    transformation: Transformation = Transformation()

    @property
    def layer(self) -> Layer:
        return Layer.FIELD if self.kind is EdgeKind.DERIVED else Layer.JOB


@dataclass(frozen=True, slots=True)
class Changes:
    """The present state of what changed after a mark: apply it in any order, twice if need be; then stand at `mark`.

    more: the feed went on when this was read.
    """

    mark: Mark
    nodes: Sequence[NodeRow] = ()
    fields: Sequence[FieldRow] = ()
    edges: Sequence[EdgeRow] = ()
    more: bool = False


@dataclass(frozen=True, slots=True)
class EdgeColumns:
    """Many edges of one layer as arrays, one row a life: how a store is loaded. transformation only for FIELD.

    Arrays are aligned: id, source, target, owner int64; opened, closed int64 microseconds; kind, origin, basis int8.
    """

    id: Ids
    kind: NDArray[np.int8]
    source: Ids
    target: Ids
    owner: Ids
    origin: NDArray[np.int8]
    basis: NDArray[np.int8]
    opened: Ids
    closed: Ids
    transformations: Sequence[Transformation] = ()

    def __len__(self) -> int:
        return len(self.id)


class GraphSource(Protocol):
    """The catalog as graph stores see it."""

    def mark(self) -> Mark:
        """Where the feed ends now."""

    def changes(self, after: Mark, limit: int = 10_000) -> Changes | None:
        """What changed after a mark; None if the mark is of another generation or too old: load instead."""

    def snapshot(self) -> Snapshot:
        """Everything, at one mark; close it when done."""


class Snapshot(Protocol):
    """A consistent view of the catalog for loading a store."""

    mark: Mark

    def counts(self) -> dict[str, int]:
        """Totals of nodes, fields, edges: for progress bars and for the sizes of arrays."""

    def nodes(self, batch: int = 20_000) -> Iterator[Sequence[NodeRow]]: ...

    def fields(self, batch: int = 20_000) -> Iterator[Sequence[FieldRow]]: ...

    def edges(self, layer: Layer, batch: int = 100_000) -> Iterator[EdgeColumns]: ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Walk:
    """Which edges a walk may use.

    hops: edges, 1 and up; None for no limit. as_of_us: only edges alive then; None: alive now. origin: only this one.
    min_basis: this basis or stronger. limit: edges; past it the answer is truncated at a whole hop.
    """

    hops: int | None = None
    as_of_us: int | None = None
    origin: Origin | None = None
    min_basis: Basis = Basis.IMPLICIT_PRODUCT
    limit: int = 5_000_000


class History(Protocol):
    """The catalog through time, in the words of `lineage.diff`."""

    def between(self, since: int, until: int, scope: Collection[int] | None = None) -> tuple[Rows, Rows]:
        """What may differ between two times, as it was at the one and at the other; what is left out was the same.

        scope: ids of datasets and jobs; only these, and edges among them. None: everything.
        """

    def shown_by(self, run_id: str) -> Rows:
        """What a run showed. Raises UnknownNode."""

    def at(self, store: GraphReader, as_of_us: int | None, position: int | None) -> tuple[Catalog, GraphReader]:
        """Catalog and graph as of a time, as known after the event at a position; None: now. For one question.

        The walk of that question says `as_of_us` as well.
        """


class GraphReader(Protocol):
    """Reach over the graph: all that a question needs."""

    name: str

    def mark(self) -> Mark | None:
        """The mark its content stands at; None: empty or never loaded. Raises StoreUnavailable."""

    def reach(self, roots: Sequence[int], *, down: bool, layer: Layer = Layer.JOB, walk: Walk = Walk()) -> Subgraph:
        """The graph within `walk.hops` edges of `roots`, downstream if `down`, breadth first.

        Roots the store has no edges for are in the answer alone. Raises StoreUnavailable.
        Cost: edges returned; one round trip.
        """

    def alive(self, layer: Layer, walk: Walk = Walk()) -> EdgeColumns:
        """Every edge of a layer that a walk may use, by id, with the life in which it may; `walk.hops` and `walk.limit`
        are not looked at, transformations not given. Raises StoreUnavailable. Cost: edges; one or two round trips.
        """


class GraphStore(GraphReader, Protocol):
    """Keeps the graph that it answers from. Every store answers the same (tests/contracts/test_graph_store.py)."""

    def load(self, snapshot: Snapshot) -> None:
        """Replaces all it holds by the snapshot; a crash in between leaves a store whose mark is None."""

    def apply(self, changes: Changes) -> None:
        """Takes the changes in and moves its mark, both or neither. Raises StoreUnavailable."""

    def edges(self) -> Iterator[Sequence[EdgeRow]]:
        """All edges it holds, by id, in batches: for `headwater check`."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Applied:
    """One event's place in the journal and what it asserts; facts None: nothing in it is of interest.

    failure: why it could not be applied; then it has no facts, and only that is kept.
    """

    position: int
    facts: Facts | None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """items, and what to pass as `after` for the next page; None: there is none."""

    items: list[dict[str, Any]]
    next: str | None


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entities a list shows. text: substring of the name. after: cursor of the page before.

    among: ids, ascending; None for all.
    """

    namespace: str | None = None
    owner: str | None = None
    tag: str | None = None
    text: str | None = None
    after: str | None = None
    limit: int = 100
    among: Ids | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class NodeColumns:
    """Names of nodes, aligned with the ids asked for; parent ids of jobs, 0 for none; for fields also the column.

    stands: the node that an id is shown as: the job for a flow, what stands for all that are joined, mostly the id.
    """

    kinds: list[int]
    namespaces: list[str]
    names: list[str]
    parents: list[int]
    columns: list[str] = field(default_factory=list)
    stands: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True, order=True)
class Control:
    """A job waits for another one, by their ids. rule: the trigger rule, or ""."""

    upstream: int
    downstream: int
    rule: str
    first_us: int
    last_us: int


@dataclass(frozen=True, slots=True)
class Inventory:
    """All that is listed, as arrays; ids ascending.

    ids, kinds: datasets and jobs. fields, spaces: columns of listed datasets, and the place of their namespace in
    `namespaces`.
    """

    ids: Ids
    kinds: NDArray[np.int8]
    fields: Ids
    spaces: Ids
    namespaces: list[str]


@dataclass(frozen=True, slots=True)
class EdgeFacts:
    """What the catalog knows of edges beyond their shape, aligned with the ids asked for. Times in microseconds."""

    kinds: Ids
    owners: Ids
    first_seen: Ids
    last_seen: Ids
    runs_seen: Ids
    transformations: list[Transformation | None]


class Catalog(GraphSource, Protocol):
    """What is known of every node: the projection of the journal that questions are answered from."""

    def at_once(self) -> AbstractContextManager[Catalog]:
        """The same catalog, all read from one state, that of the first question: for many that belong together.

        A graph store asked later may hold newer nodes, so walk first. It holds a connection: ask the catalog itself
        nothing meanwhile.
        """

    def position(self) -> int:
        """Of the last event applied; 0 for none."""

    def apply(self, batch: Sequence[Applied]) -> None:
        """Takes in events in the order of their positions, all or none, and moves its position. Raises NotOwner."""

    def failed(self, after: int = 0) -> int:
        """How many events beyond a position could not be applied."""

    def reset(self) -> None:
        """Forgets everything and starts a new generation at position 0."""

    def find(self, node: str | Node) -> tuple[Node, int]:
        """A node by its id or itself, and its integer id in the space of its kind. Raises UnknownNode, InvalidNode."""

    def find_ever(self, node: str | Node) -> tuple[Node, int]:
        """`find`, and also what was dropped since."""

    def named(self, node: str) -> Node:
        """A dataset or job by one of its names, as that name and not as what stands for it. Raises as `find` does."""

    def identity(self, node: Node, after: str | None, limit: int) -> dict[str, Any]:
        """Other names of a node, each with what made it one, contradictions, and what may be the same.

        id, aliases [{namespace, name, by, event, at, …}] from `after` on, total, next, conflicts, suggestions.
        """

    def conflicts(self, node: Node | None, after: str | None, limit: int) -> Page:
        """Where people and automation, or two events, say the opposite; of all, or of one node."""

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        """All ids under which a found node stands in the graph, ascending: a job, all jobs within it, and the flows of
        each; else the one."""

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        """Raises KeyError for an id that the catalog never gave."""

    def parents(self, jobs: Sequence[int]) -> tuple[list[int], list[int]]:
        """What jobs and flows are shown as, and of that the parent, 0 for none; aligned. Raises KeyError as `names`."""

    def details(self, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
        """What a trace shows of nodes beside their names, aligned with `ids`.

        Of datasets and jobs: description, type, owners [{name, type}], tags [{key, value, source}]; of fields:
        description, type, tags. What isn't known is null or empty.
        """

    def edge_facts(self, ids: Sequence[int]) -> EdgeFacts:
        """Raises KeyError for an id that the catalog never gave."""

    def controls(self, jobs: Sequence[int]) -> list[Control]:
        """Which of some jobs wait for which others of them, by their ids."""

    def fields_of(self, dataset: int) -> list[int]:
        """Ids of the fields of a dataset, by name."""

    def namespaces(self, after: str | None, limit: int) -> Page: ...

    def datasets(self, wanted: Filter) -> Page: ...

    def jobs(self, wanted: Filter) -> Page: ...

    def nodes(self, wanted: Filter) -> Page:
        """Datasets and jobs."""

    def matching(self, term: Term) -> Ids:
        """Ids of the listed datasets and jobs that one term of a selection means, ascending."""

    def near(self, term: Term) -> tuple[str, ...]:
        """What a term that means nothing might have meant, the likeliest first."""

    def numbers(self, nodes: Sequence[Node]) -> list[int]:
        """Ids of datasets and jobs, 0 for one that isn't listed; aligned with `nodes`."""

    def roots_of(self, ids: Ids) -> Ids:
        """All ids under which some nodes stand in the graph, ascending: `roots` of many."""

    def stands_of(self, ids: Ids) -> Ids:
        """What ids of the graph are shown as, ascending: the job for a flow."""

    def counts(self, ids: Ids) -> dict[str, int]:
        """How many `datasets` and `jobs` are listed among some ids."""

    def flows(self) -> tuple[Ids, Ids]:
        """The ids under which jobs stand in the graph beside their own, ascending, and aligned with them the jobs."""

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        """Everything that is listed; as_of_us: what was listed then. Cost: a pass over nodes and one over fields."""

    def runs(self, job: Node | None, after: str | None, limit: int) -> Page: ...

    def dataset(self, node: Node) -> dict[str, Any]:
        """One dataset in full: schema, versions, facets, owners, tags, assertions, statistics, inputs and outputs."""

    def job(self, node: Node) -> dict[str, Any]: ...

    def run(self, run_id: str) -> dict[str, Any]: ...

    def search(self, text: str, kind: Kind | None, limit: int) -> list[dict[str, Any]]:
        """Best first: exact name, prefix, word, substring."""

    def receipt(self, position: int) -> dict[str, Any] | None:
        """edges_added, edges_confirmed, not_linked of one event; None while it isn't applied.

        `failed`: why it could not be applied, only where that is so.
        """

    def export(self) -> Iterator[dict[str, Any]]:
        """Everything in canonical order, without positions, arrival times and integer ids."""
