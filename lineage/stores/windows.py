"""How many successful runs in a row must lack an edge before it closes: what a job's facets and tags say of that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson
from sqlalchemy import Connection, select

from lineage.stores import tables as t
from lineage.stores.governance import tags_of
from lineage.stores.rows import by_values, chunks, unpack

MOST = 1_000
FACET = "headwater_window"  # by hand: {"runs": 5}
TAG = "headwater.window"
# The facets that may hold it, what counts more first.
FACETS = (FACET, "headwater_tags", "tags")


def window_of(facets: Mapping[str, Any], default: int) -> int:
    """The window of a job with these present facets; what makes no sense is left out.

    >>> window_of({"headwater_window": {"runs": 5}, "tags": {"tags": [{"key": "headwater.window", "value": "9"}]}}, 1)
    5
    >>> window_of({"tags": {"tags": [{"key": "headwater.window", "value": "many"}]}}, 1)
    1
    """
    by_hand = facets.get(FACET)
    if isinstance(by_hand, dict) and not by_hand.get("_deleted"):
        found = _sensible(by_hand.get("runs"))
        if found is not None:
            return found
    for key in FACETS[1:]:
        values = [_sensible(tag["value"]) for tag in tags_of(facets.get(key)) if _is_meant(tag)]
        sensible = [value for value in values if value is not None]
        if sensible:
            return max(sensible)
    return default


def windows_of(connection: Connection, jobs: Iterable[int], default: int) -> dict[int, int]:
    """The windows of jobs by id, as of today."""
    found: dict[int, int] = {}
    o = t.observation.c
    said = select(o.node_id, o.last_us, t.bundle.c.facet_ids).join(t.bundle, t.bundle.c.id == o.bundle_id)
    for chunk in chunks(list(jobs)):
        times: dict[tuple[int, int], int] = {}
        for node, last_us, packed in connection.execute(said.where(o.node_id.in_(chunk))):
            for facet in unpack(bytes(packed)):
                times[node, facet] = max(last_us, times.get((node, facet), last_us))
        facets = {
            row.id: row
            for row in by_values(
                connection, list(t.facet.c), t.facet.c.id, (f for _, f in times), t.facet.c.name.in_(FACETS)
            )
        }
        present: dict[int, dict[str, tuple[int, bytes, bytes]]] = {node: {} for node in chunk}
        for (node, facet), last_us in times.items():
            if facet in facets:
                row = facets[facet]
                came = (last_us, bytes(row.digest), bytes(row.body))
                present[node][row.name] = max(came, present[node].get(row.name, came))
        for node, winners in present.items():
            bodies = {name: orjson.loads(body) for name, (_, _, body) in winners.items()}
            found[node] = window_of(bodies, default)
    return found


def _is_meant(tag: Mapping[str, str]) -> bool:
    return tag["key"] == TAG and not tag["field"]


def _sensible(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 6:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST else None
