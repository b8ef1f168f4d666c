"""Keys and words of the domain: nodes, edges, bases, times.

Times are microseconds since 1970-01-01T00:00:00Z wherever a name ends in `_us`: SQLite has no other exact type that
sorts, and numpy compares them as int64. `time_of` and `us_of` cross over to aware datetimes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum, StrEnum
from itertools import combinations

from lineage.errors import InvalidNode

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_COLONS = 64  # ids are split at colons; more than this is an attack, not a name


class Kind(IntEnum):
    """What a node is; the value is what stores keep."""

    DATASET = 0
    JOB = 1
    FIELD = 2
    RUN = 3

    @property
    def word(self) -> str:
        return _KIND_WORDS[self]  # not self.name.lower(): five times a fact, and an enum's name is slow to come by


_KIND_WORDS = ("dataset", "job", "field", "run")
PREFIX = {Kind.DATASET: "dataset", Kind.JOB: "job", Kind.FIELD: "datasetField", Kind.RUN: "run"}
KIND_OF_PREFIX = {prefix: kind for kind, prefix in PREFIX.items()}


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """Something that lineage speaks of; `field` only for Kind.FIELD."""

    kind: Kind
    namespace: str
    name: str
    field: str | None = None

    @property
    def id(self) -> str:
        """One string, as Marquez writes them: `dataset:NAMESPACE:NAME`.

        >>> Node(Kind.FIELD, "postgres://db:5432", "shop.orders", "id").id
        'datasetField:postgres://db:5432:shop.orders:id'
        """
        tail = f":{self.field}" if self.kind is Kind.FIELD else ""
        return f"{PREFIX[self.kind]}:{self.namespace}:{self.name}{tail}"

    @property
    def key(self) -> bytes:
        """32 bytes that stand for the node in unique indexes: names may be longer than an index takes."""
        parts = (self.kind.word, self.namespace, self.name, self.field or "")
        text = "\x1f".join(f"{len(part)}\x1f{part}" for part in parts)
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    @property
    def dataset(self) -> Node:
        """The dataset a field belongs to; other nodes as they are."""
        return Node(Kind.DATASET, self.namespace, self.name) if self.kind is Kind.FIELD else self


def dataset(namespace: str, name: str) -> Node:
    return Node(Kind.DATASET, namespace, name)


def job(namespace: str, name: str) -> Node:
    return Node(Kind.JOB, namespace, name)


def field(namespace: str, name: str, column: str) -> Node:
    return Node(Kind.FIELD, namespace, name, column)


def candidates(text: str) -> Iterator[Node]:
    """Every node that an id could mean, longest namespace first: colons may stand in each part.

    Raises InvalidNode if the text has no known prefix or too few parts.

    >>> [n.namespace for n in candidates("dataset:s3://b:k:1")]
    ['s3://b:k', 's3://b', 's3']
    """
    prefix, _, rest = text.partition(":")
    kind = KIND_OF_PREFIX.get(prefix)
    if kind is None or kind is Kind.RUN:
        known = ", ".join(f"{p}:NAMESPACE:NAME" for p in ("dataset", "job"))
        raise InvalidNode(
            f"{text[:200]!r} is not the id of a node; ids are {known} or datasetField:NAMESPACE:NAME:FIELD"
        )
    colons = [at for at, char in enumerate(rest) if char == ":"]
    if len(colons) > MAX_COLONS:
        raise InvalidNode(
            f"the id has {len(colons)} colons, more than {MAX_COLONS}; give kind=, namespace=, name= instead"
        )
    if kind is Kind.FIELD:
        splits = [
            Node(kind, rest[:a], rest[a + 1 : b], rest[b + 1 :]) for a, b in reversed(list(combinations(colons, 2)))
        ]
    else:
        splits = [Node(kind, rest[:a], rest[a + 1 :]) for a in reversed(colons)]
    usable = [node for node in splits if node.namespace and node.name and node.field != ""]
    if not usable:
        raise InvalidNode(f"{text[:200]!r} lacks a namespace or a name; write {prefix}:NAMESPACE:NAME")
    yield from usable


class EdgeKind(IntEnum):
    """READ: dataset to job. WROTE: job to dataset. DERIVED: field to field."""

    READ = 0
    WROTE = 1
    DERIVED = 2

    @property
    def word(self) -> str:
        return self.name.lower()


class Layer(IntEnum):
    """JOB: datasets and jobs, joined by READ and WROTE. FIELD: columns, joined by DERIVED."""

    JOB = 0
    FIELD = 1


class Origin(IntEnum):
    """OBSERVED by a run, or DECLARED at design time."""

    OBSERVED = 0
    DECLARED = 1

    @property
    def word(self) -> str:
        return self.name.lower()


class Basis(IntEnum):
    """How an edge is known, strongest first."""

    EXPLICIT = 0
    COLUMN = 1
    PARSED = 2
    IMPLICIT_SINGLE = 3
    IMPLICIT_PRODUCT = 4

    @property
    def word(self) -> str:
        return self.name.lower()


class Granularity(StrEnum):
    DATASET = "dataset"
    JOB = "job"
    FIELD = "field"
    DAG = "dag"


class Direction(StrEnum):
    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"
    BOTH = "both"


@dataclass(frozen=True, slots=True, order=True)
class Transformation:
    """What happened to a column on its way. Empty strings: the producer didn't say; that is not IDENTITY."""

    type: str = ""
    subtype: str = ""
    masking: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """One dependency that an event asserts. `transformation` only for DERIVED.

    flow: only for READ and WROTE: the id of the output that the edge serves, so that what goes into one output of a job
        isn't taken to go into its others; "" where it serves the job as a whole.
    """

    kind: EdgeKind
    source: Node
    target: Node
    basis: Basis
    transformation: Transformation = Transformation()
    flow: str = ""


def us_of(moment: datetime) -> int:
    """Microseconds since the epoch of an aware datetime, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def time_of(moment_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=moment_us)


def text_of(moment_us: int | None) -> str | None:
    """RFC 3339 in UTC, always with six digits so that texts sort as times do.

    >>> text_of(0)
    '1970-01-01T00:00:00.000000Z'
    """
    if moment_us is None:
        return None
    return time_of(moment_us).strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")
