"""The k shortest simple paths from one node to another.

Each path found splits the paths that are left by where they leave it (J. Y. Yen, Finding the K Shortest Loopless Paths
in a Network, 1971; E. L. Lawler, 1972). What is left at a place needs no search of its own: the hops to the target are
known, and only a path that leaves one node of a cycle for another of the same can run into itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush, nsmallest

from lineage.algorithms.digraph import Condensed, Digraph, Ints

STEPS = 500_000  # nodes looked at within cycles, about half a second
NODES = 200_000  # of all paths together: what an answer can carry


@dataclass(frozen=True, slots=True)
class Shortest:
    """paths: by length, then by the ranks of their nodes in order. whole: there are no more, or k were asked for."""

    paths: list[list[int]]
    whole: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """chain: how it was found: which path it left, after which place, to which node; and so on from the first path."""

    nodes: list[int]
    chain: tuple[tuple[_Path, int, int], ...] = ()


@dataclass(slots=True, eq=False)
class _Branch:
    """The paths that follow `path` up to a place and go on to `head`; length: of the shortest, or less while not sure.

    left: hops to the target of nodes of the component where they differ from those of the whole graph.
    """

    length: int
    path: _Path
    at: int
    head: int
    sure: bool
    rank: Sequence[int]
    left: dict[int, int] = field(default_factory=dict)

    @property
    def chain(self) -> tuple[tuple[_Path, int, int], ...]:
        return (*self.path.chain, (self.path, self.at, self.head))

    def __lt__(self, other: _Branch) -> bool:
        if self.length != other.length:
            return self.length < other.length
        for (path, at, head), (_, to, other_head) in zip(self.chain, other.chain, strict=False):
            if at == to and head != other_head:
                return self.rank[head] < self.rank[other_head]
            if at < to:
                return self.rank[head] < self.rank[path.nodes[at + 1]]
            if at > to:
                return self.rank[path.nodes[to + 1]] < self.rank[other_head]
        return False


def k_shortest(
    graph: Digraph, source: int, target: int, far: Ints, parts: Condensed, rank: Sequence[int], k: int
) -> Shortest:
    """Up to k simple paths; those of one length in the order of `rank` (a number per node, all different).

    graph: every node leads to the target; far: in how many hops; parts: its strong components.
    Cost: k times the edges that leave a path, and the nodes of cycles on the way, up to STEPS.
    """
    return _Search(graph, target, far, parts, rank, k).run(source)


class _Search:
    def __init__(self, graph: Digraph, target: int, far: Ints, parts: Condensed, rank: Sequence[int], k: int) -> None:
        self.graph, self.target, self.rank, self.k = graph, target, rank, k
        self.far: list[int] = far.tolist()
        self.label: list[int] = parts.label.tolist()
        self.steps, self.room = STEPS, NODES
        self.heap: list[_Branch] = []
        self.tangles: dict[int, _Tangle] = {}

    def run(self, source: int) -> Shortest:
        found = [_Path(self._on([source], {}))]
        self._branch(found[0], 0)
        self.room -= len(found[0].nodes)
        while self.heap and len(found) < self.k and self.steps > 0 and self.room > 0:
            branch = heappop(self.heap)
            if not branch.sure:
                self._make_sure(branch)
                continue
            path = _Path(self._on([*branch.path.nodes[: branch.at + 1], branch.head], branch.left), branch.chain)
            found.append(path)
            self._branch(path, branch.at + 1)
            self.room -= len(path.nodes)
        return Shortest([path.nodes for path in found], not self.heap or len(found) == self.k)

    def _on(self, nodes: list[int], left: dict[int, int]) -> list[int]:
        """The shortest way on to the target, of several the one of the lowest ranks."""
        while nodes[-1] != self.target:
            node = nodes[-1]
            within = self.label[node] if node in left else None
            hops = (self.far[node] if within is None else left[node]) - 1
            nearer = (
                head
                for head in self.graph.successors(node)
                if (left.get(head) if self.label[head] == within else self.far[head]) == hops
            )
            nodes.append(min(nearer, key=self.rank.__getitem__))
        return nodes

    def _branch(self, path: _Path, start: int) -> None:
        """Puts every way to leave a path, from a place on, among those to come."""
        passed = set(path.nodes[:start])
        for at in range(start, len(path.nodes) - 1):
            node, following = path.nodes[at], path.nodes[at + 1]
            passed.add(node)
            heads = [head for head in self.graph.successors(node) if head != following and head not in passed]
            onward = [head for head in heads if self.label[head] != self.label[node]]
            if len(onward) > self.k:
                onward = nsmallest(self.k, onward, key=lambda head: (self.far[head], self.rank[head]))
            for head in onward:
                self._push(path, at, head, sure=True)
            for head in heads:
                if self.label[head] == self.label[node]:
                    self._push(path, at, head, sure=False)

    def _push(self, path: _Path, at: int, head: int, *, sure: bool) -> None:
        heappush(self.heap, _Branch(at + 1 + self.far[head], path, at, head, sure, self.rank))

    def _make_sure(self, branch: _Branch) -> None:
        """Finds how long it is around the nodes passed before, and puts it back; drops it if there is no way around."""
        label = self.label[branch.head]
        if label not in self.tangles:
            self.tangles[label] = _Tangle(self.graph, self.label, label, self.far)
        passed: set[int] = set()
        for node in reversed(branch.path.nodes[: branch.at + 1]):  # those of one component stand together
            if self.label[node] != label:
                break
            passed.add(node)
        branch.left, steps = self.tangles[label].hops(branch.head, passed)
        self.steps -= steps
        if branch.head in branch.left:
            branch.length, branch.sure = branch.at + 1 + branch.left[branch.head], True
            heappush(self.heap, branch)


class _Tangle:
    """One strongly connected component: its edges backwards, and how far the target is where it is left."""

    def __init__(self, graph: Digraph, label: list[int], own: int, far: list[int]) -> None:
        self.backward: dict[int, list[int]] = {}
        self.leaving: dict[int, int] = {}
        for node in (node for node, of in enumerate(label) if of == own):
            for head in graph.successors(node):
                if label[head] == own:
                    self.backward.setdefault(head, []).append(node)
                else:
                    self.leaving[node] = min(self.leaving.get(node, far[head] + 1), far[head] + 1)

    def hops(self, start: int, passed: set[int]) -> tuple[dict[int, int], int]:
        """Hops to the target of nodes as near as `start`, around those passed (E. W. Dijkstra, 1959); and the cost."""
        waiting = [(hops, node) for node, hops in self.leaving.items() if node not in passed]
        steps = len(waiting)
        heapify(waiting)
        done: dict[int, int] = {}
        while waiting and start not in done:
            hops, node = heappop(waiting)
            if node in done:
                continue
            done[node] = hops
            for before in self.backward.get(node, ()):
                steps += 1
                if before not in done and before not in passed:
                    heappush(waiting, (hops + 1, before))
        return done, steps
