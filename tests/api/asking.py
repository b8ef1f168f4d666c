"""What tests of the doors ask with, and what they check of every refusal."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
from starlette.testclient import TestClient

KEY = "hw_test-key-0123456789"
RUN = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"


def event(
    job: str,
    reads: tuple[str, ...] = (),
    writes: tuple[str, ...] = (),
    *,
    at: str = "2026-05-01T12:00:00Z",
    columns: dict[str, list[tuple[str, str]]] | None = None,
    facets: dict[str, Any] | None = None,
    job_facets: dict[str, Any] | None = None,
    run_id: str | None = None,
    event_type: str = "COMPLETE",
) -> dict[str, Any]:
    """A RunEvent. columns: column of every output to (dataset, column) pairs that it came from."""
    made = {"_producer": "https://example.org/test", "_schemaURL": "https://example.org/facet"}
    lineage = {
        out: {"inputFields": [{"namespace": "db", "name": name, "field": column} for name, column in sources]}
        for out, sources in (columns or {}).items()
    }
    schema = {**made, "fields": [{"name": out, "type": "text"} for out in lineage]}
    output_facets = {"columnLineage": {**made, "fields": lineage}, "schema": schema} if lineage else {}
    stamped = {key: {**made, **content} for key, content in (facets or {}).items()}
    return {
        "eventType": event_type,
        "eventTime": at,
        "producer": "https://example.org/test",
        "schemaURL": RUN,
        "run": {"runId": run_id or str(uuid.uuid4()), "facets": {}},
        "job": {
            "namespace": "etl",
            "name": job,
            "facets": {key: {**made, **content} for key, content in (job_facets or {}).items()},
        },
        "inputs": [{"namespace": "db", "name": name, "facets": {}} for name in reads],
        "outputs": [{"namespace": "db", "name": name, "facets": {**output_facets, **stamped}} for name in writes],
    }


def sent(client: TestClient | httpx.Client, *events: dict[str, Any]) -> int:
    """Posts events; the position of the last."""
    position = 0
    for one in events:
        answer = client.post("/api/v1/lineage", json=one)
        assert answer.status_code == 201, answer.text
        position = answer.json()["position"]
    return position


def is_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The document of a refusal."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = answer.json()
    assert document["status"] == status
    assert document.keys() >= {"type", "title", "status", "detail"}
    return document
