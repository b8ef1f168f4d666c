"""Events by HTTP, and what of them can be read again."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from fastapi import Depends

from api.routes.ingest import LeanRoute
from tests.ingest.bad_inputs import event
from tests.ingest.conftest import Client


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def run_id(n: int) -> str:
    return f"00000000-0000-4000-8000-{n:012d}"


@pytest.fixture
def filled(client: Client) -> Client:
    """Ten runs: of the jobs a and b in turn, each reading a dataset of its own."""
    batch = [
        event(
            {"/run/runId": run_id(n), "/job/name": "ab"[n % 2], "/inputs": [{"namespace": "s3://b", "name": f"d:{n}"}]}
        )
        for n in range(10)
    ]
    assert client.post("/lineage/batch", encoded(batch)).status_code == 200
    return client


def positions(page: dict[str, Any]) -> list[int]:
    return [item["position"] for item in page["items"]]


def test_an_event_is_answered_with_its_position(client: Client) -> None:
    answer = client.post("/lineage", encoded(event()))
    assert (answer.status_code, answer.json()) == (201, {"position": 1, "duplicate": False, "scrubbed": []})
    assert answer.headers["content-type"] == "application/json"


def test_gzip_is_taken(client: Client) -> None:
    assert client.post("/lineage", gzip.compress(encoded(event())), Content_Encoding="gzip").status_code == 201


def test_a_batch_is_answered_as_openlineage_has_it(client: Client) -> None:
    answer = client.post("/lineage/batch", encoded([event(), {}]))
    assert answer.status_code == 200
    assert answer.json()["status"] == "partial_success"
    assert [one["index"] for one in answer.json()["failed_events"]] == [1]


def test_a_refusal_names_every_place(client: Client) -> None:
    answer = client.post("/lineage", encoded(event({"/job/name": "", "/eventTime": "x"})))
    problem = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert [error["pointer"] for error in problem["errors"]] == ["/eventTime", "/job/name"]


def test_the_journal_is_read_page_by_page(filled: Client) -> None:
    first = filled.get("/events?limit=4")
    second = filled.get(f"/events?limit=4&after={first['next']}")
    third = filled.get(f"/events?limit=4&after={second['next']}")
    assert [positions(page) for page in (first, second, third)] == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]
    assert third["next"] is None
    assert first["items"][0]["event"]["job"]["name"] == "a"
    assert first["items"][0]["received_at"].endswith("Z")


def test_a_full_page_at_the_end_is_the_last(filled: Client) -> None:
    assert filled.get("/events?limit=10")["next"] is None
    assert filled.get("/events?after=10") == {"items": [], "next": None}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("job=job:ns:b", [2, 4, 6, 8, 10]),
        ("job=job:ns:unknown", []),
        ("dataset=dataset:s3://b:d:3", [4]),
        ("dataset=dataset:s3a://b:d:3", [4]),
        ("dataset=dataset:ns:out1&limit=3", [1, 2, 3]),
        (f"run={run_id(6).upper()}", [7]),
        (f"job=job:ns:a&run={run_id(6)}", [7]),
        (f"job=job:ns:b&run={run_id(6)}", []),
    ],
)
def test_events_are_found_by_what_they_speak_of(filled: Client, query: str, expected: list[int]) -> None:
    assert positions(filled.get(f"/events?{query}")) == expected


def test_a_filtered_list_is_read_page_by_page(filled: Client) -> None:
    first = filled.get("/events?job=job:ns:b&limit=2")
    second = filled.get(f"/events?job=job:ns:b&limit=2&after={first['next']}")
    assert positions(first) + positions(second) == [2, 4, 6, 8]


def test_a_search_that_reads_too_much_hands_back_a_cursor(filled: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingest.selection.SCAN", 4)
    monkeypatch.setattr("ingest.selection.CHUNK", 2)
    page = filled.get("/events?dataset=dataset:s3://b:d:8")
    assert page == {"items": [], "next": "4"}
    page = filled.get(f"/events?dataset=dataset:s3://b:d:8&after={page['next']}")
    page = filled.get(f"/events?dataset=dataset:s3://b:d:8&after={page['next']}")
    assert (positions(page), page["next"]) == ([9], None)


def test_one_event_comes_with_its_receipt(client: Client) -> None:
    client.post("/lineage", encoded(event({"/run/facets/x": {"password": "x1"}})))
    assert client.send("GET", "/events/1").json()["receipt"] is None or client.here.catalog.position() == 1
    client.here.catch_up()
    found = client.get("/events/1")
    assert found["scrubbed"] == [{"pointer": "/run/facets/x/password", "rule": "name"}]
    assert found["event"]["run"]["facets"]["x"] == {"password": "***"}
    assert found["receipt"]["edges_added"] == 2


def test_an_odd_event_goes_out_as_it_came(client: Client) -> None:
    body = encoded(event())[:-1] + b',"z":["\\ud83d","\\u0000",' + b"1" * 30 + b"]}"
    client.post("/lineage", body)
    assert b'"z":["\\ud83d","\\u0000",' + b"1" * 30 in client.send("GET", "/events").content


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/events/1", 404),
        ("/events/9223372036854775807", 404),
        ("/events/9223372036854775808", 422),
        ("/events/0", 422),
        ("/events/x", 422),
        ("/events?after=-1", 422),
        ("/events?after=x", 422),
        ("/events?limit=0", 422),
        ("/events?limit=1001", 422),
        ("/events?nosuch=1", 422),
        ("/events?job=dataset:a:b", 422),
        ("/events?dataset=job:a:b", 422),
        ("/events?job=x", 422),
        ("/rejections?nosuch=1", 422),
        ("/rejections?after=x", 422),
    ],
)
def test_a_wrong_question_is_told_so(shared: Client, path: str, status: int) -> None:
    answer = shared.send("GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_what_was_refused_can_be_read_and_sent_again(client: Client) -> None:
    for bad in (b"{", encoded(event({"/job/name": ""}))):
        assert client.post("/lineage", bad).status_code in (400, 422)
    first = client.get("/rejections?limit=1")
    (second,) = client.get(f"/rejections?after={first['next']}")["items"]
    assert (first["items"][0]["status"], first["items"][0]["body"]) == (400, "{")
    assert second["errors"] == [{"pointer": "/job/name", "reason": "is empty"}]

    still_wrong = client.send("POST", f"/rejections/{second['id']}/replay")
    mended = client.post(f"/rejections/{second['id']}/replay", encoded(event()))

    assert (still_wrong.status_code, mended.status_code) == (422, 201)
    assert mended.json()["position"] == 1
    assert [item["replayed_position"] for item in client.get("/rejections")["items"]] == [None, 1]


def test_an_unknown_rejection_is_told_so(shared: Client) -> None:
    assert shared.send("POST", "/rejections/99/replay").status_code == 404
    assert shared.send("POST", "/rejections/x/replay").status_code == 422


@pytest.mark.parametrize("path", ["/lineage", "/lineage/batch"])
def test_nobody_gets_in_without_the_key(shared: Client, path: str) -> None:
    answer: httpx.Response = shared.post(path, encoded(event()), Authorization="Bearer wrong")
    assert answer.status_code == 401


def test_the_lean_routes_stand_in_the_document(shared: Client) -> None:
    paths = shared.app.openapi()["paths"]
    operation = paths["/api/v1/lineage"]["post"]
    assert {"201", "400", "401", "408", "413", "415", "422", "503"} <= set(operation["responses"])
    assert "oneOf" in operation["requestBody"]["content"]["application/json"]["schema"]
    assert "post" in paths["/api/v1/lineage/batch"]


def test_a_lean_route_can_not_be_declared_with_dependencies() -> None:
    with pytest.raises(ValueError, match="takes no dependencies"):
        LeanRoute("/x", lambda _: None, dependencies=[Depends(lambda: None)])
