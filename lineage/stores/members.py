"""All names of one thing, and what of it was said under each: what single entities are read from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, or_, select

from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids

N = t.node.c


@dataclass(frozen=True, slots=True)
class Span:
    """A node that bore a name from a time until another, microseconds."""

    id: int
    name_id: int
    since_us: int
    until_us: int

    @property
    def is_whole(self) -> bool:
        """Whether the name never meant anything else."""
        return self.since_us == ALWAYS and self.until_us == OPEN


def members_of(connection: Connection, stands: int) -> list[Span]:
    """All nodes that one stands for, itself among them, by id."""
    own = select(N.id, N.name_id, N.since_us).where(N.same_id == stands).order_by(N.id)
    rows = connection.execute(own).all()
    times: dict[int, list[int]] = {}
    for name, since_us in by_ids(connection, [N.name_id, N.since_us], N.name_id, {row.name_id for row in rows}):
        times.setdefault(name, []).append(since_us)
    return [
        Span(
            row.id,
            row.name_id,
            row.since_us,
            min((time for time in times[row.name_id] if time > row.since_us), default=OPEN),
        )
        for row in rows
    ]


def said_of(table: Table, members: Sequence[Span]) -> ColumnElement[bool]:
    """That rows with `dataset_id` and `at_us`, told by name, are of these members."""
    c = table.c
    whole = c.dataset_id.in_([member.name_id for member in members if member.is_whole])
    parts = [member for member in members if not member.is_whole]
    return or_(whole, *((c.dataset_id == m.name_id) & (c.at_us >= m.since_us) & (c.at_us < m.until_us) for m in parts))


def shown_at(connection: Connection, names: Iterable[int], at_us: int) -> dict[int, int]:
    """What stands now for what names meant at a time."""
    found: dict[int, tuple[int, int]] = {}
    for name, since_us, same in by_ids(connection, [N.name_id, N.since_us, N.same_id], N.name_id, names):
        if since_us <= at_us:
            found[name] = max(found.get(name, (since_us, same)), (since_us, same))
    return {name: same for name, (_, same) in found.items()}


def first_seen(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """When each was first spoken of under any of its names."""
    found: dict[int, int] = {}
    for same, first_us in by_ids(connection, [N.same_id, N.first_us], N.same_id, ids):
        found[same] = min(first_us, found.get(same, first_us))
    return found


def last_seen(connection: Connection, ids: Iterable[int]) -> dict[int, int]:
    """When each was last spoken of under any of its names."""
    same = dict(by_ids(connection, [N.id, N.same_id], N.same_id, ids))
    o = t.observation.c
    found: dict[int, int] = {}
    for node, last_us in by_ids(connection, [o.node_id, o.last_us], o.node_id, same):
        found[same[node]] = max(last_us, found.get(same[node], last_us))
    return found
