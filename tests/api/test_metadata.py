"""What people say by HTTP is in the next answer, survives what producers say later, and can be taken back."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, is_problem, sent

OWNED = {"ownership": {"owners": [{"name": "airflow"}]}, "documentation": {"description": "generated"}}


def put(client: TestClient, node: str, **said: Any) -> int:
    answer = client.put("/api/v1/metadata", json={"node": node, **said})
    assert answer.status_code == 201, answer.text
    position: int = answer.json()["position"]
    return position


def dataset(client: TestClient, name: str, position: int) -> dict[str, Any]:
    answer = client.get("/api/v1/datasets/one", params={"namespace": "db", "name": name, "min_position": position})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_owners_by_hand_survive_what_an_automation_says_later(client: TestClient) -> None:
    sent(client, event("hand_1", writes=("owned",), facets=OWNED))
    put(client, "dataset:db:owned", owners=[{"name": "ada"}], description="By hand.", reason="asked")

    after = sent(client, event("hand_1", writes=("owned",), facets=OWNED, at="2027-05-01T12:00:00Z"))

    found = dataset(client, "owned", after)
    assert (found["owners"], found["description"]) == ([{"name": "ada", "type": ""}], "By hand.")
    assert found["facets"]["headwater_owners"]["reason"] == "asked"


def test_what_is_taken_back_leaves_what_producers_say(client: TestClient) -> None:
    sent(client, event("hand_2", writes=("taken",), facets=OWNED))
    put(client, "dataset:db:taken", owners=[{"name": "ada"}])

    found = dataset(client, "taken", put(client, "dataset:db:taken", owners=None))

    assert [owner["name"] for owner in found["owners"]] == ["airflow"]


def test_tags_of_a_column_are_shown_beside_it(client: TestClient) -> None:
    sent(client, event("hand_3", reads=("raw",), writes=("columns",), columns={"mail": [("raw", "mail")]}))

    position = put(client, "datasetField:db:columns:mail", tags=[{"key": "pii"}], description="An address.")

    column = dataset(client, "columns", position)["schema"][0]
    assert ([tag["key"] for tag in column["tags"]], column["description"]) == (["pii"], "An address.")


def test_criticality_is_shown(client: TestClient) -> None:
    sent(client, event("hand_11", writes=("vital",)))

    assert dataset(client, "vital", put(client, "dataset:db:vital", criticality="high"))["criticality"] == "high"


def test_a_list_is_filtered_by_what_people_say(client: TestClient) -> None:
    sent(client, event("hand_4", writes=("gold",)))
    position = put(client, "dataset:db:gold", tags=[{"key": "hall", "value": "gold"}])

    answer = client.get("/api/v1/datasets", params={"tag": "hall=gold", "min_position": position}).json()

    assert [item["name"] for item in answer["items"]] == ["gold"]


def test_a_job_has_a_window_by_hand(client: TestClient) -> None:
    sent(client, event("hand_5", writes=("windowed",)))

    position = put(client, "job:etl:hand_5", window=5)

    query = {"node": "job:etl:hand_5", "min_position": position}
    assert client.get("/api/v1/jobs/one", params=query).json()["facets"]["headwater_window"]["runs"] == 5


def test_an_edge_by_hand_is_traced(client: TestClient) -> None:
    sent(client, event("hand_6", writes=("from_here",)), event("hand_7", writes=("to_there",)))
    edge = {"action": "add", "source": "dataset:db:from_here", "target": "dataset:db:to_there", "reason": "a fax"}

    answer = client.post("/api/v1/edges", json=edge)

    assert answer.status_code == 201
    query = {"node": "dataset:db:from_here", "direction": "downstream", "granularity": "dataset"}
    traced = client.get("/api/v1/trace", params={**query, "min_position": answer.json()["position"]}).json()
    assert [node["name"] for node in traced["nodes"]] == ["from_here", "to_there"]


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        ({}, ""),
        ({"owner": []}, "/owner"),
        ({"owners": [{"name": ""}]}, "/owners/0/name"),
        ({"owners": "ada"}, "/owners"),
        ({"window": 3}, "/window"),
        ({"window": 0}, "/window"),
        ({"criticality": "very"}, "/criticality"),
        ({"description": 5}, "/description"),
    ],
)
def test_what_makes_no_sense_is_named(client: TestClient, said: dict[str, Any], pointer: str) -> None:
    sent(client, event("hand_8", writes=("wrong",)))

    problem = is_problem(client.put("/api/v1/metadata", json={"node": "dataset:db:wrong", **said}), 422)

    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_a_column_has_no_owners_of_its_own(client: TestClient) -> None:
    sent(client, event("hand_9", reads=("raw",), writes=("columned",), columns={"x": [("raw", "x")]}))
    body = {"node": "datasetField:db:columned:x", "owners": []}

    assert is_problem(client.put("/api/v1/metadata", json=body), 422)["errors"][0]["pointer"] == "/owners"


def test_of_what_nobody_knows_nothing_can_be_said(client: TestClient) -> None:
    edge = {"action": "add", "source": "dataset:db:nowhere", "target": "dataset:db:never"}

    is_problem(client.put("/api/v1/metadata", json={"node": "dataset:db:nowhere", "tags": []}), 404)
    is_problem(client.post("/api/v1/edges", json=edge), 404)


def test_an_edge_from_a_job_to_itself_cannot_be(client: TestClient) -> None:
    sent(client, event("hand_10", writes=("some",)))
    edge = {"action": "add", "source": "job:etl:hand_10", "target": "job:etl:hand_10"}

    assert is_problem(client.post("/api/v1/edges", json=edge), 422)["errors"][0]["pointer"] == "/target"


@pytest.mark.parametrize("body", [b"{", b"", b"[1", b'{"node": "\xff"}'])
def test_what_is_no_json_is_said_to_be_none(client: TestClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}

    is_problem(client.put("/api/v1/metadata", content=body, headers=headers), 400)


def test_a_word_about_a_job_ends_none_of_its_declared_edges(client: TestClient) -> None:
    declared = {
        "eventTime": "2026-05-01T12:00:00Z",
        "producer": "https://example.org/test",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/JobEvent",
        "job": {"namespace": "etl", "name": "hand_12"},
        "inputs": [{"namespace": "db", "name": "declared_from"}],
        "outputs": [{"namespace": "db", "name": "declared_to"}],
    }
    sent(client, declared)

    position = put(client, "job:etl:hand_12", description="By hand.")

    query = {"node": "job:etl:hand_12", "min_position": position}
    assert client.get("/api/v1/jobs/one", params=query).json()["inputs"] == ["dataset:db:declared_from"]


def test_a_forgotten_edge_is_gone_from_traces_and_an_added_one_survives_what_runs_show(client: TestClient) -> None:
    sent(client, event("hand_13", writes=("one_end",)), event("hand_14", writes=("other_end",)))
    ends = {"source": "dataset:db:one_end", "target": "dataset:db:other_end"}
    query = {"node": "dataset:db:one_end", "direction": "downstream", "granularity": "dataset"}

    def reached(position: int) -> list[str]:
        traced = client.get("/api/v1/trace", params={**query, "min_position": position}).json()
        return [node["name"] for node in traced["nodes"]][1:]

    client.post("/api/v1/edges", json={"action": "add", **ends})
    later = sent(client, event("hand_13", writes=("one_end",), at="2027-05-01T12:00:00Z"))
    assert reached(later) == ["other_end"]

    answer = client.post("/api/v1/edges", json={"action": "forget", **ends})
    assert reached(answer.json()["position"]) == []
