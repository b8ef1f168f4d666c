"""What a source may assert. Facts are values: equal content, equal digest; they hold no position and no arrival time.

Everything that repeats from run to run (a dataset with its facets, the edges of an event) is a value of its own with a
digest, so that a projection recognises what it knows already by one look-up and spends no work on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lineage.canonical import canonical
from lineage.model import Edge, Kind, Node, Origin

START, RUNNING, COMPLETE, ABORT, FAIL, OTHER = "START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"
TERMINAL = frozenset({COMPLETE, ABORT, FAIL})
# Namespace of the jobs that stand for edges drawn by hand; and the most bytes that the contract lets a name have.
DRAWN = "headwater"
LONGEST_NAME = 4_096
# What the catalog keeps for each event is the place of its type here.
EVENT_TYPES = (START, RUNNING, COMPLETE, ABORT, FAIL, OTHER)


@dataclass(frozen=True, slots=True)
class Described:
    """A dataset or job was mentioned, with these facets.

    facets: facet key to content, as received less `_producer`; input and output facets as `input:KEY`, `output:KEY`.
        Facets that differ from run to run (statistics, assertions, versions) are not here but in Measured, Asserted.
        For a job also `parent`: {namespace, name} of the job that contains it.
    known: False for what was only named as a column's origin; it doesn't exist until something else says so.
    digest: 32 bytes over node, facets and known.
    """

    node: Node
    facets: Mapping[str, Any]
    known: bool
    digest: bytes


@dataclass(frozen=True, slots=True)
class EdgeSet:
    """All edges that one event asserts. Sorted, without repetition. digest: 32 bytes over them."""

    edges: tuple[Edge, ...]
    digest: bytes


@dataclass(frozen=True, slots=True)
class RunRef:
    run_id: str
    job: Node


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of `job` reported a state.

    event_type: one of the six words; OTHER where the event had none.
    sibling: runs of a job with the same text are one for the life of its edges (tasks mapped dynamically); else "".
    incomplete: its lineage is partial (extractionError; one statement of a dbt node); such a run closes no edge.
    snapshot: each event of the run tells its whole present state (a stream's emissionPattern), so that what a later one
        leaves out is gone though the run never ends.
    """

    run_id: str
    job: Node
    event_type: str
    nominal_start_us: int | None = None
    nominal_end_us: int | None = None
    parent: RunRef | None = None
    root: RunRef | None = None
    error: str | None = None
    sibling: str = ""
    incomplete: bool = False
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """Volume of a dataset as one event saw it. body: the statistics facets, by key.

    role: "input" or "output" of a run or job, "dataset" where neither is meant (a DatasetEvent).
    """

    dataset: Node
    role: str
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Asserted:
    """A check of a dataset. success None: the check didn't run."""

    dataset: Node
    assertion: str
    column: str | None
    success: bool | None
    severity: str | None
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Spelled:
    """An event wrote a dataset's name in another way than `node` has it.

    rules: ids of the rules (lineage/naming.toml) that made it canonical. folded: the partition folders left out, or "".
    """

    node: Node
    namespace: str
    name: str
    rules: tuple[str, ...]
    folded: str = ""


@dataclass(frozen=True, slots=True)
class Joined:
    """An event says that two datasets are one. how: "symlink" or "catalog". type: the symlink's, or ""."""

    node: Node
    alias: Node
    how: str
    type: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A dataset ceased to be."""

    node: Node


@dataclass(frozen=True, slots=True)
class Renamed:
    """A dataset is called `node` from now on; what `previous` named until now goes on under it."""

    previous: Node
    node: Node


@dataclass(frozen=True, slots=True)
class Control:
    """A job waits for another one. No data need go between them. rule: the trigger rule, or ""."""

    upstream: Node
    downstream: Node
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """A person says that two datasets are one (action "merge") or are not ("split").

    into: whose name both have then.
    """

    action: str
    one: Node
    other: Node
    into: Node | None = None
    author: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """A person adds an edge between two datasets or columns, suppresses one, or takes such a word back.

    action: "add", "suppress", "forget". For "add" the facts of the same event hold the edge, owned by a job of its own.
    source, target: datasets, fields; for "suppress" also a dataset and a job.
    """

    action: str
    source: Node
    target: Node
    author: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NotLinked:
    """Something an event named that became no edge, and why."""

    dataset: str
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What one event asserts. at_us: when it says so (the event's time, or its arrival if that lies ahead of it).

    owner: whose edges these are: the job; of a DatasetEvent the dataset, or if it names sources the job that stands for
    that statement. Every node that any of the facts names, or whose field is meant, stands in `described`.
    """

    at_us: int
    origin: Origin
    owner: Node
    described: tuple[Described, ...]
    edges: EdgeSet
    run: Ran | None = None
    measured: tuple[Measured, ...] = ()
    asserted: tuple[Asserted, ...] = ()
    not_linked: tuple[NotLinked, ...] = ()
    spelled: tuple[Spelled, ...] = ()
    joined: tuple[Joined, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    controls: tuple[Control, ...] = ()
    decision: Decision | None = None
    judged: Judged | None = None


def drawn(source: str, target: str) -> Node:
    """The job that stands for an edge that a person drew between two ids; a hash where both are longer than a name."""
    name = f"{source} -> {target}"
    is_long = len(name.encode()) > LONGEST_NAME
    return Node(Kind.JOB, DRAWN, hashlib.sha256(name.encode()).hexdigest() if is_long else name)


def describe(node: Node, facets: Mapping[str, Any] | None = None, *, known: bool = True) -> Described:
    """A Described with its digest."""
    content = dict(facets or {})
    body = canonical([node.kind.word, node.namespace, node.name, known, content])
    return Described(node, content, known, hashlib.sha256(body).digest())


def edge_set(edges: Iterable[Edge]) -> EdgeSet:
    """Edges in their total order, each once, with the digest of the whole."""
    ordered = tuple(sorted(set(edges), key=_order))
    body = canonical([_order(edge) for edge in ordered])
    return EdgeSet(ordered, hashlib.sha256(body).digest())


def _order(edge: Edge) -> tuple[Any, ...]:
    step = edge.transformation
    shape = (int(edge.kind), edge.source.id, edge.target.id, edge.flow)
    return (*shape, step.type, step.subtype, step.masking, int(edge.basis))
