"""Graph algorithms against brute force on random digraphs of any shape, and on shapes that break naive ones."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.algorithms.counting import Count, count_shortest, count_simple
from lineage.algorithms.cuts import vertex_cut
from lineage.algorithms.digraph import Digraph, condensed, hops_from
from lineage.algorithms.dominators import dominators
from lineage.algorithms.shortest import k_shortest


def digraph(graph: nx.DiGraph) -> Digraph:
    edges = np.array(list(graph.edges), np.int64).reshape(-1, 2)
    return Digraph.of(len(graph), edges[:, 0], edges[:, 1])


@st.composite
def parts(draw: st.DrawFn) -> nx.DiGraph:
    """Every node on a walk from node 0 to the last one; nothing enters the one or leaves the other."""
    size = draw(st.integers(2, 8))
    node = st.integers(0, size - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=24))
    graph = nx.DiGraph([(0, size - 1), *((a, b) for a, b in edges if b != 0 and a != size - 1 and a != b)])
    if draw(st.booleans()) and len(graph) > 2:
        graph.remove_edge(0, size - 1)
    if not nx.has_path(graph, 0, size - 1):
        graph.add_edge(0, size - 1)
    kept = sorted((nx.descendants(graph, 0) | {0}) & (nx.ancestors(graph, size - 1) | {size - 1}))
    place = {node: at for at, node in enumerate(kept)}
    made = nx.DiGraph()
    made.add_nodes_from(range(len(kept)))
    made.add_edges_from((place[a], place[b]) for a, b in graph.edges if a in place and b in place)
    return made


@settings(max_examples=600, deadline=None)
@given(graph=parts(), k=st.integers(1, 60), seed=st.randoms(use_true_random=False))
def test_paths_counts_dominators_and_cuts_are_those_of_brute_force(graph: nx.DiGraph, k: int, seed) -> None:  # type: ignore[no-untyped-def]
    target, part = len(graph) - 1, digraph(graph)
    shape, far = condensed(part), hops_from(part.reverse, target)
    rank = seed.sample(range(len(graph)), len(graph))
    every = sorted(nx.all_simple_paths(graph, 0, target), key=lambda p: (len(p), [rank[node] for node in p]))

    best = k_shortest(part, 0, target, far, shape, rank, k)

    assert best.paths == every[:k]
    assert best.whole
    assert count_shortest(part, 0, far) == sum(len(path) == len(every[0]) for path in every)
    assert count_simple(part, 0, target, shape) == Count(len(every))
    bound = count_simple(part, 0, target, shape, steps=4)
    assert bound.value <= len(every)
    assert bound.at_least or bound.value == len(every)
    assert dominators(part, 0, target, shape) == [n for n in every[0][1:-1] if all(n in path for path in every)]
    cut = vertex_cut(part, 0, target)
    assert (cut is None) == graph.has_edge(0, target)
    if cut is not None:
        sets = (set(c) for size in range(len(graph)) for c in combinations(range(1, target), size))
        assert len(cut) == len(next(c for c in sets if all(c & set(path) for path in every)))
        assert all(set(cut) & set(path) for path in every)


@settings(max_examples=200, deadline=None)
@given(edges=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=60))
def test_levels_of_the_condensation_are_longest_paths(edges: list[tuple[int, int]]) -> None:
    graph = nx.DiGraph([(a, b) for a, b in edges if a != b])
    graph.add_nodes_from(range(31))

    shape = condensed(digraph(nx.relabel_nodes(graph, {n: n for n in range(31)}, copy=True)))

    assert shape.level.max() == nx.dag_longest_path_length(nx.condensation(graph))
    assert shape.count == nx.number_strongly_connected_components(graph)


def test_a_row_of_diamonds_has_paths_whose_number_has_thousands_of_digits() -> None:
    stages = 20_000
    at = 3 * np.arange(stages)
    part = Digraph.of(
        3 * stages + 1, np.concatenate((at, at, at + 1, at + 2)), np.concatenate((at + 1, at + 2, at + 3, at + 3))
    )
    shape, far = condensed(part), hops_from(part.reverse, 3 * stages)

    assert count_simple(part, 0, 3 * stages, shape) == Count(2**stages)
    assert count_shortest(part, 0, far) == 2**stages
    assert len(dominators(part, 0, 3 * stages, shape)) == stages - 1


def test_a_road_of_two_ways_is_one_component_and_one_path() -> None:
    size = 5_000
    there = np.arange(size)
    back = there[2:]
    part = Digraph.of(size + 1, np.concatenate((there, back)), np.concatenate((there + 1, back - 1)))
    shape, far = condensed(part), hops_from(part.reverse, size)

    best = k_shortest(part, 0, size, far, shape, range(size + 1), 5)

    assert [len(path) for path in best.paths] == [size + 1]
    assert best.whole
    assert count_simple(part, 0, size, shape) == Count(1)
    assert len(dominators(part, 0, size, shape)) == size - 1


def test_a_tangle_of_thirty_nodes_is_counted_up_to_a_bound() -> None:
    part = digraph(nx.DiGraph([(a, b) for a in range(30) for b in range(30) if a != b and b != 0 and a != 29]))
    shape, far = condensed(part), hops_from(part.reverse, 29)

    found = count_simple(part, 0, 29, shape)

    assert found.at_least
    assert found.value > 10_000
    assert len(k_shortest(part, 0, 29, far, shape, range(30), 100).paths) == 100
