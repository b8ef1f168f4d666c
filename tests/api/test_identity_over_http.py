"""Names that are one, over HTTP: explained, merged, split, and what contradicts them."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent


def said(client: TestClient, action: str, *names: str, **more: Any) -> int:
    body = {"nodes": [f"dataset:db:{name}" for name in names], **more}
    answer = client.post(f"/api/v1/identity/{action}", json=body)
    assert answer.status_code == 201, answer.text
    position: int = answer.json()["position"]
    return position


def identity(client: TestClient, name: str, position: int, **query: Any) -> dict[str, Any]:
    asked = {"node": f"dataset:db:{name}", "min_position": position, **query}
    answer = client.get("/api/v1/identity", params=asked)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def export(client: TestClient) -> list[Any]:
    here = client.app.state.headwater  # type: ignore[attr-defined]
    here.catch_up()
    return [line for line in here.catalog.export() if ":who_" not in str(line)]


def test_a_merge_is_explained_by_the_person_who_said_it(client: TestClient) -> None:
    sent(client, event("who_1", writes=("id_1a", "id_1b")))

    found = identity(client, "id_1b", said(client, "merge", "id_1a", "id_1b", reason="one table"))

    assert (found["id"], found["total"], found["next"]) == ("dataset:db:id_1a", 1, None)
    alias = found["aliases"][0]
    assert (alias["id"], alias["by"], alias["author"], alias["reason"]) == (
        "dataset:db:id_1b",
        "person",
        "admin",
        "one table",
    )


def test_a_split_after_a_merge_gives_back_the_same_export(client: TestClient) -> None:
    sent(client, event("who_2", reads=("id_2a",), writes=("id_2b",)))
    before = export(client)
    said(client, "merge", "id_2a", "id_2b", into="dataset:db:id_2b")
    merged = export(client)
    said(client, "split", "id_2a", "id_2b")
    assert export(client) == before != merged


def test_a_symlink_is_explained_by_its_event(client: TestClient) -> None:
    links = {"symlinks": {"identifiers": [{"namespace": "db", "name": "id_3b", "type": "TABLE"}]}}
    position = sent(client, event("who_3", writes=("id_3a",), facets=links))

    alias = identity(client, "id_3b", position)["aliases"][0]

    assert (alias["by"], alias["type"], alias["event"]) == ("symlink", "TABLE", position)


def test_a_split_that_producers_contradict_is_a_conflict(client: TestClient) -> None:
    links = {"symlinks": {"identifiers": [{"namespace": "db", "name": "id_4b", "type": "TABLE"}]}}
    sent(client, event("who_4", writes=("id_4a",), facets=links))
    sent(client, event("who_4b", writes=("id_4b",)))

    position = said(client, "split", "id_4a", "id_4b")

    kinds = [conflict["kind"] for conflict in identity(client, "id_4a", position)["conflicts"]]
    every = client.get("/api/v1/conflicts", params={"node": "dataset:db:id_4b"}).json()
    assert kinds == [conflict["kind"] for conflict in every["items"]] == ["split_asserted"]


def test_aliases_come_in_pages(client: TestClient) -> None:
    links = [{"namespace": "db", "name": f"id_5_{at}", "type": "TABLE"} for at in range(5)]
    position = sent(client, event("who_5", writes=("id_5",), facets={"symlinks": {"identifiers": links}}))

    first = identity(client, "id_5", position, limit=2)
    second = identity(client, "id_5", position, limit=10, after=first["next"])

    names = [alias["name"] for alias in first["aliases"] + second["aliases"]]
    assert (names, second["next"]) == ([f"id_5_{at}" for at in range(5)], None)


def test_what_may_be_the_same_is_suggested_and_not_joined(client: TestClient) -> None:
    columns = {"schema": {"fields": [{"name": name} for name in ("id", "amount", "paid_at")]}}
    sent(client, event("who_6", writes=("prod.shop.invoices_6",), facets=columns))
    position = sent(client, event("who_6b", writes=("lake.shop.invoices_6",), facets=columns))

    found = identity(client, "prod.shop.invoices_6", position)

    assert [one["node"] for one in found["suggestions"]] == ["dataset:db:lake.shop.invoices_6"]
    assert found["aliases"] == []


def test_a_merge_of_one_with_itself_is_refused_by_name(client: TestClient) -> None:
    sent(client, event("who_7", writes=("id_7",)))
    answer = client.post("/api/v1/identity/merge", json={"nodes": ["dataset:db:id_7"] * 2})
    assert is_problem(answer, 422)
    assert answer.json()["errors"][0]["pointer"] == "/nodes"


def test_a_merge_of_a_dataset_and_a_job_is_refused_by_name(client: TestClient) -> None:
    sent(client, event("who_8", writes=("id_8",)))
    answer = client.post("/api/v1/identity/merge", json={"nodes": ["dataset:db:id_8", "job:etl:who_8"]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/nodes/1"


def test_a_merge_with_what_nobody_knows_is_unknown(client: TestClient) -> None:
    sent(client, event("who_9", writes=("id_9",)))
    answer = client.post("/api/v1/identity/merge", json={"nodes": ["dataset:db:id_9", "dataset:db:nowhere_9"]})
    assert answer.status_code == 404


def test_a_third_name_can_not_be_kept_by_a_merge(client: TestClient) -> None:
    sent(client, event("who_10", writes=("id_10a", "id_10b", "id_10c")))
    body = {"nodes": ["dataset:db:id_10a", "dataset:db:id_10b"], "into": "dataset:db:id_10c"}
    answer = client.post("/api/v1/identity/merge", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/into"


def test_an_edge_drawn_by_hand_and_taken_back_is_gone(client: TestClient) -> None:
    sent(client, event("who_11", writes=("id_11a", "id_11b")))
    for action, expected in (("add", ["job:headwater:dataset:db:id_11a -> dataset:db:id_11b"]), ("forget", [])):
        ends = {"source": "dataset:db:id_11a", "target": "dataset:db:id_11b"}
        answer = client.post("/api/v1/edges", json={"action": action, **ends})
        query = {"namespace": "db", "name": "id_11a", "min_position": answer.json()["position"]}
        assert client.get("/api/v1/datasets/one", params=query).json()["outputs"] == expected


def test_an_edge_that_a_person_suppressed_and_runs_show_again_is_a_conflict(client: TestClient) -> None:
    sent(client, event("who_12", reads=("id_12a",), writes=("id_12b",)))
    ends = {"source": "dataset:db:id_12a", "target": "job:etl:who_12"}
    client.post("/api/v1/edges", json={"action": "suppress", **ends})
    after = sent(client, event("who_12", reads=("id_12a",), writes=("id_12b",), at="2099-01-01T00:00:00Z"))
    found = identity(client, "id_12a", after)
    outputs = client.get("/api/v1/datasets/one", params={"namespace": "db", "name": "id_12a"}).json()["outputs"]
    assert outputs == []
    assert [conflict["kind"] for conflict in found["conflicts"]] == ["suppressed_shown"]


def test_a_suppressed_edge_between_datasets_is_gone_from_traces_and_comes_back(client: TestClient) -> None:
    sent(client, event("who_13", reads=("id_13a",), writes=("id_13b",)))
    ends = {"source": "dataset:db:id_13a", "target": "dataset:db:id_13b"}
    for action, expected in (("suppress", set()), ("forget", {"dataset:db:id_13a"})):
        answer = client.post("/api/v1/edges", json={"action": action, **ends})
        query = {"node": ends["target"], "direction": "upstream", "min_position": answer.json()["position"]}
        nodes = client.get("/api/v1/trace", params=query).json()["nodes"]
        assert {node["id"] for node in nodes if node["kind"] == "dataset"} - {ends["target"]} == expected


def lifecycle(change: str, **more: Any) -> dict[str, Any]:
    return {"lifecycleStateChange": {"lifecycleStateChange": change, **more}}


def test_a_renamed_dataset_is_found_by_both_names(client: TestClient) -> None:
    owned = {"ownership": {"owners": [{"name": "ada"}]}}
    sent(client, event("who_14", reads=("id_14src",), writes=("id_14a",), facets=owned))
    previous = lifecycle("RENAME", previousIdentifier={"namespace": "db", "name": "id_14a"})
    position = sent(client, event("who_14r", writes=("id_14b",), facets=previous, at="2026-05-02T12:00:00Z"))
    for name in ("id_14a", "id_14b"):
        query = {"namespace": "db", "name": name, "min_position": position}
        found = client.get("/api/v1/datasets/one", params=query).json()
        assert (found["name"], [owner["name"] for owner in found["owners"]]) == ("id_14b", ["ada"])
        assert "job:etl:who_14" in found["inputs"]
    assert identity(client, "id_14b", position)["aliases"][0]["by"] == "rename"


def test_a_dropped_dataset_is_unknown_now_and_known_before(client: TestClient) -> None:
    sent(client, event("who_15", reads=("id_15src",), writes=("id_15",)))
    position = sent(client, event("who_15d", writes=("id_15",), facets=lifecycle("DROP"), at="2026-05-02T12:00:00Z"))
    asked = {"node": "dataset:db:id_15", "min_position": position}
    assert client.get("/api/v1/trace", params=asked).status_code == 404
    before = client.get("/api/v1/trace", params={**asked, "as_of": "2026-05-01T13:00:00Z"})
    assert before.status_code == 200, before.text
    assert "dataset:db:id_15src" in {node["id"] for node in before.json()["nodes"]}


def test_a_tombstone_from_the_future_counts_from_its_arrival(client: TestClient) -> None:
    sent(client, event("who_16", writes=("id_16",)))
    position = sent(client, event("who_16d", writes=("id_16",), facets=lifecycle("DROP"), at="2199-01-01T00:00:00Z"))
    query = {"namespace": "db", "name": "id_16", "min_position": position}
    assert client.get("/api/v1/datasets/one", params=query).status_code == 404
    query["min_position"] = sent(client, event("who_16", writes=("id_16",), at="2198-01-01T00:00:00Z"))
    assert client.get("/api/v1/datasets/one", params=query).status_code == 200
