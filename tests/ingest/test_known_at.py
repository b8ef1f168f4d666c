"""What the journal held at a time, also where clocks disagree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.migrations import upgrade
from ingest.journal import Journal, event
from lineage.database import open_engine, sqlite_url, writing


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journal]:
    path: Path = tmp_path_factory.mktemp("journal") / "journal.db"
    engine = open_engine(sqlite_url(path), durable=False)
    upgrade(engine, "journal")
    opened = Journal(engine)
    yield opened
    opened.close()
    engine.dispose()


def filled(journal: Journal, times: Sequence[int]) -> Journal:
    """The journal with events received at these times, in the order of their positions."""
    rows = [
        {"position": n, "digest": hashlib.sha256(b"%d" % n).digest(), "received_us": at, "subject": 0, "body": b"{}"}
        for n, at in enumerate(times, start=1)
    ]
    with writing(journal._engine) as connection:
        connection.execute(event.delete())
        if rows:
            connection.execute(event.insert(), rows)
    return journal


times = st.lists(st.integers(0, 30), max_size=40)
SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(times=times.map(sorted), at=st.integers(-1, 31))
@SETTINGS
def test_the_position_is_that_of_the_last_event_received_by_then(journal: Journal, times: list[int], at: int) -> None:
    assert filled(journal, times).known_at(at) == sum(1 for received in times if received <= at)


@given(times=times, at=st.integers(-1, 31))
@SETTINGS
def test_where_clocks_disagree_a_later_time_knows_no_less(journal: Journal, times: list[int], at: int) -> None:
    filled(journal, times)
    assert journal.known_at(at) <= journal.known_at(at + 1)


@given(times=times, at=st.integers(-1, 31), later=st.lists(st.integers(32, 40), max_size=40))
@SETTINGS
def test_events_received_later_change_no_answer(journal: Journal, times: list[int], at: int, later: list[int]) -> None:
    before = filled(journal, times).known_at(at)
    assert filled(journal, times + later).known_at(at) == before


def test_before_the_first_event_nothing_was_known(journal: Journal) -> None:
    assert [filled(journal, [5]).known_at(at) for at in (4, 5)] == [0, 1]
    assert filled(journal, []).known_at(10**18) == 0
