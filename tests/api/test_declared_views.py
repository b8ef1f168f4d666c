"""A view that states its own sources, without any job, lies downstream of them."""

from __future__ import annotations

from typing import Any

from starlette.testclient import TestClient

from tests.api.asking import event, sent


def view(name: str, sources: list[str], at: str = "2026-05-01T12:00:00Z") -> dict[str, Any]:
    made = {"_producer": "https://example.org/test", "_schemaURL": "https://example.org/facet"}
    inputs = [{"namespace": "db", "name": source, "type": "DATASET"} for source in sources]
    return {
        "eventTime": at,
        "producer": "https://example.org/test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/DatasetEvent",
        "dataset": {"namespace": "db", "name": name, "facets": {"lineage": {**made, "inputs": inputs}}},
    }


def downstream(client: TestClient, name: str, position: int) -> list[str]:
    query = {"node": f"dataset:db:{name}", "direction": "downstream", "granularity": "dataset"}
    answer = client.get("/api/v1/trace", params={**query, "min_position": position})
    assert answer.status_code == 200, answer.text
    return sorted(node["name"] for node in answer.json()["nodes"])


def test_a_view_lies_downstream_of_its_tables_whether_a_run_named_them_or_not(client: TestClient) -> None:
    sent(client, event("fill_base", writes=("base",)))

    position = sent(client, view("v", ["base", "other"]), view("v2", ["v"]))

    assert downstream(client, "base", position) == ["base", "v", "v2"]
    assert downstream(client, "other", position) == ["other", "v", "v2"]


def test_a_view_that_is_made_anew_of_other_tables_leaves_the_old_ones(client: TestClient) -> None:
    sent(client, view("w", ["w1"]))

    position = sent(client, view("w", ["w2"], at="2026-06-01T12:00:00Z"))

    assert (downstream(client, "w1", position), downstream(client, "w2", position)) == (["w1"], ["w", "w2"])


def test_inputs_of_one_output_do_not_reach_another_through_the_job(client: TestClient) -> None:
    columns = {"x": [("left", "x")]}
    split = event("split", reads=("left", "right"), writes=("of_left",), columns=columns)
    other = event("split", reads=("left", "right"), writes=("of_right",), columns={"y": [("right", "y")]})
    split["outputs"] += other["outputs"]

    position = sent(client, split)

    assert downstream(client, "left", position) == ["left", "of_left"]
    assert downstream(client, "right", position) == ["of_right", "right"]
