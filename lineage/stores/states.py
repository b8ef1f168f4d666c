"""The catalog at two times, as far as they may differ: what `lineage.diff` compares.

Two states of 1.6 million nodes are never made: indexes tell what opened, closed or was said anew in between, and only
that is laid out at both times. Parallel edges of the same ends are laid out with it, so that folding them is true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, func, select

from lineage.diff import Key, Value
from lineage.model import Kind, Node
from lineage.stores import tables as t
from lineage.stores.folding import Folded, folded, named, parallel
from lineage.stores.governance import by_people, description_of, flat_fields, owners_of, tags_of
from lineage.stores.past import Groups, Spoken, When, bundles, contents, groups_of, spoken, there
from lineage.stores.rows import by_ids

State = dict[str, dict[Key, Value]]
LOGIC = ("sourceCode", "sourceCodeLocation", "sql")
SHOWN = ("documentation", "ownership", "parent", "schema", "tags")


def between(
    connection: Connection, since: int, until: int, scope: Collection[int] | None = None
) -> tuple[State, State]:
    """What may differ between two times, at the one and at the other. scope: only these nodes and edges among them."""
    within = None if scope is None else groups_of(connection, scope)
    nodes = groups_of(connection, _turned(connection, since, until)) if within is None else within
    edges = parallel(connection, _reopened(connection, since, until), within)
    return _state(connection, nodes, edges, since), _state(connection, nodes, edges, until)


def whole(connection: Connection, at_us: int) -> State:
    """All that was true at a time. Cost: the whole catalog; `between` is the quick way to what differs."""
    nodes = groups_of(connection, list(connection.execute(select(t.node.c.id)).scalars()))
    edges = parallel(connection, list(connection.execute(select(t.edge.c.id)).scalars()), None)
    return _state(connection, nodes, edges, at_us)


# ---------------------------------------------------------------------- what may differ


def _turned(connection: Connection, since: int, until: int) -> set[int]:
    """Nodes that began, were dropped or came back, or whose facets may have changed."""
    n, o, gone = t.node.c, t.observation.c, t.lifecycle.c
    begun = select(n.id).where(n.first_us > since, n.first_us <= until)
    fresh = select(o.node_id).where(o.first_us > since, o.first_us <= until).distinct()
    names = select(gone.name_id).where(gone.other_id == 0, gone.at_us <= until)
    dropped = select(n.id).where(n.name_id.in_(names))
    found = {i for statement in (begun, fresh, dropped) for i in connection.execute(statement).scalars()}
    return found | _wavering(connection, since)


def _wavering(connection: Connection, since: int) -> set[int]:
    """Nodes of which two contents of one facet are told in turns, so that an old one may have come back."""
    o = t.observation.c
    # First by count alone: that is read off the key, and only of what is left the rows themselves.
    several = select(o.node_id).group_by(o.node_id).having(func.count() > 1)
    several = select(o.node_id).where(o.node_id.in_(several)).group_by(o.node_id)
    several = several.having(func.max(o.last_us) > since, func.min(o.first_us) <= since)
    rows = connection.execute(select(t.observation).where(o.node_id.in_(several), o.first_us <= since)).all()
    held = bundles(connection, {row.bundle_id for row in rows}, (*SHOWN, *LOGIC))
    spans: dict[tuple[int, str], dict[int, tuple[int, int]]] = {}
    for row in rows:
        for key, _, facet in held[row.bundle_id]:
            facets = spans.setdefault((row.node_id, key), {})
            old = facets.get(facet, (row.first_us, row.last_us))
            facets[facet] = (min(row.first_us, old[0]), max(row.last_us, old[1]))
    return {node for (node, _), facets in spans.items() if _overlap(list(facets.values()), since)}


def _overlap(spans: list[tuple[int, int]], since: int) -> bool:
    """Whether one that goes on after `since` began before another one ended."""
    return any(
        last > since and any(other is not mine and other[1] >= first for other in spans)
        for mine in spans
        for first, last in (mine,)
    )


def _reopened(connection: Connection, since: int, until: int) -> set[int]:
    life = t.life.c
    opened = select(life.edge_id).where(life.opened_us > since, life.opened_us <= until)
    closed = select(life.edge_id).where(life.closed_us > since, life.closed_us <= until)
    return {edge for statement in (opened, closed) for edge in connection.execute(statement).scalars()}


# ---------------------------------------------------------------------- laying out


def _state(connection: Connection, nodes: Groups, edges: list[Folded], at_us: int) -> State:
    state = described(connection, nodes, When(as_of_us=at_us))
    lives = t.life.c
    spans = by_ids(
        connection, [lives.edge_id, lives.opened_us, lives.closed_us], lives.edge_id, [edge.id for edge in edges]
    )
    alive = {edge for edge, opened, closed in spans if opened <= at_us < closed}
    state["edges"] = folded(edge for edge in edges if edge.id in alive)
    return state


def described(connection: Connection, nodes: Groups, when: When) -> State:
    """Nodes that existed, with the fields, tags and owners that they had."""
    said = spoken(connection, nodes, when, (*SHOWN, *LOGIC))
    existing = there(connection, nodes, when, said)
    return laid_out(connection, {rep: one for rep, one in said.items() if rep in existing})


def laid_out(connection: Connection, said: Mapping[int, Spoken]) -> State:
    """What was said of nodes as rows."""
    names = named(connection, list(said))
    loaded = contents(connection, said.values(), SHOWN)
    state: State = {"nodes": {}, "fields": {}, "tags": {}, "owners": {}}
    for rep, one in said.items():
        facets = {key: loaded[i] for key, (_, _, i) in one.facets.items() if i in loaded}
        logic = [digest for key, (_, digest, _) in sorted(one.facets.items()) if key in LOGIC]
        put(state, names[rep][1].id, facets, logic)
    return state


def put(state: State, text: str, facets: Mapping[str, Any], logic: list[bytes]) -> None:
    """Adds the rows of one node. logic: digests of what says how a job does its work."""
    facets = by_people(facets)
    state["nodes"][text,] = {
        "description": description_of(facets.get("documentation")),
        "parent": _parent(facets.get("parent")),
        "logic": hashlib.sha256(b"".join(logic)).hexdigest()[:12] if logic else None,
    }
    for column in flat_fields(facets.get("schema")):
        state["fields"][text, column["name"]] = {"type": column["type"]}
    tags: dict[Key, set[tuple[str, str]]] = {}
    for tag in tags_of(facets.get("tags")):
        tags.setdefault((text, tag["field"], tag["key"]), set()).add((tag["value"], tag["source"]))
    state["tags"] |= {
        key: {"values": [{"value": value, "source": source} for value, source in sorted(values)]}
        for key, values in tags.items()
    }
    owners: dict[Key, list[str]] = {}
    for owner in owners_of(facets.get("ownership")):
        owners.setdefault((text, owner["name"]), []).append(owner["type"])
    state["owners"] |= {key: {"types": sorted(types)} for key, types in owners.items()}


def _parent(facet: Any) -> str | None:
    return Node(Kind.JOB, facet["namespace"], facet["name"]).id if isinstance(facet, dict) and "name" in facet else None
