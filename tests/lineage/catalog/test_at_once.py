"""Many questions to the catalog in one transaction: one state, while events go on coming."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event

from lineage.database import open_engine, sqlite_url
from lineage.errors import UnknownNode
from lineage.facts import Facts, Ran, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Granularity, Layer, Origin, dataset, job
from lineage.ports import Applied
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog
from lineage.stores.embedded import EmbeddedStore
from lineage.stores.history import SqlHistory
from lineage.traces import trace

JOB = job("air", "dag.task")
A, OUT, LATER = (dataset("db", name) for name in ("a", "out", "later"))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    t.metadata.create_all(engine)
    known = SqlCatalog(engine)
    known.apply([Applied(1, shown(1))])
    yield known
    engine.dispose()


def shown(at_us: int, *more: Edge) -> Facts:
    """A run that reads A and writes OUT, with more edges."""
    edges = [Edge(EdgeKind.READ, A, JOB, Basis.COLUMN), Edge(EdgeKind.WROTE, JOB, OUT, Basis.COLUMN), *more]
    ends = dict.fromkeys(end for edge in edges for end in (edge.source, edge.target))
    run = Ran(f"00000000-0000-0000-0000-{at_us:012}", JOB, "COMPLETE")
    return Facts(at_us, Origin.OBSERVED, JOB, tuple(describe(end) for end in ends), edge_set(edges), run)


def loaded(catalog: SqlCatalog) -> EmbeddedStore:
    store = EmbeddedStore()
    with closing(catalog.snapshot()) as snapshot:
        store.load(snapshot)
    return store


def test_a_state_that_is_held_stays_while_an_event_is_applied(catalog: SqlCatalog) -> None:
    with catalog.at_once() as held:
        before = held.position(), held.mark()
        catalog.apply([Applied(2, shown(2, Edge(EdgeKind.WROTE, JOB, LATER, Basis.COLUMN)))])

        assert (held.position(), held.mark()) == before
        with pytest.raises(UnknownNode):
            held.find(LATER)

    assert catalog.position() == 2
    assert catalog.find(LATER)[0] == LATER


def test_a_state_as_of_a_time_is_held_in_the_same_way(catalog: SqlCatalog) -> None:
    past, _ = SqlHistory(catalog).at(loaded(catalog), 10, None)
    with past.at_once() as held:
        assert held.position() == 1
        catalog.apply([Applied(2, shown(2, Edge(EdgeKind.WROTE, JOB, LATER, Basis.COLUMN)))])

        assert held.position() == 1
        with pytest.raises(UnknownNode):
            held.find(LATER)

    assert past.find(LATER)[0] == LATER


@pytest.mark.parametrize("granularity", [Granularity.JOB, Granularity.DATASET])
def test_a_trace_takes_two_transactions_of_the_catalog(catalog: SqlCatalog, granularity: Granularity) -> None:
    store = loaded(catalog)
    begun: list[object] = []
    event.listen(catalog.engine, "begin", begun.append)

    found = trace(catalog, store, A, granularity=granularity)

    assert [row["name"] for row in found.nodes if row["kind"] == "dataset"] == ["a", "out"]
    assert len(begun) == 2


def test_an_edge_that_the_catalog_never_gave_is_no_edge(catalog: SqlCatalog) -> None:
    with pytest.raises(KeyError):
        catalog.edge_facts([1, 999])


def test_facts_of_edges_come_in_the_order_asked_for_however_often(catalog: SqlCatalog) -> None:
    known = catalog.edge_facts([2, 1, 2])

    assert known.kinds.tolist()[0] == known.kinds.tolist()[2] != known.kinds.tolist()[1]
    assert known.runs_seen.tolist() == [1, 1, 1]
    assert known.last_seen.tolist() == known.first_seen.tolist() == [1, 1, 1]
    assert len(catalog.edge_facts([]).owners) == 0


def test_what_a_job_and_its_flows_are_shown_as_is_the_job(catalog: SqlCatalog) -> None:
    node, number = catalog.find(JOB)
    ids = catalog.roots(node, number)
    names = catalog.names(Layer.JOB, ids)

    assert catalog.parents(ids) == (names.stands, names.parents)
    assert set(names.stands) == {number}
