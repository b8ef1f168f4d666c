"""All names that anything ties to some nodes, as the tables have them: what groups are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from lineage.model import Kind, Node
from lineage.stores import tables as t
from lineage.stores.projecting.components import Group, Link, Member, Split, grouped
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids

N, J, D, L = t.node.c, t.joint.c, t.decision.c, t.lifecycle.c


@dataclass(slots=True)
class Name:
    """What a name meant: (since_us, node), ascending. fates: (time, new name) as they came, 0 for a drop."""

    id: int
    text: str
    key: bytes
    meant: list[tuple[int, int]] = field(default_factory=list)
    fates: list[tuple[int, int, int]] = field(default_factory=list)  # time, new name, position

    def at(self, at_us: int) -> int:
        found = self.meant[0][1]
        for since_us, node in self.meant:
            if since_us <= at_us:
                found = node
        return found

    def until(self, at_us: int) -> int:
        """What it meant just before a time."""
        return self.at(at_us - 1)

    def within(self, first_us: int, last_us: int) -> list[int]:
        """Times, first and last among them, when it began to mean another thing."""
        return [since_us for since_us, _ in self.meant if first_us < since_us <= last_us]


@dataclass(slots=True)
class Kin:
    """Names tied together, their groups, and what was said of each tie.

    evidence: what a link came of: the row of its table. conflicts: renames that contradict what stands.
    """

    names: dict[int, Name] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    rows: dict[int, Any] = field(default_factory=dict)
    evidence: dict[Link, tuple[str, Any]] = field(default_factory=dict)
    splits: list[tuple[Split, Any]] = field(default_factory=list)
    drops: list[tuple[int, int]] = field(default_factory=list)
    contradicted: list[tuple[int, int, int, int]] = field(default_factory=list)  # name, time, new name, position
    groups: list[Group] = field(default_factory=list)


def kin_of(connection: Connection, nodes: Iterable[int]) -> Kin:
    """The kin of nodes. Cost: a few statements for each step from name to name that isn't known as one thing yet."""
    kin = Kin()
    ids = _closure(connection, nodes)
    if not ids:
        return kin
    _load_members(connection, kin, ids)
    _load_fates(connection, kin)
    links = _renames(kin) + _load_joints(connection, kin) + _load_decisions(connection, kin)
    kin.groups = grouped(kin.members, links, [split for split, _ in kin.splits])
    return kin


def _closure(connection: Connection, nodes: Iterable[int]) -> set[int]:
    """Ids of all names tied to some nodes, whatever ties them: also a drop of one is a matter of all."""
    frontier = {row[0] for row in by_ids(connection, [N.name_id], N.id, nodes)}
    found: set[int] = set()
    while frontier:
        found |= frontier
        frontier = _tied(connection, frontier) - found
    return found


def _tied(connection: Connection, names: Collection[int]) -> set[int]:
    tied: set[int] = set()
    for one, other in ((J.one_id, J.other_id), (D.one_id, D.other_id), (L.name_id, L.other_id)):
        tied |= {row[0] for row in by_ids(connection, [other], one, names)}
        tied |= {row[0] for row in by_ids(connection, [one], other, names)}
    # What stands as one already is reached in one step, however long the chain that makes it so.
    stands = {row[0] for row in by_ids(connection, [N.same_id], N.name_id, names)}
    tied |= {row[0] for row in by_ids(connection, [N.name_id], N.same_id, stands)}
    return tied - {0}


def _load_members(connection: Connection, kin: Kin, ids: Collection[int]) -> None:
    columns = [N.id, N.key, N.kind, N.namespace_id, N.name, N.name_id, N.since_us, N.known, N.same_id, N.listed]
    columns += [N.dropped_us]
    rows = by_ids(connection, columns, N.name_id, ids)
    namespaces = dict(
        by_ids(connection, [t.namespace.c.id, t.namespace.c.name], t.namespace.c.id, {r[3] for r in rows})
    )
    for row in sorted(rows, key=lambda row: row[6]):
        identity, key, kind, namespace, name, name_id, since_us, known, *_ = row
        text = Node(Kind(kind), namespaces[namespace], name).id
        kin.rows[identity] = row
        kin.members[identity] = Member(identity, text, since_us, name_id, bool(known))
        if since_us == ALWAYS:
            kin.names[name_id] = Name(name_id, text, bytes(key))
        kin.names[name_id].meant.append((since_us, identity))


def _load_fates(connection: Connection, kin: Kin) -> None:
    columns = [L.name_id, L.at_us, L.other_id, L.position]
    for name, at_us, other, position in by_ids(connection, columns, L.name_id, kin.names):
        kin.names[name].fates.append((at_us, other, position))
        if not other:
            kin.drops.append((kin.names[name].at(at_us), at_us))


def _renames(kin: Kin) -> list[Link]:
    """Renames as links. Of several new names at one time the least stands, the others are conflicts."""
    links = []
    for name in kin.names.values():
        at_once: dict[int, list[tuple[bytes, int, int]]] = {}
        for at_us, other, position in name.fates:
            if other == name.id:
                kin.contradicted.append((name.id, at_us, other, position))
            elif other:
                at_once.setdefault(at_us, []).append((kin.names[other].key, other, position))
        for at_us, found in at_once.items():
            (_, new, position), *others = sorted(found)
            link = Link(name.until(at_us), kin.names[new].at(at_us), "rename", at_us)
            kin.evidence[link] = ("rename", (name.id, at_us, new, position))
            links.append(link)
            kin.contradicted += [(name.id, at_us, other, position) for _, other, position in others]
    return links


def _load_joints(connection: Connection, kin: Kin) -> list[Link]:
    """A name that was given up is joined by what it meant at each time within those when the joint was said."""
    links = []
    columns = [J.one_id, J.other_id, J.how, J.type, J.first_us, J.last_us, J.position]
    for row in by_ids(connection, columns, J.one_id, kin.names):
        one, other, (first_us, last_us) = kin.names[row[0]], kin.names[row[1]], row[4:6]
        times = {first_us, last_us}
        if len(one.meant) > 1 or len(other.meant) > 1:
            times.update(one.within(first_us, last_us), other.within(first_us, last_us))
        for at_us in sorted(times):
            link = Link(one.at(at_us), other.at(at_us), row[2], 0, row[3])
            if link not in kin.evidence:
                kin.evidence[link] = ("joint", row)
                links.append(link)
    return links


def _load_decisions(connection: Connection, kin: Kin) -> list[Link]:
    links = []
    columns = [D.one_id, D.other_id, D.action, D.into_id, D.author, D.reason, D.at_us, D.position]
    for row in by_ids(connection, columns, D.one_id, kin.names):
        one, other, action, into, at_us = kin.names[row[0]], kin.names[row[1]], row[2], row[3], row[6]
        if action == "split":
            kin.splits.append((Split(_begun(one, at_us), _begun(other, at_us)), row))
            continue
        node = kin.names[into].at(at_us) if into else 0
        link = Link(one.at(at_us), other.at(at_us), "merge", at_us, into=node)
        kin.evidence[link] = ("decision", row)
        links.append(link)
    return links


def _begun(name: Name, at_us: int) -> frozenset[int]:
    """All that a name meant until a time: a split parts them all, for people split names as they stand."""
    return frozenset(node for since_us, node in name.meant if since_us <= at_us)


def conflicting_splits(kin: Kin) -> list[tuple[Any, Link]]:
    """Splits with each link that they cut."""
    found = []
    where = {node: number for number, group in enumerate(kin.groups) for node in group.members}
    links = {link for group in kin.groups for link in group.cut}
    for split, row in kin.splits:
        sides = [{where[node] for node in side} for side in (split.ones, split.others)]
        for link in links:
            ends = where[link.one], where[link.other]
            if any(a in sides[0] and b in sides[1] for a, b in (ends, ends[::-1])):
                found.append((row, link))
    return found
