"""The graph in Neo4j (5.23 or newer), by Bolt. All Cypher lives here.

What analysts find there, and may build on:

    (:Dataset {id, namespace, name})-[:READ_BY]->(:Job {id, namespace, name})-[:WROTE]->(:Dataset)
    (:Job)-[:CHILD_OF]->(:Job)
    (:Job {id, namespace, name, flow})-[:FLOW_OF]->(:Job)
    (:Field {id, dataset, namespace, name, column})-[:FIELD_OF]->(:Dataset)
    (:Field)-[:DERIVED]->(:Field)

A job whose outputs have sources of their own is there once for itself and once for each such output, with `flow`, the
id of that output: what is read for one output leads to no other. `WHERE j.flow IS NULL` leaves the jobs themselves,
`RETURN DISTINCT j.name` names each once.
A READ_BY, WROTE or DERIVED stands for one life of an edge; an edge that closed and opened again has several.
edge: its id. owner: id of the job or dataset that asserts it. origin: 0 observed, 1 declared. basis: 0 explicit,
1 column, 2 parsed, 3 implicit_single, 4 implicit_product. opened, closed: microseconds since 1970 in UTC; closed is
missing while open is true. DERIVED has type, subtype and masking of its transformation besides.
`MATCH (:Dataset {name: 'orders'})-[:READ_BY|WROTE*1..10 {open: true}]->(d:Dataset) RETURN DISTINCT d.name`

The node (:_Headwater {id: 1}) holds the mark: generation and seq of the catalog's feed. It moves in the transaction
that writes the last of the changes before it. `writer` names the write under way: whoever begins one puts a token of
their own there, and every further transaction of a write that finds another token gives up. So two processes may
follow one catalog into one Neo4j: the later one wins, the other reads the mark again.
"""

from __future__ import annotations

import heapq
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit, urlunsplit

import numpy as np
from neo4j import Driver, GraphDatabase, Session, Transaction
from neo4j.exceptions import DriverError, Neo4jError, ServiceUnavailable, SessionExpired
from numpy.typing import NDArray

from lineage.errors import StoreUnavailable, TooWide
from lineage.graph import Subgraph
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin, Transformation
from lineage.ports import OPEN, Changes, EdgeColumns, EdgeRow, FieldRow, Mark, NodeRow, Snapshot, Walk
from lineage.stores.arrays import table_of
from lineage.stores.loading import require_loaded, require_successor
from lineage.stores.walking import graph_of, reach

# Rows in a transaction: past 5,000 the rate no longer grows (20,000 relationships a second), only memory does.
BATCH = 10_000
MANY = 50_000  # edges; for fewer, making the indexes anew takes longer than keeping them
CONNECT_S = 5.0
# Two numbers in one, to halve what Bolt carries: ids stay below 2^31, so a pair stays below 2^62.
PAIR = 2**31
# A statement and the rows it unwinds.
Statement = tuple[LiteralString, list[Any]]


@dataclass(frozen=True, slots=True)
class Shape:
    """How edges of one kind stand in the graph."""

    source: LiteralString
    type: LiteralString
    target: LiteralString


SHAPES: dict[EdgeKind, Shape] = {
    EdgeKind.READ: Shape("Dataset", "READ_BY", "Job"),
    EdgeKind.WROTE: Shape("Job", "WROTE", "Dataset"),
    EdgeKind.DERIVED: Shape("Field", "DERIVED", "Field"),
}
LABELS: dict[Layer, tuple[LiteralString, ...]] = {Layer.JOB: ("Dataset", "Job"), Layer.FIELD: ("Field",)}
TYPES: dict[Layer, LiteralString] = {Layer.JOB: "READ_BY|WROTE", Layer.FIELD: "DERIVED"}
ALIVE = ("id", "kind", "source", "target", "owner", "origin", "basis", "opened", "closed")

CONSTRAINTS: list[LiteralString] = [
    "CREATE CONSTRAINT headwater_mark IF NOT EXISTS FOR (n:_Headwater) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT headwater_dataset IF NOT EXISTS FOR (n:Dataset) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT headwater_job IF NOT EXISTS FOR (n:Job) REQUIRE n.id IS UNIQUE",
    "CREATE CONSTRAINT headwater_field IF NOT EXISTS FOR (n:Field) REQUIRE n.id IS UNIQUE",
]
# On the name alone: namespace and name together may pass the 8,167 bytes that a key of an index holds.
INDEXES: list[LiteralString] = [
    "CREATE INDEX headwater_dataset_name IF NOT EXISTS FOR (n:Dataset) ON (n.name)",
    "CREATE INDEX headwater_job_name IF NOT EXISTS FOR (n:Job) ON (n.name)",
    "CREATE INDEX headwater_read IF NOT EXISTS FOR ()-[r:READ_BY]-() ON (r.edge)",
    "CREATE INDEX headwater_wrote IF NOT EXISTS FOR ()-[r:WROTE]-() ON (r.edge)",
    "CREATE INDEX headwater_derived IF NOT EXISTS FOR ()-[r:DERIVED]-() ON (r.edge)",
]
INDEX_NAMES: list[LiteralString] = [
    "headwater_dataset_name",
    "headwater_job_name",
    "headwater_read",
    "headwater_wrote",
    "headwater_derived",
]
WIPES: list[LiteralString] = [
    "MATCH ()-[r:READ_BY|WROTE|DERIVED|CHILD_OF|FLOW_OF|FIELD_OF]->() WITH r LIMIT $batch DELETE r "
    "RETURN count(*) AS gone",
    "MATCH (n:Dataset|Job|Field) WITH n LIMIT $batch DETACH DELETE n RETURN count(*) AS gone",
]

# What Neo4j plans follows from what it counted when it last planned, often an empty graph: whatever could be found in
# more than one way says by which index. (Without, 10,000 jobs were once compared with each other, for ever.)
PUT_DATASETS: LiteralString = """
    UNWIND $rows AS x
    MERGE (n:Dataset {id: x[0]})
    SET n.namespace = x[1], n.name = x[2]"""
RENAME_FIELDS: LiteralString = """
    UNWIND $rows AS x
    MATCH (n:Dataset {id: x[0]})<-[:FIELD_OF]-(f) USING INDEX SEEK n:Dataset(id)
    WHERE f.name <> x[2] OR f.namespace <> x[1] OR f.name IS NULL
    SET f.namespace = x[1], f.name = x[2]"""
PUT_JOBS: LiteralString = """
    UNWIND $rows AS x
    MERGE (n:Job {id: x[0]})
    SET n.namespace = x[1], n.name = x[2]"""
LEAVE_PARENTS: LiteralString = """
    UNWIND $rows AS x
    MATCH (n:Job {id: x[0]})-[old:CHILD_OF]->(p) USING INDEX SEEK n:Job(id)
    WHERE p.id <> x[3]
    DELETE old"""
PUT_PARENTS: LiteralString = """
    UNWIND $rows AS x
    MERGE (n:Job {id: x[0]})
    MERGE (p:Job {id: x[3]})
    MERGE (n)-[:CHILD_OF]->(p)"""
PUT_FLOWS: LiteralString = """
    UNWIND $rows AS x
    MERGE (n:Job {id: x[0]})
    SET n.namespace = x[1], n.name = x[2], n.flow = x[4]
    MERGE (j:Job {id: x[3]})
    MERGE (n)-[:FLOW_OF]->(j)"""
PUT_FIELDS: LiteralString = """
    UNWIND $rows AS x
    MERGE (d:Dataset {id: x[1]})
    MERGE (f:Field {id: x[0]})
    SET f.dataset = x[1], f.column = x[2], f.namespace = d.namespace, f.name = d.name
    MERGE (f)-[:FIELD_OF]->(d)"""

FENCE_TAKE: LiteralString = "MERGE (h:_Headwater {id: 1}) SET h.writer = $token"
# A write to h first: it takes the lock, so that what is read after it holds until this transaction ends.
FENCE_KEEP: LiteralString = "MATCH (h:_Headwater {id: 1}) SET h.locked = $token"
FENCE_READ: LiteralString = (
    "MATCH (h:_Headwater {id: 1}) RETURN h.generation AS generation, h.seq AS seq, h.writer AS writer"
)
UNMARK: LiteralString = "MATCH (h:_Headwater {id: 1}) REMOVE h.generation, h.seq"
SET_MARK: LiteralString = "MATCH (h:_Headwater {id: 1}) SET h.generation = $generation, h.seq = $seq, h.writer = $token"


def put_edges(kind: EdgeKind) -> LiteralString:
    """One relationship for each life."""
    shape = SHAPES[kind]
    how = ", type: x[8], subtype: x[9], masking: x[10]" if kind is EdgeKind.DERIVED else ""
    return (
        f"UNWIND $rows AS x MERGE (a:{shape.source} {{id: x[1]}}) MERGE (b:{shape.target} {{id: x[2]}}) "
        f"CREATE (a)-[:{shape.type} {{edge: x[0], owner: x[3], origin: x[4], basis: x[5], opened: x[6], closed: x[7], "
        f"open: x[7] IS NULL{how}}}]->(b)"
    )


def take_edges(kind: EdgeKind) -> LiteralString:
    type_ = SHAPES[kind].type
    return f"UNWIND $rows AS x MATCH ()-[r:{type_} {{edge: x}}]->() USING INDEX SEEK r:{type_}(edge) DELETE r"


def list_edges(kind: EdgeKind) -> LiteralString:
    """Lives after an edge id, by edge id."""
    type_ = SHAPES[kind].type
    how = ", r.type, r.subtype, r.masking" if kind is EdgeKind.DERIVED else ""
    return (
        f"MATCH (a)-[r:{type_}]->(b) USING INDEX SEEK r:{type_}(edge) WHERE r.edge > $after "
        f"RETURN r.edge, a.id, b.id, r.owner, r.origin, r.basis, r.opened, r.closed{how} ORDER BY r.edge LIMIT $batch"
    )


def alive_query(kind: EdgeKind, walk: Walk) -> LiteralString:
    """One record of one list for all: a record an edge takes five times the time."""
    conditions = " AND ".join(condition.format(r="r") for condition in _conditions(walk))
    return (
        f"MATCH (a)-[r:{SHAPES[kind].type}]->(b) WHERE {conditions} "
        "RETURN collect([r.edge, a.id, b.id, r.owner, r.origin, r.basis, r.opened, coalesce(r.closed, $open)])"
    )


def _parameters(walk: Walk) -> dict[str, Any]:
    return {
        "as_of": walk.as_of_us,
        "origin": None if walk.origin is None else int(walk.origin),
        "basis": int(walk.min_basis),
        "open": OPEN,
    }


def reach_query(layer: Layer, down: bool, walk: Walk) -> LiteralString:
    """Edges that leave the nodes within one hop less than asked for; their ends are the nodes, hops follow from them.

    DISTINCT end nodes make Neo4j search breadth first and prune (VarLengthExpand(Pruning,BFS)): paths are never
    enumerated. Two lists in one record: 30 ms for 4,400 edges where a record for each takes 160.
    """
    tail, head = ("-", "->") if down else ("<-", "-")
    steps = "" if walk.hops is None else str(walk.hops - 1)
    conditions = _conditions(walk)
    everywhere = " AND ".join(f"all(e IN way WHERE {condition.format(r='e')})" for condition in conditions)
    starts = " UNION ALL ".join(
        f"MATCH (a:{label}) USING INDEX SEEK a:{label}(id) WHERE a.id IN $roots RETURN a" for label in LABELS[layer]
    )
    either = "|".join(LABELS[layer])
    last = " AND ".join(condition.format(r="r") for condition in conditions)
    return f"""
        MATCH (h:_Headwater {{id: 1}}) WHERE h.seq IS NOT NULL
        CALL {{
            CALL {{ {starts} }}
            MATCH (a){tail}[way:{TYPES[layer]}*0..{steps}]{head}(n:{either}) WHERE {everywhere}
            WITH DISTINCT n
            MATCH (n){tail}[r:{TYPES[layer]}]{head}(m:{either}) WHERE {last}
            RETURN collect(n.id * {PAIR} + m.id) AS ends, collect(r.edge * 256 + r.basis * 16 + r.origin) AS edges
        }}
        RETURN ends, edges"""


def _conditions(walk: Walk) -> list[LiteralString]:
    """What an edge must fulfil, as Cypher over {r}."""
    alive: LiteralString = (
        "{r}.open" if walk.as_of_us is None else "{r}.opened <= $as_of AND ({r}.open OR {r}.closed > $as_of)"
    )
    found = [alive]
    if walk.origin is not None:
        found.append("{r}.origin = $origin")
    if walk.min_basis < Basis.IMPLICIT_PRODUCT:
        found.append("{r}.basis <= $basis")
    return found


class _Seen(threading.local):
    """The mark that this thread saw last: what its next apply builds on, whatever others ask meanwhile."""

    mark: Mark | None = None


class Neo4jStore:
    """Reach in a Neo4j that others may query too; give it a database of its own.

    uri: bolt:// or neo4j://, user and password in it or in `auth`. Nothing is connected before the first call.
    batch: rows in a transaction.
    """

    name = "neo4j"

    def __init__(
        self, uri: str, *, auth: tuple[str, str] | None = None, database: str | None = None, batch: int = BATCH
    ) -> None:
        self._uri, found = _without_password(uri)
        self._database, self._batch = database, batch
        self._driver: Driver = GraphDatabase.driver(
            self._uri,
            auth=auth or found,
            connection_timeout=CONNECT_S,
            connection_acquisition_timeout=2 * CONNECT_S,
            notifications_min_severity="OFF",
        )
        self._writing = threading.Lock()
        self._seen = _Seen()

    def mark(self) -> Mark | None:
        with _translated(self._uri), self._session() as session:
            self._seen.mark = _mark_of(session.run(FENCE_READ).single())
            return self._seen.mark

    def load(self, snapshot: Snapshot) -> None:
        with self._writing, _translated(self._uri), self._session() as session:
            self._seen.mark = None
            for statement in CONSTRAINTS:
                session.run(statement).consume()
            write = Write(session, self._uri, self._batch)
            write.begin_load()
            if snapshot.counts()["edges"] > MANY:  # filled once at the end: cheaper than kept while all is written
                for index in INDEX_NAMES:
                    session.run(f"DROP INDEX {index} IF EXISTS").consume()
            for statement in WIPES:
                while write.wipe(statement):
                    pass
            _copy(snapshot, write, self._batch)
            for statement in INDEXES:
                session.run(statement).consume()
            session.run("CALL db.awaitIndexes(3600)").consume()
            write.end(snapshot.mark)
            self._seen.mark = snapshot.mark

    def apply(self, changes: Changes) -> None:
        with self._writing, _translated(self._uri), self._session() as session:
            expected = self._seen.mark or _mark_of(session.run(FENCE_READ).single())
            require_successor(self.name, expected, changes)
            # Not known until the end: a commit may have happened though its answer was lost.
            self._seen.mark = None
            write = Write(session, self._uri, self._batch, expected)
            *before, last = _parts(changes, self._batch)
            for part in before:
                write.run(part)
            write.end(changes.mark, last)
            self._seen.mark = changes.mark

    def reach(self, roots: Sequence[int], *, down: bool, layer: Layer = Layer.JOB, walk: Walk = Walk()) -> Subgraph:
        starts = np.unique(np.asarray(roots, np.int64))
        if walk.hops == 0:
            require_loaded(self.name, self.mark())
            return _subgraph(starts, [], [], down, layer, walk)
        parameters = {"roots": starts.tolist(), **_parameters(walk)}
        with _translated(self._uri):
            query = reach_query(layer, down, walk)
            try:
                found = self._asked(query, parameters)
            except (ServiceUnavailable, SessionExpired):
                found = self._asked(query, parameters)  # a pooled connection may be older than the server's last start
        if not found:
            require_loaded(self.name, None)
        ends, edges = found[0]
        return _subgraph(starts, ends, edges, down, layer, walk)

    def _asked(self, query: LiteralString, parameters: dict[str, Any]) -> list[list[Any]]:
        with self._session() as session:
            return session.run(query, parameters).values()

    def alive(self, layer: Layer, walk: Walk = Walk()) -> EdgeColumns:
        require_loaded(self.name, self.mark())
        found: list[NDArray[np.int64]] = []
        for kind in (EdgeKind.DERIVED,) if layer is Layer.FIELD else (EdgeKind.READ, EdgeKind.WROTE):
            with _translated(self._uri):
                ((rows,),) = self._asked(alive_query(kind, walk), _parameters(walk))
            lines = np.array(rows, np.int64).reshape(-1, 8)
            found.append(np.insert(lines, 1, int(kind), axis=1))
        lines = np.concatenate(found)
        lines = lines[np.argsort(lines[:, 0])]
        columns: dict[str, Any] = dict(zip(ALIVE, lines.T, strict=True))
        narrow = {name: columns[name].astype(np.int8) for name in ("kind", "origin", "basis")}
        return EdgeColumns(**{**columns, **narrow})

    def edges(self) -> Iterator[Sequence[EdgeRow]]:
        require_loaded(self.name, self.mark())
        batch: list[EdgeRow] = []
        for row in heapq.merge(*(self._edges_of(kind) for kind in EdgeKind), key=lambda row: row.id):
            batch.append(row)
            if len(batch) == BATCH:
                yield batch
                batch = []
        if batch:
            yield batch

    def _edges_of(self, kind: EdgeKind) -> Iterator[EdgeRow]:
        after, size = -1, BATCH
        while True:
            with _translated(self._uri):
                lines = self._asked(list_edges(kind), {"after": after, "batch": size})
            if len(lines) == size:
                # The last edge may have more lives than fitted: it comes again with the next page.
                whole = [line for line in lines if line[0] != lines[-1][0]]
                if not whole:
                    size *= 2
                    continue
                lines, more = whole, True
            else:
                more = False
            for _, lives in groupby(lines, key=itemgetter(0)):
                yield _edge_of(kind, list(lives))
            if not more:
                return
            after = lines[-1][0]

    def close(self) -> None:
        self._driver.close()

    def _session(self) -> Session:
        return self._driver.session(database=self._database)


def _copy(snapshot: Snapshot, write: Write, batch: int) -> None:
    for nodes in snapshot.nodes(batch):
        write.run(_node_statements(nodes))
    for fields in snapshot.fields(batch):
        write.run(_field_statements(fields))
    for layer in Layer:
        for columns in snapshot.edges(layer, batch):
            write.run(_column_statements(columns))


class Write:
    """Transactions of one load or apply, each behind the fence: a write that began later ends this one.

    expected: the mark that an apply builds on, None for a load.
    """

    def __init__(self, session: Session, where: str, batch: int = BATCH, expected: Mark | None = None) -> None:
        self._session, self._where, self._batch, self._expected = session, where, batch, expected
        self._token = uuid.uuid4().hex
        self._begun = False

    def begin_load(self) -> None:
        with self._session.begin_transaction() as transaction:
            transaction.run(FENCE_TAKE, token=self._token)
            transaction.run(UNMARK)
            transaction.commit()
        self._begun = True

    def run(self, statements: Sequence[Statement]) -> None:
        """A transaction with more to come."""
        with self._transaction() as transaction:
            if not self._begun:
                transaction.run(FENCE_TAKE, token=self._token)
            _run_all(transaction, statements)
        self._begun = True

    def wipe(self, statement: LiteralString) -> bool:
        """Whether there was something to take away."""
        with self._transaction() as transaction:
            return bool(transaction.run(statement, batch=self._batch).single(strict=True)["gone"])

    def end(self, mark: Mark, statements: Sequence[Statement] = ()) -> None:
        """The last transaction: with it the mark moves."""
        with self._transaction() as transaction:
            _run_all(transaction, statements)
            transaction.run(SET_MARK, generation=mark.generation, seq=mark.seq, token=self._token).consume()

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        """Committed on leaving. Raises StoreUnavailable if another write came between."""
        with self._session.begin_transaction() as transaction:
            transaction.run(FENCE_KEEP, token=self._token)
            found = transaction.run(FENCE_READ).single()
            if self._begun and (found is None or found["writer"] != self._token):
                raise StoreUnavailable(
                    f"another process took over writing to Neo4j at {self._where}; its mark is read again"
                )
            if not self._begun and _mark_of(found) != self._expected:
                raise StoreUnavailable(f"another process moved the mark in Neo4j at {self._where}; it is read again")
            yield transaction
            transaction.commit()


def _run_all(transaction: Transaction, statements: Sequence[Statement]) -> None:
    for statement, rows in statements:
        if rows:
            transaction.run(statement, rows=rows).consume()


def _mark_of(record: Any) -> Mark | None:
    if record is None or record["seq"] is None:
        return None
    return Mark(record["generation"], record["seq"])


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """The driver's exceptions as the domain's."""
    try:
        yield
    except Neo4jError as error:
        if "MemoryPool" in (error.code or "") or "OutOfMemory" in (error.code or ""):
            raise TooWide("Neo4j has no memory for an answer this large; ask with fewer hops") from error
        raise StoreUnavailable(f"Neo4j at {where} refused: {error.message}; it is asked again") from error
    except DriverError as error:
        raise StoreUnavailable(f"Neo4j at {where} can't be reached now: {error}; it is asked again") from error


def _without_password(uri: str) -> tuple[str, tuple[str, str] | None]:
    """A URI that may be shown, and the user and password that stood in it."""
    parts = urlsplit(uri)
    if parts.username is None:
        return uri, None
    auth = (unquote(parts.username), unquote(parts.password or ""))
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])), auth


# --- rows to statements -----------------------------------------------------------------------------------------------


def _parts(changes: Changes, batch: int) -> Iterator[list[Statement]]:
    """Statements for what changed, cut to transactions: nodes, then fields, then edges."""
    pieces = [_renamed_statements(chunk) for chunk in _chunks(changes.nodes, batch)]
    pieces += [_field_statements(chunk) for chunk in _chunks(changes.fields, batch)]
    pieces += [edge_statements(chunk) for chunk in _chunks(changes.edges, batch)]
    part: list[Statement] = []
    for piece in pieces:
        if part and sum(len(rows) for _, rows in (*part, *piece)) > batch:
            yield part
            part = []
        part += piece
    yield part


def _chunks(rows: Sequence[Any], batch: int) -> Iterator[list[Any]]:
    """The last row of each id, in batches."""
    latest = list({row.id: row for row in rows}.values())
    for start in range(0, len(latest), batch):
        yield latest[start : start + batch]


def _node_statements(nodes: Sequence[NodeRow]) -> list[Statement]:
    datasets = [[row.id, row.namespace, row.name] for row in nodes if row.kind is Kind.DATASET]
    of_jobs = [row for row in nodes if row.kind is Kind.JOB]
    jobs = [[row.id, row.namespace, row.name, row.parent] for row in of_jobs if not row.flow]
    flows = [[row.id, row.namespace, row.name, row.parent, row.flow] for row in of_jobs if row.flow]
    children = [row for row in jobs if row[3]]
    return [(PUT_DATASETS, datasets), (PUT_JOBS, jobs), (PUT_PARENTS, children), (PUT_FLOWS, flows)]


def _renamed_statements(nodes: Sequence[NodeRow]) -> list[Statement]:
    """The same for nodes that may have been there before, under other names and parents."""
    new = _node_statements(nodes)
    (_, datasets), (_, jobs), *_ = new
    return [*new, (RENAME_FIELDS, datasets), (LEAVE_PARENTS, jobs)]


def _field_statements(fields: Sequence[FieldRow]) -> list[Statement]:
    return [(PUT_FIELDS, [[row.id, row.dataset, row.name] for row in fields])]


def edge_statements(edges: Sequence[EdgeRow]) -> list[Statement]:
    """All lives of these edges away, and those they have now put in."""
    statements: list[Statement] = []
    for kind in EdgeKind:
        rows = [row for row in edges if row.kind is kind]
        lives = [_line(row, opened, closed) for row in rows for opened, closed in row.lives]
        statements += [(take_edges(kind), [row.id for row in rows]), (put_edges(kind), lives)]
    return statements


def _line(row: EdgeRow, opened: int, closed: int) -> list[Any]:
    how = row.transformation
    line = [row.id, row.source, row.target, row.owner, int(row.origin), int(row.basis), opened]
    return [*line, None if closed == OPEN else closed, how.type, how.subtype, how.masking]


def _column_statements(columns: EdgeColumns) -> list[Statement]:
    """The same for a batch of a snapshot, where nothing is to be taken away."""
    names = ("id", "source", "target", "owner", "origin", "basis", "opened")
    lines = [list(line) for line in zip(*(getattr(columns, name).tolist() for name in names), strict=True)]
    nothing = Transformation()
    transformations = columns.transformations or [nothing] * len(columns)
    for line, closed, how in zip(lines, columns.closed.tolist(), transformations, strict=True):
        line.append(None if closed == OPEN else closed)
        if how is not nothing:
            line += (how.type, how.subtype, how.masking)
    kinds = columns.kind.tolist()
    return [(put_edges(kind), [line for line, of in zip(lines, kinds, strict=True) if of == kind]) for kind in EdgeKind]


# --- answers to rows --------------------------------------------------------------------------------------------------


def _edge_of(kind: EdgeKind, lines: list[list[Any]]) -> EdgeRow:
    edge, source, target, owner, origin, basis, *_ = lines[0]
    lives = tuple(sorted((line[6], OPEN if line[7] is None else line[7]) for line in lines))
    how = Transformation(*lines[0][8:]) if kind is EdgeKind.DERIVED else Transformation()
    return EdgeRow(edge, kind, source, target, owner, Origin(origin), Basis(basis), lives, how)


def _subgraph(starts: Any, ends: list[int], edges: list[int], down: bool, layer: Layer, walk: Walk) -> Subgraph:
    """Hops, order and limit, recomputed over what came: the same code as the embedded store's, so the same answer."""
    near, far = np.divmod(np.array(ends, np.int64), PAIR)
    codes = np.array(edges, np.int64)
    # Nodes by rank, so that arrays are as long as the answer and not as the greatest id.
    nodes, ranks = np.unique(np.concatenate((near, far, starts)), return_inverse=True)
    first, second = ranks[: len(near)], ranks[len(near) : 2 * len(near)]
    size = len(codes)
    table = table_of(
        edge=codes >> 8,
        source=first if down else second,
        target=second if down else first,
        basis=(codes >> 4) & 15,
        origin=codes & 15,
        owner=np.zeros(size),
        kind=np.zeros(size),
        opened=np.zeros(size),
        closed=np.full(size, OPEN),
        transformation=np.zeros(size),
    )
    bare = Walk(hops=walk.hops, limit=walk.limit)
    found = reach(graph_of(table), ranks[2 * len(near) :].tolist(), down, layer, bare)
    return replace(found, nodes=nodes[found.nodes], source=nodes[found.source], target=nodes[found.target])
