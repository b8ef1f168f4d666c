"""What the catalog keeps of jobs whose inputs vary, of drops, and what it reads for that."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import event, select

from lineage.database import open_engine, reading, sqlite_url
from lineage.facts import Dropped, Facts, Ran, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Node, Origin, dataset, job
from lineage.ports import OPEN, Applied
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog
from lineage.stores.histories import lives_known

JOB = job("air", "dag.task")
A, B, OUT = (dataset("db", name) for name in ("a", "b", "out"))
SECOND = 1_000_000


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    t.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


class Journal:
    """Applies events one by one, as they come."""

    def __init__(self, catalog: SqlCatalog) -> None:
        self.catalog = catalog
        self.position = 0

    def add(self, facts: Facts) -> None:
        self.position += 1
        self.catalog.apply([Applied(self.position, facts)])

    def ran(self, number: int, word: str, at: int, reads: Sequence[Node], basis: Basis) -> None:
        edges = [Edge(EdgeKind.READ, one, JOB, basis, flow=OUT.id) for one in reads]
        edges.append(Edge(EdgeKind.WROTE, JOB, OUT, basis, flow=OUT.id))
        described = (*(describe(one) for one in (A, B, OUT)), describe(JOB))
        run = Ran(str(uuid.UUID(int=number)), JOB, word)
        self.add(Facts(at * SECOND, Origin.OBSERVED, JOB, described, edge_set(edges), run))

    def succeeded(self, number: int, at: int, reads: Sequence[Node]) -> None:
        self.ran(number, "COMPLETE", at, reads, Basis.COLUMN)


def lives(catalog: SqlCatalog, source: Node) -> list[tuple[int, int]]:
    e = t.edge.c
    with reading(catalog.engine) as connection:
        wanted = select(t.life.c.opened_us, t.life.c.closed_us).join(t.edge, e.id == t.life.c.edge_id)
        ends = wanted.join(t.node, t.node.c.id == e.source_id).where(t.node.c.name == source.name, e.kind == 0)
        rows = sorted(tuple(row) for row in connection.execute(ends))
    return [(o // SECOND, c if c == OPEN else c // SECOND) for o, c in rows]


def test_a_job_that_ran_as_ever_is_taken_in_without_reading_its_history(catalog: SqlCatalog) -> None:
    journal = Journal(catalog)
    seen: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

    def runs(numbers: range) -> int:
        seen.clear()
        for n in numbers:
            journal.ran(n, "START", n * 10, [A, B], Basis.IMPLICIT_PRODUCT)
            journal.ran(n, "COMPLETE", n * 10 + 5, [A], Basis.COLUMN)
        return sum("FROM run JOIN run_event" in statement for statement in seen)

    assert runs(range(1, 2)) == 1  # the first time that columns are told they replace the guess
    assert runs(range(2, 30)) == 0
    assert lives(catalog, A) == [(10, OPEN)]
    assert lives(catalog, B) == []


def test_a_window_said_by_hand_holds_from_the_first_run_on(catalog: SqlCatalog) -> None:
    journal = Journal(catalog)
    for number, reads in enumerate(([A, B], [B], [B]), start=1):
        journal.succeeded(number, number * 10, reads)
    assert lives(catalog, A) == [(10, 20)]

    by_hand = describe(JOB, {"headwater_window": {"runs": 3}})
    journal.add(Facts(100 * SECOND, Origin.DECLARED, JOB, (by_hand,), edge_set([])))
    assert lives(catalog, A) == [(10, OPEN)]

    journal.succeeded(4, 40, [B])
    assert lives(catalog, A) == [(10, 40)]


def test_a_job_tells_how_often_its_last_runs_had_each_input(catalog: SqlCatalog) -> None:
    journal = Journal(catalog)
    for number in range(1, 13):
        journal.succeeded(number, number * 10, [A, B] if number % 2 else [B])
    journal.ran(13, "FAIL", 200, [A], Basis.COLUMN)

    answer = catalog.job(JOB)

    assert answer["recent_inputs"] == [
        {"dataset": A.id, "seen": 5, "of": 10},
        {"dataset": B.id, "seen": 10, "of": 10},
    ]
    assert answer["recent_outputs"] == [{"dataset": OUT.id, "seen": 10, "of": 10}]


def test_a_default_window_is_that_of_the_installation(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    t.metadata.create_all(engine)
    catalog = SqlCatalog(engine, window=2)
    journal = Journal(catalog)
    for number, reads in enumerate(([A, B], [B]), start=1):
        journal.succeeded(number, number * 10, reads)
    assert lives(catalog, A) == [(10, OPEN)]
    journal.succeeded(3, 30, [B])
    assert lives(catalog, A) == [(10, 30)]
    engine.dispose()


def test_a_drop_closes_what_reads_the_dataset_until_it_is_read_again(catalog: SqlCatalog) -> None:
    journal = Journal(catalog)
    journal.succeeded(1, 10, [A, B])
    dropping = (describe(A, {"lifecycleStateChange": {"lifecycleStateChange": "DROP"}}),)
    owner = job("air", "janitor")
    ran = Ran(str(uuid.UUID(int=99)), owner, "COMPLETE")
    described = (*dropping, describe(owner))
    journal.add(Facts(20 * SECOND, Origin.OBSERVED, owner, described, edge_set([]), ran, dropped=(Dropped(A),)))
    assert lives(catalog, A) == [(10, 20)]
    assert lives(catalog, B) == [(10, OPEN)]

    journal.succeeded(2, 15, [A, B])
    assert lives(catalog, A) == [(10, 20)]
    journal.succeeded(3, 30, [A, B])
    assert lives(catalog, A) == [(10, 20), (30, OPEN)]


def test_lives_as_they_were_known_leave_out_what_came_later(catalog: SqlCatalog) -> None:
    journal = Journal(catalog)
    journal.succeeded(1, 10, [A, B])
    journal.succeeded(3, 30, [B])
    journal.succeeded(2, 20, [B])  # late
    owner = catalog.find(JOB)[1]
    with reading(catalog.engine) as connection:
        known = [lives_known(connection, [owner], position) for position in (1, 2, 3)]
    closings = [[closed for spans in found.values() for _, closed in spans if closed != OPEN] for found in known]
    ends = [[closed // SECOND for closed in found] for found in closings]
    assert ends == [[], [30], [20]]
