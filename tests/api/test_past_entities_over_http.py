"""Datasets and jobs as they were, and as they were known, from events to answers."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent

DATASET, JOB = "/api/v1/datasets/one", "/api/v1/jobs/one"
FIRST, SECOND, THIRD = "2026-05-01T00:00:00Z", "2026-05-10T00:00:00Z", "2026-05-20T00:00:00Z"
BETWEEN, LATER = "2026-05-05T00:00:00Z", "2026-05-15T00:00:00Z"


def told(owner: str, column: str, rows: int) -> dict[str, Any]:
    return {
        "schema": {"fields": [{"name": column, "type": "int"}]},
        "ownership": {"owners": [{"name": owner, "type": "MAINTAINER"}]},
        "tags": {"tags": [{"key": "class", "value": owner, "source": "test"}]},
        "documentation": {"description": f"of {owner}"},
        "outputStatistics": {"rowCount": rows},
    }


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> list[str]:
    """When each of three events was received: the first two in their order, then one that is late."""
    parent = {"documentation": {"description": "loads"}}
    positions = [
        sent(client, event("load", ("old",), ("mart",), at=FIRST, facets=told("a", "x", 1), job_facets=parent)),
        sent(client, event("load", ("new",), ("mart",), at=THIRD, facets=told("c", "z", 3))),
        sent(client, event("load", ("mid",), ("mart",), at=SECOND, facets=told("b", "y", 2))),
    ]
    items = client.get("/api/v1/events").json()["items"]
    return [item["received_at"] for item in items if item["position"] in positions]


def asked(client: TestClient, path: str = DATASET, node: str = "dataset:db:mart", **query: Any) -> Any:
    answer = client.get(path, params={"node": node, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(("as_of", "owner", "column"), [(BETWEEN, "a", "x"), (LATER, "b", "y"), (THIRD, "c", "z")])
def test_a_dataset_was_what_was_last_said_of_it_by_then(
    client: TestClient, as_of: str, owner: str, column: str
) -> None:
    found = asked(client, as_of=as_of)
    assert [one["name"] for one in found["owners"]] == [owner]
    assert [one["value"] for one in found["tags"]] == [owner]
    assert [one["name"] for one in found["schema"]] == [column]
    assert found["description"] == f"of {owner}"
    assert len(found["versions"]) == {"a": 1, "b": 2, "c": 3}[owner]
    assert found["as_of"].startswith(as_of[:10])


def test_who_reads_and_writes_is_that_of_the_time(client: TestClient) -> None:
    assert asked(client, as_of=BETWEEN)["inputs"] == ["job:etl:load"]
    assert asked(client, DATASET, "dataset:db:old", as_of=BETWEEN)["outputs"] == ["job:etl:load"]
    assert asked(client, DATASET, "dataset:db:old")["outputs"] == []
    assert asked(client, JOB, "job:etl:load", as_of=LATER)["inputs"] == ["dataset:db:mid"]


def test_a_late_event_was_not_known_before_it_came(client: TestClient, shop: list[str]) -> None:
    assert asked(client, as_of=LATER, known_at=shop[1])["description"] == "of a"
    assert asked(client, as_of=LATER, known_at=shop[2])["description"] == "of b"
    assert asked(client, JOB, "job:etl:load", as_of=LATER, known_at=shop[1])["inputs"] == ["dataset:db:old"]


def test_measurements_and_runs_are_those_told_by_then(client: TestClient, shop: list[str]) -> None:
    assert asked(client, as_of=BETWEEN)["statistics"][0]["content"]["rowCount"] == 1
    assert asked(client, known_at=shop[0])["statistics"][0]["content"]["rowCount"] == 1
    assert len(asked(client, JOB, "job:etl:load", as_of=LATER)["runs"]) == 2
    assert len(asked(client, JOB, "job:etl:load", known_at=shop[0])["runs"]) == 1


@pytest.mark.parametrize(("path", "node"), [(DATASET, "dataset:db:mart"), (JOB, "job:etl:load")])
def test_at_the_end_of_time_everything_is_as_it_is_now(client: TestClient, path: str, node: str) -> None:
    then = asked(client, path, node, as_of="2200-01-01T00:00:00Z", known_at="2200-01-01T00:00:00Z")
    now = {key: value for key, value in asked(client, path, node).items() if not key.startswith("recent_")}
    assert {key: value for key, value in then.items() if key not in ("as_of", "known_at")} == now


def test_what_began_later_or_was_not_known_is_404(client: TestClient, shop: list[str]) -> None:
    new = {"node": "dataset:db:new"}
    document = is_problem(client.get(DATASET, params={**new, "as_of": BETWEEN}), 404)
    assert "as of 2026-05-05" in document["detail"]
    is_problem(client.get(DATASET, params={**new, "known_at": shop[0]}), 404)
    is_problem(client.get(JOB, params={"node": "job:etl:load", "as_of": "2020-01-01T00:00:00Z"}), 404)


@pytest.mark.parametrize("path", ["/api/v1/datasets", "/api/v1/jobs"])
def test_lists_are_of_now_and_say_so(client: TestClient, path: str) -> None:
    document = is_problem(client.get(path, params={"as_of": BETWEEN}), 422)
    assert document["errors"][0]["pointer"] == "/query/as_of"
