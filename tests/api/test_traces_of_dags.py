"""Traces of whole DAGs, flows, trust, age and control, from events to answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import open_headwater
from tests.api.asking import KEY, event, is_problem, sent

TRACE = "/api/v1/trace"
NIGHT = "2026-05-01T01:00:00Z"


def task(name: str, dag: str, reads: tuple[str, ...], writes: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """An event of a task that names its DAG as its parent."""
    made = event(f"{dag}.{name}", reads, writes, at=NIGHT, **more)
    parent = {"run": {"runId": made["run"]["runId"]}, "job": {"namespace": "etl", "name": dag}}
    stamp = {"_producer": "https://example.org/test", "_schemaURL": "https://example.org/facet"}
    made["run"]["facets"]["parent"] = {**stamp, **parent}
    return made


@pytest.fixture(scope="module", autouse=True)
def pipelines(client: TestClient) -> int:
    """landing: load -> clean, then marts: build, which waits for clean."""
    build = task("build", "marts", ("clean",), ("mart",))
    build["run"]["facets"]["jobDependencies"] = {
        "_producer": "https://example.org/test",
        "_schemaURL": "https://example.org/facet",
        "trigger_rule": "all_success",
        "upstream": [{"job": {"namespace": "etl", "name": "landing.clean"}}],
    }
    return sent(
        client,
        task("load", "landing", ("raw",), ("loaded",)),
        task("clean", "landing", ("loaded",), ("clean",)),
        build,
    )


def asked(client: TestClient, node: str, **query: Any) -> dict[str, Any]:
    answer = client.get(TRACE, params={"node": node, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_dags_are_joined_by_what_lies_between_them(client: TestClient) -> None:
    found = asked(client, "job:etl:landing", granularity="dag", direction="downstream")

    assert {row["id"]: row["distance"] for row in found["nodes"]} == {"job:etl:landing": 0, "job:etl:marts": 1}
    assert [(row["kind"], row["through"], row["through_total"]) for row in found["edges"]] == [
        ("feeds", ["dataset:db:clean"], 1)
    ]
    assert found["trust"]["edges"] == 1


def test_a_dag_is_traced_from_the_tasks_within_it(client: TestClient) -> None:
    found = asked(client, "job:etl:landing", direction="downstream", depth=1)

    near = {row["id"] for row in found["nodes"] if row["distance"] == 0}
    assert near == {"job:etl:landing", "job:etl:landing.load", "job:etl:landing.clean"}
    assert {row["id"] for row in found["nodes"]} - near == {"dataset:db:loaded", "dataset:db:clean"}


def test_what_goes_into_one_output_reaches_no_other(client: TestClient) -> None:
    lineage = {"columnLineage": {"fields": {"c": {"inputFields": [{"namespace": "db", "name": "A", "field": "a"}]}}}}
    other = {"columnLineage": {"fields": {"d": {"inputFields": [{"namespace": "db", "name": "B", "field": "b"}]}}}}
    two = event("two", ("A", "B"), ("C", "D"))
    stamp = {"_producer": "https://example.org/test", "_schemaURL": "https://example.org/facet"}
    for output, facet in zip(two["outputs"], (lineage, other), strict=True):
        output["facets"] = {"columnLineage": {**stamp, **facet["columnLineage"]}}
    sent(client, two)

    down = asked(client, "dataset:db:A", direction="downstream")
    up = asked(client, "dataset:db:D", direction="upstream")
    whole = asked(client, "job:etl:two")

    assert [row["id"] for row in down["nodes"]] == ["dataset:db:A", "job:etl:two", "dataset:db:C"]
    assert [row["id"] for row in up["nodes"]] == ["dataset:db:D", "job:etl:two", "dataset:db:B"]
    assert len(whole["nodes"]) == 5


def test_jobs_that_wait_are_shown_when_asked_for(client: TestClient) -> None:
    plain = asked(client, "dataset:db:clean")
    found = asked(client, "dataset:db:clean", include="control")
    job = client.get("/api/v1/jobs/one", params={"node": "job:etl:marts.build"}).json()
    other = client.get("/api/v1/jobs/one", params={"node": "job:etl:landing.clean"}).json()

    assert "control" not in {row["kind"] for row in plain["edges"]}
    assert [(row["source"], row["target"], row["rule"]) for row in found["edges"] if row["kind"] == "control"] == [
        ("job:etl:landing.clean", "job:etl:marts.build", "ALL_SUCCESS")
    ]
    assert [row["job"] for row in job["waits_for"]] == ["job:etl:landing.clean"]
    assert (job["awaited_by"], [row["job"] for row in other["awaited_by"]]) == ([], ["job:etl:marts.build"])


def test_what_may_be_included_is_named_when_it_is_wrong(client: TestClient) -> None:
    problem = is_problem(client.get(TRACE, params={"node": "dataset:db:raw", "include": "details,all"}), 422)
    assert problem["errors"][0]["pointer"] == "/query/include"


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(data=tmp_path, admin_key=KEY, stale_after_days=1, gone_after_days=10)  # type: ignore[arg-type]
    with open_headwater(settings, projector="inline") as here, TestClient(create_app(here)) as found:
        found.headers["Authorization"] = f"Bearer {KEY}"
        yield found


def test_edges_grow_stale_and_go_seen_from_the_time_asked_about(forgetful: TestClient) -> None:
    sent(forgetful, task("load", "landing", ("raw",), ("loaded",)))

    ages = {day: asked(forgetful, "dataset:db:raw", as_of=f"2026-05-{day}T01:00:00Z") for day in ("01", "05", "20")}

    assert [[row.get("stale", False) for row in found["edges"]] for found in ages.values()] == [
        [False, False],
        [True, True],
        [],
    ]
    assert [row["id"] for row in ages["20"]["nodes"]] == ["dataset:db:raw"]


def test_jobs_that_are_each_others_parents_end(client: TestClient) -> None:
    sent(client, task("egg", "hen", ("grain",), ("chick",)))
    circle = task("", "hen.egg", (), ())
    circle["job"]["name"] = "hen"
    sent(client, circle)

    found = asked(client, "job:etl:hen", direction="upstream")
    whole = asked(client, "job:etl:hen", granularity="dag")

    assert {row["id"] for row in found["nodes"]} == {"job:etl:hen", "job:etl:hen.egg", "dataset:db:grain"}
    assert whole["root"] == "job:etl:hen"
