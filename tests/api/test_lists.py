"""Lists, single entities, search."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent

LISTS = ("datasets", "jobs", "runs", "namespaces")
RUN_ID = "0190b6c2-0000-7000-8000-000000000001"


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> None:
    owners = {"ownership": {"owners": [{"name": "team:shop", "type": "MAINTAINER"}]}}
    tags = {"tags": {"tags": [{"key": "pii", "value": "email", "source": "TEST"}]}}
    sent(
        client,
        *(event(f"copy{at:02}", ("src",), (f"copy{at:02}",)) for at in range(25)),
        event("orders", ("src",), ("shop.orders",), facets={**owners, **tags}, run_id=RUN_ID, job_facets=owners),
    )


def everything(client: TestClient, name: str, limit: int, **filters: str) -> list[dict[str, object]]:
    """All items, page by page."""
    items, after = [], None
    while True:
        query = {**filters, "limit": str(limit), **({"after": after} if after else {})}
        page = client.get(f"/api/v1/{name}", params=query).json()
        assert len(page["items"]) <= limit
        items += page["items"]
        after = page["next"]
        if after is None:
            return items


@pytest.mark.parametrize("name", LISTS)
def test_pages_join_to_the_whole_list_without_gap_or_repetition(client: TestClient, name: str) -> None:
    assert everything(client, name, 7) == everything(client, name, 1000)


def test_a_filter_holds_over_pages(client: TestClient) -> None:
    found = everything(client, "datasets", 4, q="COPY")
    assert [row["name"] for row in found] == [f"copy{at:02}" for at in range(25)]


def test_datasets_are_found_by_owner_by_tag_and_by_namespace(client: TestClient) -> None:
    for query in ({"owner": "team:shop"}, {"tag": "pii"}, {"tag": "pii=email"}):
        assert [row["id"] for row in everything(client, "datasets", 10, **query)] == ["dataset:db:shop.orders"]
    assert everything(client, "datasets", 10, namespace="nowhere") == []


def test_jobs_are_found_by_owner(client: TestClient) -> None:
    assert [row["id"] for row in everything(client, "jobs", 10, owner="team:shop")] == ["job:etl:orders"]


def test_cursor_is_another_name_of_after(client: TestClient) -> None:
    following = client.get("/api/v1/datasets", params={"limit": 2}).json()["next"]
    pages = [
        client.get("/api/v1/datasets", params={"limit": 2, name: following}).json() for name in ("after", "cursor")
    ]
    assert pages[0] == pages[1]
    is_problem(client.get("/api/v1/datasets", params={"after": following, "cursor": following}), 422)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("cursor", ["AAAA", "1", "not base64!", "é", "A" * 256])
def test_a_cursor_that_no_list_made_is_400(client: TestClient, name: str, cursor: str) -> None:
    is_problem(client.get(f"/api/v1/{name}", params={"cursor": cursor}), 400)


def test_a_cursor_of_another_list_or_filter_is_400(client: TestClient) -> None:
    following = client.get("/api/v1/datasets", params={"limit": 2}).json()["next"]
    is_problem(client.get("/api/v1/jobs", params={"after": following}), 400)
    is_problem(client.get("/api/v1/datasets", params={"after": following, "q": "a"}), 400)


@pytest.mark.parametrize("name", [*LISTS, "search"])
@pytest.mark.parametrize("limit", ["-1", "0", "1001", "1e2", "9223372036854775808", "all", ""])
def test_a_limit_out_of_range_is_422(client: TestClient, name: str, limit: str) -> None:
    is_problem(client.get(f"/api/v1/{name}", params={"limit": limit}), 422)


@pytest.mark.parametrize(
    "query", ["offset=1000000000", "sort=name;DROP%20TABLE%20x", "before=0001-01-01T00:00:00%2B14:00"]
)
def test_what_lists_dont_take_is_422(client: TestClient, query: str) -> None:
    is_problem(client.get(f"/api/v1/datasets?{query}"), 422)


def test_one_dataset_is_shown_with_who_writes_and_reads_it(client: TestClient) -> None:
    found = client.get("/api/v1/datasets/one", params={"namespace": "db", "name": "shop.orders"}).json()
    assert (found["id"], found["inputs"], found["outputs"]) == ("dataset:db:shop.orders", ["job:etl:orders"], [])
    assert found["owners"] == [{"name": "team:shop", "type": "MAINTAINER"}]
    assert found == client.get("/api/v1/datasets/one", params={"node": "dataset:db:shop.orders"}).json()


def test_one_job_is_shown_with_its_runs(client: TestClient) -> None:
    found = client.get("/api/v1/jobs/one", params={"namespace": "etl", "name": "orders"}).json()
    assert (found["inputs"], found["outputs"]) == (["dataset:db:src"], ["dataset:db:shop.orders"])
    assert [run["run_id"] for run in found["runs"]] == [RUN_ID]


def test_one_run_is_shown_with_what_it_read_and_wrote(client: TestClient) -> None:
    for run_id in (RUN_ID, f"run:{RUN_ID}"):
        found = client.get("/api/v1/runs/one", params={"run_id": run_id}).json()
        assert (found["job"], found["state"]) == ("job:etl:orders", "COMPLETE")
        assert found["outputs"] == ["dataset:db:shop.orders"]


def test_runs_are_listed_by_job(client: TestClient) -> None:
    assert [row["run_id"] for row in everything(client, "runs", 10, job="job:etl:orders")] == [RUN_ID]
    is_problem(client.get("/api/v1/runs", params={"job": "job:etl:nobody"}), 404)
    is_problem(client.get("/api/v1/runs", params={"job": "dataset:db:src"}), 422)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("datasets/one?node=dataset:db:nothing", 404),
        ("datasets/one?node=job:etl:orders", 422),
        ("datasets/one?namespace=db", 422),
        ("datasets/one?namespace=db&name=src&kind=job", 422),
        ("jobs/one?node=job:etl:nothing", 404),
        ("jobs/one?node=dataset:db:src", 422),
        ("jobs/one", 422),
        ("runs/one?run_id=nothing", 404),
        ("runs/one", 422),
    ],
)
def test_an_entity_that_isnt_there_or_is_another_kind(client: TestClient, path: str, status: int) -> None:
    is_problem(client.get(f"/api/v1/{path}"), status)


def test_search_shows_the_equal_before_the_similar(client: TestClient) -> None:
    found = client.get("/api/v1/search", params={"q": "orders"}).json()
    assert found["next"] is None
    assert [row["id"] for row in found["items"]] == ["job:etl:orders", "dataset:db:shop.orders"]


def test_search_keeps_to_a_kind(client: TestClient) -> None:
    found = client.get("/api/v1/search", params={"q": "orders", "kind": "dataset"}).json()["items"]
    assert [row["kind"] for row in found] == ["dataset"]


@pytest.mark.parametrize(
    "text", ['"unbalanced AND NEAR(', "%", "_", "\\", "*", "'; DROP TABLE node; --", "😀", "a" * 500]
)
def test_search_takes_any_text_as_text(client: TestClient, text: str) -> None:
    answer = client.get("/api/v1/search", params={"q": text})
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize(
    "name",
    [
        "a/b//c/%2F/../d",
        "some dataset (foo), 100%+1:x",
        "cafe\u0301",
        "caf\u00e9",
        "orders\u200b",
        "x'}) DETACH DELETE n //`",
        "a\r\nb",
    ],
)
def test_any_name_is_found_by_id_and_by_parts(client: TestClient, name: str) -> None:
    position = sent(client, event("odd", ("src",), (name,)))
    by_parts = client.get(
        "/api/v1/datasets/one", params={"namespace": "db", "name": name, "min_position": str(position)}
    ).json()
    assert by_parts["name"] == name
    assert client.get("/api/v1/datasets/one", params={"node": f"dataset:db:{name}"}).json() == by_parts
