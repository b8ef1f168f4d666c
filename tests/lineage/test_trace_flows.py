"""What goes into one output of a job leads to no other; and a job is one node whatever stands for it in the graph."""

from __future__ import annotations

from typing import Any

import pytest

from lineage.model import Basis, Direction, EdgeKind, Granularity, dataset, job
from lineage.ports import Control
from lineage.traces import Trace, trace
from tests.lineage.fake_catalog import FakeCatalog

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM
A, B, C, D = (f"dataset:db:{name}" for name in "ABCD")
J = "job:etl:J"


@pytest.fixture
def catalog() -> FakeCatalog:
    """A -> J -> C and B -> J -> D: one job, two outputs, each with a source of its own."""
    made = FakeCatalog()
    a, b, c, d = (made.node(dataset("db", name)) for name in "ABCD")
    both = made.node(job("etl", "J"))
    for source, target in ((a, c), (b, d)):
        flow = made.flow(both, target)
        made.edge(EdgeKind.READ, source, flow, both)
        made.edge(EdgeKind.WROTE, flow, target, both)
    return made


def asked(catalog: FakeCatalog, root: str, **question: Any) -> Trace:
    return trace(catalog, catalog.store(), root, **question)


def distances(found: Trace) -> dict[str, int]:
    return {row["id"]: row["distance"] for row in found.nodes}


def pairs(found: Trace) -> list[tuple[str, str]]:
    return [(row["source"], row["target"]) for row in found.edges]


def test_downstream_of_an_input_lies_only_the_output_it_goes_into(catalog: FakeCatalog) -> None:
    found = asked(catalog, A, direction=DOWN)

    assert distances(found) == {A: 0, J: 1, C: 2}
    assert pairs(found) == [(A, J), (J, C)]
    assert found.totals == {"datasets": 2, "jobs": 1, "fields": 0, "dags": 0}


def test_upstream_of_an_output_lies_only_what_goes_into_it(catalog: FakeCatalog) -> None:
    assert distances(asked(catalog, D, direction=UP)) == {D: 0, J: 1, B: 2}


def test_datasets_are_joined_at_the_flow(catalog: FakeCatalog) -> None:
    found = asked(catalog, A, direction=DOWN, granularity=Granularity.DATASET)

    assert pairs(found) == [(A, C)]
    assert found.edges[0]["jobs"] == [J]


@pytest.mark.parametrize("granularity", [Granularity.JOB, Granularity.DATASET])
def test_a_job_asked_for_has_all_that_goes_in_and_comes_out(catalog: FakeCatalog, granularity: Granularity) -> None:
    found = asked(catalog, J, granularity=granularity)

    assert distances(found) == {J: 0, A: 1, B: 1, C: 1, D: 1}
    assert pairs(found) == [(A, J), (B, J), (J, C), (J, D)]


def test_what_several_flows_read_is_one_edge_as_good_as_the_best_of_them(catalog: FakeCatalog) -> None:
    catalog.edge(EdgeKind.READ, 1, 7, 5, basis=Basis.EXPLICIT, seen=(5, 9_000_000, 7))

    found = asked(catalog, A, direction=DOWN)

    assert distances(found) == {A: 0, J: 1, C: 2, D: 2}
    assert [(row["basis"], row["runs_seen"]) for row in found.edges if row["target"] == J] == [("explicit", 7)]


def test_a_job_met_again_through_another_flow_keeps_its_least_distance(catalog: FakeCatalog) -> None:
    catalog.edge(EdgeKind.READ, 3, 7, 5)  # C goes into D, by the same job

    found = asked(catalog, A, direction=DOWN)

    assert distances(found) == {A: 0, J: 1, C: 2, D: 4}


def test_a_dag_is_traced_from_the_tasks_within_it() -> None:
    catalog = FakeCatalog()
    raw, mart, other = (catalog.node(dataset("db", name)) for name in ("raw", "mart", "other"))
    dag = catalog.node(job("af", "dag"))
    group = catalog.node(job("af", "dag.group"), parent=dag)
    load, build = (catalog.node(job("af", f"dag.group.{name}"), parent=group) for name in ("load", "build"))
    alien = catalog.node(job("af", "alien"))
    catalog.read(raw, load)
    catalog.wrote(build, mart)
    catalog.wrote(alien, other)

    found = asked(catalog, "job:af:dag")
    between = asked(catalog, "job:af:dag", granularity=Granularity.DATASET)

    tasks = {"job:af:dag": 0, "job:af:dag.group": 0, "job:af:dag.group.load": 0, "job:af:dag.group.build": 0}
    assert distances(found) == tasks | {"dataset:db:raw": 1, "dataset:db:mart": 1}
    assert found.totals["dags"] == 1
    assert distances(between) == {"job:af:dag": 0, "dataset:db:raw": 1, "dataset:db:mart": 1}
    assert pairs(between) == [("dataset:db:raw", "job:af:dag"), ("job:af:dag", "dataset:db:mart")]
    assert between.totals["dags"] == 1


def test_a_dataset_that_was_joined_just_now_is_named_as_what_stands_for_it(catalog: FakeCatalog) -> None:
    catalog.same[3] = catalog.node(dataset("db", "merged"))

    found = asked(catalog, A, direction=DOWN)

    assert distances(found) == {A: 0, J: 1, "dataset:db:merged": 2}


def test_control_edges_join_jobs_of_the_answer_and_lead_nowhere(catalog: FakeCatalog) -> None:
    before, outside = catalog.node(job("etl", "before")), catalog.node(job("etl", "outside"))
    catalog.wrote(before, 1)
    catalog.waits += [Control(before, 5, "ALL_DONE", 1, 2), Control(5, outside, "", 1, 2)]

    found = asked(catalog, A, controls=True)

    assert "job:etl:outside" not in distances(found)
    assert [row for row in found.edges if row["kind"] == "control"] == [
        {
            "source": "job:etl:before",
            "target": J,
            "kind": "control",
            "origin": "observed",
            "basis": "explicit",
            "first_seen": "1970-01-01T00:00:00.000001Z",
            "last_seen": "1970-01-01T00:00:00.000002Z",
            "runs_seen": 0,
            "rule": "ALL_DONE",
        }
    ]
    assert found.head()["trust"]["edges"] == 3
