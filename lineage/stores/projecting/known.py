"""What the projector remembers of the catalog between batches: it is the only writer, so its memory is true."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, literal, select

from lineage.facts import Facts
from lineage.model import Node
from lineage.stores import tables as t
from lineage.stores.projecting.series import Series
from lineage.stores.rows import by_values, greatest_id

NAME = "catalog"
ALWAYS = -(2**63)  # since_us of the first incarnation of a name
# Entries a memory may hold when a batch begins; more, and all are emptied. About 200 MB at the worst.
REMEMBERED = 100_000

Winner = tuple[int, bytes, int]  # (time, digest of the facet, its id): the greatest is the present facet
SeriesKey = tuple[int, int]  # owner id, origin
SetKey = tuple[bytes, int, int]  # digest of the facts' EdgeSet, owner id, origin: one set asserted twice is other edges


@dataclass(slots=True)
class NodeState:
    """A node as this writer knows it. winners and bundles are empty until somebody needs them.

    joined: it and others are one, or were when the catalog was read. later: if the name was given up by renames, what
    it has named since, each from its since_us; only at the first that had the name.
    """

    id: int
    node: Node
    namespace_id: int
    known: bool
    parent_id: int
    first_us: int
    description: str | None = None
    name_id: int = 0
    since_us: int = ALWAYS
    same_id: int = 0
    dropped_us: int | None = None
    listed: bool = False
    joined: bool = False
    later: list[NodeState] = field(default_factory=list)
    winners: dict[str, Winner] = field(default_factory=dict)
    bundles: dict[int, list[int]] = field(default_factory=dict)  # bundle id to [first, last]

    def at(self, at_us: int) -> NodeState:
        """What the name meant at a time."""
        found = self
        for state in self.later:
            if state.since_us <= at_us:
                found = state
        return found

    @property
    def key(self) -> bytes:
        return incarnation_key(self.node.key, self.since_us)


@dataclass(slots=True)
class Bundle:
    id: int
    facets: tuple[tuple[str, bytes, int], ...]  # key, digest, facet id


def incarnation_key(key: bytes, since_us: int) -> bytes:
    """The key of what a name, or a column of it, means from a time on; the first that had the name has the name's."""
    return key if since_us == ALWAYS else hashlib.sha256(key + b"\x1fsince\x1f%d" % since_us).digest()


class Interned:
    """Rows that are only ever added, known by a key of bytes: key to id, remembered."""

    def __init__(self, table: Table, column: str = "key") -> None:
        self.table = table
        self.column = table.c[column]
        self.ids: dict[bytes, int] = {}
        self.next_id = 1

    def start(self, connection: Connection) -> None:
        self.ids.clear()
        self.next_id = greatest_id(connection, self.table) + 1

    def fetch(self, connection: Connection, keys: Iterable[bytes]) -> None:
        missing = [key for key in keys if key not in self.ids]
        for row in by_values(connection, [self.table.c.id, self.column], self.column, missing):
            self.ids[bytes(row[1])] = row[0]

    def new(self, key: bytes) -> int:
        """The next id of its own for a key; flows take theirs from the nodes, by `give`."""
        self.ids[key] = identity = self.next_id
        self.next_id += 1
        return identity


class Known:
    """Rows by what they are found by. Entries refer to each other by id, so they are emptied together."""

    def __init__(self) -> None:
        self.position = -1  # unknown until the first batch
        self.generation = 0
        self.changed = 0
        self.namespaces = Interned(t.namespace)
        self.fields = Interned(t.field)
        self.facets = Interned(t.facet, "digest")
        self.edges = Interned(t.edge)
        self.flows = Interned(t.flow)
        self.edge_sets = Interned(t.edge_set, "digest")
        self.next_node = self.next_bundle = self.next_run = 1
        # Whether names are joined, were given up or dropped, whether edges were judged: mostly nothing of it is so, and
        # then nothing is asked about it.
        self.has_joints = self.has_fates = self.has_verdicts = False
        self.nodes: dict[Node, NodeState] = {}
        self.node_of: dict[int, NodeState] = {}
        self.bundles: dict[bytes, Bundle] = {}  # by digest of the bundle
        self.bundle_of: dict[int, Bundle] = {}
        self.described: dict[bytes, tuple[NodeState, Bundle]] = {}  # by digest of the Described
        self.sets: dict[SetKey, int] = {}
        self.members: dict[int, frozenset[int]] = {}  # edges of a set
        self.unions: dict[tuple[int, int], int] = {}
        self.series: dict[SeriesKey, Series] = {}
        self.fates: dict[int, Any] = {}  # of nodes and edges, see lineage.stores.projecting.fates

    def _interned(self) -> tuple[Interned, ...]:
        return (self.namespaces, self.fields, self.facets, self.edges, self.flows, self.edge_sets)

    def _memories(self) -> list[dict[Any, Any]]:
        own: list[dict[Any, Any]] = [self.nodes, self.node_of, self.bundles, self.bundle_of, self.described]
        own += [self.sets, self.members, self.unions, self.series, self.fates]
        return own + [interned.ids for interned in self._interned()]

    def set_key(self, facts: Facts) -> SetKey:
        return (facts.edges.digest, self.nodes[facts.owner].id, int(facts.origin))

    def forget(self) -> None:
        """Empties everything; the next batch reads again."""
        self.position = -1
        for memory in self._memories():
            memory.clear()

    def begin(self, connection: Connection) -> None:
        """Makes sure, in the transaction of a batch, that what is remembered is of the catalog as it stands."""
        statement = select(t.projection.c.position, t.projection.c.changed, t.projection.c.generation)
        row = connection.execute(statement.where(t.projection.c.name == NAME).with_for_update()).one()
        stands = row.position == self.position and row.generation == self.generation
        if stands and all(len(memory) <= REMEMBERED for memory in self._memories()):
            return
        self.forget()
        self.position, self.changed, self.generation = row.position, row.changed, row.generation
        for interned in self._interned():
            interned.start(connection)
        # Flows are numbered with the nodes: both are ends of edges in one layer of the graph.
        self.next_node = max(greatest_id(connection, t.node), greatest_id(connection, t.flow)) + 1
        self.next_bundle = greatest_id(connection, t.bundle) + 1
        self.next_run = greatest_id(connection, t.run) + 1
        self.has_fates = _any(connection, t.lifecycle)
        self.has_joints = self.has_fates or _any(connection, t.joint) or _any(connection, t.decision)
        self.has_verdicts = _any(connection, t.verdict)


def _any(connection: Connection, table: Table) -> bool:
    return connection.execute(select(literal(1)).select_from(table).limit(1)).scalar() is not None


class Batch:
    """One transaction: where its parts read, what is remembered, and rows that wait to be inserted."""

    def __init__(self, connection: Connection, known: Known) -> None:
        self.connection = connection
        self.known = known
        self._rows: dict[Table, list[dict[str, Any]]] = {}

    def insert(self, table: Table, row: dict[str, Any]) -> None:
        self._rows.setdefault(table, []).append(row)

    def waiting(self, table: Table) -> list[dict[str, Any]]:
        """Rows to be inserted into a table; they may still be changed."""
        return self._rows.get(table, [])

    def write(self, *tables: Table) -> None:
        for table in tables:
            rows = self._rows.pop(table, None)
            if rows:
                self.connection.execute(table.insert(), rows)

    def place(self) -> int:
        """The next place in the feed of changes."""
        self.known.changed += 1
        return self.known.changed
