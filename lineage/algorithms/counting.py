"""How many paths lead from one node to another."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from lineage.algorithms.digraph import Condensed, Digraph, Ints

# To count simple paths is #P-complete (L. G. Valiant, 1979), so within cycles it is done up to a bound: half a second.
STEPS = 200_000
# Bits of all the numbers added. Past it (seconds) they are cut to 1,024 bits each, and the answer is called a bound.
BITS = 20_000_000_000
CUT = 2**1024


@dataclass(frozen=True, slots=True)
class Count:
    """at_least: there may be more than `value`."""

    value: int
    at_least: bool = False


def count_shortest(graph: Digraph, source: int, far: Ints) -> int:
    """How many shortest paths there are. far: hops to the target, -1 for none. Cost: edges on shortest paths."""
    if far[source] < 0:
        return 0
    ways, frontier = {source: 1}, {source: 1}
    for left in range(int(far[source]) - 1, -1, -1):
        ways = {}
        for node, count in frontier.items():
            for head in graph.successors(node):
                if far[head] == left:
                    ways[head] = ways.get(head, 0) + count
        frontier = ways
    return sum(ways.values())


def count_simple(graph: Digraph, source: int, target: int, parts: Condensed, steps: int = STEPS) -> Count:
    """How many simple paths there are, in a graph whose every node lies on a walk from source to target.

    A simple path enters each strongly connected component once. So what arrives is added up along the acyclic graph of
    components, exactly; within a component the paths are stepped through, all lengths at once, up to a share of
    `steps`: what isn't reached then isn't counted, whatever the numbers of the nodes.
    """
    arriving = {source: 1}
    tangles = int((parts.sizes > 1).sum())
    cut, bits, total = False, 0, 0
    for members in parts.components():
        leaving = {members[0]: arriving.pop(members[0], 0)}
        if len(members) > 1:
            entries = {node: arriving.pop(node) for node in members if node in arriving} | leaving
            leaving, whole = _through(graph, members, entries, steps // tangles)
            cut |= not whole
        if target in leaving:
            total = leaving[target]
        inside = set(members) if len(members) > 1 else ()
        for node, count in leaving.items():
            heads = graph.successors(node) if count else []
            bits += count.bit_length() * len(heads)
            for head in heads:
                if head not in inside:
                    arriving[head] = arriving.get(head, 0) + count
        if bits > BITS:
            cut = True
            arriving = {node: min(count, CUT) for node, count in arriving.items()}
    return Count(total, cut)


def _through(graph: Digraph, members: list[int], entries: dict[int, int], steps: int) -> tuple[dict[int, int], bool]:
    """For each node of a component the simple paths that enter and end there, and whether these are all.

    Paths that stand at one node and have seen the same nodes go on alike, so they are counted together (M. Held,
    R. M. Karp, A Dynamic Programming Approach to Sequencing Problems, 1962). Stops before a length that costs too much.
    """
    bit = {node: 1 << at for at, node in enumerate(members)}
    inner = {node: [head for head in graph.successors(node) if head in bit] for node in members}
    states = {(node, bit[node]): count for node, count in entries.items() if count}
    ways: Counter[int] = Counter()
    while states:
        for (node, _), count in states.items():
            ways[node] += count
        steps -= sum(len(inner[node]) for node, _ in states)
        if steps < 0 and any(not seen & bit[head] for node, seen in states for head in inner[node]):
            return ways, False
        longer: Counter[tuple[int, int]] = Counter()
        for (node, seen), count in states.items():
            for head in inner[node]:
                if not seen & bit[head]:
                    longer[head, seen | bit[head]] += count
        states = longer
    return ways, True
