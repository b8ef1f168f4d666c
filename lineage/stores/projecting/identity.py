"""What stands for what: the catalog's view of names that are one, kept in step with what is said of them.

Nothing of what events assert is rewritten. Which node stands for another, the ends of edges in the graph, what is
listed and whose owners are shown follows from the rows that stay, so a split gives back what was there before.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import bindparam, func, update

from lineage.model import EdgeKind, Kind
from lineage.stores import tables as t
from lineage.stores.governance import HAND, by_people, description_of
from lineage.stores.projecting.components import Group, dropped, representative
from lineage.stores.projecting.kin import Kin, kin_of
from lineage.stores.projecting.known import Batch
from lineage.stores.projecting.nodes import PRESENT, Nodes
from lineage.stores.rows import by_ids, unpack

N, E, F = t.node.c, t.edge.c, t.field.c
DERIVED = int(EdgeKind.DERIVED)
SHOWN = ("ownership", "tags", "symlinks", "documentation")


class Identity:
    """The settling of one batch: for all that is joined, dropped or given up, and was touched."""

    def __init__(self, batch: Batch, nodes: Nodes) -> None:
        self.batch = batch
        self.connection = batch.connection
        self.known = batch.known
        self.nodes = nodes
        self.doubtful: set[int] = set()  # nodes whose drops may be others than before
        self.moved = False  # something stands for another node than before
        self.settled_edges: set[int] = set()  # whose ends were looked at: whether they are suppressed is to be, too

    def settle(self, changed: set[int], anew: set[int]) -> None:
        """Brings all that follows from names and their ties up to date.

        changed: names of which something new was said; anew: nodes whose statements were cut in another way.
        Cost: what is tied to the touched nodes, once a batch.
        """
        nodes, edges = self.nodes.unsettled | changed | anew, self.nodes.unsettled_edges
        self.nodes.unsettled, self.nodes.unsettled_edges = set(), set()
        edges = set(edges)
        if nodes:
            kin = kin_of(self.connection, nodes)
            moved = self._settle_nodes(kin, anew) | anew
            self.moved = self.moved or bool(moved)
            edges |= self._settle_fields(kin, moved)
            edges |= self._edges_of(moved) | self._waiting(kin)
            if kin.drops and (moved or changed):
                self.doubtful |= kin.members.keys()
            self.known.fates.clear()
        self._settle_edges(edges)
        self.settled_edges |= edges

    # ------------------------------------------------------------------ nodes

    def _settle_nodes(self, kin: Kin, anew: set[int]) -> set[int]:
        """Ids of members that another node stands for than before."""
        rows: list[dict[str, Any]] = []
        moved: set[int] = set()
        # What stood for itself alone shows its own words already: 10,000 new aliases at once cost no statement each.
        mixed = {same for identity, (*_, same, _, _) in kin.rows.items() if same != identity} | anew
        for group in kin.groups:
            stands = representative(group, kin.members)
            is_known = any(kin.members[member].known for member in group.members)
            dropped_us = self._dropped(kin, group, stands)
            demoted = []
            for member in group.members:
                *_, same, was_listed, was_dropped = kin.rows[member]
                listed = member == stands and is_known and dropped_us is None
                if same != stands:
                    moved.add(member)
                    demoted += [member] if same == member and member in mixed else []
                if (same, bool(was_listed), was_dropped) != (stands, listed, dropped_us):
                    rows.append({"i": member, "s": stands, "l": listed, "d": dropped_us})
                self._remember(member, stands, listed, dropped_us, len(group.members) > 1)
            self._show(stands, group.members)
            for member in demoted:
                self._show(member, [member])
        if rows:
            values: dict[str, Any] = {"same_id": bindparam("s"), "listed": bindparam("l"), "dropped_us": bindparam("d")}
            self.connection.execute(update(t.node).where(N.id == bindparam("i")).values(values), rows)
        return moved

    def _remember(self, member: int, stands: int, listed: bool, dropped_us: int | None, joined: bool) -> None:
        state = self.known.node_of.get(member)
        if state is not None:
            state.same_id, state.listed, state.dropped_us, state.joined = stands, listed, dropped_us, joined

    def _dropped(self, kin: Kin, group: Group, stands: int) -> int | None:
        """Since when a group is dropped: nothing newer was said of it, and no rename gave it a name since."""
        members = set(group.members)
        drops = [(node, at_us) for node, at_us in kin.drops if node in members]
        times = dropped(group, drops).get(stands) if drops else None
        if not times:
            return None
        renamed = (link.at_us for link in group.links if link.how == "rename")
        if max(renamed, default=times[-1] - 1) >= times[-1]:
            return None
        said = by_ids(self.connection, [func.max(t.said.c.at_us)], t.said.c.node_id, members, t.said.c.known)
        spoken = said[0][0] if said else None
        return None if spoken is not None and spoken > times[-1] else times[-1]

    def _show(self, stands: int, members: list[int]) -> None:
        """Owners, tags, names and the description, read off the newest facets of all members."""
        content = by_people(self._newest(members))
        for key, (table, rows_of) in PRESENT.items():
            self.nodes.replace(table, stands, rows_of(content.get(key)))
        description = description_of(content.get("documentation"))
        self.connection.execute(update(t.node).where(N.id == stands).values(description=description))
        state = self.known.node_of.get(stands)
        if state is not None:
            state.description = description

    def _newest(self, members: list[int]) -> dict[str, Any]:
        o, b, f = t.observation.c, t.bundle.c, t.facet.c
        latest: dict[int, int] = {}
        for bundle, last_us in by_ids(self.connection, [o.bundle_id, o.last_us], o.node_id, members):
            latest[bundle] = max(last_us, latest.get(bundle, last_us))
        times: dict[int, int] = {}
        for bundle, packed in by_ids(self.connection, [b.id, b.facet_ids], b.id, latest):
            for facet in unpack(packed):
                times[facet] = max(latest[bundle], times.get(facet, latest[bundle]))
        newest: dict[str, tuple[int, bytes, bytes]] = {}
        columns = [f.id, f.name, f.digest, f.body]
        for facet, name, digest, body in by_ids(
            self.connection, columns, f.id, times, f.name.in_(SHOWN) | f.name.startswith(HAND, autoescape=True)
        ):
            came = (times[facet], bytes(digest), bytes(body))
            newest[name] = max(newest.get(name, came), came)
        return {name: orjson.loads(body) for name, (_, _, body) in newest.items()}

    # ------------------------------------------------------------------ fields

    def _settle_fields(self, kin: Kin, moved: set[int]) -> set[int]:
        """Columns of one name in one thing are one; the edges of those for which another stands than before."""
        if not moved and not any(len(group.members) > 1 for group in kin.groups):
            return set()
        of: dict[int, list[Any]] = {}
        for row in by_ids(self.connection, [F.dataset_id, F.id, F.key, F.name, F.same_id], F.dataset_id, kin.members):
            of.setdefault(row[0], []).append(row)
        rows = []
        for group in kin.groups:
            stands = representative(group, kin.members)
            named: dict[str, list[Any]] = {}
            for row in (row for member in group.members for row in of.get(member, ())):
                named.setdefault(row[3], []).append(row)
            for same in named.values():
                first = min(same, key=lambda row: (row[0] != stands, bytes(row[2])))[1]
                rows += [{"i": row[1], "s": first} for row in same if row[4] != first]
        if rows:
            self.connection.execute(update(t.field).where(F.id == bindparam("i")).values(same_id=bindparam("s")), rows)
        return self._edges_at([row["i"] for row in rows], E.kind == DERIVED)

    # ------------------------------------------------------------------ edges

    def _edges_at(self, ends: Iterable[int], *where: Any) -> set[int]:
        ends = list(ends)
        return {
            row[0] for end in (E.source_id, E.target_id) for row in by_ids(self.connection, [E.id], end, ends, *where)
        }

    def _edges_of(self, nodes: Iterable[int], *where: Any) -> set[int]:
        nodes = list(nodes)
        fields = [row[0] for row in by_ids(self.connection, [F.id], F.dataset_id, nodes)]
        found = self._edges_at(nodes, E.kind != DERIVED, *where)
        return found | self._edges_at(fields, E.kind == DERIVED, *where)

    def _waiting(self, kin: Kin) -> set[int]:
        """Edges of what is known that weren't published, and those of what isn't that were."""
        known: list[int] = []
        unknown: list[int] = []
        for group in kin.groups:
            is_known = any(kin.members[member].known for member in group.members)
            (known if is_known else unknown).extend(group.members)
        return self._edges_of(known, ~E.published) | self._edges_of(unknown, E.published)

    def owners(self, nodes: Iterable[int]) -> set[tuple[int, int]]:
        """Whose edges touch some nodes, and their origins."""
        edges = self._edges_of(nodes)
        return {(row[0], row[1]) for row in by_ids(self.connection, [E.owner_id, E.origin], E.id, edges)}

    def _settle_edges(self, edges: set[int]) -> None:
        """Gives edges the ends that the graph has, and publishes those whose datasets are known."""
        columns = [E.id, E.kind, E.source_id, E.target_id, E.flow_id, E.tail_id, E.head_id, E.published]
        found = by_ids(self.connection, columns, E.id, edges)
        fields = {end for row in found if row[1] == DERIVED for end in row[2:4]}
        columns_of = {row[0]: row[1:] for row in by_ids(self.connection, [F.id, F.dataset_id, F.same_id], F.id, fields)}
        nodes = {end for row in found if row[1] != DERIVED for end in row[2:4]} | {
            row[0] for row in columns_of.values()
        }
        stands = {row[0]: row[1:] for row in by_ids(self.connection, [N.id, N.same_id, N.kind], N.id, nodes)}
        same = {row[0] for row in stands.values()}
        known = {row[0] for row in by_ids(self.connection, [N.same_id], N.same_id, same, N.known)}
        rows = []
        for identity, kind, source, target, flow, *before in found:
            if kind == DERIVED:
                tail, head = columns_of[source][1], columns_of[target][1]
                datasets = [columns_of[source][0], columns_of[target][0]]
            else:
                tail = flow if flow and kind == EdgeKind.WROTE else stands[source][0]
                head = flow if flow and kind == EdgeKind.READ else stands[target][0]
                datasets = [source, target]
            published = all(stands[d][1] == Kind.JOB or stands[d][0] in known for d in datasets)
            if [tail, head, published] != [before[0], before[1], bool(before[2])]:
                rows.append({"i": identity, "t": tail, "h": head, "p": published, "c": self.batch.place()})
        if rows:
            values: dict[str, Any] = {"tail_id": bindparam("t"), "head_id": bindparam("h"), "published": bindparam("p")}
            statement = update(t.edge).where(E.id == bindparam("i")).values(**values, changed=bindparam("c"))
            self.connection.execute(statement, rows)
