"""What an invocation did, as runs."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from ingest.dbt.reading import reading
from ingest.openlineage.facts import Reader
from tests.ingest.dbt.making import DUCKDB, JOBS, POSTGRES, manifest, node, recorded, result, run_results

Event = dict[str, Any]
LATER_US = 2_000_000_000_000_000


def events_of(files: dict[str, bytes], namespace: str = POSTGRES) -> list[Event]:
    return list(reading(files, namespace, JOBS).events())


def words_of(events: list[Event], name: str) -> list[str | None]:
    return [one.get("eventType") for one in events if one.get("job", {}).get("name") == name]


def verdicts(events: list[Event]) -> Counter[bool | None]:
    reader = Reader()
    facts = [reader.facts(one, LATER_US) for one in events if "run" in one]
    return Counter(check.success for one in facts if one for check in one.asserted)


@pytest.fixture(scope="module")
def build() -> list[Event]:
    return events_of(recorded("duckdb", "build", sources=False), DUCKDB)


def test_what_ran_is_a_run_below_that_of_the_command() -> None:
    events = events_of(recorded("postgres", "run"))
    start, end = [
        one for one in events if one.get("job", {}).get("name") == "warehouse.analytics_marts.shop.fct_orders"
    ]
    command = [one for one in events if one.get("job", {}).get("name") == "dbt-run-shop"]

    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["eventTime"] < end["eventTime"] == "2026-11-21T09:08:11.163026Z"
    assert [one["eventType"] for one in command] == ["START", "COMPLETE"]
    assert start["run"]["facets"]["parent"]["run"]["runId"] == command[0]["run"]["runId"]
    assert end["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == 300
    assert "\nwith __dbt__cte__" in end["job"]["facets"]["sql"]["query"]


def test_skipped_models_are_aborted_and_still_declared(build: list[Event]) -> None:
    words = words_of(build, "shop.analytics_marts.shop.fct_orders")

    assert words == [None, "ABORT"]


def test_a_skipped_test_has_no_verdict_and_its_run_fails_nothing(build: list[Event]) -> None:
    """Of 23 tests of the invocation the skipped ones read as failed in dbt-ol's own events."""
    counted = verdicts(build)

    assert counted[False] == 2  # one failed, one warned
    assert counted[None] > 0
    assert words_of(build, "shop.analytics_marts.shop.fct_orders.test") == ["ABORT"]


def test_a_warning_is_a_check_that_failed_in_a_run_that_did_not() -> None:
    tested = node("test.shop.t", "model.shop.a", attached_node="model.shop.a", config={"severity": "warn"})
    files = {
        "manifest": manifest(node("model.shop.a"), tested),
        "run_results": run_results(result("test.shop.t", "warn", failures=3), which="test"),
    }
    events = events_of(files)

    assert words_of(events, "wh.main.shop.a.test") == ["START", "COMPLETE"]
    assert words_of(events, "dbt-run-shop") == ["START", "COMPLETE"]
    assert verdicts(events) == {False: 1}


def test_a_model_that_failed_says_why_and_wrote_nothing() -> None:
    files = {
        "manifest": manifest(node("model.shop.a")),
        "run_results": run_results(result("model.shop.a", "error", message="no such column")),
    }
    events = events_of(files)
    failed = next(one for one in events if one.get("eventType") == "FAIL" and one["job"]["name"] == "wh.main.shop.a")

    assert failed["run"]["facets"]["errorMessage"]["message"] == "no such column"
    assert failed["outputs"] == []
    assert words_of(events, "dbt-run-shop") == ["START", "FAIL"]


def test_a_test_of_a_relationship_is_about_the_table_it_is_attached_to() -> None:
    events = events_of(recorded("duckdb", "test", sources=False), DUCKDB)
    end = next(
        one
        for one in events
        if one.get("job", {}).get("name") == "shop.analytics_staging.shop.stg_orders.test"
        and one["eventType"] == "COMPLETE"
    )
    checks = end["inputs"][0]["inputFacets"]["dataQualityAssertions"]["assertions"]

    assert "relationships" in {one["assertion"] for one in checks}
    assert verdicts(events)[False] == 3


def test_results_of_docs_generate_are_no_runs() -> None:
    found = reading(recorded("postgres", "generate"), POSTGRES, JOBS)
    events = list(found.events())

    assert not [one for one in events if "run" in one]
    assert "dbt generate" in found.warnings[0]
    assert sum("sql" in one.get("job", {}).get("facets", {}) for one in events) == 16  # 15 models and the snapshot


def test_an_invocation_that_is_read_again_gives_the_same_events() -> None:
    assert events_of(recorded("postgres", "run")) == events_of(recorded("postgres", "run"))


def test_two_invocations_have_runs_of_their_own() -> None:
    made = manifest(node("model.shop.a"))
    ids = [
        {
            one["run"]["runId"]
            for one in events_of(
                {"manifest": made, "run_results": run_results(result("model.shop.a", "success"), invocation=of)}
            )
            if "run" in one
        }
        for of in ("one", "other")
    ]

    assert len(ids[0]) == len(ids[1]) == 2
    assert not ids[0] & ids[1]
