"""GET /diff, from events to answers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent

DIFF = "/api/v1/diff"
MAY = [f"2026-05-{day:02d}T00:00:00Z" for day in range(1, 31)]
FIRST, SECOND = "3f5e83fa-3480-44ff-99c5-ff943904e5e8", "3f5e83fa-3480-44ff-99c5-ff943904e5e9"


def told(owner: str, types: dict[str, str], tag: str) -> dict[str, Any]:
    return {
        "schema": {"fields": [{"name": name, "type": type_} for name, type_ in types.items()]},
        "ownership": {"owners": [{"name": owner, "type": "MAINTAINER"}]},
        "tags": {"tags": [{"key": "class", "value": tag, "source": "test"}]},
    }


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> None:
    """load reads `old` until the 3rd, from the 5th `new`; mart's columns, owner and tag change with it. far is far."""
    before = told("team:a", {"id": "int", "gone": "text"}, "pii")
    after = told("team:b", {"id": "bigint", "come": "text"}, "public")
    sent(
        client,
        event("load", ("old",), ("mart",), at=MAY[2], facets=before, run_id=FIRST, job_facets={"sql": {"query": "1"}}),
        event("load", ("new",), ("mart",), at=MAY[4], facets=after, run_id=SECOND, job_facets={"sql": {"query": "2"}}),
        event("report", ("mart",), ("page",), at=MAY[2]),
        event("report", ("mart",), ("page",), at=MAY[4]),
        event("elsewhere", ("far",), ("away",), at=MAY[4]),
    )


def asked(client: TestClient, **query: Any) -> Any:
    answer = client.get(DIFF, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(rows: list[dict[str, Any]], *keys: str) -> set[Any]:
    return {tuple(row[key] for key in keys) for row in rows}


def test_edges_and_nodes_come_and_go(client: TestClient) -> None:
    found = asked(client, **{"from": MAY[3], "to": MAY[5]})
    assert names(found["added"]["edges"], "source", "target", "kind") >= {("dataset:db:new", "job:etl:load", "read")}
    assert names(found["removed"]["edges"], "source", "target") == {("dataset:db:old", "job:etl:load")}
    assert names(found["added"]["nodes"], "id") >= {("dataset:db:new",), ("job:etl:elsewhere",)}
    assert found["totals"]["removed"]["edges"] == 1
    assert not found["truncated"]


def test_columns_owners_tags_and_logic_change(client: TestClient) -> None:
    found = asked(client, **{"from": MAY[3], "to": MAY[5]})
    assert names(found["added"]["fields"], "dataset", "field") == {("dataset:db:mart", "come")}
    assert names(found["removed"]["fields"], "field") == {("gone",)}
    retyped = [row for row in found["changed"]["fields"] if row["field"] == "id"]
    assert (retyped[0]["before"], retyped[0]["after"]) == ({"type": "int"}, {"type": "bigint"})
    assert names(found["added"]["owners"], "node", "name") == {("dataset:db:mart", "team:b")}
    assert names(found["removed"]["owners"], "name") == {("team:a",)}
    assert found["changed"]["tags"][0]["after"] == {"values": [{"value": "public", "source": "test"}]}
    assert [row["id"] for row in found["changed"]["nodes"] if "logic" in row["after"]] == ["job:etl:load"]


def test_nothing_changes_where_runs_only_repeat(client: TestClient) -> None:
    found = asked(client, **{"from": MAY[10], "to": MAY[12]})
    assert {sum(part.values()) for part in found["totals"].values()} == {0}


def test_until_now_needs_no_second_time(client: TestClient) -> None:
    assert asked(client, **{"from": MAY[3]})["totals"] == asked(client, **{"from": MAY[3], "to": MAY[12]})["totals"]


def test_around_a_node_only_what_is_near_is_compared(client: TestClient) -> None:
    found = asked(client, **{"from": MAY[3], "to": MAY[5], "node": "dataset:db:page", "depth": 4})
    assert "dataset:db:away" not in str(found)
    assert names(found["removed"]["edges"], "source") == {("dataset:db:old",)}
    near = asked(client, **{"from": MAY[3], "to": MAY[5], "namespace": "db", "name": "page", "depth": 1})
    assert near["totals"]["removed"]["edges"] == 0
    assert (near["node"], near["depth"]) == ("dataset:db:page", 1)


def test_lists_end_at_the_limit_and_totals_do_not(client: TestClient) -> None:
    whole = asked(client, **{"from": MAY[0], "to": MAY[5]})
    found = asked(client, **{"from": MAY[0], "to": MAY[5], "limit": 1})
    assert found["truncated"]
    assert found["totals"] == whole["totals"]
    assert len(found["added"]["edges"]) == 1


def test_two_runs_are_compared_by_what_they_showed(client: TestClient) -> None:
    found = asked(client, from_run=FIRST, to_run=f"run:{SECOND}")
    assert names(found["added"]["edges"], "source", "target") == {("dataset:db:new", "job:etl:load")}
    assert names(found["removed"]["edges"], "source", "target") == {("dataset:db:old", "job:etl:load")}
    assert names(found["removed"]["fields"], "field") == {("gone",)}
    assert found["from"] == f"run:{FIRST}"
    assert "statistics" in found["changed"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({}, "/query/from"),
        ({"to": MAY[1]}, "/query/from"),
        ({"from": MAY[2], "to": MAY[1]}, "/query/from"),
        ({"from": "yesterday"}, "/query/from"),
        ({"from": MAY[1], "limit": "0"}, "/query/limit"),
        ({"from": MAY[1], "node": "dataset:db:mart", "depth": "-1"}, "/query/depth"),
        ({"from": MAY[1], "namespace": "db"}, "/query/node"),
        ({"from": MAY[1], "from_run": FIRST, "to_run": SECOND}, "/query/from"),
        ({"node": "dataset:db:mart", "from_run": FIRST, "to_run": SECOND}, "/query/node"),
        ({"from_run": FIRST}, "/query/to_run"),
        ({"to_run": FIRST}, "/query/from_run"),
    ],
)
def test_a_question_that_makes_no_sense_is_named(client: TestClient, query: dict[str, str], pointer: str) -> None:
    document = is_problem(client.get(DIFF, params=query), 422)
    assert pointer in [error["pointer"] for error in document["errors"]]


@pytest.mark.parametrize(
    "query",
    [
        {"from_run": FIRST, "to_run": "3f5e83fa-3480-44ff-99c5-000000000000"},
        {"from": MAY[1], "node": "dataset:db:nowhere"},
    ],
)
def test_what_is_unknown_is_404(client: TestClient, query: dict[str, str]) -> None:
    is_problem(client.get(DIFF, params=query), 404)
