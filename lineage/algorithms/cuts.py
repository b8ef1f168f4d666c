"""The smallest set of nodes without which no path is left."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, maximum_flow

from lineage.algorithms.digraph import Digraph, Ints


def vertex_cut(graph: Digraph, source: int, target: int) -> list[int] | None:
    """A minimum set of nodes between that cuts every path; None: an edge leads from source to target, so none does.

    By maximum flow through nodes split in two (K. Menger, 1927; L. R. Ford, D. R. Fulkerson, 1956). Of all minimum cuts
    the one nearest to the source: it is the same whatever flow was found (J.-C. Picard, M. Queyranne, 1980).
    """
    if target in graph.successors(source):
        return None
    ways, start, end = _split(graph, source, target)
    flow = maximum_flow(ways, start, end, method="dinic").flow
    left = (ways - flow).tocsr()
    left.data = np.maximum(left.data, 0)
    left.eliminate_zeros()
    near = np.zeros(2 * graph.size, bool)
    near[breadth_first_order(left.astype(np.float64), start, directed=True, return_predecessors=False)] = True
    found: list[int] = np.flatnonzero(near[0::2] & ~near[1::2]).tolist()
    return [node for node in found if node not in (source, target)]


def _split(graph: Digraph, source: int, target: int) -> tuple[csr_array, int, int]:
    """Capacities: one from the entry of a node (2i) to its exit (2i + 1), no bound along an edge; start and end."""
    nodes: Ints = np.arange(graph.size)
    rows = np.concatenate((2 * nodes, 2 * graph.tails + 1))
    columns = np.concatenate((2 * nodes + 1, 2 * graph.heads))
    capacity = np.full(len(rows), graph.size + 1, np.int32)
    capacity[: graph.size] = 1
    shape = (2 * graph.size, 2 * graph.size)
    return csr_array((capacity, (rows, columns)), shape=shape), 2 * source + 1, 2 * target
