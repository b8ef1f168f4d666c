"""What was said of nodes by a time, as it was known at a position: read from every statement ever made.

A node may be several rows (joined names, incarnations of one): every function takes groups, what stands for all to all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, any_, func, literal, select
from sqlalchemy.dialects import postgresql

from lineage.stores import tables as t
from lineage.stores.governance import HAND
from lineage.stores.projecting.components import Group, dropped
from lineage.stores.projecting.kin import Kin, kin_of
from lineage.stores.rows import by_ids, unpack

Groups = Mapping[int, Sequence[int]]  # the node that stands for all to the ids of all, itself among them


@dataclass(frozen=True, slots=True)
class When:
    """as_of_us: what was true then; None: in the end. position: as known after that event; None: after the last."""

    as_of_us: int | None = None
    position: int | None = None

    def bounds(self, table: Any) -> list[ColumnElement[bool]]:
        """What rows with `at_us` and `position` must satisfy."""
        upto = [] if self.as_of_us is None else [table.c.at_us <= self.as_of_us]
        return upto if self.position is None else [*upto, table.c.position <= self.position]


@dataclass(slots=True)
class Spoken:
    """The statements about one node: when the first and the last were made, and facets by key.

    facets: key to (time, digest, facet id) of the newest; equal times are decided by digest.
    spans: of every content ever told, by (key, digest, facet id), when first and when last.
    """

    first_us: int
    last_us: int
    facets: dict[str, tuple[int, bytes, int]] = field(default_factory=dict)
    spans: dict[tuple[str, bytes, int], tuple[int, int]] = field(default_factory=dict)

    def take(self, first_us: int, last_us: int, facets: Iterable[tuple[str, bytes, int]]) -> None:
        self.first_us, self.last_us = min(self.first_us, first_us), max(self.last_us, last_us)
        for key, digest, identity in facets:
            newest = self.facets.get(key)
            if newest is None or (last_us, digest) > newest[:2]:
                self.facets[key] = (last_us, digest, identity)
            span = self.spans.get((key, digest, identity), (first_us, last_us))
            self.spans[key, digest, identity] = (min(first_us, span[0]), max(last_us, span[1]))


def among(connection: Connection, column: ColumnElement[Any], ids: Collection[int]) -> ColumnElement[bool]:
    """That an integer column is one of `ids`, however many: one parameter."""
    wanted = list(dict.fromkeys(ids))
    if connection.dialect.name == "postgresql":
        return column == any_(literal(wanted, postgresql.ARRAY(BigInteger)))
    return column.in_(select(func.json_each(orjson.dumps(wanted).decode()).table_valued("value").c.value))


def spoken(
    connection: Connection, groups: Groups, when: When, keys: Collection[str] | None = None
) -> dict[int, Spoken]:
    """What was said of nodes; those of which nothing was said by then are left out. keys: of facets; None: all.

    What people say comes with any keys: it stands in front of producers' facets.
    Cost: the statements about these nodes.
    """
    stands = {identity: rep for rep, ids in groups.items() for identity in ids}
    s = t.said.c
    spans = select(s.node_id, s.bundle_id, func.min(s.at_us), func.max(s.at_us))
    spans = spans.where(among(connection, s.node_id, stands), *when.bounds(t.said)).group_by(s.node_id, s.bundle_id)
    rows = connection.execute(spans).all()
    held = bundles(connection, {row[1] for row in rows}, keys)
    found: dict[int, Spoken] = {}
    for node, bundle, first_us, last_us in rows:
        found.setdefault(stands[node], Spoken(first_us, last_us)).take(first_us, last_us, held[bundle])
    return found


def bundles(
    connection: Connection, ids: Collection[int], keys: Collection[str] | None = None
) -> dict[int, list[tuple[str, bytes, int]]]:
    """(key, digest, id) of the facets in bundles."""
    b, f = t.bundle.c, t.facet.c
    packed = {bundle: unpack(blob) for bundle, blob in by_ids(connection, [b.id, b.facet_ids], b.id, ids)}
    more = () if keys is None else (f.name.in_(list(keys)) | f.name.startswith(HAND, autoescape=True),)
    wanted = {facet for facets in packed.values() for facet in facets}
    named = {
        row[0]: (row[1], bytes(row[2])) for row in by_ids(connection, [f.id, f.name, f.digest], f.id, wanted, *more)
    }
    return {bundle: [(*named[i], i) for i in facets if i in named] for bundle, facets in packed.items()}


def contents(connection: Connection, found: Iterable[Spoken], keys: Collection[str] | None = None) -> dict[int, Any]:
    """The content of facets by id; one that was deleted is left out."""
    wanted = {
        i
        for said in found
        for key, (_, _, i) in said.facets.items()
        if keys is None or key in keys or key.startswith(HAND)
    }
    bodies = by_ids(connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, wanted)
    loaded = {identity: orjson.loads(bytes(body)) for identity, body in bodies}
    return {i: body for i, body in loaded.items() if not (isinstance(body, dict) and body.get("_deleted"))}


def groups_of(connection: Connection, ids: Collection[int]) -> dict[int, list[int]]:
    """All rows of the nodes that `ids` belong to."""
    n = t.node.c
    reps = {row[0] for row in by_ids(connection, [n.same_id], n.id, ids)}
    found: dict[int, list[int]] = {}
    for identity, same in by_ids(connection, [n.id, n.same_id], n.same_id, reps):
        found.setdefault(same, []).append(identity)
    return {rep: sorted(members) for rep, members in found.items()}


def known_by(connection: Connection, groups: Groups, position: int | None) -> set[int]:
    """Nodes that were not only named as a column's origin, in any event up to a position."""
    stands = {identity: rep for rep, ids in groups.items() for identity in ids}
    if position is None:
        statement = select(t.node.c.id).where(among(connection, t.node.c.id, stands), t.node.c.known)
    else:
        s = t.said.c
        statement = select(s.node_id).where(among(connection, s.node_id, stands), s.known, s.position <= position)
        statement = statement.distinct()
    return {stands[identity] for identity in connection.execute(statement).scalars()}


def last_drops(connection: Connection, groups: Groups, when: When) -> dict[int, int]:
    """When each node was dropped last, of those that were and got no name by a rename since."""
    stands = {identity: rep for rep, ids in groups.items() for identity in ids}
    n, c = t.node.c, t.lifecycle.c
    names = {row[0] for row in by_ids(connection, [n.name_id], n.id, stands)}
    if not any(True for _ in by_ids(connection, [c.name_id], c.name_id, names, c.other_id == 0)):
        return {}
    kin = kin_of(connection, stands)
    drops = drops_of(kin, when)
    found: dict[int, int] = {}
    for group in kin.groups if drops else ():
        members = set(group.members)
        rep = next((stands[member] for member in members if member in stands), 0)
        times = dropped(group, [drop for drop in drops if drop[0] in members]).get(rep)
        renames = (at_us for at_us, position in _renames(kin, group) if _is_by(when, at_us, position))
        if times and max(renames, default=times[-1] - 1) < times[-1]:
            found[rep] = times[-1]
    return found


def drops_of(kin: Kin, when: When) -> list[tuple[int, int]]:
    """(node, time) of every drop by then."""
    return [
        (name.at(at_us), at_us)
        for name in kin.names.values()
        for at_us, other, position in name.fates
        if not other and _is_by(when, at_us, position)
    ]


def _renames(kin: Kin, group: Group) -> list[tuple[int, int]]:
    """(time, position) of the renames that hold a group together."""
    return [(link.at_us, kin.evidence[link][1][3]) for link in group.links if link.how == "rename"]


def _is_by(when: When, at_us: int, position: int) -> bool:
    upto = when.as_of_us is None or at_us <= when.as_of_us
    return upto and (when.position is None or position <= when.position)


def there(connection: Connection, groups: Groups, when: When, said: Mapping[int, Spoken]) -> set[int]:
    """Nodes that existed: known, spoken of by then, and not dropped since."""
    drops = last_drops(connection, groups, when)
    known = known_by(connection, groups, when.position) & said.keys()
    return {
        rep for rep in known if rep not in drops or _is_said(connection, groups[rep], when, t.said.c.at_us > drops[rep])
    }


def existed(connection: Connection, stands: int, when: When) -> bool:
    """The same for one node, without reading all that was ever said of it."""
    groups = groups_of(connection, [stands])
    dropped_us = last_drops(connection, groups, when).get(stands)
    if dropped_us is not None and not _is_said(connection, groups[stands], when, t.said.c.at_us > dropped_us):
        return False
    return was_said(connection, stands, when)


def was_said(connection: Connection, stands: int, when: When) -> bool:
    """Whether a node was known, and spoken of by then."""
    groups = groups_of(connection, [stands])
    if stands not in known_by(connection, groups, when.position):
        return False
    said = select(t.said.c.node_id).where(t.said.c.node_id.in_(groups[stands]), *when.bounds(t.said))
    return connection.execute(said.limit(1)).first() is not None


def _is_said(connection: Connection, members: Collection[int], when: When, after: ColumnElement[bool]) -> bool:
    """Whether some nodes were spoken of, and not only named, in a part of the time until then."""
    said = select(t.said.c.node_id).where(t.said.c.node_id.in_(members), t.said.c.known, after, *when.bounds(t.said))
    return connection.execute(said.limit(1)).first() is not None
