"""What every path between two nodes goes through, and what it takes to cut them all, as the reader names nodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lineage.algorithms.cuts import vertex_cut
from lineage.algorithms.digraph import Digraph, Ints, Mask, reached_from
from lineage.algorithms.dominators import dominators
from lineage.between import Between

TESTED = 200_000_000  # edges looked at, at most, to find jobs of several flows that every path goes through


def passed_by_all(part: Between, path: Sequence[int]) -> list[str]:
    """The nodes that every path goes through, in order. path: any one of them, for it goes through all of these."""
    codes = {int(part.name[node]) for node in dominators(part.graph, part.source, part.target, part.parts)}
    if part.has_copies:
        codes |= _passed_as_one(part, path, codes)
    on_path = [int(part.name[node]) for node in path if node not in (part.source, part.target)]
    return [part.texts[code] for code in dict.fromkeys(on_path) if code in codes]


def _passed_as_one(part: Between, path: Sequence[int], known: set[int]) -> set[int]:
    """Jobs of several flows without all of which no path is left, though it is without any one."""
    counts = np.bincount(part.name[part.name >= 0])
    possible = {int(part.name[node]) for node in path if part.name[node] >= 0} - known
    ends = {int(part.name[part.source]), int(part.name[part.target])}
    several = sorted(code for code in possible - ends if counts[code] > 1)
    most = TESTED // max(len(part.graph.heads), 1)
    return {code for code in several[:most] if not _is_left(part, part.name == code)}


def _is_left(part: Between, gone: Mask) -> bool:
    return bool(reached_from(part.graph.without(gone), part.source)[part.target])


def smallest_cut(part: Between) -> list[str] | None:
    """A smallest set of nodes such that every path goes through one; None: a path has no node between its ends.

    Where jobs stand there with several flows, a smallest set of flows and one of whole jobs are both tried, and the
    smaller is taken: each cuts, though neither need be the smallest (minimum label cut, which is NP-hard).
    """
    found = vertex_cut(part.graph, part.source, part.target)
    if found is None:
        return None
    codes = {int(part.name[node]) for node in found}
    if part.has_copies:
        codes = min(codes, _cut_of_whole(part), key=len)
    return [part.texts[code] for code in sorted(codes)]


def _cut_of_whole(part: Between) -> set[int]:
    codes: Ints = part.name + 2  # 0 and 1 are the ends, which may have no name
    codes[part.source], codes[part.target] = 0, 1
    graph = Digraph.of(int(codes.max()) + 1, codes[part.graph.tails], codes[part.graph.heads])
    return {code - 2 for code in vertex_cut(graph, 0, 1) or ()}
