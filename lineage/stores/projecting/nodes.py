"""Datasets, jobs and fields, and what facets say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import Table, delete, select

from lineage.canonical import canonical
from lineage.facts import Described, Facts
from lineage.model import EdgeKind, Kind, Node
from lineage.model import field as field_node
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.governance import DERIVED_FROM, aliases_of, columns_of, description_of, owners_of, tags_of
from lineage.stores.projecting.known import Batch, Bundle, NodeState
from lineage.stores.rows import by_values, pack, unpack, upsert

# Bundles of one node that are looked through for superseded ones once there are more than this.
BUNDLES_KEPT = 32
LEAF = 200


class Nodes:
    """The nodes of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.known = batch.known
        self.new: dict[int, NodeState] = {}
        self.newly_known: dict[int, NodeState] = {}
        self._dirty: dict[int, NodeState] = {}
        self._observations: set[tuple[int, int]] = set()
        self._refresh: dict[int, tuple[NodeState, set[str]]] = {}

    def know(self, every: Sequence[Facts]) -> None:
        """Reads, or makes, every node that the batch speaks of."""
        self._know_nodes(every)
        self._know_bundles(every)
        self._know_observations(every)
        self._know_known(every)
        self._know_ends(every)

    def id(self, node: Node) -> int:
        return self.known.nodes[node].id

    def end(self, node: Node) -> int:
        """The id of one end of an edge, in the space of its kind."""
        return self.known.fields.ids[node.key] if node.kind is Kind.FIELD else self.known.nodes[node].id

    def stands_for(self, node: Node, end: int) -> int:
        """What stands for one end of an edge in the graph."""
        return end if node.kind is Kind.FIELD else self.known.nodes[node].same_id

    def is_known(self, node: Node) -> bool:
        return node.kind is Kind.JOB or self.known.nodes[node.dataset].known

    def name(self, node_id: int) -> str:
        """The id, as text, of a job that may not be in this batch."""
        state = self.known.node_of.get(node_id)
        if state is not None:
            return state.node.id
        joined = select(t.namespace.c.name, t.node.c.name).join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)
        row = self.batch.connection.execute(joined.where(t.node.c.id == node_id)).one()
        return Node(Kind.JOB, row[0], row[1]).id

    def _know_nodes(self, every: Sequence[Facts]) -> None:
        known = self.known
        wanted: dict[Node, int] = {}
        for facts in every:
            for described in facts.described:
                if described.digest not in known.described and described.node not in known.nodes:
                    wanted[described.node] = min(facts.at_us, wanted.get(described.node, OPEN))
        if not wanted:
            return
        by_key = {node.key: node for node in wanted}
        for row in by_values(self.batch.connection, list(t.node.c), t.node.c.key, by_key):
            state = state_of(row, by_key[bytes(row.key)])
            known.nodes[state.node] = known.node_of[state.id] = state
        new = [node for node in wanted if node not in known.nodes]
        keys = {node.namespace: hashlib.sha256(node.namespace.encode()).digest() for node in new}
        known.namespaces.fetch(self.batch.connection, keys.values())
        for name, key in keys.items():
            if key not in known.namespaces.ids:
                self.batch.insert(t.namespace, {"id": known.namespaces.new(key), "key": key, "name": name})
        for node in new:
            namespace_id = known.namespaces.ids[keys[node.namespace]]
            number = known.next_node
            state = NodeState(number, node, namespace_id, False, 0, wanted[node], name_id=number, same_id=number)
            known.next_node += 1
            known.nodes[node] = known.node_of[state.id] = self.new[state.id] = state

    def _know_bundles(self, every: Sequence[Facts]) -> None:
        """Facets and bundles of what is described for the first time since this writer began."""
        known = self.known
        fresh = {d.digest: d for facts in every for d in facts.described if d.digest not in known.described}
        contents: dict[bytes, tuple[str, bytes]] = {}
        parts: dict[bytes, list[tuple[str, bytes]]] = {}
        for digest, described in fresh.items():
            parts[digest] = []
            for key, content in sorted(described.facets.items()):
                body = canonical(content)
                facet = hashlib.sha256(key.encode() + b"\x1f" + body).digest()
                contents[facet] = (key, body)
                parts[digest].append((key, facet))
        known.facets.fetch(self.batch.connection, contents)
        for facet, (key, body) in contents.items():
            if facet not in known.facets.ids:
                self.batch.insert(t.facet, {"id": known.facets.new(facet), "digest": facet, "name": key, "body": body})
        digests = {d: hashlib.sha256(b"".join(facet for _, facet in keys)).digest() for d, keys in parts.items()}
        found: dict[bytes, int] = {}
        columns = [t.bundle.c.id, t.bundle.c.digest]
        missing = [digest for digest in digests.values() if digest not in known.bundles]
        for row in by_values(self.batch.connection, columns, t.bundle.c.digest, missing):
            found[bytes(row.digest)] = row.id
        for digest, described in fresh.items():
            whole = digests[digest]
            bundle = known.bundles.get(whole)
            if bundle is None:
                facets = tuple((key, facet, known.facets.ids[facet]) for key, facet in parts[digest])
                if whole not in found:
                    found[whole] = known.next_bundle
                    known.next_bundle += 1
                    row = {"id": found[whole], "digest": whole, "facet_ids": pack(i for _, _, i in facets)}
                    self.batch.insert(t.bundle, row)
                bundle = known.bundles[whole] = Bundle(found[whole], facets)
                known.bundle_of[bundle.id] = bundle
            known.described[digest] = (known.nodes[described.node], bundle)

    def _know_observations(self, every: Sequence[Facts]) -> None:
        """How the nodes of this batch were seen before, for those not seen since this writer began."""
        known = self.known
        states = {}
        for facts in every:
            for described in facts.described:
                state = known.described[described.digest][0]
                if not state.bundles and state.id not in self.new:
                    states[state.id] = state
        seen: list[tuple[int, int]] = []
        for row in by_values(self.batch.connection, list(t.observation.c), t.observation.c.node_id, states):
            states[row.node_id].bundles[row.bundle_id] = [row.first_us, row.last_us]
            seen.append((row.node_id, row.bundle_id))
        self._load_bundles({bundle for _, bundle in seen if bundle not in known.bundle_of})
        for node_id, bundle_id in seen:
            state = states[node_id]
            last = state.bundles[bundle_id][1]
            for key, digest, facet_id in known.bundle_of[bundle_id].facets:
                state.winners[key] = max(state.winners.get(key, (-OPEN, b"", 0)), (last, digest, facet_id))

    def _load_bundles(self, ids: set[int]) -> None:
        known = self.known
        rows = [
            (row.id, bytes(row.digest), unpack(row.facet_ids))
            for row in by_values(self.batch.connection, list(t.bundle.c), t.bundle.c.id, ids)
        ]
        columns = [t.facet.c.id, t.facet.c.digest, t.facet.c.name]
        facet_ids = {facet for _, _, facets in rows for facet in facets}
        facets = {
            row.id: (row.name, bytes(row.digest), row.id)
            for row in by_values(self.batch.connection, columns, t.facet.c.id, facet_ids)
        }
        for bundle_id, digest, members in rows:
            bundle = Bundle(bundle_id, tuple(facets[m] for m in members))
            known.bundles[digest] = known.bundle_of[bundle_id] = bundle

    def _know_known(self, every: Sequence[Facts]) -> None:
        """Datasets that this batch makes known; before its edges are made, so that these are published at once."""
        for facts in every:
            for described in facts.described:
                state = self.known.described[described.digest][0]
                if described.known and not state.known:
                    state.known = True
                    self.newly_known[state.id] = state
                    self._mark(state)

    def _know_ends(self, every: Sequence[Facts]) -> None:
        known = self.known
        wanted: dict[Node, int] = {}
        for facts in every:
            if known.set_key(facts) in known.sets:
                continue
            for edge in facts.edges.edges:
                if edge.kind is EdgeKind.DERIVED:
                    for end in (edge.source, edge.target):
                        wanted[end] = known.nodes[end.dataset].id
        self._ensure_fields(wanted)

    def _ensure_fields(self, wanted: dict[Node, int]) -> None:
        if not wanted:
            return
        known = self.known
        keys = {node.key: (node, dataset) for node, dataset in wanted.items()}
        known.fields.fetch(self.batch.connection, keys)
        for key, (node, dataset) in keys.items():
            if key not in known.fields.ids:
                number = known.fields.new(key)
                row = {"id": number, "key": key, "dataset_id": dataset, "name": node.field, "same_id": number}
                self.batch.insert(t.field, {**row, "changed": self.batch.place()})

    def describe(self, described: Described, at_us: int, position: int) -> None:
        state, bundle = self.known.described[described.digest]
        said = {"node_id": state.id, "position": position, "at_us": at_us, "bundle_id": bundle.id}
        self.batch.insert(t.said, {**said, "known": described.known})
        if at_us < state.first_us:
            state.first_us = at_us
            self._mark(state)
        seen = state.bundles.get(bundle.id)
        if seen is None:
            state.bundles[bundle.id] = seen = [at_us, at_us]
            if "schema" in described.facets:
                self._schema_fields(state, described.facets["schema"])
        elif seen[0] <= at_us <= seen[1]:
            return
        seen[0] = min(seen[0], at_us)
        seen[1] = max(seen[1], at_us)
        self._observations.add((state.id, bundle.id))
        winners = state.winners
        for key, digest, facet_id in bundle.facets:
            present = winners.get(key)
            if present is None or (at_us, digest) > (present[0], present[1]):
                winners[key] = (at_us, digest, facet_id)
                if (present is None or present[1] != digest) and key in DERIVED_FROM:
                    self._refresh.setdefault(state.id, (state, set()))[1].add(key)
        if len(state.bundles) > BUNDLES_KEPT:
            self._prune(state)

    def _schema_fields(self, state: NodeState, schema: Any) -> None:
        names = columns_of(schema)
        node = state.node
        self._ensure_fields({field_node(node.namespace, node.name, name): state.id for name in names})

    def _prune(self, state: NodeState) -> None:
        """Drops observations that no present or future answer can rest on: a later one has each of its facets' keys."""
        newest = sorted(state.bundles.items(), key=lambda item: -item[1][1])
        covered: set[str] = set()
        for index, (bundle_id, _) in enumerate(newest):
            bundle = self.known.bundle_of[bundle_id]
            keys = {key for key, _, _ in bundle.facets}
            present = any(state.winners[key][1] == digest for key, digest, _ in bundle.facets)
            # Schemas are kept for their versions' sake.
            if index and not present and keys <= covered and "schema" not in keys:
                del state.bundles[bundle_id]
                self._observations.discard((state.id, bundle_id))
                self.batch.connection.execute(
                    delete(t.observation).where(
                        t.observation.c.node_id == state.id, t.observation.c.bundle_id == bundle_id
                    )
                )
            covered |= keys

    def _mark(self, state: NodeState) -> None:
        if state.id not in self.new:
            self._dirty[state.id] = state

    def write(self) -> None:
        self._write_present()
        self._write_nodes()
        self.batch.write(t.namespace, t.field, t.facet, t.bundle, t.said)
        self._write_observations()

    def _write_present(self) -> None:
        """Rows that are read off present facets: owners, tags, aliases, description, parent."""
        ids = {state.winners[key][2] for state, keys in self._refresh.values() for key in keys}
        bodies = {row["id"]: row["body"] for row in self.batch.waiting(t.facet) if row["id"] in ids}
        for row in by_values(self.batch.connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, ids - bodies.keys()):
            bodies[row.id] = bytes(row.body)
        for state, keys in self._refresh.values():
            for key in keys:
                content = orjson.loads(bodies[state.winners[key][2]])
                if key == "ownership":
                    self._replace(t.owner, state.id, owners_of(content))
                elif key == "tags":
                    self._replace(t.tag, state.id, tags_of(content))
                elif key == "symlinks":
                    self._replace(t.alias, state.id, aliases_of(content))
                elif key == "documentation":
                    state.description = description_of(content)
                    self._mark(state)
                elif key == "parent":
                    parent = Node(Kind.JOB, content["namespace"], content["name"])
                    state.parent_id = self._job_id(parent)
                    self._mark(state)

    def _job_id(self, node: Node) -> int:
        state = self.known.nodes.get(node)
        if state is not None:
            return state.id
        return int(self.batch.connection.execute(select(t.node.c.id).where(t.node.c.key == node.key)).scalar() or 0)

    def _replace(self, table: Table, node_id: int, rows: list[dict[str, Any]]) -> None:
        self.batch.connection.execute(delete(table).where(table.c.node_id == node_id))
        if rows:
            self.batch.connection.execute(
                table.insert(), [{"node_id": node_id, "ordinal": n, **row} for n, row in enumerate(rows)]
            )

    def _write_nodes(self) -> None:
        rows = []
        for state in (self.new | self._dirty).values():
            node = state.node
            rows.append(
                {
                    "id": state.id,
                    "key": node.key,
                    "kind": int(node.kind),
                    "namespace_id": state.namespace_id,
                    "name": node.name,
                    "leaf": leaf_of(node.name),
                    "known": state.known,
                    "parent_id": state.parent_id,
                    "first_us": state.first_us,
                    "description": state.description,
                    "name_id": state.name_id,
                    "since_us": state.since_us,
                    "same_id": state.same_id,
                    "dropped_us": state.dropped_us,
                    "listed": state.known,
                    "changed": self.batch.place(),
                }
            )
        upsert(self.batch.connection, t.node, rows)

    def _write_observations(self) -> None:
        rows = []
        for node_id, bundle_id in self._observations:
            first, last = self.known.node_of[node_id].bundles[bundle_id]
            rows.append({"node_id": node_id, "bundle_id": bundle_id, "first_us": first, "last_us": last})
        upsert(self.batch.connection, t.observation, rows)


def state_of(row: Any, node: Node) -> NodeState:
    """A node as its row has it."""
    return NodeState(
        row.id,
        node,
        row.namespace_id,
        row.known,
        row.parent_id,
        row.first_us,
        row.description,
        row.name_id,
        row.since_us,
        row.same_id,
        row.dropped_us,
        row.listed,
    )


def leaf_of(name: str) -> str:
    """The last part of a name, for search by prefix.

    >>> leaf_of("warehouse.core.Fct_Orders")
    'fct_orders'
    """
    tail = name.rstrip("/.").replace("/", ".").rsplit(".", 1)[-1] or name
    return tail.lower()[:LEAF]
