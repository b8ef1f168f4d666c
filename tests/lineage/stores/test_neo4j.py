"""What analysts find in Neo4j, and what keeps two writers apart."""

from __future__ import annotations

from uuid import uuid4

import pytest
from neo4j import GraphDatabase

from lineage.errors import StoreUnavailable
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin, Transformation
from lineage.ports import OPEN, Changes, EdgeRow, FieldRow, Mark, NodeRow, Walk
from lineage.stores import neo4j as cypher
from lineage.stores.neo4j import Neo4jStore, Write, edge_statements
from tests.lineage.fakes import FeedSnapshot

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("neo4j"), pytest.mark.timeout(900)]

ORDERS, REPORT = NodeRow(1, Kind.DATASET, "db", "orders"), NodeRow(2, Kind.DATASET, "db", "report")
DAG, TASK = NodeRow(3, Kind.JOB, "airflow", "daily"), NodeRow(4, Kind.JOB, "airflow", "daily.sum", parent=3)
READ = EdgeRow(1, EdgeKind.READ, 1, 4, 4, Origin.OBSERVED, Basis.COLUMN, ((10, 20), (30, OPEN)))
WROTE = EdgeRow(2, EdgeKind.WROTE, 4, 2, 4, Origin.DECLARED, Basis.PARSED, ((10, OPEN),))
MASKED = Transformation("DIRECT", "TRANSFORMATION", True)
DERIVED = EdgeRow(3, EdgeKind.DERIVED, 1, 2, 4, Origin.OBSERVED, Basis.COLUMN, ((10, OPEN),), MASKED)
FIELDS = [FieldRow(1, 1, "amount"), FieldRow(2, 2, "total")]
ROWS = [ORDERS, REPORT, DAG, TASK, *FIELDS, READ, WROTE, DERIVED]
MARK = Mark(1, 10)


@pytest.fixture
def ask(neo4j):
    """Rows that a Cypher query of an analyst gives."""
    with GraphDatabase.driver(neo4j.uri, auth=neo4j.auth) as driver:
        yield lambda query, **parameters: [list(r.values()) for r in driver.execute_query(query, parameters).records]


@pytest.fixture(params=["loaded", "applied"])
def filled(request, store):
    """The same small graph by both ways in."""
    if request.param == "loaded":
        store.load(FeedSnapshot(MARK, ROWS))
    else:
        store.load(FeedSnapshot(Mark(1, 1), []))
        store.apply(Changes(MARK, [ORDERS, REPORT, DAG, TASK], FIELDS, [READ, WROTE, DERIVED]))
    return store


def test_the_query_of_the_manual_finds_what_lies_downstream(filled, ask):
    query = "MATCH (:Dataset {name: 'orders'})-[:READ_BY|WROTE*1..10 {open: true}]->(d:Dataset) RETURN DISTINCT d.name"

    assert ask(query) == [["report"]]


def test_nodes_carry_their_names_and_stand_under_their_parents(filled, ask):
    assert ask("MATCH (t:Job)-[:CHILD_OF]->(d:Job) RETURN t.namespace, t.name, d.name") == [
        ["airflow", "daily.sum", "daily"]
    ]
    assert ask(
        "MATCH (f:Field)-[:FIELD_OF]->(d) RETURN f.namespace, f.name, f.column, f.dataset, d.id ORDER BY f.id"
    ) == [
        ["db", "orders", "amount", 1, 1],
        ["db", "report", "total", 2, 2],
    ]


def test_each_life_of_an_edge_is_a_relationship(filled, ask):
    lives = ask("MATCH (:Dataset)-[r:READ_BY]->(:Job) RETURN r.edge, r.opened, r.closed, r.open ORDER BY r.opened")

    assert lives == [[1, 10, 20, False], [1, 30, None, True]]


def test_a_column_edge_tells_its_transformation(filled, ask):
    found = ask("MATCH (:Field)-[r:DERIVED]->(:Field) RETURN r.type, r.subtype, r.masking, r.owner, r.basis, r.origin")

    assert found == [["DIRECT", "TRANSFORMATION", True, 4, 1, 0]]


def test_a_renamed_dataset_renames_its_columns(filled, ask):
    filled.apply(Changes(Mark(1, 11), [NodeRow(1, Kind.DATASET, "db", "orders_v2")]))

    assert ask("MATCH (f:Field {id: 1}) RETURN f.name, f.column") == [["orders_v2", "amount"]]


def test_a_job_that_moves_leaves_its_old_parent(filled, ask):
    filled.apply(Changes(Mark(1, 11), [NodeRow(5, Kind.JOB, "airflow", "hourly"), NodeRow(4, Kind.JOB, "a", "sum", 5)]))
    assert ask("MATCH (:Job {id: 4})-[:CHILD_OF]->(p) RETURN p.name") == [["hourly"]]

    filled.apply(Changes(Mark(1, 12), [NodeRow(4, Kind.JOB, "a", "sum")]))
    assert ask("MATCH (:Job {id: 4})-[:CHILD_OF]->(p) RETURN p.name") == []


def test_a_flow_is_told_from_jobs_and_is_no_child_of_its_job(store, ask):
    flow = NodeRow(6, Kind.JOB, "airflow", "daily.sum", parent=4, flow="dataset:db:report")
    store.load(FeedSnapshot(Mark(1, 1), [DAG, TASK]))
    store.apply(Changes(MARK, [flow]))

    assert ask("MATCH (f:Job)-[:FLOW_OF]->(j:Job) RETURN f.id, f.name, f.flow, j.id") == [
        [6, "daily.sum", "dataset:db:report", 4]
    ]
    assert ask("MATCH (t:Job)-[:CHILD_OF]->(d:Job) RETURN t.id, d.id") == [[4, 3]]
    assert ask("MATCH (j:Job) WHERE j.flow IS NULL RETURN j.id ORDER BY j.id") == [[3], [4]]


def test_names_of_4_096_bytes_fit(store):
    long = "ü" * 2048
    rows = [NodeRow(1, Kind.DATASET, long, long), NodeRow(2, Kind.JOB, long, long), FieldRow(1, 1, long)]

    store.load(FeedSnapshot(MARK, rows))
    store.apply(Changes(Mark(1, 11), rows[:2], rows[2:]))

    assert store.mark() == Mark(1, 11)


def test_loading_leaves_what_others_keep_there(store, ask):
    ask("MERGE (:Ticket {id: 7})")
    try:
        store.load(FeedSnapshot(MARK, ROWS))
        assert ask("MATCH (t:Ticket) RETURN t.id") == [[7]]
    finally:
        ask("MATCH (t:Ticket) DELETE t")


def test_a_note_an_analyst_tied_to_a_dataset_does_not_stop_a_load(filled, ask):
    ask("MATCH (d:Dataset {id: 1}) CREATE (d)-[:NOTED]->(:Note)")
    try:
        filled.load(FeedSnapshot(MARK, ROWS))
        assert [row.id for batch in filled.edges() for row in batch] == [1, 2, 3]
    finally:
        ask("MATCH (n:Note) DETACH DELETE n")


STATEMENTS = [
    *(getattr(cypher, name) for name in ("PUT_DATASETS", "RENAME_FIELDS", "PUT_JOBS", "LEAVE_PARENTS")),
    *(getattr(cypher, name) for name in ("PUT_PARENTS", "PUT_FLOWS", "PUT_FIELDS")),
    *(cypher.put_edges(kind) for kind in EdgeKind),
    *(cypher.take_edges(kind) for kind in EdgeKind),
    *(cypher.list_edges(kind) for kind in EdgeKind),
]
WALKS = [Walk(), Walk(hops=9), Walk(9, 15, Origin.OBSERVED, Basis.PARSED)]
REACHES = [cypher.reach_query(layer, down, walk) for layer in Layer for down in (True, False) for walk in WALKS]


@pytest.mark.parametrize("rows", [[], ROWS], ids=["empty", "filled"])
def test_every_statement_goes_by_an_index_however_little_there_is(store, neo4j, rows):
    """Planned on an empty graph, a scan costs nothing; the plan is kept while the graph grows."""
    store.load(FeedSnapshot(MARK, rows))
    parameters = {"rows": [], "after": 0, "batch": 10, "roots": [1], "as_of": 15, "origin": 0, "basis": 2}

    with GraphDatabase.driver(neo4j.uri, auth=neo4j.auth) as driver, driver.session() as session:
        for statement in (*STATEMENTS, *REACHES):
            # A comment makes it another text, so that no plan made for more or less is found again.
            plan = session.run(f"EXPLAIN {statement} /* {uuid4()} */", parameters).consume().plan
            operators = set(_operators(plan))
            assert not {name for name in operators if "Scan" in name or "HashJoin" in name}, statement
            if statement in REACHES:
                assert "VarLengthExpand(Pruning,BFS,All)" in operators, statement


def _operators(plan):
    yield plan["operatorType"].partition("@")[0]
    for child in plan.get("children", ()):
        yield from _operators(child)


def test_an_apply_on_a_mark_that_another_process_moved_is_refused_whole(store, neo4j):
    store.load(FeedSnapshot(MARK, ROWS))
    other = Neo4jStore(neo4j.uri, auth=neo4j.auth)
    other.apply(Changes(Mark(1, 12), edges=[]))

    with pytest.raises(StoreUnavailable, match="another process moved the mark"):
        store.apply(
            Changes(Mark(1, 11), edges=[EdgeRow(9, EdgeKind.READ, 1, 4, 4, READ.origin, READ.basis, READ.lives)])
        )

    assert [row.id for batch in store.edges() for row in batch] == [1, 2, 3]
    assert store.mark() == Mark(1, 12)
    store.apply(Changes(Mark(1, 13)))
    assert other.mark() == Mark(1, 13)
    other.close()


def test_of_two_loads_at_once_the_later_one_stays(store, neo4j):
    other = Neo4jStore(neo4j.uri, auth=neo4j.auth)

    class Overtaken(FeedSnapshot):
        def fields(self, batch=20_000):
            other.load(FeedSnapshot(Mark(2, 1), [ORDERS, TASK, READ]))
            return super().fields(batch)

    with pytest.raises(StoreUnavailable, match="another process took over"):
        store.load(Overtaken(MARK, ROWS))

    assert store.mark() == Mark(2, 1)
    assert [row.id for batch in store.edges() for row in batch] == [1]
    other.close()


def test_a_write_that_is_overtaken_between_its_transactions_gives_up(store, neo4j):
    store.load(FeedSnapshot(MARK, []))
    other = Neo4jStore(neo4j.uri, auth=neo4j.auth)

    edges = [EdgeRow(n, EdgeKind.DERIVED, n, n + 1, 1, READ.origin, READ.basis, ((0, OPEN),)) for n in range(1, 20)]
    with store._session() as session:
        write = Write(session, "here", expected=MARK)
        write.run(edge_statements(edges[:10]))
        other.apply(Changes(Mark(1, 11), edges=edges[:3]))
        with pytest.raises(StoreUnavailable, match="another process took over"):
            write.end(Mark(1, 12), edge_statements(edges[10:]))

    assert store.mark() == Mark(1, 11)
    other.close()


def test_an_edge_with_more_lives_than_a_page_comes_back_whole(store):
    lives = tuple((2 * n, 2 * n + 1) for n in range(12_000))
    many = EdgeRow(5, EdgeKind.DERIVED, 1, 2, 1, READ.origin, READ.basis, lives)
    store.load(FeedSnapshot(MARK, [DERIVED, many]))

    assert [row for batch in store.edges() for row in batch] == [DERIVED, many]


def test_a_password_in_the_address_is_never_shown():
    store = Neo4jStore("bolt://neo4j:s3cret%40@127.0.0.1:1")

    with pytest.raises(StoreUnavailable) as caught:
        store.mark()

    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
    store.close()
