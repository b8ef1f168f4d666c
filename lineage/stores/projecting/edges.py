"""Edges, and the sets of them that events show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence

from sqlalchemy import bindparam, select, update

from lineage.facts import EdgeSet, Facts
from lineage.model import Edge, EdgeKind
from lineage.stores import tables as t
from lineage.stores.projecting.known import Batch, SetKey
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.rows import by_values, chunks, pack, unpack


class Edges:
    """The edges of one batch."""

    def __init__(self, batch: Batch, nodes: Nodes) -> None:
        self.batch = batch
        self.known = batch.known
        self.nodes = nodes
        self._touched: dict[int, None] = {}
        self._stronger: dict[int, int] = {}

    @property
    def strengthened(self) -> Mapping[int, int]:
        """Bases that this batch made stronger, not written yet, by edge id."""
        return self._stronger

    @property
    def sets(self) -> dict[int, frozenset[int]]:
        """Edges by id of their set, as far as they are remembered."""
        return self.known.members

    def touch(self, edge: int) -> None:
        """Marks an edge whose life changed."""
        self._touched[edge] = None

    def shown(self, facts: Facts) -> int:
        """The id of the set of edges that an event shows; 0 for none."""
        return self.known.sets[self.known.set_key(facts)] if facts.edges.edges else 0

    def know(self, every: Sequence[Facts]) -> None:
        known = self.known
        fresh: dict[SetKey, EdgeSet] = {}
        for facts in every:
            key = self.known.set_key(facts)
            if facts.edges.edges and key not in known.sets:
                fresh[key] = facts.edges
        keys: dict[SetKey, dict[bytes, Edge]] = {}
        for set_key, edge_set in fresh.items():
            owner_key = known.node_of[set_key[1]].node.key
            keys[set_key] = {_edge_key(edge, owner_key, set_key[2]): edge for edge in edge_set.edges}
        known.edges.fetch(self.batch.connection, [key for members in keys.values() for key in members])
        self._know_flows(fresh)
        existing: dict[int, int] = {}
        for set_key, members in keys.items():
            ids = []
            for edge_key, edge in members.items():
                identity = known.edges.ids.get(edge_key)
                if identity is None:
                    identity = known.edges.new(edge_key)
                    self._insert_edge(identity, edge_key, edge, set_key[1], set_key[2])
                existing[identity] = min(int(edge.basis), existing.get(identity, int(edge.basis)))
                ids.append(identity)
            known.sets[set_key] = self._set_of(frozenset(ids))
        self._strengthen(existing)

    def _know_flows(self, fresh: dict[SetKey, EdgeSet]) -> None:
        """Reads, or makes, the flows that sets of edges speak of."""
        known = self.known
        wanted = {
            _flow_key(known.node_of[owner].node.key, edge.flow): (owner, edge.flow)
            for (_, owner, _), edges in fresh.items()
            for edge in edges.edges
            if edge.flow
        }
        known.flows.fetch(self.batch.connection, wanted)
        for key, (owner, name) in wanted.items():
            if key not in known.flows.ids:
                known.flows.ids[key] = known.next_node
                row = {"id": known.next_node, "key": key, "job_id": owner, "name": name, "changed": self.batch.place()}
                self.batch.insert(t.flow, row)
                known.next_node += 1

    def _insert_edge(self, identity: int, key: bytes, edge: Edge, owner: int, origin: int) -> None:
        step = edge.transformation
        source, target = self.nodes.end(edge.source), self.nodes.end(edge.target)
        if self.nodes.is_joined(edge.source) or self.nodes.is_joined(edge.target) or self.known.has_verdicts:
            self.nodes.unsettled_edges.add(identity)
        flow = 0
        if edge.flow:
            flow = self.known.flows.ids[_flow_key(self.known.node_of[owner].node.key, edge.flow)]
        self.batch.insert(
            t.edge,
            {
                "id": identity,
                "key": key,
                "kind": int(edge.kind),
                "source_id": source,
                "target_id": target,
                "flow_id": flow,
                "tail_id": flow if flow and edge.kind is EdgeKind.WROTE else self.nodes.stands_for(edge.source, source),
                "head_id": flow if flow and edge.kind is EdgeKind.READ else self.nodes.stands_for(edge.target, target),
                "suppressed": False,
                "owner_id": owner,
                "origin": origin,
                "basis": int(edge.basis),
                "type": step.type,
                "subtype": step.subtype,
                "masking": step.masking,
                "published": self.nodes.is_known(edge.source) and self.nodes.is_known(edge.target),
                "changed": self.batch.place(),
            },
        )

    def _strengthen(self, wanted: dict[int, int]) -> None:
        """The strongest basis ever shown stays."""
        new = {row["id"]: row for row in self.batch.waiting(t.edge)}
        for identity, basis in wanted.items():
            if identity in new:
                new[identity]["basis"] = min(new[identity]["basis"], basis)
        old = [identity for identity in wanted if identity not in new]
        for row in by_values(self.batch.connection, [t.edge.c.id, t.edge.c.basis], t.edge.c.id, old):
            if wanted[row.id] < row.basis:
                self._stronger[row.id] = wanted[row.id]

    def _set_of(self, ids: frozenset[int]) -> int:
        """The id of a set of edges, made if it is new."""
        known = self.known
        packed = pack(sorted(ids))
        digest = hashlib.sha256(packed).digest()
        identity = known.edge_sets.ids.get(digest)
        if identity is None:
            known.edge_sets.fetch(self.batch.connection, [digest])
            identity = known.edge_sets.ids.get(digest)
        if identity is None:
            identity = known.edge_sets.new(digest)
            self.batch.insert(t.edge_set, {"id": identity, "digest": digest, "edge_ids": packed})
        known.members[identity] = ids
        return identity

    def members(self, set_id: int) -> frozenset[int]:
        if not set_id:
            return frozenset()
        found = self.known.members.get(set_id)
        if found is None:
            row = self.batch.connection.execute(select(t.edge_set.c.edge_ids).where(t.edge_set.c.id == set_id)).one()
            found = self.known.members[set_id] = frozenset(unpack(row.edge_ids))
        return found

    def union(self, one: int, other: int) -> int:
        if one == other or not other:
            return one
        if not one:
            return other
        pair = (min(one, other), max(one, other))
        union = self.known.unions.get(pair)
        if union is None:
            union = self.known.unions[pair] = self._set_of(self.members(one) | self.members(other))
        return union

    def write(self) -> None:
        """Inserts what is new; edges that waited for a dataset to be known are published."""
        self._publish([identity for identity in self.nodes.newly_known if identity not in self.nodes.new])
        self.batch.write(t.flow, t.edge, t.edge_set)

    def _publish(self, ids: Sequence[int]) -> None:
        """Publishes edges that waited for these datasets to be known."""
        if not ids:
            return
        waiting: dict[int, None] = {}
        nodes = t.edge.c.kind != int(EdgeKind.DERIVED)
        # An edge by hand may wait for what it writes: people's words make no dataset known.
        wrote = t.edge.c.kind == int(EdgeKind.WROTE)
        for end, kind in ((t.edge.c.source_id, nodes), (t.edge.c.target_id, wrote)):
            for row in by_values(self.batch.connection, [t.edge.c.id], end, ids, kind, ~t.edge.c.published):
                waiting[row.id] = None
        fields = [row.id for row in by_values(self.batch.connection, [t.field.c.id], t.field.c.dataset_id, ids)]
        derived = t.edge.c.kind == int(EdgeKind.DERIVED)
        for end in (t.edge.c.source_id, t.edge.c.target_id):
            for row in by_values(self.batch.connection, [t.edge.c.id], end, fields, derived, ~t.edge.c.published):
                waiting[row.id] = None
        for identity in self._both_known(waiting):
            self.batch.connection.execute(
                update(t.edge).where(t.edge.c.id == identity).values(published=True, changed=self.batch.place())
            )

    def _both_known(self, edges: Iterable[int]) -> list[int]:
        """Those of the waiting edges whose other end is known as well."""
        source, target = t.field.alias(), t.field.alias()
        ends = select(t.edge.c.id, t.edge.c.kind, t.edge.c.source_id, source.c.dataset_id, target.c.dataset_id)
        ends = ends.outerjoin(source, source.c.id == t.edge.c.source_id).outerjoin(
            target, target.c.id == t.edge.c.target_id
        )
        found = []
        for chunk in chunks(list(edges)):
            for row in self.batch.connection.execute(ends.where(t.edge.c.id.in_(chunk))).all():
                datasets = [row[2]] if row[1] != int(EdgeKind.DERIVED) else [row[3], row[4]]
                if all(self._is_known(identity) for identity in datasets):
                    found.append(row[0])
        return found

    def _is_known(self, node_id: int) -> bool:
        """Whether it is, or anything that is one with it."""
        state = self.known.node_of.get(node_id)
        if state is not None and (state.known or not state.joined):
            return state.known
        same = select(t.node.c.same_id).where(t.node.c.id == node_id).scalar_subquery()
        known = select(t.node.c.id).where(t.node.c.same_id == same, t.node.c.known).limit(1)
        return self.batch.connection.execute(known).scalar() is not None

    def write_touched(self, copies: Callable[[int], Iterable[int]] = lambda _: ()) -> None:
        """Gives every edge whose shape or life changed a new place in the feed.

        copies: of an edge as asserted, those between later incarnations of its ends: they are as well known.
        """
        for identity, basis in list(self._stronger.items()):
            self._stronger |= dict.fromkeys(copies(identity), basis)
        for identity, basis in self._stronger.items():
            self._touched.pop(identity, None)
            self.batch.connection.execute(
                update(t.edge).where(t.edge.c.id == identity).values(basis=basis, changed=self.batch.place())
            )
        if self._touched:
            statement = update(t.edge).where(t.edge.c.id == bindparam("e")).values(changed=bindparam("n"))
            self.batch.connection.execute(statement, [{"e": edge, "n": self.batch.place()} for edge in self._touched])


def _flow_key(job_key: bytes, name: str) -> bytes:
    return hashlib.sha256(job_key + name.encode("utf-8", "surrogatepass")).digest()


def _edge_key(edge: Edge, owner_key: bytes, origin: int) -> bytes:
    step = edge.transformation
    text = f"{origin}\x1f{int(edge.kind)}\x1f{step.type}\x1f{step.subtype}\x1f{step.masking}\x1f{edge.flow}\x1f"
    return hashlib.sha256(text.encode("utf-8", "replace") + owner_key + edge.source.key + edge.target.key).digest()
