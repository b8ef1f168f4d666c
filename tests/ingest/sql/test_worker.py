"""The worker process answers as the function does, and outlives every text."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from ingest.sql.statements import columns_of
from ingest.sql.worker import GAVE_UP, Worker
from tests.ingest.sql.cases import Case, cases

CASES = list(cases())
STALLS = "import time, os; os.read(0, 4); time.sleep(60)"


@pytest.fixture(scope="module")
def worker() -> Iterator[Worker]:
    one = Worker()
    yield one
    one.close()


@pytest.mark.parametrize("case", CASES[:12], ids=lambda case: case.title)
def test_the_worker_answers_as_the_function_does(worker: Worker, case: Case) -> None:
    asked = worker.columns_of(case.sql, dialect=case.dialect, schemas=case.schemas)

    assert asked == columns_of(case.sql, dialect=case.dialect, schemas=case.schemas)


def test_a_worker_that_ends_is_started_again(worker: Worker) -> None:
    worker.close()

    assert worker.columns_of("CREATE TABLE t AS SELECT a FROM s")[0].target == ("t",)


def test_a_text_that_ends_the_worker_is_said_and_the_next_is_read() -> None:
    worker = Worker([sys.executable, "-c", "raise SystemExit(1)"])

    assert worker.columns_of("SELECT 1")[0].unresolved == (GAVE_UP,)


def test_a_worker_that_gives_no_answer_is_not_waited_for() -> None:
    worker = Worker([sys.executable, "-c", STALLS])
    began = time.monotonic()

    assert worker.columns_of("SELECT 1", wait_s=0.2)[0].unresolved == (GAVE_UP,)
    assert time.monotonic() - began < 10


def test_half_a_character_is_no_sql(worker: Worker) -> None:
    assert "characters" in worker.columns_of("SELECT '\ud800'")[0].unresolved[0]


DEEP = {
    "brackets": "SELECT " + "(" * 5_000 + "a" + ")" * 5_000 + " FROM t",
    "cases": "SELECT " + "CASE WHEN x THEN " * 5_000 + "a" + " END" * 5_000 + " FROM t",
    "not": "SELECT " + "NOT " * 20_000 + "a FROM t",
    "minus": "SELECT " + "- " * 20_000 + "a FROM t",
    "or": "SELECT 1 FROM t WHERE " + " OR ".join(f"a = {n}" for n in range(10_000)),
    "concatenation": "SELECT " + " || ".join(f"c{n}" for n in range(10_000)) + " FROM t",
    "unions": "SELECT a FROM t" + " UNION ALL SELECT a FROM t" * 4_000,
    "ctes": "WITH " + ", ".join(f"c{n} AS (SELECT * FROM c{n - 1})" for n in range(1, 2_000)) + " SELECT * FROM c1999",
    "doubling": "WITH c0 AS (SELECT a AS a0, b AS b0 FROM t), "
    + ", ".join(
        f"c{n} AS (SELECT a{n - 1} + b{n - 1} AS a{n}, a{n - 1} - b{n - 1} AS b{n} FROM c{n - 1})"
        for n in range(1, 500)
    )
    + " SELECT a499 FROM c499",
    "wide": "SELECT " + ", ".join(f"a.c{n} + b.c{n}" for n in range(4_000)) + " FROM a JOIN b ON a.i = b.i",
    "quotes": "SELECT '" + "''" * 100_000,
    "comment": "/*" * 50_000,
    "semicolons": ";" * 40_000,
    "values": "INSERT INTO t VALUES " + ", ".join("(1, 2, 3)" for _ in range(6_000)),
    "large": "SELECT 1 -- " + "x" * 500_000,
    "binary": "\x00\x01\x02" * 1_000,
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP.keys())
def test_no_text_ends_the_worker_or_keeps_it_for_long(worker: Worker, text: str) -> None:
    began = time.monotonic()
    found = worker.columns_of(text, dialect="postgres")

    assert all(GAVE_UP not in statement.unresolved for statement in found)
    assert time.monotonic() - began < 20
    assert worker.columns_of(text, dialect="postgres") == found
