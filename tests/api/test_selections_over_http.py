"""Selections over HTTP: GET /select, and select= of lists and traces."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> None:
    owners = {"ownership": {"owners": [{"name": "payments"}]}}
    pii = {"tags": {"tags": [{"key": "pii", "value": "email", "field": "mail"}]}}
    sent(
        client,
        event("load", ("raw.orders",), ("stg.orders",), facets=pii),
        event("build", ("stg.orders",), ("marts.orders",), facets=owners, job_facets=owners),
        event("export", ("marts.orders",), ("my table",)),
        *(event(f"copy{at}", ("raw.orders",), (f"copy{at}",)) for at in range(12)),
    )


def selected(client: TestClient, text: str, **query: str) -> dict[str, Any]:
    answer = client.get("/api/v1/select", params={"q": text, **query})
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


def names(document: dict[str, Any]) -> set[str]:
    return {row["name"] for row in document["items"]}


def test_a_selection_is_answered_with_how_it_was_understood(client: TestClient) -> None:
    found = selected(client, "tag:pii+1 owner:payments,kind:job")

    assert found["selection"] == "tag:pii+1 or owner:payments and kind:job"
    assert names(found) == {"stg.orders", "build", "marts.orders"}
    assert found["totals"] == {"datasets": 2, "jobs": 1}
    assert (found["warnings"], found["next"]) == ([], None)
    row = next(row for row in found["items"] if row["name"] == "stg.orders")
    assert (row["id"], row["tags"][0]["key"]) == ("dataset:db:stg.orders", "pii")


def test_what_means_nothing_is_an_empty_answer_with_a_warning(client: TestClient) -> None:
    found = selected(client, "owner:paiments")

    assert found["items"] == []
    assert [(warning["term"], warning["nearest"]) for warning in found["warnings"]] == [
        ("owner:paiments", ["payments"])
    ]


def test_pages_of_a_selection_join_to_the_whole(client: TestClient) -> None:
    whole, rows, after = selected(client, "raw.orders+1"), [], None
    while True:
        page = selected(client, "raw.orders+1", limit="5", **({"after": after} if after else {}))
        rows += page["items"]
        after = page["next"]
        if after is None:
            break

    assert rows == whole["items"]
    assert len(rows) == sum(whole["totals"].values()) == 27


def test_a_cursor_belongs_to_its_selection(client: TestClient) -> None:
    following = selected(client, "raw.orders+", limit="1")["next"]

    is_problem(client.get("/api/v1/select", params={"q": "raw.orders", "after": following}), 400)
    following = client.get("/api/v1/datasets", params={"select": "copy*", "limit": 1}).json()["next"]
    is_problem(client.get("/api/v1/datasets", params={"after": following}), 400)


@pytest.mark.parametrize("kind", ["datasets", "jobs"])
def test_a_list_is_filtered_by_a_selection_and_its_other_filters_over_pages(client: TestClient, kind: str) -> None:
    rows, after = [], None
    while True:
        query = {"select": "raw.orders+1", "q": "copy", "limit": 5, **({"after": after} if after else {})}
        page = client.get(f"/api/v1/{kind}", params=query).json()
        rows += page["items"]
        after = page["next"]
        if after is None:
            break

    assert [row["name"] for row in rows] == [f"copy{at}" for at in range(12)]
    assert page["selection"] == "raw.orders+1"


def test_a_list_says_what_of_its_selection_means_nothing(client: TestClient) -> None:
    page = client.get("/api/v1/datasets", params={"select": "tag:pii or tag:pi"}).json()

    assert [row["name"] for row in page["items"]] == ["stg.orders"]
    assert [warning["term"] for warning in page["warnings"]] == ["tag:pi"]


def test_a_list_without_a_selection_says_nothing_of_one(client: TestClient) -> None:
    assert client.get("/api/v1/datasets").json().keys() == {"items", "next"}


def test_a_trace_is_narrowed_to_a_selection(client: TestClient) -> None:
    query = {"node": "dataset:db:marts.orders", "granularity": "dataset", "select": "namespace:db and not raw.*"}
    found = client.get("/api/v1/trace", params=query).json()

    assert [row["name"] for row in found["nodes"]] == ["marts.orders", "my table", "stg.orders"]
    assert [(edge["source"], edge["target"]) for edge in found["edges"]] == [
        ("dataset:db:marts.orders", "dataset:db:my table"),
        ("dataset:db:stg.orders", "dataset:db:marts.orders"),
    ]
    assert "raw.orders" not in client.get("/api/v1/trace.csv", params=query).text


def test_hops_use_the_edges_that_are_asked_for(client: TestClient) -> None:
    assert names(selected(client, "raw.orders+1 and stg*")) == {"stg.orders"}
    assert names(selected(client, "raw.orders+1 and stg*", min_basis="explicit")) == set()
    assert names(selected(client, "raw.orders+1 and stg*", as_of="2020-01-01T00:00:00Z")) == set()
    assert names(selected(client, "raw.orders+1 and stg*", origin="declared")) == set()


PATHS = {"select": "q", "datasets": "select", "jobs": "select", "trace": "select", "trace.dot": "select"}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("(tag:pii", 1),
        ("foo:bar", 1),
        ("+" * 2_000, 2),
        ("(" * 2_000, 51),
        ("tag:", 5),
        ("kind:table", 1),
        ("a or", 5),
        ("a*b " * 21 + "a", 81),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_what_is_no_selection_is_422_with_its_column(client: TestClient, path: str, text: str, column: int) -> None:
    query = {PATHS[path]: text, **({"node": "dataset:db:raw.orders"} if path.startswith("trace") else {})}

    assert is_problem(client.get(f"/api/v1/{path}", params=query), 422)["column"] == column


def test_an_unknown_filter_is_told_which_there_are(client: TestClient) -> None:
    detail = is_problem(client.get("/api/v1/select", params={"q": "foo:bar"}), 422)["detail"]

    assert all(name in detail for name in ("foo", "tag:", "owner:", "namespace:", "kind:", "name:", "dag:"))


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("q=a%00b", 422),
        ("q=%ED%B0%80", 400),
        ("q=%FF", 400),
        ("q=", 422),
        ("", 422),
        ("q=a&q=b", 422),
        ("q=" + "a" * 60_000, 414),
        ("q=" + "%2B" * 20_000, 414),
        ("q=a&limit=0", 422),
        ("q=a&as_of=yesterday", 422),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_a_bad_question_is_refused(client: TestClient, query: str, status: int) -> None:
    is_problem(client.get(f"/api/v1/select?{query}"), status)


@pytest.mark.parametrize("query", ["q=+raw.orders", "q=raw.orders+", "q=raw.orders+2", "q=2+raw.orders"])
def test_a_plus_that_was_not_percent_encoded_is_refused_rather_than_read_as_a_blank(
    client: TestClient, query: str
) -> None:
    assert "%2B" in is_problem(client.get(f"/api/v1/select?{query}"), 422)["detail"]
    assert client.get(f"/api/v1/select?{query.replace('+', '%2B')}").status_code == 200
