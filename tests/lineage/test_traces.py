"""Traces against brute force on sets: random graphs with cycles, several origins, parents of parents."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lineage.errors import InvalidNode, StoreBehind, TooWide
from lineage.model import (
    Basis,
    Direction,
    EdgeKind,
    Granularity,
    Kind,
    Layer,
    Node,
    Origin,
    Transformation,
    dataset,
    job,
    text_of,
)
from lineage.ports import EdgeRow, NodeRow, Walk
from lineage.traces import trace
from tests.lineage.fake_catalog import FakeCatalog

UP, DOWN, BOTH = Direction.UPSTREAM, Direction.DOWNSTREAM, Direction.BOTH


def chain(length: int) -> FakeCatalog:
    """d0 -> j0 -> d1 -> j1 -> … -> dN"""
    catalog = FakeCatalog()
    datasets = [catalog.node(dataset("db", f"d{at}")) for at in range(length + 1)]
    for at in range(length):
        between = catalog.node(job("etl", f"j{at}"))
        catalog.read(datasets[at], between)
        catalog.wrote(between, datasets[at + 1])
    return catalog


def distances(found: Any) -> dict[str, int]:
    return {row["id"]: row["distance"] for row in found.nodes}


def pairs(found: Any) -> list[tuple[str, str, str]]:
    return [(row["source"], row["target"], row["kind"]) for row in found.edges]


# ------------------------------------------------------------------ examples


def test_a_job_trace_keeps_datasets_and_jobs_and_counts_every_hop() -> None:
    catalog = chain(2)
    found = trace(catalog, catalog.store(), "dataset:db:d0", direction=DOWN, granularity=Granularity.JOB)
    assert distances(found) == {
        "dataset:db:d0": 0,
        "job:etl:j0": 1,
        "dataset:db:d1": 2,
        "job:etl:j1": 3,
        "dataset:db:d2": 4,
    }
    assert found.totals == {"datasets": 3, "jobs": 2, "fields": 0, "dags": 0}


def test_a_dataset_trace_counts_two_hops_as_one_and_names_the_jobs_between() -> None:
    catalog = chain(2)
    found = trace(catalog, catalog.store(), "dataset:db:d0", direction=DOWN, granularity=Granularity.DATASET)
    assert distances(found) == {"dataset:db:d0": 0, "dataset:db:d1": 1, "dataset:db:d2": 2}
    assert pairs(found) == [
        ("dataset:db:d0", "dataset:db:d1", "derived"),
        ("dataset:db:d1", "dataset:db:d2", "derived"),
    ]
    assert [row["jobs"] for row in found.edges] == [["job:etl:j0"], ["job:etl:j1"]]


def test_a_dataset_trace_of_depth_one_ends_at_the_next_dataset() -> None:
    catalog = chain(3)
    found = trace(catalog, catalog.store(), "dataset:db:d1", depth=1, granularity=Granularity.DATASET)
    assert distances(found) == {"dataset:db:d1": 0, "dataset:db:d0": 1, "dataset:db:d2": 1}


def test_a_dataset_trace_from_a_job_keeps_the_job_as_its_root() -> None:
    catalog = chain(3)
    found = trace(catalog, catalog.store(), "job:etl:j1", granularity=Granularity.DATASET)
    assert distances(found) == {
        "job:etl:j1": 0,
        "dataset:db:d1": 1,
        "dataset:db:d2": 1,
        "dataset:db:d0": 2,
        "dataset:db:d3": 2,
    }
    assert ("dataset:db:d1", "job:etl:j1", "read") in pairs(found)
    assert ("dataset:db:d0", "dataset:db:d1", "derived") in pairs(found)


def test_the_side_tells_upstream_from_downstream_and_both_in_a_cycle() -> None:
    catalog = chain(2)
    back = catalog.node(job("etl", "back"))
    catalog.read(3, back)
    catalog.wrote(back, 2)
    found = trace(catalog, catalog.store(), "dataset:db:d1")
    sides = {row["id"]: row["side"] for row in found.nodes}
    assert sides["dataset:db:d1"] == "root"
    assert sides["dataset:db:d0"] == "upstream"
    assert sides["dataset:db:d2"] == "both"


def test_depth_nought_is_the_root_alone() -> None:
    catalog = chain(2)
    found = trace(catalog, catalog.store(), "dataset:db:d1", depth=0)
    assert (distances(found), found.edges) == ({"dataset:db:d1": 0}, [])


def test_a_dataset_that_a_job_reads_and_writes_is_met_once() -> None:
    catalog = FakeCatalog()
    table, merge = catalog.node(dataset("db", "t")), catalog.node(job("etl", "merge"))
    catalog.read(table, merge)
    catalog.wrote(merge, table)
    found = trace(catalog, catalog.store(), "dataset:db:t", granularity=Granularity.DATASET, depth=None)
    assert distances(found) == {"dataset:db:t": 0}
    assert pairs(found) == [("dataset:db:t", "dataset:db:t", "derived")]


def test_a_chain_of_ten_thousand_hops_is_walked_to_its_end() -> None:
    catalog = chain(5_000)
    found = trace(catalog, catalog.store(), "dataset:db:d0", direction=DOWN, depth=None)
    assert found.nodes[-1]["distance"] == 10_000


def test_observed_and_declared_edges_stay_two() -> None:
    catalog = FakeCatalog()
    table, reader = catalog.node(dataset("db", "t")), catalog.node(job("etl", "r"))
    catalog.read(table, reader)
    catalog.read(table, reader, origin=Origin.DECLARED)
    found = trace(catalog, catalog.store(), "dataset:db:t")
    assert [row["origin"] for row in found.edges] == ["observed", "declared"]


def test_a_dataset_edge_joins_what_its_halves_and_its_jobs_saw() -> None:
    catalog = FakeCatalog()
    a, b = catalog.node(dataset("db", "a")), catalog.node(dataset("db", "b"))
    first, second = catalog.node(job("etl", "x")), catalog.node(job("etl", "y"))
    catalog.read(a, first, basis=Basis.IMPLICIT_PRODUCT, seen=(5_000_000, 6_000_000, 3))
    catalog.wrote(first, b, basis=Basis.EXPLICIT, seen=(4_000_000, 9_000_000, 2))
    catalog.read(a, second, basis=Basis.PARSED, seen=(7_000_000, 8_000_000, 1))
    catalog.wrote(second, b, basis=Basis.PARSED, seen=(7_000_000, 8_000_000, 1))
    found = trace(catalog, catalog.store(), "dataset:db:a", granularity=Granularity.DATASET)
    assert found.edges == [
        {
            "source": "dataset:db:a",
            "target": "dataset:db:b",
            "kind": "derived",
            "origin": "observed",
            "basis": "parsed",
            "first_seen": text_of(4_000_000),
            "last_seen": text_of(9_000_000),
            "runs_seen": 3,
            "jobs": ["job:etl:x", "job:etl:y"],
        }
    ]


def test_dags_are_the_outermost_parents_and_a_cycle_of_parents_ends() -> None:
    catalog = FakeCatalog()
    dag = catalog.node(job("af", "dag"))
    group = catalog.node(job("af", "dag.group"), parent=dag)
    one, two = catalog.node(job("af", "one"), parent=group), catalog.node(job("af", "two"), parent=dag)
    lost = catalog.node(job("af", "lost"))
    catalog.nodes[lost] = NodeRow(lost, Kind.JOB, "af", "lost", lost)
    table = catalog.node(dataset("db", "t"))
    for reader in (one, two, lost):
        catalog.read(table, reader)
    assert trace(catalog, catalog.store(), "dataset:db:t").totals["dags"] == 1


def columns_of_a_job() -> FakeCatalog:
    catalog = FakeCatalog()
    raw, mart, other = (catalog.node(dataset("db", name)) for name in ("raw", "mart", "other"))
    load, alien = catalog.node(job("etl", "load")), catalog.node(job("etl", "alien"))
    catalog.read(raw, load)
    catalog.wrote(load, mart)
    source, target = catalog.column(raw, "email"), catalog.column(mart, "mail")
    catalog.column(raw, "unused")
    elsewhere = catalog.column(other, "mail")
    hashed = Transformation("DIRECT", "TRANSFORMATION", masking=True)
    catalog.edge(EdgeKind.DERIVED, source, target, load, transformation=hashed)
    catalog.edge(EdgeKind.DERIVED, elsewhere, target, alien)
    return catalog


def test_a_field_trace_follows_columns_and_shows_what_happened_to_them() -> None:
    catalog = columns_of_a_job()
    found = trace(catalog, catalog.store(), "datasetField:db:raw:email")
    assert distances(found) == {"datasetField:db:raw:email": 0, "datasetField:db:mart:mail": 1}
    assert found.granularity is Granularity.FIELD
    assert found.edges[0]["transformation"] == {"type": "DIRECT", "subtype": "TRANSFORMATION", "masking": True}
    assert found.edges[0]["jobs"] == ["job:etl:load"]


def test_a_field_trace_of_a_dataset_begins_at_all_its_columns() -> None:
    catalog = columns_of_a_job()
    found = trace(catalog, catalog.store(), "dataset:db:raw", granularity=Granularity.FIELD)
    assert [row["id"] for row in found.nodes] == [
        "dataset:db:raw",
        "datasetField:db:raw:email",
        "datasetField:db:raw:unused",
        "datasetField:db:mart:mail",
    ]
    assert found.totals == {"datasets": 1, "jobs": 0, "fields": 3, "dags": 0}


def test_a_field_trace_of_a_job_begins_at_the_columns_it_joins() -> None:
    catalog = columns_of_a_job()
    found = trace(catalog, catalog.store(), "job:etl:load", granularity=Granularity.FIELD)
    assert distances(found) == {"job:etl:load": 0, "datasetField:db:raw:email": 0, "datasetField:db:mart:mail": 0}
    assert pairs(found) == [("datasetField:db:raw:email", "datasetField:db:mart:mail", "derived")]


def test_a_field_at_another_granularity_stands_for_its_dataset() -> None:
    catalog = columns_of_a_job()
    found = trace(catalog, catalog.store(), "datasetField:db:raw:email", granularity=Granularity.JOB)
    assert found.root == "dataset:db:raw"


def test_details_are_added_to_every_node_and_to_the_root_beside_its_fields() -> None:
    catalog = columns_of_a_job()
    found = trace(catalog, catalog.store(), "dataset:db:raw", granularity=Granularity.FIELD, details=True)
    assert [row["description"] for row in found.nodes] == ["JOB 1", "FIELD 1", "FIELD 3", "FIELD 2"]


def test_a_store_that_holds_another_build_is_never_believed() -> None:
    catalog = chain(1)
    store = catalog.store()
    catalog.generation += 1
    with pytest.raises(StoreBehind):
        trace(catalog, store, "dataset:db:d0")


def test_a_depth_out_of_range_is_refused() -> None:
    catalog = chain(1)
    with pytest.raises(InvalidNode):
        trace(catalog, catalog.store(), "dataset:db:d0", depth=501)


def test_more_dataset_pairs_than_an_answer_holds_are_refused() -> None:
    catalog = FakeCatalog()
    root, first = catalog.node(dataset("db", "root")), catalog.node(job("etl", "fan"))
    catalog.read(root, first)
    wide, sink = 1_001, catalog.node(job("etl", "join"))
    for at in range(wide):
        one, two = catalog.node(dataset("db", f"i{at}")), catalog.node(dataset("db", f"o{at}"))
        catalog.wrote(first, one)
        catalog.read(one, sink)
        catalog.wrote(sink, two)
    with pytest.raises(TooWide, match="granularity=job"):
        trace(catalog, catalog.store(), "dataset:db:root", granularity=Granularity.DATASET)


# ------------------------------------------------------------------ brute force


def random_catalog(seed: int) -> FakeCatalog:
    pick = random.Random(seed)
    catalog = FakeCatalog()
    datasets = [catalog.node(dataset(pick.choice(["a", "b:c"]), f"d{at}")) for at in range(pick.randint(2, 9))]
    jobs: list[int] = []
    for at in range(pick.randint(1, 7)):
        jobs.append(catalog.node(job("etl", f"j{at}"), parent=pick.choice([0, *jobs])))
    flows = [catalog.flow(pick.choice(jobs), pick.choice(datasets)) for _ in range(pick.randint(0, 4))]
    columns = [catalog.column(of, f"c{at}") for of in datasets for at in range(pick.randint(0, 3))]
    taken = set()
    for _ in range(pick.randint(0, 30)):
        kind = pick.choice(list(EdgeKind) if columns else [EdgeKind.READ, EdgeKind.WROTE])
        part, origin = pick.choice(jobs + flows), pick.choice(list(Origin))
        owner = catalog.stands(part)
        ends = {
            EdgeKind.READ: (pick.choice(datasets), part),
            EdgeKind.WROTE: (part, pick.choice(datasets)),
            EdgeKind.DERIVED: (pick.choice(columns or [0]), pick.choice(columns or [0])),
        }[kind]
        if (kind, *ends, owner, origin) in taken:
            continue
        taken.add((kind, *ends, owner, origin))
        seen = (pick.randint(0, 9), pick.randint(10, 19), pick.randint(1, 5))
        catalog.edge(kind, *ends, owner, origin=origin, basis=pick.choice(list(Basis)), seen=seen)
    return catalog


def steps(edges: list[tuple[Any, Any]], roots: set[Any], limit: int | None) -> dict[Any, int]:
    """Distances over pairs, by sets, wave after wave."""
    found, wave, hops = dict.fromkeys(roots, 0), roots, 0
    while wave and (limit is None or hops < limit):
        hops += 1
        wave = {b for a, b in edges if a in wave} - set(found)
        found |= dict.fromkeys(wave, hops)
    return found


def nearest(up: dict[Any, int], down: dict[Any, int]) -> dict[Any, int]:
    return {node: min(up.get(node, 10**9), down.get(node, 10**9)) for node in up.keys() | down.keys()}


def usable(catalog: FakeCatalog, layer: Layer, walk: Walk) -> list[EdgeRow]:
    return [
        row
        for row in catalog.rows.values()
        if row.layer is layer and row.basis <= walk.min_basis and walk.origin in (None, row.origin)
    ]


WALKS = (Walk(), Walk(origin=Origin.OBSERVED), Walk(min_basis=Basis.PARSED))


@pytest.mark.parametrize("seed", range(120))
def test_a_job_trace_equals_brute_force(seed: int) -> None:
    catalog, pick = random_catalog(seed), random.Random(seed)
    walk, depth = pick.choice(WALKS), pick.choice([0, 1, 2, 3, None])
    start = pick.choice([n for n, row in catalog.nodes.items() if not row.flow])
    roots = set(catalog.roots(catalog.nodes[start], start))
    edges = usable(catalog, Layer.JOB, walk)
    up = steps([(r.target, r.source) for r in edges], roots, depth)
    down = steps([(r.source, r.target) for r in edges], roots, depth)
    found = trace(catalog, catalog.store(), text(catalog, start), depth=depth, granularity=Granularity.JOB, walk=walk)
    assert distances(found) == shown(catalog, nearest(up, down))
    crossed = {r for r in edges if within(up, r.target, depth) or within(down, r.source, depth)}
    assert set(pairs(found)) == {(text(catalog, r.source), text(catalog, r.target), r.kind.word) for r in crossed}


@pytest.mark.parametrize("seed", range(120))
def test_a_dataset_trace_equals_brute_force(seed: int) -> None:
    catalog, pick = random_catalog(seed), random.Random(seed)
    walk, depth = pick.choice(WALKS), pick.choice([0, 1, 2, 3, None])
    start = pick.choice([n for n, row in catalog.nodes.items() if row.kind is Kind.DATASET])
    edges = usable(catalog, Layer.JOB, walk)
    links = {
        (r.source, w.target, max(r.origin, w.origin).word, r.target)
        for r in edges
        for w in edges
        if r.kind is EdgeKind.READ and w.kind is EdgeKind.WROTE and r.target == w.source
    }
    up = steps([(b, a) for a, b, _, _ in links], {start}, depth)
    down = steps([(a, b) for a, b, _, _ in links], {start}, depth)
    found = trace(
        catalog, catalog.store(), text(catalog, start), depth=depth, granularity=Granularity.DATASET, walk=walk
    )
    assert distances(found) == {text(catalog, n): d for n, d in nearest(up, down).items()}
    crossed = {link for link in links if within(up, link[1], depth) or within(down, link[0], depth)}
    shown = {(r["source"], r["target"], r["origin"], via) for r in found.edges for via in r["jobs"]}
    assert shown == {(text(catalog, a), text(catalog, b), o, text(catalog, via)) for a, b, o, via in crossed}


@pytest.mark.parametrize("seed", range(120))
def test_a_field_trace_of_a_dataset_equals_brute_force(seed: int) -> None:
    catalog, pick = random_catalog(seed), random.Random(seed)
    walk, depth = pick.choice(WALKS), pick.choice([0, 1, 2, None])
    start = pick.choice([n for n, row in catalog.nodes.items() if row.kind is Kind.DATASET])
    roots = set(catalog.fields_of(start))
    edges = usable(catalog, Layer.FIELD, walk)
    up = steps([(r.target, r.source) for r in edges], roots, depth)
    down = steps([(r.source, r.target) for r in edges], roots, depth)
    found = trace(catalog, catalog.store(), text(catalog, start), depth=depth, granularity=Granularity.FIELD, walk=walk)
    expected = {catalog._field(n).id: d for n, d in nearest(up, down).items()}
    assert distances(found) == expected | {text(catalog, start): 0}


@pytest.mark.parametrize("seed", range(40))
def test_the_order_of_an_answer_is_by_distance_then_id_and_by_ends(seed: int) -> None:
    catalog = random_catalog(seed)
    found = trace(catalog, catalog.store(), text(catalog, 1), depth=None)
    assert found.nodes == sorted(found.nodes, key=lambda row: (row["distance"], row["id"]))
    assert pairs(found) == sorted(pairs(found), key=lambda pair: (pair[0], pair[1]))


def shown(catalog: FakeCatalog, found: dict[int, int]) -> dict[str, int]:
    """By what is shown, the least distance of all that is shown so."""
    least: dict[str, int] = {}
    for number, distance in found.items():
        least[text(catalog, number)] = min(distance, least.get(text(catalog, number), distance))
    return least


def within(found: dict[Any, int], node: Any, depth: int | None) -> bool:
    return node in found and (depth is None or found[node] < depth)


def text(catalog: FakeCatalog, number: int) -> str:
    row = catalog.nodes[number]
    return Node(row.kind, row.namespace, row.name).id
