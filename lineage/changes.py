"""What changed between two times, in the whole catalog or around a node, and between two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lineage.diff import OF_RUNS, OF_TIMES, diff, document
from lineage.errors import InvalidNode
from lineage.model import Kind, Node, text_of
from lineage.ports import Catalog, GraphReader, History, Walk
from lineage.traces import MAX_DEPTH, require_generation, shared_generation

LIMIT = 1_000
DEPTH = 10


@dataclass(frozen=True, slots=True)
class Around:
    """A node and how many hops from it, up and down, over edges that were there at either time."""

    node: str | Node
    depth: int = DEPTH


def between(
    catalog: Catalog,
    store: GraphReader,
    history: History,
    since: int,
    until: int,
    around: Around | None = None,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """What came, went and changed after `since` and until `until`, in microseconds, as `lineage.diff` lays it out.

    limit: rows of each list; totals are exact. Raises InvalidNode if `since` is after `until`; UnknownNode,
    StoreUnavailable, StoreBehind where a node is given.
    Cost: what changed, with the parallel edges of what opened and closed; around a node also its neighbourhood.
    """
    if since > until:
        raise InvalidNode(f"from is {text_of(since)}, after to, {text_of(until)}; give the earlier time as from")
    position = catalog.position()
    root, scope = (None, None) if around is None else _scope(catalog, store, around, (since, until))
    change = diff(*history.between(since, until, scope))
    return {
        "from": text_of(since),
        "to": text_of(until),
        "node": root,
        "depth": None if around is None else around.depth,
        "position": position,
        **document(change, limit, OF_TIMES),
    }


def between_runs(catalog: Catalog, history: History, one: str, other: str, limit: int = LIMIT) -> dict[str, Any]:
    """What two runs showed differently: edges, schemas, tags, owners, statistics. Raises UnknownNode."""
    position = catalog.position()
    change = diff(history.shown_by(one), history.shown_by(other))
    ends = {"from": f"run:{one}", "to": f"run:{other}", "node": None, "depth": None}
    return {**ends, "position": position, **document(change, limit, OF_RUNS)}


def _scope(catalog: Catalog, store: GraphReader, around: Around, times: Sequence[int]) -> tuple[str, list[int]]:
    """The id of a node, and the datasets and jobs near it at any of the times."""
    if not 0 <= around.depth <= MAX_DEPTH:
        raise InvalidNode(f"depth is {around.depth}; give 0 to {MAX_DEPTH}")
    generation = shared_generation(catalog, store)
    node, number = catalog.find(around.node)
    if node.kind is Kind.FIELD:
        node, number = catalog.find(node.dataset)
    roots = catalog.roots(node, number)
    found = [np.asarray([number], dtype=np.int64)]
    if around.depth:
        walks = [Walk(hops=around.depth, as_of_us=at_us) for at_us in times]
        found += [store.reach(roots, down=down, walk=walk).nodes for walk in walks for down in (True, False)]
    near = catalog.stands_of(np.unique(np.concatenate(found)))
    require_generation(catalog, generation)
    return node.id, near.tolist()
