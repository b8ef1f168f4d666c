"""What differs between two times: found by indexes, held against everything laid out at both."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings

from lineage.database import open_engine, reading, sqlite_url
from lineage.diff import apply, diff
from lineage.errors import UnknownNode
from lineage.facts import Facts
from lineage.ports import Applied
from lineage.stores import states, tables
from lineage.stores.catalog import SqlCatalog
from lineage.stores.history import SqlHistory
from lineage.stores.memory import MemoryStore
from tests.lineage.catalog.namings import dropped, mention, renamed, schema, table
from tests.lineage.past_events import SECOND, events, moments, namings


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def filled(catalog: SqlCatalog, told: list[Facts]) -> SqlHistory:
    catalog.reset()
    catalog.apply([Applied(n, facts) for n, facts in enumerate(told, start=1)])
    return SqlHistory(catalog)


def everything(catalog: SqlCatalog, at_us: int) -> states.State:
    with reading(catalog.engine) as connection:
        return states.whole(connection, at_us)


MANY = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(told=events, one=moments, other=moments)
@MANY
def test_what_differs_turns_the_catalog_of_one_time_into_that_of_the_other(
    catalog: SqlCatalog, told: list[Facts], one: int, other: int
) -> None:
    since, until = sorted((one, other))
    change = diff(*filled(catalog, told).between(since, until))
    assert apply(change, everything(catalog, since)) == {"statistics": {}, **everything(catalog, until)}


@given(told=events, one=moments)
@MANY
def test_what_was_so_at_a_time_needs_no_later_event(catalog: SqlCatalog, told: list[Facts], one: int) -> None:
    filled(catalog, told)
    nodes = everything(catalog, one)
    filled(catalog, [facts for facts in told if facts.at_us <= one])
    without = everything(catalog, one)
    known = without["nodes"].keys()
    assert {key: value for key, value in nodes["nodes"].items() if key in known} == without["nodes"]
    assert without["owners"].items() <= nodes["owners"].items()


@given(told=namings, one=moments, other=moments)
@MANY
def test_names_that_meet_part_and_cease_change_nothing_about_that(
    catalog: SqlCatalog, told: list[Facts], one: int, other: int
) -> None:
    since, until = sorted((one, other))
    change = diff(*filled(catalog, told).between(since, until))
    assert apply(change, everything(catalog, since)) == {"statistics": {}, **everything(catalog, until)}


def test_what_was_dropped_is_found_as_of_before_and_gone_after(catalog: SqlCatalog) -> None:
    history = filled(catalog, [mention("a", 1), dropped("a", 5), mention("b", 1)])
    before, _ = history.at(MemoryStore(), 4 * SECOND, None)
    after, _ = history.at(MemoryStore(), 6 * SECOND, None)
    assert before.dataset(table("a"))["id"] == "dataset:db:a"
    with pytest.raises(UnknownNode, match="as of 1970-01-01T00:00:06"):
        after.dataset(table("a"))
    change = diff(*history.between(4 * SECOND, 6 * SECOND))
    assert [*change.removed["nodes"]] == [("dataset:db:a",)]


def test_a_name_means_what_it_meant_then(catalog: SqlCatalog) -> None:
    history = filled(
        catalog, [mention("a", 1, **schema("old")), renamed("a", "b", 5), mention("a", 8, **schema("new"))]
    )
    then, _ = history.at(MemoryStore(), 4 * SECOND, None)
    now, _ = history.at(MemoryStore(), 9 * SECOND, None)
    assert [column["name"] for column in then.dataset(table("a"))["schema"]] == ["old"]
    assert [column["name"] for column in now.dataset(table("a"))["schema"]] == ["new"]


def test_a_run_that_nobody_reported_is_unknown(catalog: SqlCatalog) -> None:
    with pytest.raises(UnknownNode, match="run:none"):
        SqlHistory(catalog).shown_by("none")
