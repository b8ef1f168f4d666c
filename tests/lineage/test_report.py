"""The lineage report against brute force on random graphs, and what its words mean."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.model import Basis, EdgeKind, dataset, job
from lineage.ports import Inventory, Walk
from lineage.report import report
from tests.lineage.flowing import Flowing
from tests.lineage.test_paths import catalogs, flowing, text

Found = dict[str, Any]


@dataclass
class Listing(Flowing):
    """A catalog that lists all its nodes. namespaces: in an order of its own, as ids of namespaces have."""

    spaces: list[str] = field(default_factory=lambda: ["etl", "db", "lake"])

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        ids = [number for number in self.nodes if self.job_of(number) == number]
        return Inventory(
            ids=np.array(ids, np.int64),
            kinds=np.array([self.nodes[number].kind for number in ids], np.int8),
            fields=np.array(list(self.fields), np.int64),
            spaces=np.array([self.spaces.index(self._field(number).namespace) for number in self.fields], np.int64),
            namespaces=self.spaces,
        )


def told(catalog: Flowing, **options: Any) -> Found:
    listing = Listing(nodes=catalog.nodes, fields=catalog.fields, rows=catalog.rows, seen=catalog.seen)
    return report(listing, listing.store(), **options).document()  # type: ignore[arg-type]


# ------------------------------------------------------------------ examples


def test_the_summary_counts_what_is_listed_and_what_connects_it() -> None:
    catalog = flowing("a>j1", "j1>b", "b>j2")
    catalog.node(dataset("db", "alone"))
    catalog.node(job("etl", "dag"))
    catalog.column(1, "id")

    assert told(catalog)["summary"] == {
        "nodes": 6,
        "edges": 3,
        "datasets": 3,
        "jobs": 3,
        "transformations": 2,
        "fields": 1,
        "average_connections_per_node": 0.5,
    }


def test_nodes_that_more_than_five_depend_on_are_critical_the_widest_first() -> None:
    readers = {"a": 6, "b": 5, "c": 8, "d": 6}
    catalog = flowing(*(f"{name}>j{name}{n}" for name, count in readers.items() for n in range(count)))

    found = told(catalog)["critical_paths"]

    assert [(row["id"], row["kind"], row["out_degree"], row["in_degree"]) for row in found] == [
        ("dataset:db:c", "dataset", 8, 0),
        ("dataset:db:a", "dataset", 6, 0),
        ("dataset:db:d", "dataset", 6, 0),
    ]


def test_ten_critical_nodes_are_named_however_many_there_are() -> None:
    catalog = flowing(*(f"d{at:02d}>j{at}x{n}" for at in range(14) for n in range(6)))

    assert [row["id"] for row in told(catalog)["critical_paths"]] == [f"dataset:db:d{at:02d}" for at in range(10)]


def test_datasets_that_nothing_reads_or_writes_are_orphans() -> None:
    catalog = flowing("a>j1", "j1>b")
    for name in ("z", "x", "y"):
        catalog.node(dataset("db", name))

    assert told(catalog, items=2)["orphaned_datasets"] == {"total": 3, "datasets": ["dataset:db:x", "dataset:db:y"]}
    assert told(catalog, items=0)["orphaned_datasets"] == {"total": 3, "datasets": []}


def test_a_cycle_counts_once_in_the_depth() -> None:
    found = told(flowing("a>j1", "j1>b", "b>j2", "j2>b", "b>j3", "j3>c"))["complexity_metrics"]

    assert found["maximum_depth"] == 5 - 1  # a, j1, the cycle of b and j2, j3, c
    assert found["is_cyclic"]
    assert (found["cycles"], found["nodes_on_cycles"]) == (1, 2)
    assert found["largest_cycles"] == [{"size": 2, "nodes": ["dataset:db:b", "job:etl:j2"]}]


def test_flows_are_one_job_to_count_and_keep_data_apart_to_measure() -> None:
    found = told(flowing("a>j'", "j'>b", 'b>j"', 'j">c'))

    assert found["summary"]["edges"] == 4
    assert found["summary"]["transformations"] == 1
    assert found["complexity_metrics"]["maximum_depth"] == 4
    assert not found["complexity_metrics"]["is_cyclic"]
    assert found["complexity_metrics"]["weakly_connected_components"] == 1


def test_as_of_counts_the_edges_alive_then() -> None:
    catalog = flowing("a>j1")
    catalog.rows[1] = replace(catalog.rows[1], lives=((10, 20),))

    assert [told(catalog, walk=Walk(as_of_us=at))["summary"]["edges"] for at in (9, 10, 19, 20)] == [0, 1, 1, 0]
    assert told(catalog)["summary"]["edges"] == 0
    assert told(catalog, walk=Walk(as_of_us=10))["as_of"] == "1970-01-01T00:00:00.000010Z"


def test_coverage_is_told_by_namespace_and_by_the_strongest_basis() -> None:
    catalog = Flowing()
    owner = catalog.node(job("etl", "j"))
    for space, name in (("lake", "a"), ("db", "b")):
        number = catalog.node(dataset(space, name))
        for column in ("m", "n"):
            catalog.column(number, column)
    for source, target, basis in ((1, 3, Basis.PARSED), (1, 3, Basis.EXPLICIT), (2, 3, Basis.IMPLICIT_SINGLE)):
        catalog.edge(EdgeKind.DERIVED, source, target, owner, basis=basis)

    assert told(catalog)["coverage"] == {
        "fields": 4,
        "explicit": 2,
        "column": 0,
        "parsed": 0,
        "ratio": 0.5,
        "namespaces": [
            {"namespace": "db", "fields": 2, "explicit": 1, "column": 0, "parsed": 0, "ratio": 0.5},
            {"namespace": "lake", "fields": 2, "explicit": 1, "column": 0, "parsed": 0, "ratio": 0.5},
        ],
    }


def test_an_empty_catalog_has_an_empty_report() -> None:
    found = told(Flowing())

    assert found["summary"]["nodes"] == 0
    assert found["summary"]["average_connections_per_node"] == 0.0
    assert found["complexity_metrics"]["maximum_depth"] == 0
    assert found["coverage"]["ratio"] is None


def test_a_chain_of_100_000_hops_has_that_depth() -> None:
    catalog = Flowing()
    catalog.node(dataset("db", "d"))
    listing = _Chain(hops=100_000)

    found = report(listing, listing, items=0).document()  # type: ignore[arg-type]

    assert found["complexity_metrics"]["maximum_depth"] == 100_000


@dataclass
class _Chain(Listing):
    """Catalog and store at once, of nothing but one chain."""

    hops: int = 0

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        ids, none = np.arange(1, self.hops + 2), np.empty(0, np.int64)
        return Inventory(ids, (ids % 2 == 0).astype(np.int8), none, none, [])

    def alive(self, layer: int, walk: Walk) -> Any:
        at = np.arange(1, self.hops + 1 if layer == 0 else 1)
        small = np.zeros(len(at), np.int8)
        return _edges(at, small, at, at + 1, at, small, small, at, at)


def _edges(*columns: Any) -> Any:
    from lineage.ports import EdgeColumns

    return EdgeColumns(*columns)


# ------------------------------------------------------------------ brute force


@settings(max_examples=300, deadline=None)
@given(catalog=catalogs(), lone=st.integers(0, 3))
def test_the_report_on_any_graph_is_that_of_brute_force(catalog: Flowing, lone: int) -> None:
    for number in range(lone):
        catalog.node(dataset("db", f"lone{number}"))
    shown = nx.DiGraph()
    shown.add_nodes_from(text(catalog, number) for number in catalog.nodes)
    shown.add_edges_from((text(catalog, row.source), text(catalog, row.target)) for row in catalog.rows.values())
    flow = nx.DiGraph((row.source, row.target) for row in catalog.rows.values())

    found = told(catalog)

    summary, shape = found["summary"], found["complexity_metrics"]
    assert (summary["nodes"], summary["edges"]) == (len(shown), shown.number_of_edges())
    assert summary["transformations"] == sum(1 for n in shown if n.startswith("job:") and shown.degree(n))
    orphans = sorted(n for n in shown if n.startswith("dataset:") and not shown.degree(n))
    assert found["orphaned_datasets"] == {"total": len(orphans), "datasets": orphans}
    wide = sorted((-out, node) for node, out in shown.out_degree if out > 5)[:10]
    assert [(-row["out_degree"], row["id"]) for row in found["critical_paths"]] == wide
    assert shape["maximum_depth"] == (nx.dag_longest_path_length(nx.condensation(flow)) if flow else 0)
    assert shape["is_cyclic"] == (not nx.is_directed_acyclic_graph(flow))
    parts = sorted((len(part) for part in nx.weakly_connected_components(shown) if len(part) > 1), reverse=True)
    assert shape["weakly_connected_components"] == len(parts)
    assert shape["largest_components"] == parts[:5]
    assert shape["isolated_nodes"] == sum(1 for n in shown if not shown.degree(n))
    knots = [{text(catalog, n) for n in part} for part in nx.strongly_connected_components(flow) if len(part) > 1]
    assert shape["cycles"] == len(knots)
    assert shape["nodes_on_cycles"] == len(set().union(*knots))
    rows = sorted((-len(knot), sorted(knot)) for knot in knots)[:5]
    assert [(-row["size"], row["nodes"]) for row in shape["largest_cycles"]] == rows
