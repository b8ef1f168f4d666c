"""What was known at a position is what a catalog would know that never heard of anything later."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.database import open_engine, sqlite_url
from lineage.errors import UnknownNode
from lineage.facts import Facts
from lineage.following import Follower
from lineage.model import Granularity, Kind, Node, field
from lineage.ports import Applied, Catalog, GraphStore, Walk
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from lineage.stores.history import SqlHistory
from lineage.stores.memory import MemoryStore
from lineage.stores.past_entities import NOW_ONLY
from lineage.traces import trace
from tests.lineage.catalog.namings import table
from tests.lineage.past_events import JOBS, SECOND, TABLES, events, moments, namings


@pytest.fixture(scope="module")
def catalogs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[SqlCatalog, SqlCatalog]]:
    """One that knows all, and one that knows only the beginning."""
    engines = []
    for name in ("all", "beginning"):
        engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / f"{name}.db"), durable=False)
        tables.metadata.create_all(engine)
        engines.append(engine)
    yield SqlCatalog(engines[0]), SqlCatalog(engines[1])
    for engine in engines:
        engine.dispose()


def filled(catalog: SqlCatalog, told: list[Facts]) -> MemoryStore:
    catalog.reset()
    catalog.apply([Applied(n, facts) for n, facts in enumerate(told, start=1)])
    store = MemoryStore()
    Follower(catalog, store).catch_up()
    return store


def answer(catalog: Catalog, store: GraphStore, node: Node, granularity: Granularity, as_of: int | None) -> Any:
    try:
        found = trace(
            catalog, store, node, depth=3, granularity=granularity, walk=Walk(as_of_us=as_of), details=as_of is None
        ).document()
    except UnknownNode:
        return "unknown"
    return found


nodes = st.sampled_from([*TABLES, *JOBS, *(field("db", table.name, "a") for table in TABLES)])


@given(
    told=events,
    at=st.integers(0, 8),
    node=nodes,
    granularity=st.sampled_from([Granularity.DATASET, Granularity.JOB, Granularity.FIELD]),
    as_of=st.none() | moments,
)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_trace_as_known_at_a_position_is_that_of_a_catalog_fed_until_there(
    catalogs: tuple[SqlCatalog, SqlCatalog],
    told: list[Facts],
    at: int,
    node: Node,
    granularity: Granularity,
    as_of: int | None,
) -> None:
    every, beginning = catalogs
    position = min(at, len(told))
    present = filled(every, told)
    known = answer(*SqlHistory(every).at(present, as_of, position), node, granularity, as_of)
    store = filled(beginning, told[:position])
    assert known == answer(beginning, store, node, granularity, as_of)


def entity(catalog: Catalog, node: Node) -> Any:
    try:
        found = catalog.dataset(node) if node.kind is Kind.DATASET else catalog.job(node)
    except UnknownNode:
        return "unknown"
    # Of a run, only the newest measurement is kept; how steady inputs are is told of now only.
    return {key: value for key, value in found.items() if key not in ("statistics", *NOW_ONLY)}


@given(told=events, at=st.integers(0, 8), node=st.sampled_from([*TABLES, *JOBS]))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_dataset_or_job_as_known_at_a_position_is_that_of_a_catalog_fed_until_there(
    catalogs: tuple[SqlCatalog, SqlCatalog], told: list[Facts], at: int, node: Node
) -> None:
    every, beginning = catalogs
    position = min(at, len(told))
    known, _ = SqlHistory(every).at(filled(every, told), None, position)
    filled(beginning, told[:position])
    assert entity(known, node) == entity(beginning, node)


def shape(found: Any) -> Any:
    """Nodes, and edges by their ends."""
    if found == "unknown":
        return found
    edges = [(row["source"], row["target"], row["kind"], row["basis"], row["first_seen"]) for row in found["edges"]]
    return [(row["id"], row["distance"]) for row in found["nodes"]], edges


@given(told=namings, name=st.sampled_from("abc"), granularity=st.sampled_from([Granularity.JOB, Granularity.FIELD]))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_trace_as_known_after_the_last_event_is_the_present_one_whatever_became_of_names(
    catalogs: tuple[SqlCatalog, SqlCatalog], told: list[Facts], name: str, granularity: Granularity
) -> None:
    catalog, _ = catalogs
    present = filled(catalog, told)
    known = SqlHistory(catalog).at(present, None, len(told))
    now = answer(catalog, present, table(name), granularity, 100 * SECOND)
    assert shape(answer(*known, table(name), granularity, 100 * SECOND)) == shape(now)
