"""Order and repetition change nothing: the catalog is a function of the set of events."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.database import open_engine, sqlite_url
from lineage.facts import Asserted, Facts, Measured, Ran, RunRef, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Origin, Transformation, dataset, field, job
from lineage.ports import Applied
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog

STATES = ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]
TABLES = [dataset("db", f"t{n}") for n in range(4)]
JOBS = [job("air", f"dag.j{n}") for n in range(2)]
DAG = job("air", "dag")


@st.composite
def an_event(draw: st.DrawFn) -> Facts:
    at_us = draw(st.integers(0, 12)) * 1_000_000
    owner = draw(st.sampled_from(JOBS))
    reads = draw(st.lists(st.sampled_from(TABLES), max_size=2, unique=True))
    writes = draw(st.lists(st.sampled_from(TABLES), max_size=2, unique=True))
    basis = draw(st.sampled_from([Basis.COLUMN, Basis.IMPLICIT_SINGLE]))
    edges = [Edge(EdgeKind.READ, one, owner, basis) for one in reads]
    edges += [Edge(EdgeKind.WROTE, owner, one, basis) for one in writes]
    known = dict.fromkeys(reads + writes, True)
    if draw(st.booleans()) and writes:
        origin = draw(st.sampled_from(TABLES))
        known.setdefault(origin, False)
        step = Transformation("DIRECT", draw(st.sampled_from(["IDENTITY", "AGGREGATION"])))
        ends = field("db", origin.name, "a"), field("db", writes[0].name, "b")
        edges.append(Edge(EdgeKind.DERIVED, *ends, Basis.COLUMN, step))
        edges.append(Edge(EdgeKind.READ, origin, owner, Basis.COLUMN))
    facet = draw(st.sampled_from(["x", "y"]))
    described = [describe(one, {"ownership": {"owners": [{"name": facet}]}}, known=seen) for one, seen in known.items()]
    described += [
        describe(owner, {"documentation": {"description": facet}, "parent": {"namespace": "air", "name": "dag"}}),
        describe(DAG),
    ]
    if draw(st.integers(0, 9)) == 0:
        return Facts(at_us, Origin.DECLARED, owner, tuple(described), edge_set(edges))
    run = Ran(
        str(uuid.UUID(int=draw(st.integers(1, 3)))),
        owner,
        draw(st.sampled_from(STATES)),
        parent=draw(st.sampled_from([None, RunRef("p1", DAG), RunRef("p2", DAG)])),
        error=draw(st.sampled_from([None, "boom", "bang"])),
        sibling=draw(st.sampled_from(["", "", "s"])),
        incomplete=draw(st.integers(0, 5)) == 0,
    )
    measured = tuple(
        Measured(one, "output", {"outputStatistics": {"rowCount": draw(st.integers(0, 3))}}) for one in writes
    )
    asserted = tuple(Asserted(one, "not_null", "a", draw(st.booleans()), None, {}) for one in reads)
    return Facts(at_us, Origin.OBSERVED, owner, tuple(described), edge_set(edges), run, measured, asserted)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def state_after(catalog: SqlCatalog, events: list[Facts], batch: int, *, restart: bool = False) -> list[str]:
    catalog.reset()
    applied = [Applied(n, event) for n, event in enumerate(events, start=1)]
    for start in range(0, len(applied), batch):
        writer = SqlCatalog(catalog.engine) if restart else catalog
        writer.apply(applied[start : start + batch])
    return [orjson.dumps(line, option=orjson.OPT_SORT_KEYS).decode() for line in catalog.export()]


@given(
    events=st.lists(an_event(), min_size=1, max_size=8),
    seed=st.integers(0, 10_000),
    batch=st.integers(1, 8),
    repeats=st.integers(0, 3),
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_any_repetition_any_batching_ends_in_one_state(
    catalog: SqlCatalog, events: list[Facts], seed: int, batch: int, repeats: int
) -> None:
    shuffled = events + random.Random(seed).choices(events, k=repeats)
    random.Random(seed).shuffle(shuffled)
    in_time = sorted(events, key=lambda event: event.at_us)
    assert state_after(catalog, shuffled, batch) == state_after(catalog, in_time, 1)


@given(events=st.lists(an_event(), min_size=1, max_size=8), batch=st.integers(1, 3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_writer_that_starts_again_before_every_batch_ends_in_the_same_state(
    catalog: SqlCatalog, events: list[Facts], batch: int
) -> None:
    assert state_after(catalog, events, batch, restart=True) == state_after(catalog, events, 100)


def test_an_export_holds_no_position_and_no_arrival(catalog: SqlCatalog) -> None:
    started = Ran(str(uuid.UUID(int=1)), JOBS[0], "START")
    event = Facts(1_000_000, Origin.OBSERVED, JOBS[0], (describe(JOBS[0]),), edge_set([]), started)
    assert state_after(catalog, [event] * 3, 1) == state_after(catalog, [event], 1)
