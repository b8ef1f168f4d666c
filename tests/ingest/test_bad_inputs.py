"""Every bad input that comes in by HTTP is answered as bad_inputs.json says, and leaves a server that works."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ingest.bad_inputs import CASES, body_of, event
from tests.ingest.conftest import Client

PATHS = {"ingest.lineage": "/lineage", "ingest.sql": "/lineage", "ingest.batch": "/lineage/batch"}
TOLD = [case for case in CASES if case["path_kind"] in PATHS and body_of(case) is not None]


def sent(case: dict[str, Any]) -> bytes:
    body = body_of(case)
    assert body is not None
    if case["path_kind"] == "ingest.sql":
        sql = {"_producer": "http://x", "_schemaURL": "http://x", "query": body.decode()}
        return json.dumps(event({"/job/facets/sql": sql})).encode()
    return body


def is_as_expected(status: int, expected: str) -> bool:
    return str(status) == expected or (expected in ("2xx", "4xx") and str(status)[0] == expected[0])


@pytest.mark.parametrize("case", TOLD, ids=[case["id"] for case in TOLD])
def test_a_bad_input_is_answered_as_it_should_be(shared: Client, case: dict[str, Any]) -> None:
    before = shared.here.journal.head()

    answer = shared.post(PATHS[case["path_kind"]], sent(case), **case.get("headers", {}))

    assert is_as_expected(answer.status_code, case["expect"]), answer.text[:500]
    refused = answer.status_code >= 400
    assert (answer.headers["content-type"] == "application/problem+json") == refused
    assert not (refused and shared.here.journal.head() > before)
    shared.here.catch_up()
    assert shared.here.catalog.position() == shared.here.journal.head()
    assert shared.post("/lineage", json.dumps(event()).encode()).status_code == 201


def test_what_was_kept_of_bad_inputs_can_be_read(shared: Client) -> None:
    assert len(shared.get("/events?limit=1000")["items"]) == shared.here.journal.head()
    assert all(item["detail"] for item in shared.get("/rejections?limit=1000")["items"])


def accepted(client: Client, *events: dict[str, Any]) -> list[dict[str, Any]]:
    answers = [client.post("/lineage", json.dumps(one).encode()) for one in events]
    assert [answer.status_code for answer in answers] == [201] * len(events)
    client.here.catch_up()
    return [answer.json() for answer in answers]


def dataset(name: str, facets: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"namespace": "n", "name": name, "facets": facets or {}}


def facet(**members: Any) -> dict[str, Any]:
    return {"_producer": "http://x", "_schemaURL": "http://x", **members}


def test_column_lineage_of_four_million_fields_is_refused(client: Client) -> None:
    origin = {"namespace": "n", "name": "d", "field": "f"}
    fields = {f"c{n}": {"inputFields": [origin] * 200} for n in range(1001)}
    body = event({"/outputs/0/facets": {"columnLineage": facet(fields=fields)}})

    answer = client.post("/lineage", json.dumps(body).encode())

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/outputs/0/facets/columnLineage"


def test_a_cycle_of_three_is_taken_in(client: Client) -> None:
    legs = [("a", "b"), ("b", "c"), ("c", "a")]
    accepted(
        client,
        *(event({"/job/name": x + y, "/inputs": [dataset(x)], "/outputs": [dataset(y)]}) for x, y in legs),
    )


def test_a_run_may_name_itself_as_parent(client: Client) -> None:
    base = event()
    parent = facet(run={"runId": base["run"]["runId"]}, job={"namespace": "ns", "name": "base_job"})
    accepted(client, event({"/run/facets/parent": parent}))


def test_symlinks_may_form_a_circle(client: Client) -> None:
    def linked(name: str, other: str) -> dict[str, Any]:
        link = facet(identifiers=[{"namespace": "n", "name": other, "type": "TABLE"}])
        return event({"/job/name": name, "/outputs": [dataset(name, {"symlinks": link})]})

    accepted(client, linked("a", "b"), linked("b", "a"))


def test_the_same_body_twice_has_one_position(client: Client) -> None:
    first, second = accepted(client, event(), event())
    assert (first["position"], first["duplicate"]) == (1, False)
    assert (second["position"], second["duplicate"]) == (1, True)


def test_the_same_event_written_otherwise_has_one_position(client: Client) -> None:
    other = json.dumps(event(), sort_keys=True, indent=3, ensure_ascii=True).replace("base_job", "base\\u005fjob")
    accepted(client, event())
    assert client.post("/lineage", other.encode()).json() == {"position": 1, "duplicate": True, "scrubbed": []}


def test_one_run_id_of_two_jobs_keeps_both(client: Client) -> None:
    answers = accepted(client, event(), event({"/job/name": "other"}))
    assert [answer["position"] for answer in answers] == [1, 2]


def test_two_events_at_the_same_moment_are_two(client: Client) -> None:
    answers = accepted(client, event({"/eventType": "START"}), event({"/eventType": "COMPLETE"}))
    assert [answer["position"] for answer in answers] == [1, 2]


def test_a_batch_with_the_same_event_twice_stores_it_once(client: Client) -> None:
    answer = client.post("/lineage/batch", json.dumps([event(), event()]).encode())
    assert answer.status_code == 200
    assert answer.json()["summary"]["successful"] == 2
    assert client.here.journal.head() == 1
