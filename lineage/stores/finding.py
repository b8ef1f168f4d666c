"""Which node a name means: what bears it, what it is called now, however it was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select

from lineage.model import Kind, Node
from lineage.naming import canonical
from lineage.stores import tables as t
from lineage.stores.rows import by_ids, by_values

N, F = t.node.c, t.field.c
LATER = t.node.alias("later")
USED_AGAIN = exists().where(LATER.c.name_id == N.id, LATER.c.id != N.id)
# Made once: putting it together costs twice what running it does.
PLAIN = select(N.key, N.id, N.listed & ~USED_AGAIN).where(N.key.in_(bindparam("keys", expanding=True)))


@dataclass(frozen=True, slots=True)
class Bearer:
    """What stands for all that a name means. is_listed: it is there now, not dropped."""

    id: int
    node: Node
    is_listed: bool


def found(connection: Connection, possible: Sequence[Node], *, dropped: bool = False) -> tuple[Node, int] | None:
    """The first of some names that means something: as it is, and then as the rules of names or events spell it.

    Any name of a thing finds what stands for it. A name that was given up finds what it is called now, unless something
    new bears it. dropped: also what isn't there any more.
    """
    if (hit := _plain(connection, possible)) is not None:
        return hit
    if (hit := _first(connection, possible, dropped)) is not None or possible[0].kind is Kind.JOB:
        return hit
    spelled = [node for one in possible for node in _spelled(connection, one)]
    return _first(connection, spelled, dropped) if spelled else None


def named(connection: Connection, possible: Sequence[Node]) -> Node | None:
    """The first of some names that anything ever spoke of, by itself: not what stands for it."""
    spelled = [*possible, *(node for one in possible if one.kind is not Kind.JOB for node in _spelled(connection, one))]
    by_key = {node.key: node for node in spelled}
    there = {bytes(row.key) for row in by_values(connection, [N.key], N.key, by_key)}
    return next((node for key, node in by_key.items() if key in there), None)


def _spelled(connection: Connection, node: Node) -> list[Node]:
    """Other names of the same: by the rules, and as events wrote it."""
    rule = canonical(node.namespace, node.name)
    half = Node(Kind.DATASET, node.namespace, node.name).key[:16]
    s = t.spelling.c
    written = select(s.node_id).where(s.key >= half, s.key <= half + b"\xff" * 16)
    nodes = [one for _, one in sorted(names(connection, connection.execute(written).scalars().all()).items())]
    both = {(rule.namespace, rule.name): None} | {(one.namespace, one.name): None for one in nodes}
    return [Node(node.kind, *pair, node.field) for pair in both if pair != (node.namespace, node.name)]


def _plain(connection: Connection, possible: Sequence[Node]) -> tuple[Node, int] | None:
    """The common case in one statement: the first of the names that was ever spoken of is listed, and means itself."""
    if possible[0].kind is Kind.FIELD:
        return None
    by_key = {node.key: node for node in possible}
    rows = connection.execute(PLAIN, {"keys": list(by_key)}).all()
    held = {bytes(key): (identity, bool(is_plain)) for key, identity, is_plain in rows}
    for key, node in by_key.items():
        if key in held:
            identity, is_plain = held[key]
            return (node, identity) if is_plain else None
    return None


def _first(connection: Connection, possible: Sequence[Node], dropped: bool) -> tuple[Node, int] | None:
    bearers = _bearers(connection, {node.dataset for node in possible})
    for node in possible:
        bearer = bearers.get(node.dataset)
        if bearer is None or not (bearer.is_listed or dropped):
            continue
        if node.kind is not Kind.FIELD:
            return bearer.node, bearer.id
        column = _column(connection, bearer.id, node.field or "")
        if column is not None:
            return Node(Kind.FIELD, bearer.node.namespace, bearer.node.name, node.field), column
    return None


def _column(connection: Connection, dataset: int, name: str) -> int | None:
    """What stands for the columns of a name in all that a dataset stands for."""
    statement = select(F.same_id).join(t.node, N.id == F.dataset_id).where(N.same_id == dataset, F.name == name)
    return connection.execute(statement.limit(1)).scalar()


def _bearers(connection: Connection, nodes: set[Node]) -> dict[Node, Bearer]:
    by_key = {node.key: node for node in nodes}
    firsts = {row.id: by_key[bytes(row.key)] for row in by_values(connection, [N.id, N.key], N.key, by_key)}
    meant: dict[int, list[tuple[int, int]]] = {}
    for name, since_us, same in by_ids(connection, [N.name_id, N.since_us, N.same_id], N.name_id, firsts):
        meant.setdefault(name, []).append((since_us, same))
    stands = {same for rows in meant.values() for _, same in rows}
    known = {row[0] for row in by_ids(connection, [N.same_id], N.same_id, stands, N.known)}
    listed = {row[0] for row in by_ids(connection, [N.id], N.id, stands, N.listed)}
    called = names(connection, stands)
    bearers = {}
    for first, node in firsts.items():
        newest = [same for _, same in sorted(meant[first], reverse=True) if same in known]
        if newest:
            bearers[node] = Bearer(newest[0], called[newest[0]], newest[0] in listed)
    return bearers


def names(connection: Connection, ids: Any) -> dict[int, Node]:
    """Names of datasets and jobs."""
    rows = by_ids(connection, [N.id, N.kind, N.namespace_id, N.name], N.id, ids)
    columns = [t.namespace.c.id, t.namespace.c.name]
    namespaces = dict(by_ids(connection, columns, t.namespace.c.id, {row[2] for row in rows}))
    return {row[0]: Node(Kind(row[1]), namespaces[row[2]], row[3]) for row in rows}
