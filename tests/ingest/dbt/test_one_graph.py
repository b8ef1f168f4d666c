"""Artifacts, dbt-ol's events and Airflow's events of one project: the same nodes, the same edges, no doubles."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

import pytest

from api.wiring import Headwater
from ingest.dbt.reading import reading
from ingest.openlineage.facts import Reader
from ingest.openlineage.parse import event_of
from lineage.facts import Facts
from lineage.model import EdgeKind
from tests.golden.rendering import HERE as GOLDEN
from tests.golden.rendering import RECEIVED_US, facts_of
from tests.ingest.conftest import Client
from tests.ingest.dbt.making import DUCKDB, JOBS, POSTGRES, recorded

DEPENDS_ON: dict[str, dict[str, list[str]]] = json.loads((GOLDEN / "dbt_dependencies.json").read_text())
EPHEMERAL = ("int_order_amounts", "int_store_country")
TARGETS = [("postgres", POSTGRES, "dbt_postgres_run"), ("duckdb", DUCKDB, "dbt_duckdb_run")]

Pairs = set[tuple[str, str]]


def facts_of_artifacts(target: str, namespace: str, runs: str = "run") -> list[Facts]:
    reader = Reader()
    found = [reader.facts(event, RECEIVED_US) for event in reading(recorded(target, runs), namespace, JOBS).events()]
    return [one for one in found if one is not None]


def edges(every: Iterable[Facts], kind: EdgeKind, ended: bool = True) -> Pairs:
    """Ends of the edges that successful runs of models show; ephemeral models left out, which are no datasets."""
    found: Pairs = set()
    for facts in every:
        if facts.run is None or facts.run.event_type != "COMPLETE" or facts.run.job.name.endswith(".test"):
            continue
        for edge in facts.edges.edges:
            if edge.kind is kind and not edge.source.name.endswith(EPHEMERAL):
                found.add((edge.source.id, edge.target.id))
    return found


@pytest.mark.parametrize(("target", "namespace", "recording"), TARGETS)
def test_artifacts_and_dbt_ol_write_the_same_tables_by_the_same_jobs(
    target: str, namespace: str, recording: str
) -> None:
    ours, theirs = facts_of_artifacts(target, namespace), list(facts_of(recording))

    assert edges(ours, EdgeKind.WROTE) == edges(theirs, EdgeKind.WROTE)


@pytest.mark.parametrize(("target", "namespace", "recording"), TARGETS)
def test_artifacts_know_all_that_dbt_ol_reads(target: str, namespace: str, recording: str) -> None:
    """What else dbt-ol names are ephemeral models and CTEs, which are no tables."""
    ours = edges(facts_of_artifacts(target, namespace), EdgeKind.READ)
    known = {ours_source for ours_source, _ in ours}
    theirs = {(source, job) for source, job in edges(facts_of(recording), EdgeKind.READ) if source in known}

    assert theirs <= ours


@pytest.mark.parametrize(("target", "namespace", "recording"), TARGETS)
def test_artifacts_have_the_dependencies_of_the_manifest(target: str, namespace: str, recording: str) -> None:
    expected = {name: seen_through(DEPENDS_ON[target], name) for name in DEPENDS_ON[target]}
    found: dict[str, set[str]] = {}
    for source, job in edges(facts_of_artifacts(target, namespace), EdgeKind.READ):
        found.setdefault(job, set()).add(source.removeprefix(f"dataset:{namespace}:"))
    for table, job in {(b, a) for a, b in edges(facts_of_artifacts(target, namespace), EdgeKind.WROTE)}:
        name = table.removeprefix(f"dataset:{namespace}:")
        if name in expected:
            assert found.get(job, set()) == expected[name], name


def seen_through(depends: dict[str, list[str]], name: str) -> set[str]:
    found: set[str] = set()
    for source in depends.get(name, ()):
        found |= seen_through(depends, source) if source.endswith(EPHEMERAL) else {source}
    return found


def lines(recording: str) -> list[dict[str, Any]]:
    text = gzip.decompress((GOLDEN / "recordings" / f"{recording}.ndjson.gz").read_bytes())
    return [event_of(line) for line in text.splitlines()]


def taken(client: Client, events: Iterable[dict[str, Any]]) -> None:
    answer = client.post("/lineage/batch", json.dumps(list(events)).encode())
    assert answer.json()["summary"]["failed"] == 0, answer.text


def jobs_of(client: Client) -> set[str]:
    return {one["name"] for one in client.get("/jobs?limit=1000")["items"] if one["namespace"] == JOBS}


def test_the_three_end_in_one_graph(client: Client, here: Headwater) -> None:
    """From a table that Airflow fills, through a model, whoever told of the model first."""
    taken(client, lines("airflow_scheduler_vanilla"))
    taken(client, lines("dbt_postgres_run"))
    by_dbt_ol = jobs_of(client)
    taken(client, reading(recorded("postgres", "run"), POSTGRES, JOBS).events())
    own = jobs_of(client) - by_dbt_ol
    node = f"dataset:{POSTGRES}:warehouse.analytics_marts.wh_customer_value"
    nodes = client.get(f"/trace?node={node}&direction=upstream")["nodes"]

    assert {name.partition(".")[0] for name in own} == {"warehouse", "exposure"}  # seeds, a snapshot, exposures
    names = [one["name"] for one in nodes]
    assert "warehouse.analytics_marts.shop.wh_customer_value" in names
    assert [name for name in names if name.startswith("ingest_orders")]
    assert names.count("warehouse.core.fct_orders") == 1
