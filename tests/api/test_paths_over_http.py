"""GET /paths and GET /reports/lineage, from events to answers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent
from tests.api.test_openapi import has_documented_shape

PATHS, REPORT = "/api/v1/paths", "/api/v1/reports/lineage"
RAW, MART = "dataset:db:raw", "dataset:db:mart"


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> int:
    """raw -> load -> stg -> build -> mart, and raw -> quick -> mart; elsewhere lone; a column from raw to mart."""
    return sent(
        client,
        event("load", ("raw",), ("stg",), columns={"mail": [("raw", "mail")]}, at="2026-05-01T01:00:00Z"),
        event("build", ("stg",), ("mart",), columns={"mail": [("stg", "mail")]}, at="2026-05-02T01:00:00Z"),
        event("quick", ("raw",), ("mart",), at="2026-05-03T01:00:00Z"),
        event("apart", ("lone",), ("other",), at="2026-05-03T02:00:00Z"),
    )


def asked(client: TestClient, **query: Any) -> dict[str, Any]:
    answer = client.get(PATHS, params={"source": RAW, "target": MART, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_paths_need_nothing_but_two_nodes(client: TestClient) -> None:
    found = asked(client)

    assert [path["nodes"] for path in found["paths"]] == [
        [RAW, "job:etl:quick", MART],
        [RAW, "job:etl:load", "dataset:db:stg", "job:etl:build", MART],
    ]
    assert found["totals"] == {"shortest": 1, "all": 2, "at_least": False}
    assert found["dominators"] == []
    assert found["min_cut"]["size"] == 2
    assert found["position"] > 0


def test_only_as_many_paths_come_as_are_wanted(client: TestClient) -> None:
    found = asked(client, k=1)

    assert len(found["paths"]) == 1
    assert found["more"]


def test_paths_are_asked_for_as_of_a_time(client: TestClient) -> None:
    found = asked(client, as_of="2026-05-02T12:00:00Z")

    assert found["as_of"] == "2026-05-02T12:00:00.000000Z"
    assert [path["length"] for path in found["paths"]] == [4]
    assert asked(client, as_of="2026-05-01T12:00:00Z")["paths"] == []


def test_paths_are_asked_for_as_they_were_known(client: TestClient) -> None:
    assert asked(client, known_at="2100-01-01T00:00:00Z")["totals"]["all"] == 2


def test_columns_are_followed_between_columns(client: TestClient) -> None:
    found = asked(client, source="datasetField:db:raw:mail", target="datasetField:db:mart:mail")

    assert found["granularity"] == "field"
    assert found["distance"] == 2
    assert [step["jobs"] for step in found["paths"][0]["steps"]] == [["job:etl:load"], ["job:etl:build"]]


def test_where_no_path_leads_the_answer_says_why(client: TestClient) -> None:
    found = asked(client, source=MART, target=RAW)

    assert found["distance"] is None
    assert "the other way there is one, 2 hops long" in found["reason"]
    assert "no ancestor and no descendant in common" in asked(client, target="dataset:db:lone")["reason"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"target": MART}, "source"),
        ({"source": RAW}, "target"),
        ({"source": RAW, "target": MART, "k": 0}, "k"),
        ({"source": RAW, "target": MART, "k": 101}, "k"),
        ({"source": RAW, "target": MART, "k": "many"}, "k"),
        ({"source": RAW, "target": MART, "granularity": "dag"}, "granularity"),
        ({"source": RAW, "target": MART, "as_of": "yesterday"}, "as_of"),
        ({"source": RAW, "target": MART, "min_basis": "sure"}, "min_basis"),
        ({"source": RAW, "target": MART, "origin": "rumour"}, "origin"),
    ],
)
def test_a_wrong_question_is_422_and_says_where(client: TestClient, query: dict[str, Any], place: str) -> None:
    problem = is_problem(client.get(PATHS, params=query), 422)

    assert [error["pointer"] for error in problem["errors"]] == [f"/query/{place}"]


@pytest.mark.parametrize("end", ["source", "target"])
def test_an_unknown_end_is_404_and_named(client: TestClient, end: str) -> None:
    problem = is_problem(client.get(PATHS, params={"source": RAW, "target": MART, end: "dataset:db:mar"}), 404)

    assert "dataset:db:mar is known" in problem["detail"]


def test_what_is_no_id_is_422(client: TestClient) -> None:
    assert (
        "'raw' is not the id of a node"
        in is_problem(client.get(PATHS, params={"source": "raw", "target": RAW}), 422)["detail"]
    )


def test_the_report_tells_the_shape_of_everything(client: TestClient) -> None:
    found = client.get(REPORT).json()

    assert found["summary"]["datasets"] == 5
    assert found["summary"]["transformations"] == 4
    assert found["summary"]["edges"] == 8
    assert found["complexity_metrics"]["maximum_depth"] == 4
    assert found["complexity_metrics"]["weakly_connected_components"] == 2
    assert found["coverage"]["column"] == 3
    assert [row["namespace"] for row in found["coverage"]["namespaces"]] == ["db"]


def test_the_report_is_asked_for_as_of_a_time(client: TestClient) -> None:
    found = client.get(REPORT, params={"as_of": "2026-05-01T12:00:00Z"}).json()

    assert found["as_of"] == "2026-05-01T12:00:00.000000Z"
    assert found["summary"]["edges"] == 2


def test_the_report_is_asked_for_as_everything_was_known(client: TestClient) -> None:
    late = client.get(REPORT, params={"known_at": "2100-01-01T00:00:00Z"}).json()
    early = client.get(REPORT, params={"known_at": "2020-01-01T00:00:00Z"}).json()

    assert late["summary"] == client.get(REPORT).json()["summary"]
    assert late["known_at"] == "2100-01-01T00:00:00.000000Z"
    assert early["summary"]["nodes"] == early["summary"]["edges"] == 0


@pytest.mark.parametrize("limit", [-1, 1001, "all"])
def test_a_wrong_number_of_orphans_is_422(client: TestClient, limit: Any) -> None:
    is_problem(client.get(REPORT, params={"limit": limit}), 422)


@pytest.mark.parametrize(
    ("path", "query"),
    [
        (PATHS, {"source": RAW, "target": MART, "granularity": "dataset"}),
        (PATHS, {"source": RAW, "target": MART, "granularity": "field"}),
        (PATHS, {"source": MART, "target": RAW}),
        (REPORT, {}),
    ],
)
def test_answers_have_the_shape_that_is_documented(client: TestClient, path: str, query: dict[str, str]) -> None:
    has_documented_shape(client, client.get("/api/v1/openapi.json").json(), path, query)
