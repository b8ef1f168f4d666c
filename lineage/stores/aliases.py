"""Why names are one: each alias of a node, and the rule, the producer or the person that made it one."""

from __future__ import annotations

from collections import deque
from typing import Any

from sqlalchemy import Connection

from lineage.model import Node, text_of
from lineage.stores import tables as t
from lineage.stores.finding import names
from lineage.stores.projecting.components import STRENGTH, Group, Link
from lineage.stores.projecting.kin import Kin, kin_of
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids

BY = {"merge": "person", "rename": "rename", "symlink": "symlink", "catalog": "catalog"}


def aliases_of(connection: Connection, stands: int) -> list[dict[str, Any]]:
    """All other names of what a node stands for, by name; of each what made it one, nearest to the node.

    by: "rule", "symlink", "catalog", "rename" or "person". event: position of the first event that said so.
    """
    others = by_ids(connection, [t.node.c.id], t.node.c.same_id, [stands])
    found = _spellings(connection, [row[0] for row in others])
    if len(others) > 1:
        kin = kin_of(connection, [stands])
        found += _joined(connection, kin, next(group for group in kin.groups if stands in group.members), stands)
    return sorted(found, key=lambda alias: (alias["namespace"], alias["name"], alias["by"], alias["event"]))


def _spellings(connection: Connection, members: list[int]) -> list[dict[str, Any]]:
    s = t.spelling.c
    own = {row[0] for row in by_ids(connection, [t.node.c.name_id], t.node.c.id, members)}
    columns = [s.namespace, s.name, s.rules, s.folded, s.first_us, s.position]
    return [
        {
            "namespace": namespace,
            "name": name,
            "by": "rule",
            "rule": rules,
            **({"folded": folded} if folded else {}),
            "event": position,
            "at": text_of(first_us),
        }
        for namespace, name, rules, folded, first_us, position in by_ids(connection, columns, s.node_id, own)
    ]


def _joined(connection: Connection, kin: Kin, group: Group, stands: int) -> list[dict[str, Any]]:
    named = names(connection, {kin.members[member].name_id for member in group.members})
    own = kin.members[stands].name_id
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for member, link in _ties(group, stands):
        name = kin.members[member].name_id
        if name != own:
            alias = _explained(named[name], kin, link)
            if (since_us := kin.members[member].since_us) != ALWAYS:
                alias["since"] = text_of(since_us)
            found.setdefault((name, since_us), alias)
    return list(found.values())


def _ties(group: Group, stands: int) -> list[tuple[int, Link]]:
    """Each other member, with the link by which it is reached from what stands for all; breadth first."""
    ties: dict[int, list[tuple[int, Link]]] = {}
    for link in sorted(group.links, key=lambda link: STRENGTH[link.how]):
        ties.setdefault(link.one, []).append((link.other, link))
        ties.setdefault(link.other, []).append((link.one, link))
    found: list[tuple[int, Link]] = []
    passed, waiting = {stands}, deque([stands])
    while waiting:
        for other, link in ties.get(waiting.popleft(), ()):
            if other not in passed:
                passed.add(other)
                waiting.append(other)
                found.append((other, link))
    return found


def _explained(node: Node, kin: Kin, link: Link) -> dict[str, Any]:
    kind, row = kin.evidence[link]
    alias = {"id": node.id, "namespace": node.namespace, "name": node.name, "by": BY.get(link.how, link.how)}
    if kind == "joint":
        *_, first_us, _, position = row
        return {**alias, "type": link.type, "event": position, "at": text_of(first_us)}
    if kind == "rename":
        _, at_us, _, position = row
        return {**alias, "event": position, "at": text_of(at_us)}
    *_, author, reason, at_us, position = row
    return {**alias, "event": position, "at": text_of(at_us), "author": author, "reason": reason}
