"""What became of the ends of edges by the drops known at a position, for the lives of edges as they were known.

Names are joined and given up as they are known now, as everywhere: only drops that came later are left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from lineage.model import EdgeKind
from lineage.stores import tables as t
from lineage.stores.past import When, drops_of
from lineage.stores.projecting.components import dropped
from lineage.stores.projecting.kin import Kin, kin_of
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids


@dataclass(frozen=True, slots=True)
class Ends:
    """One edge as asserted. datasets: ids of what it joins, as far as they are datasets; meant: what each was, when.

    meant: (since_us, node), ascending, aligned with datasets.
    """

    key: bytes
    datasets: tuple[int, ...]
    meant: tuple[tuple[tuple[int, int], ...], ...]
    drops: tuple[int, ...]


class KnownFates:
    """`lineage.stores.histories.Fates`, for one question."""

    def __init__(self, connection: Connection, position: int) -> None:
        self.connection, self.position = connection, position
        self._none = connection.execute(select(t.lifecycle.c.name_id).limit(1)).first() is None
        self._ends: dict[int, Ends] = {}
        self._copies: dict[bytes, int] = {}

    def touches(self, edge_ids: Iterable[int]) -> bool:
        if self._none:
            return False
        ids = list(edge_ids)
        self._know(ids)
        return any(self._ends[edge].drops or any(len(meant) > 1 for meant in self._ends[edge].meant) for edge in ids)

    def drops(self, edge_id: int) -> Sequence[int]:
        return () if self._none else self._of(edge_id).drops

    def resolved(self, edge_id: int, at_us: int) -> int:
        """The edge between what its ends were at a time: a row of its own where one was another thing by then."""
        if self._none:
            return edge_id
        ends = self._of(edge_id)
        since = [max(one for one, _ in meant if one <= at_us) for meant in ends.meant]
        if all(one == ALWAYS for one in since):
            return edge_id
        text = b"\x1fbetween\x1f" + b"\x1f".join(b"%d" % one for one in since)
        return self._copy(hashlib.sha256(ends.key + text).digest(), edge_id)

    def _copy(self, key: bytes, edge_id: int) -> int:
        if key not in self._copies:
            found = self.connection.execute(select(t.edge.c.id).where(t.edge.c.key == key)).scalar()
            self._copies[key] = edge_id if found is None else found
        return self._copies[key]

    def _of(self, edge_id: int) -> Ends:
        if edge_id not in self._ends:
            self._know([edge_id])
        return self._ends[edge_id]

    def _know(self, ids: Sequence[int]) -> None:
        e, f = t.edge.c, t.field.c
        missing = [edge for edge in ids if edge not in self._ends]
        rows = by_ids(self.connection, [e.id, e.key, e.kind, e.source_id, e.target_id], e.id, missing)
        fields = {end for row in rows if row[2] == EdgeKind.DERIVED for end in row[3:5]}
        dataset_of = dict(by_ids(self.connection, [f.id, f.dataset_id], f.id, fields))
        joined = {row[0]: _datasets(row[2], row[3], row[4], dataset_of) for row in rows}
        kin = kin_of(self.connection, {dataset for datasets in joined.values() for dataset in datasets})
        drops = self._drops(kin)
        for identity, key, *_ in rows:
            datasets = joined[identity]
            meant = tuple(tuple(kin.names[d].meant) if d in kin.names else ((ALWAYS, d),) for d in datasets)
            times = sorted({at_us for dataset in datasets for at_us in drops.get(dataset, ())})
            self._ends[identity] = Ends(bytes(key), datasets, meant, tuple(times))

    def _drops(self, kin: Kin) -> dict[int, list[int]]:
        """When nodes were dropped, as far as it was known."""
        known = drops_of(kin, When(position=self.position))
        found: dict[int, list[int]] = {}
        for group in kin.groups if known else ():
            members = set(group.members)
            found |= dropped(group, [drop for drop in known if drop[0] in members])
        return found


def _datasets(kind: int, source: int, target: int, dataset_of: dict[int, int]) -> tuple[int, ...]:
    if kind == EdgeKind.DERIVED:
        return tuple(dict.fromkeys((dataset_of[source], dataset_of[target])))
    return (source if kind == EdgeKind.READ else target,)
