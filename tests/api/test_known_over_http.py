"""What was known at a time: traces in every format, from events to answers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from lineage.render import FORMATS
from tests.api.asking import event, is_problem, sent

TRACE = "/api/v1/trace"
NODE = "dataset:db:mart"


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> list[str]:
    """When each event was received: build reads stg; later it says that it read raw too, and that long ago."""
    positions = [
        sent(client, event("build", ("stg",), ("mart",), at="2026-05-02T00:00:00Z")),
        sent(client, event("build", ("raw",), ("mart",), at="2026-05-01T00:00:00Z")),
        sent(client, event("report", ("mart",), ("page",), at="2026-05-01T00:00:00Z")),
    ]
    items = client.get("/api/v1/events").json()["items"]
    return [item["received_at"] for item in items if item["position"] in positions]


def ids(client: TestClient, **query: Any) -> set[str]:
    answer = client.get(TRACE, params=query)
    assert answer.status_code == 200, answer.text
    return {row["id"] for row in answer.json()["nodes"]}


def test_what_came_later_was_not_known(client: TestClient, shop: list[str]) -> None:
    assert ids(client, node=NODE) == {NODE, "job:etl:build", "dataset:db:stg", "job:etl:report", "dataset:db:page"}
    assert ids(client, node=NODE, known_at=shop[0]) == {NODE, "job:etl:build", "dataset:db:stg"}


def test_a_late_event_rewrites_what_was_true_but_not_what_was_known(client: TestClient, shop: list[str]) -> None:
    first_of_may = {"node": NODE, "as_of": "2026-05-01T12:00:00Z", "direction": "upstream"}
    assert ids(client, **first_of_may) == {NODE, "job:etl:build", "dataset:db:raw"}
    assert ids(client, **first_of_may, known_at=shop[1]) == {NODE, "job:etl:build", "dataset:db:raw"}
    assert ids(client, **first_of_may, known_at=shop[0]) == {NODE}


def test_the_answer_says_when_it_was_known_and_by_which_event(client: TestClient, shop: list[str]) -> None:
    found = client.get(TRACE, params={"node": NODE, "known_at": shop[0]}).json()
    assert (found["known_at"], found["position"]) == (shop[0], 1)
    assert client.get(TRACE, params={"node": NODE}).json()["known_at"] is None


def test_a_node_that_nobody_had_spoken_of_is_unknown(client: TestClient, shop: list[str]) -> None:
    is_problem(client.get(TRACE, params={"node": "dataset:db:raw", "known_at": shop[0]}), 404)
    is_problem(client.get(TRACE, params={"node": NODE, "known_at": "2020-01-01T00:00:00Z"}), 404)


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_knows_no_more(client: TestClient, shop: list[str], form: str) -> None:
    text = client.get(f"{TRACE}.{form}", params={"node": NODE, "known_at": shop[0]}).text
    assert "stg" in text
    assert "page" not in text


def test_details_are_those_that_were_known(client: TestClient, shop: list[str]) -> None:
    query = {"node": NODE, "known_at": shop[0], "include": "details"}
    assert all(row["owners"] == [] for row in client.get(TRACE, params=query).json()["nodes"])


def test_a_time_that_is_none_is_named(client: TestClient) -> None:
    document = is_problem(client.get(TRACE, params={"node": NODE, "known_at": "yesterday"}), 422)
    assert document["errors"][0]["pointer"] == "/query/known_at"


def test_the_report_counts_what_was_known(client: TestClient, shop: list[str]) -> None:
    found = client.get("/api/v1/reports/lineage", params={"known_at": shop[0]}).json()["summary"]
    now = client.get("/api/v1/reports/lineage").json()["summary"]
    assert (found["datasets"], now["datasets"]) == (2, 4)
