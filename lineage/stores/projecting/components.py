"""Which names are one thing, and which of them stands for all: pure functions of what was said.

A link joins two nodes; what a person split never ends up together. Links are taken strongest first (people's merges,
the newest first; renames, the newest first; symlinks; the catalog facet; equals in the order of their names), and one
that would bring together two nodes that a person split is left out. So the answer depends on no order of arrival.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

STRENGTH = {"merge": 0, "rename": 1, "symlink": 2, "catalog": 3}


@dataclass(frozen=True, slots=True)
class Member:
    """A node that may be one with others. text: its id. order: text and since when it bears the name."""

    id: int
    text: str
    since_us: int
    name_id: int
    known: bool

    @property
    def order(self) -> tuple[str, int]:
        return self.text, self.since_us


@dataclass(frozen=True, slots=True)
class Link:
    """Two nodes are one. how: "merge", "rename", "symlink", "catalog". into: whose name a merge keeps, 0 for none.

    Of a rename `one` was the name until `at_us`, `other` is the name since.
    """

    one: int
    other: int
    how: str
    at_us: int
    type: str = ""
    into: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """A person's word that two sets of nodes, incarnations of two names, are not one."""

    ones: frozenset[int]
    others: frozenset[int]


@dataclass(slots=True)
class Group:
    """Nodes that are one. links: those that make them so. cut: those left out at one of them because of a split."""

    members: list[int]
    links: list[Link] = field(default_factory=list)
    cut: list[Link] = field(default_factory=list)


class Union:
    """Disjoint sets of numbers, by size, with path halving (Tarjan and van Leeuwen, 1984)."""

    def __init__(self, items: Iterable[int]) -> None:
        self.parent = {item: item for item in items}
        self.members = {item: [item] for item in self.parent}

    def find(self, item: int) -> int:
        parent = self.parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def join(self, one: int, other: int) -> tuple[int, int]:
        """Joins two roots; the root that stays, and the one that is gone."""
        if len(self.members[one]) < len(self.members[other]):
            one, other = other, one
        self.parent[other] = one
        self.members[one] += self.members.pop(other)
        return one, other


def grouped(members: Mapping[int, Member], links: Iterable[Link], splits: Sequence[Split] = ()) -> list[Group]:
    """The groups of one thing each. Cost: a sort of the links, and near to linear beside it."""
    union = Union(members)
    sides: dict[int, set[tuple[int, bool]]] = {}
    for number, split in enumerate(splits):
        for node, side in [(node, False) for node in split.ones] + [(node, True) for node in split.others]:
            if node in union.parent:
                sides.setdefault(node, set()).add((number, side))
    used: list[Link] = []
    cut: list[Link] = []
    for link in sorted(links, key=lambda link: _order(link, members)):
        one, other = union.find(link.one), union.find(link.other)
        if one == other:
            used.append(link)
        elif _apart(sides.get(one), sides.get(other)):
            cut.append(link)
        else:
            stays, gone = union.join(one, other)
            if gone in sides:
                sides.setdefault(stays, set()).update(sides.pop(gone))
            used.append(link)
    groups = {root: Group(nodes) for root, nodes in union.members.items()}
    for link in used:
        groups[union.find(link.one)].links.append(link)
    for link in cut:
        for root in {union.find(link.one), union.find(link.other)}:
            groups[root].cut.append(link)
    return list(groups.values())


def _apart(one: set[tuple[int, bool]] | None, other: set[tuple[int, bool]] | None) -> bool:
    if not one or not other:
        return False
    less, more = (one, other) if len(one) < len(other) else (other, one)
    return any((number, not side) in more for number, side in less)


def _order(link: Link, members: Mapping[int, Member]) -> tuple[object, ...]:
    ends = sorted((members[link.one].order, members[link.other].order))
    strength = STRENGTH.get(link.how, len(STRENGTH))
    return strength, -link.at_us if strength < 2 else 0, ends, link.type


def representative(group: Group, members: Mapping[int, Member]) -> int:
    """Which member stands for all, by the first of these that there is.

    What the newest merge was made into; the name that the newest rename gave; a known dataset that others name as their
    TABLE; one that is known; the least id. Whatever it is, if it was renamed since, the name it has now.
    """
    if len(group.members) == 1:
        return group.members[0]

    def newest(how: str, of: Callable[[Link], int]) -> int | None:
        named = [
            (link.at_us, members[of(link)].order, of(link)) for link in group.links if link.how == how and of(link)
        ]
        return max(named)[2] if named else None

    found = newest("merge", lambda link: link.into) or newest("rename", lambda link: link.other)
    if found is None:
        tables = {link.other for link in group.links if link.how == "symlink" and link.type == "TABLE"}
        least = [
            (not (m.known and m.id in tables), not m.known, m.order, m.id)
            for m in map(members.__getitem__, group.members)
        ]
        found = min(least)[3]
    return renamed_since(found, group)


def renamed_since(node: int, group: Group) -> int:
    """What a node is called now. Each rename leads to a name that lasts longer, so this ends."""
    onward = {link.one: link.other for link in group.links if link.how == "rename"}
    passed = {node}
    while (then := onward.get(node)) is not None and then not in passed:
        node = then
        passed.add(node)
    return node


def dropped(group: Group, drops: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """When each node of a group was dropped: a drop of one name drops all that were one with it then.

    drops: (node, time). A rename makes two nodes one from its time on, any other link at all times: so `drop x; rename
    x_tmp to x` doesn't drop what x_tmp was.
    """
    union = Union(group.members)
    renames = sorted((link for link in group.links if link.how == "rename"), key=lambda link: link.at_us, reverse=True)
    for link in group.links:
        if link.how != "rename":
            _join(union, link)
    found: dict[int, list[int]] = {}
    for at_us, node in sorted({(at_us, node) for node, at_us in drops}):
        while renames and renames[-1].at_us <= at_us:
            _join(union, renames.pop())
        for member in union.members[union.find(node)]:
            times = found.setdefault(member, [])
            if not times or times[-1] != at_us:
                times.append(at_us)
    return found


def _join(union: Union, link: Link) -> None:
    one, other = union.find(link.one), union.find(link.other)
    if one != other:
        union.join(one, other)
