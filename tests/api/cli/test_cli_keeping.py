"""`headwater check`, `rebuild`, `export`, `migrate`: what differs is found, and made right again."""

from __future__ import annotations

import asyncio
import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from neo4j import GraphDatabase

from api.settings import load
from api.wiring import open_headwater
from lineage.database import open_engine, sqlite_url
from tests.api.cli.conftest import Call, event, ndjson

if TYPE_CHECKING:
    from tests.servers import Neo4jServer


def tamper(database: Path, statement: str) -> None:
    """Changes a database behind Headwater's back."""
    engine = open_engine(sqlite_url(database), durable=False)
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        assert connection.exec_driver_sql(statement).rowcount > 0
    engine.dispose()


@pytest.fixture
def chain(call: Call, tmp_path: Path) -> Path:
    """A folder with tables 1 to 6 in a row."""
    (tmp_path / "events").write_bytes(ndjson(*(event(number) for number in range(1, 6))))
    assert call("ingest", "events", tmp_path / "events", "--data", tmp_path / "data").status == 0
    return tmp_path / "data"


def test_what_was_taken_in_agrees(call: Call, own_folder: Path) -> None:
    called = call("check", "--data", own_folder)

    assert called.status == 0, called.out
    assert "381 events" in called.out
    assert "agree" in called.out


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DELETE FROM life WHERE edge_id = (SELECT min(edge_id) FROM life)", "edge"),
        ("UPDATE life SET opened_us = opened_us - 1", "/lives/0/0"),
        ("UPDATE edge SET basis = 0 WHERE id = (SELECT min(id) FROM edge)", "/basis"),
        ("UPDATE node SET description = 'mine' WHERE id = (SELECT min(id) FROM node)", "/description"),
        ("DELETE FROM run WHERE id = (SELECT max(id) FROM run)", "run"),
    ],
)
def test_a_changed_catalog_is_found_and_rebuilt(call: Call, chain: Path, statement: str, told: str) -> None:
    before = call("export", "--hash", "--data", chain).out
    tamper(chain / "catalog.db", statement)

    found = call("check", "--data", chain)
    rebuilt = call("rebuild", "--catalog", "--data", chain)

    assert found.status == 3
    assert told in "".join(found.out.split("\n"))
    assert "rebuild --catalog" in found.err
    assert rebuilt.status == 0
    assert call("check", "--data", chain).status == 0
    assert call("export", "--hash", "--data", chain).out == before


def test_an_event_missing_from_the_journal_is_found(call: Call, chain: Path) -> None:
    tamper(chain / "journal.db", "DELETE FROM event WHERE position = 3")

    called = call("check", "--data", chain)

    assert called.status == 3
    assert "position 3" in called.out


def test_events_not_yet_in_the_catalog_are_no_difference(call: Call, chain: Path) -> None:
    with open_headwater(load(data=chain), projector="inline") as here:
        asyncio.run(here.intake.receive(ndjson(event(9))))

    called = call("check", "--data", chain)

    assert called.status == 0
    assert called.out.startswith("1 events of the journal are not in the catalog yet")


def test_only_the_first_differences_are_shown_and_all_are_counted(call: Call, own_folder: Path) -> None:
    tamper(own_folder / "catalog.db", "UPDATE life SET opened_us = opened_us - 1")

    called = call("check", "--data", own_folder)

    assert called.status == 3
    assert called.out.count("/lives/0/0") <= 20
    assert "more" in called.out.splitlines()[-1]


@pytest.mark.live
def test_a_changed_neo4j_is_found_and_rebuilt(
    call: Call,
    chain: Path,
    neo4j: Neo4jServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HEADWATER_GRAPH", neo4j.uri)
    assert call("rebuild", "--graph", "--data", chain).status == 0
    assert call("check", "--data", chain).status == 0
    with GraphDatabase.driver(neo4j.uri, auth=neo4j.auth) as driver:
        driver.execute_query("MATCH (:Job {name: 'step_2'})-[r:WROTE]->() DELETE r")
        driver.execute_query("MATCH ()-[r:READ_BY]->(:Job {name: 'step_4'}) SET r.basis = 0")

    found = call("check", "--data", chain)

    assert found.status == 3
    assert "step_2" in found.out
    assert "step_4" in found.out
    assert call("rebuild", "--graph", "--data", chain).status == 0
    assert call("check", "--data", chain).status == 0


def test_the_hash_does_not_depend_on_order_or_repetition(call: Call, tmp_path: Path) -> None:
    events = [event(number) for number in range(1, 9)]
    shuffled = [*events, *events[:3]]
    random.Random(7).shuffle(shuffled)
    for name, some in (("one", events), ("other", shuffled)):
        (tmp_path / f"{name}.ndjson").write_bytes(ndjson(*some))
        assert call("ingest", "events", tmp_path / f"{name}.ndjson", "--data", tmp_path / name).status == 0

    hashes = [call("export", "--hash", "--data", tmp_path / name).out for name in ("one", "other")]

    assert hashes[0] == hashes[1]
    assert len(hashes[0].strip()) == 64


def test_the_export_is_ndjson_whose_hash_is_the_hash(call: Call, chain: Path) -> None:
    written = call("export", "--data", chain).out

    assert hashlib.sha256(written.encode()).hexdigest() == call("export", "--hash", "--data", chain).out.strip()
    assert {line[0] for line in written.splitlines()} == {"{"}


def test_migrate_makes_an_empty_folder_ready(call: Call, tmp_path: Path) -> None:
    called = call("migrate", "--data", tmp_path / "new")

    assert called.status == 0
    assert (tmp_path / "new" / "journal.db").exists()
    assert (tmp_path / "new" / "catalog.db").exists()
    assert (tmp_path / "new" / "admin.key").stat().st_mode & 0o777 == 0o600
