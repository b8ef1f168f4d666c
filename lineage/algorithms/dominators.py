"""The nodes that every path goes through."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from lineage.algorithms.digraph import Condensed, Digraph

OUTSIDE, BEYOND = -1, -2  # what leads into a component, and what it leads to


def dominators(graph: Digraph, source: int, target: int, parts: Condensed) -> list[int]:
    """The nodes between that every path from source to target goes through, in the order in which it does.

    graph: every node lies on a walk from source to target, no edge enters the source or leaves the target. So a
    component of it is passed by every path unless an edge leads from one before it to one behind it in a topological
    order: one pass over arrays, where a dominator tree (Cooper, Harvey, Kennedy) would need the dominators of every
    node. Within a component that is passed `necessary` goes on. Cost: linear.
    """
    place = np.empty(parts.count, np.int64)
    order = np.lexsort((np.arange(parts.count), parts.level))
    place[order] = np.arange(parts.count)
    tails, heads = place[parts.label[graph.tails]], place[parts.label[graph.heads]]
    leap = heads > tails + 1
    begun = np.bincount(tails[leap] + 1, minlength=parts.count)
    ended = np.bincount(heads[leap], minlength=parts.count)
    alone = np.cumsum(begun - ended) == 0
    if parts.is_acyclic:
        nodes: list[int] = np.argsort(place[parts.label])[alone].tolist()
        return [node for node in nodes if node not in (source, target)]
    passed = set(order[alone].tolist())
    found: list[int] = []
    for members in parts.components():
        if int(parts.label[members[0]]) in passed:
            found += members if len(members) == 1 else _within(graph, members)
    return [node for node in found if node not in (source, target)]


def _within(graph: Digraph, members: list[int]) -> list[int]:
    """The nodes of a component that everything goes through which goes through the component."""
    inside = set(members)
    tails = graph.tails[np.isin(graph.heads, members)].tolist()
    heads = graph.heads[np.isin(graph.heads, members)].tolist()
    entries = sorted({head for tail, head in zip(tails, heads, strict=True) if tail not in inside})
    ways: dict[int, list[int]] = {OUTSIDE: entries, BEYOND: []}
    for node in members:
        successors = graph.successors(node)
        inner = [head for head in successors if head in inside]
        ways[node] = [*inner, BEYOND] if len(inner) < len(successors) else inner
    return necessary(ways, OUTSIDE, BEYOND)


def necessary(ways: Mapping[int, Sequence[int]], source: int, target: int) -> list[int]:
    """The nodes between that every path goes through, in order; there must be a path. Any graph, cycles and all.

    Along one path, each node is needed unless something before it leads past it (M. Cairo, S. Khan, R. Rizzi,
    S. Schmidt, A. I. Tomescu, E. C. Zirondelli, A simplified algorithm computing all s-t bridges and articulation
    points, 2020). Cost: linear.
    """
    path = _a_path(ways, source, target)
    index = {node: at for at, node in enumerate(path)}
    seen, found, furthest = set(path), [], 0
    for at, node in enumerate(path[:-1]):
        if at and furthest == at:
            found.append(node)
        stack = [node]
        while stack:
            for head in ways[stack.pop()]:
                if head in index:
                    furthest = max(furthest, index[head])
                elif head not in seen:
                    seen.add(head)
                    stack.append(head)
    return found


def _a_path(ways: Mapping[int, Sequence[int]], source: int, target: int) -> list[int]:
    before, waiting = {source: source}, deque([source])
    while target not in before:
        node = waiting.popleft()
        for head in ways[node]:
            if head not in before:
                before[head] = node
                waiting.append(head)
    path = [target]
    while path[-1] != source:
        path.append(before[path[-1]])
    return path[::-1]
