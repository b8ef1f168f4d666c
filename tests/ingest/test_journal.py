"""The promise of the journal, the same on SQLite and PostgreSQL: committed means kept, once, in order."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pysqlite3 import dbapi2 as sqlite
from sqlalchemy import Engine, text

from api.migrations import upgrade
from ingest.commit import Record, Refusal
from ingest.errors import JournalInUse, NotStored
from ingest.journal import Journal, exclusively
from lineage.database import open_engine, sqlite_url, writing


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.live)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    url = (
        sqlite_url(tmp_path / "journal.db") if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    )
    opened = open_engine(url)
    upgrade(opened, "journal")
    yield opened
    opened.dispose()


@pytest.fixture
def journal(engine: Engine) -> Iterator[Journal]:
    opened = Journal(engine)
    yield opened
    opened.close()


def record(content: str, subject: int = 0) -> Record:
    body = content.encode()
    return Record(hashlib.sha256(body).digest(), 1_000, subject, body)


def refusal(content: str, received_us: int = 1_000) -> Refusal:
    return Refusal(
        received_us, 422, "wrong", b'[{"pointer":"/job","reason":"is missing"}]', content.encode(), len(content)
    )


def positions(journal: Journal) -> list[int]:
    return [entry.position for entry in journal.read(0, 100_000)]


def test_an_empty_journal_stands_at_zero(journal: Journal) -> None:
    assert (journal.head(), journal.read(), journal.at(1), journal.at(0), journal.at(2**70)) == (
        0,
        [],
        None,
        None,
        None,
    )


def test_events_stand_in_the_order_they_were_given(journal: Journal) -> None:
    appended = journal.append_many([record("a"), record("b"), record("c")])
    assert [(one.position, one.duplicate) for one in appended] == [(1, False), (2, False), (3, False)]
    assert [(entry.position, entry.body, entry.received_us) for entry in journal.read()] == [
        (1, b"a", 1_000),
        (2, b"b", 1_000),
        (3, b"c", 1_000),
    ]


def test_a_known_event_has_its_old_position(journal: Journal) -> None:
    journal.append_many([record("a"), record("b")])
    appended = journal.append_many([record("c"), record("a"), record("c"), record("d")])
    assert [(one.position, one.duplicate) for one in appended] == [(3, False), (1, True), (3, True), (4, False)]
    assert positions(journal) == [1, 2, 3, 4]


def test_what_was_scrubbed_is_kept_beside_the_event(journal: Journal) -> None:
    journal.append_many([Record(b"0" * 32, 5, 7, b"{}", b'[{"pointer":"/a","rule":"name"}]'), record("a")])
    first, second = journal.read()
    assert (first.scrubbed, second.scrubbed) == (b'[{"pointer":"/a","rule":"name"}]', None)


def test_reading_goes_on_after_a_position(journal: Journal) -> None:
    journal.append_many([record(str(n)) for n in range(10)])
    assert [entry.position for entry in journal.read(4, 3)] == [5, 6, 7]
    assert journal.read(10) == []


def test_a_group_larger_than_a_statement_is_one_transaction(journal: Journal) -> None:
    appended = journal.append_many([record(str(n % 700)) for n in range(1_000)])
    assert sum(one.duplicate for one in appended) == 300
    assert positions(journal) == list(range(1, 701))


def test_events_are_found_by_their_subject(journal: Journal) -> None:
    journal.append_many([record(str(n), subject=-(2**63) if n % 3 else 2**63 - 1) for n in range(9)])
    assert [entry.position for entry in journal.of_subjects([2**63 - 1])] == [1, 4, 7]
    assert [entry.position for entry in journal.of_subjects([2**63 - 1], after=1, limit=1)] == [4]


def test_many_who_wait_are_answered_in_groups(journal: Journal) -> None:
    async def sent() -> list[int]:
        answers = await asyncio.gather(*(journal.append([record(str(n % 90))]) for n in range(100)))
        return [one.position for answer in answers for one in answer]

    found = asyncio.run(sent())
    assert sorted(set(found)) == list(range(1, 91)) == positions(journal)
    assert found[:10] == found[90:]
    assert journal.backlog.events == 0


def test_threads_and_loops_append_at_the_same_time(journal: Journal) -> None:
    def append(part: int) -> None:
        for n in range(20):
            journal.append_many([record(f"{part}-{n}")])

    async def sent() -> None:
        await asyncio.gather(*(journal.append([record(f"loop-{n}")]) for n in range(50)))

    threads = [threading.Thread(target=append, args=(part,)) for part in range(3)]
    for thread in threads:
        thread.start()
    asyncio.run(sent())
    for thread in threads:
        thread.join()
    assert positions(journal) == list(range(1, 111))


def test_a_closed_journal_takes_nothing_more(engine: Engine) -> None:
    journal = Journal(engine)
    asyncio.run(journal.append([record("a")]))
    journal.close()
    with pytest.raises(NotStored):
        asyncio.run(journal.append([record("b")]))


def test_an_opened_journal_goes_on_where_it_ended(engine: Engine) -> None:
    for n in range(3):
        journal = Journal(engine)
        journal.append_many([record(str(n))])
        journal.close()
    assert positions(Journal(engine)) == [1, 2, 3]


def test_a_group_that_fails_leaves_nothing_and_the_next_one_works(journal: Journal, engine: Engine) -> None:
    journal.append_many([record("a")])
    broken = Record(b"1" * 32, 2**70, 0, b"{}")  # no database has such an integer
    with pytest.raises((NotStored, OverflowError)):
        journal.append_many([record("b"), broken])
    assert positions(journal) == [1]
    assert journal.append_many([record("c")])[0].position == 2


def test_a_fault_in_one_group_is_told_to_those_who_wait(journal: Journal) -> None:
    async def sent() -> None:
        with pytest.raises(NotStored):
            await journal.append([Record(b"1" * 32, 2**70, 0, b"{}")])
        assert (await journal.append([record("a")]))[0].position == 1

    asyncio.run(sent())


def test_rejections_are_kept_with_their_reason(journal: Journal) -> None:
    journal.append_many([record("a")], [refusal("x"), refusal("y")])
    first, second = journal.rejections()
    assert (first.body, first.status, first.errors) == (b"x", 422, [{"pointer": "/job", "reason": "is missing"}])
    assert journal.rejections(after=first.id) == [second]
    assert journal.rejection(second.id) == second
    assert journal.rejection(999) is None


def test_a_replayed_rejection_says_where_it_went(journal: Journal) -> None:
    journal.append_many([], [refusal("x")])
    (kept,) = journal.rejections()
    journal.replayed(kept.id, 17)
    assert journal.rejections()[0].replayed_position == 17


def test_rejections_are_forgotten_by_age_and_by_number(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    day_us = 86_400_000_000
    journal.append_many([], [refusal(str(n), received_us=n * day_us) for n in range(10)])
    assert journal.prune_rejections(now_us=9 * day_us) == 2
    monkeypatch.setattr("ingest.journal.KEEP_REJECTIONS", 5)
    assert journal.prune_rejections(now_us=9 * day_us) == 3
    monkeypatch.setattr("ingest.journal.KEEP_REJECTIONS_BYTES", 3)
    assert journal.prune_rejections(now_us=9 * day_us) == 2
    assert [kept.body for kept in journal.rejections()] == [b"7", b"8", b"9"]


def test_ids_of_rejections_are_never_given_again(journal: Journal) -> None:
    journal.append_many([], [refusal("x")])
    (first,) = journal.rejections()
    journal.prune_rejections(now_us=2**60)
    journal.append_many([], [refusal("y")])
    assert journal.rejections()[0].id > first.id


# SQLite alone


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(sqlite_url(tmp_path / "journal.db"))
    upgrade(opened, "journal")
    yield opened
    opened.dispose()


def test_a_full_disk_is_waited_out(file: Engine) -> None:
    journal = Journal(file)
    journal.append_many([record("a")])
    with writing(file) as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()

    def limited(count: int) -> None:
        cursor = journal._committer._cursor()
        cursor.execute(f"PRAGMA max_page_count={count}")

    limited(pages)
    with pytest.raises(NotStored, match="full"):
        journal.append_many([record("b" * 100_000)])
    assert journal.broken is None
    limited(2**30)
    assert journal.append_many([record("c" * 100_000)])[0].position == 2
    journal.close()


def test_after_a_failed_write_to_the_disk_nothing_is_taken_until_it_is_opened_anew(file: Engine) -> None:
    journal = Journal(file)
    error = sqlite.OperationalError("disk I/O error")
    error.sqlite_errorcode, error.sqlite_errorname = 1034, "SQLITE_IOERR_FSYNC"
    journal._committer._judge(error)
    with pytest.raises(NotStored, match="opened anew"):
        journal.append_many([record("a")])
    assert journal.broken == "disk I/O error (SQLITE_IOERR_FSYNC)"
    journal.close()
    assert Journal(file).append_many([record("a")])[0].position == 1


def test_another_process_can_be_kept_from_appending(tmp_path: Path) -> None:
    lock = tmp_path / "journal.lock"
    code = (
        f"from pathlib import Path; from ingest.journal import exclusively\nwith exclusively(Path({str(lock)!r})): pass"
    )
    with exclusively(lock):
        inside = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        with pytest.raises(JournalInUse), exclusively(lock):
            pass
    after = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (inside.returncode, after.returncode) == (1, 0)
    assert "JournalInUse" in inside.stderr


# PostgreSQL alone


@pytest.mark.live
def test_two_journals_over_one_database_give_no_position_twice(postgresql_url: str) -> None:
    engines = [open_engine(postgresql_url) for _ in range(2)]
    upgrade(engines[0], "journal")
    journals = [Journal(engine) for engine in engines]

    def append(journal: Journal, part: int) -> None:
        for n in range(40):
            journal.append_many([record(f"{part}-{n}"), record(f"both-{n}")])

    threads = [threading.Thread(target=append, args=(journal, part)) for part, journal in enumerate(journals)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert positions(journals[0]) == list(range(1, 121))
    for journal, engine in zip(journals, engines, strict=True):
        journal.close()
        engine.dispose()


@pytest.mark.live
def test_a_connection_that_was_cut_is_opened_again(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    upgrade(engine, "journal")
    journal = Journal(engine)
    journal.append_many([record("a")])
    plain = postgresql_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert journal.append_many([record("b")])[0].position == 2
    journal.close()
    engine.dispose()
