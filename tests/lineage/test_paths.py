"""Paths against brute force: random graphs with cycles, jobs of several flows, columns; and what no path says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.between import common, on_ways
from lineage.errors import InvalidNode, UnknownNode
from lineage.model import Basis, EdgeKind, Granularity, Kind, Node, Origin, Transformation, dataset, job
from lineage.paths import paths
from lineage.ports import Walk
from tests.lineage.flowing import Flowing
from tests.lineage.test_traces import chain

DATASET, JOB, FIELD = Granularity.DATASET, Granularity.JOB, Granularity.FIELD
Found = dict[str, Any]


def asked(catalog: Flowing, source: str, target: str, **options: Any) -> Found:
    return paths(catalog, catalog.store(), source, target, **options).document()


def nodes_of(found: Found) -> list[list[str]]:
    return [path["nodes"] for path in found["paths"]]


def flowing(*edges: str) -> Flowing:
    """Edges `a>j` and `j>b`: names that begin with j are jobs; `j'` and `j"` are flows of j."""
    catalog, ids = Flowing(), dict[str, int]()

    def number(name: str) -> int:
        if name not in ids:
            plain = name.rstrip("'\"")
            if plain != name:
                ids[name] = catalog.flow(number(plain))
            else:
                ids[name] = catalog.node(job("etl", name) if name.startswith("j") else dataset("db", name))
        return ids[name]

    for edge in edges:
        source, target = edge.split(">")
        of_job = target if target.startswith("j") else source
        kind = EdgeKind.READ if target.startswith("j") else EdgeKind.WROTE
        number(of_job.rstrip("'\""))
        catalog.edge(kind, number(source), number(target), number(of_job.rstrip("'\"")))
    return catalog


# ------------------------------------------------------------------ examples


def test_the_shortest_paths_come_first_and_ties_in_the_order_of_names() -> None:
    catalog = flowing("a>j1", "j1>b", "b>j2", "j2>z", "a>j3", "j3>z", "a>j0", "j0>c", "c>j4", "j4>z")

    found = asked(catalog, "dataset:db:a", "dataset:db:z", granularity=DATASET)

    assert nodes_of(found) == [
        ["dataset:db:a", "dataset:db:z"],
        ["dataset:db:a", "dataset:db:b", "dataset:db:z"],
        ["dataset:db:a", "dataset:db:c", "dataset:db:z"],
    ]
    assert found["distance"] == 1
    assert found["totals"] == {"shortest": 1, "all": 3, "at_least": False}
    assert found["min_cut"] is None
    assert not found["more"]


def test_a_step_between_datasets_names_the_jobs_that_take_it() -> None:
    found = asked(flowing("a>j1", "j1>b", "a>j2", "j2>b"), "dataset:db:a", "dataset:db:b", granularity=DATASET)

    assert found["paths"] == [
        {
            "length": 1,
            "basis": "column",
            "nodes": ["dataset:db:a", "dataset:db:b"],
            "steps": [
                {
                    "source": "dataset:db:a",
                    "target": "dataset:db:b",
                    "kind": "derived",
                    "basis": "column",
                    "origin": "observed",
                    "jobs": ["job:etl:j1", "job:etl:j2"],
                }
            ],
        }
    ]


def test_no_more_than_k_paths_are_shown_and_the_answer_says_that_there_are_more() -> None:
    found = asked(flowing("a>j1", "j1>b", "a>j2", "j2>b"), "dataset:db:a", "dataset:db:b", k=1)

    assert nodes_of(found) == [["dataset:db:a", "job:etl:j1", "dataset:db:b"]]
    assert found["more"]
    assert found["totals"]["all"] == 2


def test_what_every_path_goes_through_is_named_in_order() -> None:
    catalog = flowing("a>j1", "j1>b", "b>j2", "b>j3", "j2>c", "j3>c", "c>j4", "j4>z")

    found = asked(catalog, "dataset:db:a", "dataset:db:z")

    assert found["dominators"] == ["job:etl:j1", "dataset:db:b", "dataset:db:c", "job:etl:j4"]
    assert found["min_cut"] == {"size": 1, "nodes": ["job:etl:j1"]}


def test_a_cut_is_as_small_as_it_can_be() -> None:
    catalog = flowing(*(f"a>j{n}" for n in range(4)), *(f"j{n}>{'xy'[n % 2]}" for n in range(4)))
    for name, number in (("x", 4), ("x", 5), ("x", 6), ("y", 7), ("y", 8), ("y", 9)):
        extend(catalog, f"{name}>j{number}", f"j{number}>z")

    found = asked(catalog, "dataset:db:a", "dataset:db:z")

    assert found["min_cut"] == {"size": 2, "nodes": ["dataset:db:x", "dataset:db:y"]}
    assert found["dominators"] == []


def extend(catalog: Flowing, *edges: str) -> None:
    for edge in edges:
        ends = [catalog_id(catalog, name) for name in edge.split(">")]
        kind = EdgeKind.READ if catalog.nodes[ends[1]].kind is Kind.JOB else EdgeKind.WROTE
        catalog.edge(kind, ends[0], ends[1], ends[1] if kind is EdgeKind.READ else ends[0])


def catalog_id(catalog: Flowing, name: str) -> int:
    node = job("etl", name) if name.startswith("j") else dataset("db", name)
    for number, row in catalog.nodes.items():
        if (row.kind, row.name) == (node.kind, node.name):
            return number
    return catalog.node(node)


def test_a_dataset_that_its_job_reads_and_writes_lies_on_one_path() -> None:
    catalog = flowing("a>j1", "j1>b", "b>j1", "b>j2", "j2>b", "j2>z")

    found = asked(catalog, "dataset:db:a", "dataset:db:z")

    assert nodes_of(found) == [["dataset:db:a", "job:etl:j1", "dataset:db:b", "job:etl:j2", "dataset:db:z"]]
    assert found["totals"] == {"shortest": 1, "all": 1, "at_least": False}


def test_flows_of_a_job_keep_its_outputs_apart_and_read_as_the_job() -> None:
    catalog = flowing("a>j'", "j'>x", 'b>j"', 'j">y')

    assert nodes_of(asked(catalog, "dataset:db:a", "dataset:db:x")) == [["dataset:db:a", "job:etl:j", "dataset:db:x"]]
    assert asked(catalog, "dataset:db:a", "dataset:db:y")["paths"] == []


def test_a_job_that_all_paths_go_through_by_several_flows_is_a_dominator_and_a_cut() -> None:
    catalog = flowing("a>j'", "j'>x", 'a>j"', 'j">y', "x>j1", "j1>z", "y>j2", "j2>z")

    found = asked(catalog, "dataset:db:a", "dataset:db:z")

    assert found["dominators"] == ["job:etl:j"]
    assert found["min_cut"] == {"size": 1, "nodes": ["job:etl:j"]}
    assert found["totals"]["all"] == 2


def test_two_ids_of_a_job_that_lead_to_one_output_are_one_path() -> None:
    found = asked(flowing("a>j", "j>b", "a>j'", "j'>b"), "dataset:db:a", "dataset:db:b")

    assert nodes_of(found) == [["dataset:db:a", "job:etl:j", "dataset:db:b"]]
    assert found["totals"] == {"shortest": 1, "all": 1, "at_least": False}


@pytest.mark.parametrize("granularity", [DATASET, JOB])
def test_a_job_is_asked_for_with_all_its_flows(granularity: Granularity) -> None:
    catalog = flowing("a>j'", "j'>x", 'b>j"', 'j">y', "y>j2", "j2>z")

    assert asked(catalog, "job:etl:j", "dataset:db:z", granularity=granularity)["totals"]["all"] == 1
    assert asked(catalog, "dataset:db:a", "job:etl:j", granularity=granularity)["distance"] == 1


@pytest.mark.parametrize("granularity", [DATASET, JOB])
def test_a_dag_stands_for_its_tasks(granularity: Granularity) -> None:
    catalog = flowing("a>j1", "j1>b", "b>j2", "j2>c", "c>j3'", "j3'>d")
    dag, first = catalog.node(job("etl", "jdag")), catalog_id(catalog, "j1")
    for number in (first, catalog_id(catalog, "j2")):
        catalog.nodes[number] = replace(catalog.nodes[number], parent=dag)

    found = asked(catalog, "job:etl:jdag", "dataset:db:d", granularity=granularity)

    assert [nodes[0] for nodes in nodes_of(found)] == ["job:etl:j2"]
    assert found["dominators"][0] == "job:etl:j2"
    assert asked(catalog, "dataset:db:a", "job:etl:jdag", granularity=granularity)["distance"] == 1
    assert asked(catalog, "job:etl:jdag", "job:etl:j2")["distance"] == 0


def test_a_node_leads_to_itself_by_the_empty_path() -> None:
    found = asked(flowing("a>j1", "j1>a"), "dataset:db:a", "dataset:db:a")

    assert found["distance"] == 0
    assert found["paths"] == [{"length": 0, "basis": None, "nodes": ["dataset:db:a"], "steps": []}]
    assert found["totals"] == {"shortest": 1, "all": 1, "at_least": False}


def test_where_no_path_leads_the_nearest_kin_say_why() -> None:
    catalog = flowing("far>j0", "j0>near", "near>j1", "j1>a", "near>j2", "j2>m", "m>j3", "j3>b", "a>j4", "b>j4")

    found = asked(catalog, "dataset:db:a", "dataset:db:b")

    assert found["paths"] == []
    assert found["distance"] is None
    assert found["nearest"] == {
        "ancestors": [{"id": "dataset:db:near", "to_source": 2, "to_target": 4}],
        "ancestors_total": 1,
        "descendants": [{"id": "job:etl:j4", "to_source": 1, "to_target": 1}],
        "descendants_total": 1,
    }
    assert found["reason"] == (
        "no path leads from dataset:db:a to dataset:db:b; both come from dataset:db:near, 2 and 4 hops away; "
        "both lead to job:etl:j4, 1 and 1 hops away"
    )


def test_a_path_the_other_way_is_said() -> None:
    found = asked(flowing("a>j1", "j1>b"), "dataset:db:b", "dataset:db:a")

    assert found["reason"] == (
        "no path leads from dataset:db:b to dataset:db:a; the other way there is one, 2 hops long"
    )


def test_flows_of_one_job_are_kin_to_the_reader() -> None:
    found = asked(flowing("j'>a", 'j">b'), "dataset:db:a", "dataset:db:b")

    assert found["nearest"]["ancestors"] == [{"id": "job:etl:j", "to_source": 1, "to_target": 1}]


def test_strangers_are_told_to_be_strangers() -> None:
    found = asked(flowing("a>j1", "b>j2"), "dataset:db:a", "dataset:db:b")

    assert found["nearest"]["ancestors_total"] == found["nearest"]["descendants_total"] == 0
    assert "no ancestor and no descendant in common" in found["reason"]


def test_only_edges_that_the_walk_allows_are_used() -> None:
    catalog = Flowing()
    a, b = catalog.node(dataset("db", "a")), catalog.node(dataset("db", "b"))
    for name, more in (
        ("old", {"lives": ((0, 10),)}),
        ("guess", {"basis": Basis.IMPLICIT_PRODUCT}),
        ("plan", {"origin": Origin.DECLARED}),
    ):
        by = catalog.node(job("etl", name))
        catalog.read(a, by, **more)
        catalog.wrote(by, b, **more)

    def jobs(walk: Walk) -> list[str]:
        return [nodes[1] for nodes in nodes_of(asked(catalog, "dataset:db:a", "dataset:db:b", walk=walk))]

    assert jobs(Walk()) == ["job:etl:guess", "job:etl:plan"]
    assert jobs(Walk(as_of_us=5)) == ["job:etl:guess", "job:etl:old", "job:etl:plan"]
    assert jobs(Walk(min_basis=Basis.COLUMN)) == ["job:etl:plan"]
    assert jobs(Walk(origin=Origin.OBSERVED)) == ["job:etl:guess"]


def test_a_path_is_as_well_known_as_its_weakest_step() -> None:
    catalog = Flowing()
    a, b, by = catalog.node(dataset("db", "a")), catalog.node(dataset("db", "b")), catalog.node(job("etl", "j"))
    catalog.read(a, by, basis=Basis.IMPLICIT_PRODUCT)
    catalog.read(a, by, basis=Basis.PARSED, origin=Origin.DECLARED)
    catalog.wrote(by, b, basis=Basis.EXPLICIT)

    (path,) = asked(catalog, "dataset:db:a", "dataset:db:b")["paths"]

    assert path["basis"] == "parsed"
    assert [(step["basis"], step["origin"]) for step in path["steps"]] == [
        ("parsed", "observed"),
        ("explicit", "observed"),
    ]


def columns() -> Flowing:
    """Job j makes b.m of a.m and a.n, job k makes c.m of b.m; d.m of c.m was declared by no job."""
    catalog = Flowing()
    sets = {name: catalog.node(dataset("db", name)) for name in "abcd"}
    ids = {f"{name}.m": catalog.column(sets[name], "m") for name in "abcd"} | {"a.n": catalog.column(sets["a"], "n")}
    j, k = catalog.node(job("etl", "j")), catalog.node(job("etl", "k"))
    for source, by, target in (("a", j, "b"), ("b", k, "c")):
        catalog.read(sets[source], by)
        catalog.wrote(by, sets[target])
    for source, target, owner in (("a.m", "b.m", j), ("a.n", "b.m", j), ("b.m", "c.m", k), ("c.m", "d.m", sets["d"])):
        how = Transformation("DIRECT", "IDENTITY")
        catalog.edge(EdgeKind.DERIVED, ids[source], ids[target], owner, transformation=how)
    return catalog


def test_paths_of_columns_name_the_jobs_between() -> None:
    found = asked(columns(), "datasetField:db:a:m", "datasetField:db:d:m")

    assert found["granularity"] == "field"
    assert nodes_of(found) == [[f"datasetField:db:{name}:m" for name in "abcd"]]
    assert found["dominators"] == ["datasetField:db:b:m", "datasetField:db:c:m"]
    assert [step.get("jobs") for step in found["paths"][0]["steps"]] == [["job:etl:j"], ["job:etl:k"], None]


def test_a_dataset_stands_for_its_columns() -> None:
    found = asked(columns(), "dataset:db:a", "dataset:db:c", granularity=FIELD)

    assert [nodes[0] for nodes in nodes_of(found)] == ["datasetField:db:a:m", "datasetField:db:a:n"]
    assert found["distance"] == 2
    assert found["totals"]["all"] == 2
    assert found["between"] == {"nodes": 4, "edges": 3}
    assert found["dominators"] == ["datasetField:db:b:m", "datasetField:db:c:m"]
    assert found["min_cut"] == {"size": 1, "nodes": ["datasetField:db:b:m"]}


def test_a_job_stands_for_the_columns_it_fills_or_reads() -> None:
    assert nodes_of(asked(columns(), "job:etl:j", "dataset:db:c", granularity=FIELD)) == [
        ["datasetField:db:b:m", "datasetField:db:c:m"]
    ]
    assert nodes_of(asked(columns(), "dataset:db:a", "job:etl:k", granularity=FIELD)) == [
        ["datasetField:db:a:m", "datasetField:db:b:m"],
        ["datasetField:db:a:n", "datasetField:db:b:m"],
    ]


def test_a_field_at_another_granularity_stands_for_its_dataset() -> None:
    found = asked(columns(), "datasetField:db:a:m", "datasetField:db:c:m", granularity=DATASET)

    assert (found["source"], found["target"], found["distance"]) == ("dataset:db:a", "dataset:db:c", 2)


def test_a_column_is_there_already_in_its_own_dataset() -> None:
    found = asked(columns(), "datasetField:db:a:m", "dataset:db:a")

    assert found["distance"] == 0
    assert nodes_of(found) == [["datasetField:db:a:m"]]


def test_a_dataset_without_columns_is_told_so() -> None:
    catalog = columns()
    catalog.node(dataset("db", "bare"))

    found = asked(catalog, "dataset:db:bare", "dataset:db:a", granularity=FIELD)

    assert found["reason"] == "no column of dataset:db:bare is known; ask with granularity=dataset or job"


@pytest.mark.parametrize("granularity", [DATASET, JOB])
def test_a_chain_of_100_000_hops_is_followed(granularity: Granularity) -> None:
    catalog = chain(50_000)
    catalog.__class__ = Flowing
    catalog.roots = lambda node, number: (number,)  # type: ignore[attr-defined]  looking through 100,000 rows for each
    catalog.job_of = lambda number: number  # type: ignore[attr-defined]

    found = asked(catalog, "dataset:db:d0", "dataset:db:d50000", granularity=granularity)  # type: ignore[arg-type]

    assert found["distance"] == (50_000 if granularity is DATASET else 100_000)
    assert len(found["dominators"]) == found["distance"] - 1


def test_numbers_past_what_json_readers_keep_are_written_as_digits() -> None:
    stages = 60
    edges = [e for n in range(stages) for j in "ab" for e in (f"d{n}>j{n}{j}", f"j{n}{j}>d{n + 1}")]

    found = asked(flowing(*edges), "dataset:db:d0", f"dataset:db:d{stages}")

    assert found["totals"] == {"shortest": str(2**stages), "all": str(2**stages), "at_least": False}


def test_many_cycles_are_counted_up_to_a_bound_and_the_answer_says_so() -> None:
    size = 24
    edges = [e for a in range(size) for b in range(size) if a != b for e in (f"d{a}>j{a}to{b}", f"j{a}to{b}>d{b}")]

    found = asked(flowing(*edges), "dataset:db:d0", f"dataset:db:d{size - 1}", granularity=DATASET)

    assert found["totals"]["at_least"]
    assert found["totals"]["all"] > 1_000
    assert found["more"]
    assert len(found["paths"]) == 5


def test_a_walk_that_ends_early_gives_bounds_and_no_claims_about_all_paths() -> None:
    edges = [f"d0>j{n}" for n in range(6)] + [f"j{n}>e" for n in range(6)] + ["e>k", "k>f"]
    catalog = flowing(*(edge.replace("k", "jk") for edge in edges))

    found = asked(catalog, "dataset:db:d0", "dataset:db:f", walk=Walk(limit=8))

    assert found["truncated"]
    assert found["totals"]["at_least"]
    assert found["dominators"] is None
    assert found["min_cut"] is None


@pytest.mark.parametrize("k", [0, -1, 101])
def test_a_number_of_paths_out_of_bounds_is_refused(k: int) -> None:
    with pytest.raises(InvalidNode, match="give 1 to 100"):
        asked(flowing("a>j1"), "dataset:db:a", "dataset:db:a", k=k)


def test_an_unknown_end_is_named() -> None:
    with pytest.raises(UnknownNode, match="dataset:db:nowhere"):
        asked(flowing("a>j1"), "dataset:db:a", "dataset:db:nowhere")


# ------------------------------------------------------------------ brute force


@st.composite
def catalogs(draw: st.DrawFn) -> Flowing:
    """A few datasets and jobs, some with flows, and any edges between: cycles, parallels, dead ends."""
    catalog = Flowing()
    datasets = [catalog.node(dataset("db", f"d{n}")) for n in range(draw(st.integers(1, 5)))]
    jobs = [catalog.node(job("etl", f"j{n}")) for n in range(draw(st.integers(0, 4)))]
    hidden = draw(st.lists(st.sampled_from(jobs), max_size=4)) if jobs else []
    ids = jobs + [catalog.flow(of) for of in hidden]
    pairs = st.tuples(st.sampled_from(datasets), st.sampled_from(ids), st.booleans()) if ids else st.nothing()
    for one, by, reads in draw(st.lists(pairs, max_size=18)) if ids else []:
        kind = EdgeKind.READ if reads else EdgeKind.WROTE
        catalog.edge(kind, one if reads else by, by if reads else one, catalog.job_of(by))
    return catalog


def text(catalog: Flowing, number: int) -> str:
    row = catalog.nodes[number]
    return Node(row.kind, row.namespace, row.name).id


def ways(catalog: Flowing, source: str, target: str, granularity: Granularity) -> Iterator[tuple[str, ...]]:
    """Every simple path as it is read. A job with several flows on the way is one node for each output it fills."""
    graph = nx.DiGraph()
    graph.add_nodes_from([source, target])
    for row in catalog.rows.values():
        ends = [text(catalog, n) if text(catalog, n) in (source, target) else n for n in (row.source, row.target)]
        if ends[1] != source and ends[0] != target:
            graph.add_edge(*ends)
    if not nx.has_path(graph, source, target):
        return
    kept = (nx.descendants(graph, source) | {source}) & (nx.ancestors(graph, target) | {target})
    graph = nx.DiGraph(graph.subgraph(kept))
    of_job = [n for n in graph if isinstance(n, int) and catalog.nodes[n].kind is Kind.JOB]
    names = [text(catalog, n) for n in of_job]
    drawn = nx.DiGraph(e for e in graph.edges if not set(e) & set(of_job))
    for number in of_job:
        for before in graph.predecessors(number):
            for after in graph.successors(number):
                name = text(catalog, number)
                if granularity is DATASET:
                    drawn.add_edge(before, after)
                else:
                    middle = (name, after) if names.count(name) > 1 else (name,)
                    drawn.add_edges_from([(before, middle), (middle, after)])
    for path in nx.all_simple_paths(drawn, source, target):
        yield tuple(n if isinstance(n, str) else n[0] if isinstance(n, tuple) else text(catalog, n) for n in path)


def least_cut(every: Iterable[tuple[str, ...]]) -> int | None:
    inner = [set(path[1:-1]) for path in every]
    if not all(inner):
        return None
    between = sorted(set().union(*inner))
    sizes = (n for n in range(len(between) + 1) for c in combinations(between, n) if all(set(c) & p for p in inner))
    return next(sizes)


@settings(max_examples=600, deadline=None)
@given(catalog=catalogs(), granularity=st.sampled_from([DATASET, JOB]), k=st.integers(1, 40), data=st.data())
def test_paths_between_any_nodes_of_any_graph_are_those_of_brute_force(
    catalog: Flowing, granularity: Granularity, k: int, data: st.DataObject
) -> None:
    names = sorted({text(catalog, number) for number in catalog.nodes})
    source, target = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))
    every = sorted(ways(catalog, source, target, granularity), key=lambda p: (len(p), p)) if source != target else []

    found = asked(catalog, source, target, granularity=granularity, k=k)

    if source == target:
        assert nodes_of(found) == [[source]]
        return
    assert len(set(every)) == len(every)
    assert nodes_of(found) == [list(path) for path in every[:k]]
    assert found["distance"] == (len(every[0]) - 1 if every else None)
    assert found["more"] == (len(every) > k)
    assert found["totals"] == {
        "shortest": sum(len(path) == len(every[0]) for path in every),
        "all": len(every),
        "at_least": False,
    }
    if every:
        assert found["dominators"] == [n for n in every[0][1:-1] if all(n in path for path in every)]
        least, cut = least_cut(every), found["min_cut"]
        assert (cut is None) == (least is None)
        if cut is not None and least is not None:
            assert all(set(cut["nodes"]) & set(path[1:-1]) for path in every)
            assert cut["size"] == len(cut["nodes"]) >= least
            assert cut["size"] == least or has_flows(catalog)


@settings(max_examples=300, deadline=None)
@given(catalog=catalogs(), data=st.data())
def test_what_lies_between_is_the_same_from_above_from_below_and_from_both(
    catalog: Flowing, data: st.DataObject
) -> None:
    nodes = st.lists(st.sampled_from(sorted(catalog.nodes)), min_size=1, max_size=2, unique=True)
    starts, ends = (np.array(sorted(data.draw(nodes)), np.int64) for _ in range(2))
    store = catalog.store()

    down, up = store.reach(starts.tolist(), down=True), store.reach(ends.tolist(), down=False)

    ids = common(down, up, starts, ends)[1].tolist()
    assert on_ways(down, starts, ends).tolist() == ids
    assert on_ways(up, starts, ends).tolist() == ids
    torn = replace(down, truncated=True)
    assert common(torn, up, starts, ends)[1].tolist() == ids


def has_flows(catalog: Flowing) -> bool:
    return any(row.parent for row in catalog.nodes.values())


@settings(max_examples=400, deadline=None)
@given(catalog=catalogs(), granularity=st.sampled_from([DATASET, JOB]), data=st.data())
def test_the_nearest_kin_are_those_of_brute_force(
    catalog: Flowing, granularity: Granularity, data: st.DataObject
) -> None:
    names = sorted({text(catalog, number) for number in catalog.nodes})
    source, target = data.draw(st.sampled_from(names)), data.draw(st.sampled_from(names))

    found = asked(catalog, source, target, granularity=granularity)

    if found["paths"]:
        assert found["nearest"] is None
        return
    for word, down in (("ancestors", False), ("descendants", True)):
        near, far = (hops(catalog, end, down, granularity) for end in (source, target))
        least = min((near[n] + far[n] for n in near.keys() & far.keys()), default=None)
        best = sorted(n for n in near.keys() & far.keys() if near[n] + far[n] == least)
        assert found["nearest"][word] == [{"id": n, "to_source": near[n], "to_target": far[n]} for n in best]
        assert found["nearest"][f"{word}_total"] == len(best)


def hops(catalog: Flowing, end: str, down: bool, granularity: Granularity) -> dict[str, int]:
    graph = nx.MultiDiGraph((row.source, row.target) for row in catalog.rows.values())
    graph.add_nodes_from(catalog.nodes)
    graph = graph if down else graph.reverse()
    least: dict[str, int] = {}
    for start in (n for n in catalog.nodes if text(catalog, n) == end):
        for number, count in nx.single_source_shortest_path_length(graph, start).items():
            name = text(catalog, number)
            least[name] = min(least.get(name, count), count)
    if granularity is not DATASET:
        return least
    return {name: (n + 1) // 2 for name, n in least.items() if name.startswith("dataset:") or name == end}
