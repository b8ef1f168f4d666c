"""A directed graph as compressed sparse rows, and what is found on it in one pass: hops, components, levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

Ints = NDArray[np.int64]
Mask = NDArray[np.bool_]

FEW = 16  # nodes; fewer are taken one by one, where a call of numpy costs more than they do


def distinct(numbers: Ints) -> Ints:
    """Each once, ascending. By sorting: the hash table of numpy's `unique` takes ten times as long for a million."""
    found = np.sort(numbers)
    return found[np.concatenate(([True], found[1:] != found[:-1]))] if len(found) else found


@dataclass(frozen=True)
class Digraph:
    """Nodes 0 to size - 1. The successors of i are heads[indptr[i]:indptr[i + 1]]: ascending, each once, never i.

    Parallel edges and loops say nothing about paths, so they are left out.
    """

    indptr: Ints
    heads: Ints

    @classmethod
    def of(cls, size: int, sources: Ints, targets: Ints) -> Digraph:
        apart = sources != targets
        ones = np.ones(int(np.count_nonzero(apart)), np.int8)
        matrix = csr_array((ones, (sources[apart], targets[apart])), shape=(size, size))
        matrix.sum_duplicates()
        return cls(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64))

    @property
    def size(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def tails(self) -> Ints:
        """The source of each edge, aligned with heads."""
        return np.repeat(np.arange(self.size), np.diff(self.indptr))

    @cached_property
    def reverse(self) -> Digraph:
        return Digraph.of(self.size, self.heads, self.tails)

    @cached_property
    def matrix(self) -> csr_array:
        """Weights of one: scipy's searches would copy any other type of number to this one each time."""
        return csr_array((np.ones(len(self.heads)), self.heads, self.indptr), shape=(self.size, self.size))

    def successors(self, node: int) -> list[int]:
        found: list[int] = self.heads[self.indptr[node] : self.indptr[node + 1]].tolist()
        return found

    def edges_of(self, nodes: Ints) -> Ints:
        """Numbers of the edges that leave some nodes."""
        first = self.indptr[nodes]
        count = self.indptr[nodes + 1] - first
        ends = np.cumsum(count)
        return np.repeat(first - (ends - count), count) + np.arange(int(ends[-1]) if len(ends) else 0)

    def without(self, gone: Mask) -> Digraph:
        """The same nodes, but no edge that touches one of those."""
        keep = ~(gone[self.tails] | gone[self.heads])
        return Digraph.of(self.size, self.tails[keep], self.heads[keep])


def hops_from(graph: Digraph, start: int) -> Ints:
    """Least number of edges from `start` to every node; -1 where no path leads."""
    order, before = breadth_first_order(graph.matrix, start, directed=True, return_predecessors=True)
    hops = [-1] * graph.size
    hops[start] = 0
    for node, parent in zip(order[1:].tolist(), before[order[1:]].tolist(), strict=True):
        hops[node] = hops[parent] + 1
    return np.array(hops, np.int64)


def reached_from(graph: Digraph, start: int) -> Mask:
    reached = np.zeros(graph.size, bool)
    reached[breadth_first_order(graph.matrix, start, directed=True, return_predecessors=False)] = True
    return reached


def weak_components(graph: Digraph) -> tuple[int, Ints]:
    """How many, and the component of each node."""
    return _components(graph, "weak")


def strong_components(graph: Digraph) -> tuple[int, Ints]:
    """How many, and the component of each node (D. J. Pearce, An Improved Algorithm for Finding the Strongly Connected
    Components of a Directed Graph, 2005; without recursion, as scipy has it)."""
    return _components(graph, "strong")


def _components(graph: Digraph, kind: str) -> tuple[int, Ints]:
    if not graph.size:
        return 0, np.empty(0, np.int64)
    count, labels = connected_components(graph.matrix, directed=True, connection=kind)
    return int(count), labels.astype(np.int64)


def levels(dag: Digraph) -> Ints:
    """Of each node of an acyclic graph, the edges of the longest path that ends at it (A. B. Kahn, 1962).

    Every edge leads to a higher level, so this is a topological order too. Cost: linear, and 20 us a wide level.
    """
    waiting = np.bincount(dag.heads, minlength=dag.size)
    level = np.zeros(dag.size, np.int64)
    frontier, at = np.flatnonzero(waiting == 0), 0
    while len(frontier):
        level[frontier] = at
        frontier = _few_freed(dag, frontier, waiting) if len(frontier) <= FEW else _freed(dag, frontier, waiting)
        at += 1
    return level


def _freed(dag: Digraph, frontier: Ints, waiting: Ints) -> Ints:
    """Nodes that wait for nothing any more once the frontier is done."""
    heads, count = np.unique(dag.heads[dag.edges_of(frontier)], return_counts=True)
    waiting[heads] -= count
    freed: Ints = heads[waiting[heads] == 0]
    return freed


def _few_freed(dag: Digraph, frontier: Ints, waiting: Ints) -> Ints:
    freed = []
    for node in frontier.tolist():
        for head in dag.successors(node):
            waiting[head] -= 1
            if not waiting[head]:
                freed.append(head)
    return np.array(freed, np.int64)


@dataclass(frozen=True)
class Condensed:
    """A graph seen as its strongly connected components, which form an acyclic graph.

    count: components. label: the component of each node. level: per component, edges of the longest path of components
    that ends at it. sizes: nodes per component.
    """

    count: int
    label: Ints
    level: Ints
    sizes: Ints

    @property
    def is_acyclic(self) -> bool:
        return self.count == len(self.label)

    def components(self) -> Iterable[list[int]]:
        """The nodes of each component, in a topological order of components."""
        order = np.lexsort((self.label, self.level[self.label]))
        ends = np.flatnonzero(np.diff(self.label[order])) + 1
        nodes, bounds = order.tolist(), [0, *ends.tolist(), len(order)]
        return (nodes[a:b] for a, b in pairwise(bounds) if b > a)


def condensed(graph: Digraph) -> Condensed:
    count, label = strong_components(graph)
    dag = Digraph.of(count, label[graph.tails], label[graph.heads])
    return Condensed(count, label, levels(dag), np.bincount(label, minlength=count))
