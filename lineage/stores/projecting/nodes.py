"""Datasets, jobs and fields, and what facets say of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Table, delete, select

from lineage.canonical import canonical
from lineage.facts import Described, Facts
from lineage.model import EdgeKind, Kind, Node
from lineage.model import field as field_node
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.governance import aliases_of, by_people, columns_of, description_of, owners_of, rewrites, tags_of
from lineage.stores.projecting.known import Batch, Bundle, NodeState, incarnation_key
from lineage.stores.rows import by_values, chunks, pack, unpack, upsert

# Bundles of one node that are looked through for superseded ones once there are more than this.
BUNDLES_KEPT = 32
# Tables that are read off one facet each, and how.
PRESENT: dict[str, tuple[Table, Callable[[Any], list[dict[str, str]]]]] = {
    "ownership": (t.owner, owners_of),
    "tags": (t.tag, tags_of),
    "symlinks": (t.alias, aliases_of),
}
LEAF = 200


class Nodes:
    """The nodes of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.known = batch.known
        self.new: dict[int, NodeState] = {}
        # Nodes, and edges, of joined or dropped datasets that this batch touched: lineage.stores.projecting.identity.
        self.unsettled: set[int] = set()
        self.unsettled_edges: set[int] = set()
        self.newly_known: dict[int, NodeState] = {}
        self._dirty: dict[int, NodeState] = {}
        self._observations: set[tuple[int, int]] = set()
        self._refresh: dict[int, tuple[NodeState, set[str]]] = {}

    def know(self, every: Sequence[Facts]) -> None:
        """Reads, or makes, every node that the batch speaks of."""
        self._know_nodes(every)

    def know_told(self, every: Sequence[Facts]) -> None:
        """Reads what was said of them before, by what their names meant at the time."""
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

    def is_joined(self, node: Node) -> bool:
        return self.known.has_joints and self.known.nodes[node.dataset].joined

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
                    at_us = OPEN if is_silent(facts, described) else facts.at_us
                    wanted[described.node] = min(at_us, wanted.get(described.node, OPEN))
        if not wanted:
            return
        by_key = {node.key: node for node in wanted}
        found: dict[int, NodeState] = {}
        for row in by_values(self.batch.connection, list(t.node.c), t.node.c.key, by_key):
            state = state_of(row, by_key[bytes(row.key)])
            known.nodes[state.node] = known.node_of[state.id] = found[state.id] = state
        self._know_later(found)
        self._know_joined(found)
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

    def load(self, ids: Iterable[int]) -> None:
        """Makes names known by their ids that may not be in this batch, with all that they named since."""
        known = self.known
        unknown = [identity for identity in ids if identity not in known.node_of]
        names = by_values(self.batch.connection, [t.node.c.name_id], t.node.c.id, unknown)
        missing = list({row.name_id for row in names} - known.node_of.keys())
        found: dict[int, NodeState] = {}
        named = select(t.node, t.namespace.c.name.label("ns")).join(
            t.namespace, t.namespace.c.id == t.node.c.namespace_id
        )
        for chunk in chunks(missing):
            for row in self.batch.connection.execute(named.where(t.node.c.id.in_(chunk))):
                state = state_of(row, Node(Kind(row.kind), row.ns, row.name))
                known.nodes[state.node] = known.node_of[state.id] = found[state.id] = state
        self._know_later(found)
        self._know_joined(found)

    def _know_later(self, names: dict[int, NodeState]) -> None:
        """What names meant after they were given up."""
        if not self.known.has_fates:
            return
        where = t.node.c.id != t.node.c.name_id
        later: list[NodeState] = []
        for row in by_values(self.batch.connection, list(t.node.c), t.node.c.name_id, names, where):
            later.append(state_of(row, names[row.name_id].node))
        for state in sorted(later, key=lambda state: state.since_us):
            names[state.name_id].later.append(state)
            self.known.node_of[state.id] = state
        self._know_joined({state.id: state for state in later})

    def _know_joined(self, states: dict[int, NodeState]) -> None:
        if not self.known.has_joints:
            return
        for state in states.values():
            state.joined = state.same_id != state.id
        others = t.node.c.same_id != t.node.c.id
        for row in by_values(self.batch.connection, [t.node.c.same_id], t.node.c.same_id, states, others):
            states[row.same_id].joined = True

    def begin_anew(self, state: NodeState, since_us: int) -> NodeState:
        """What a name means from a time on, as a node of its own."""
        number = self.known.next_node
        self.known.next_node += 1
        fresh = NodeState(number, state.node, state.namespace_id, False, 0, since_us)
        fresh.name_id, fresh.since_us, fresh.same_id = state.id, since_us, number
        self.known.node_of[number] = self.new[number] = fresh
        state.later = sorted([*state.later, fresh], key=lambda one: one.since_us)
        return fresh

    def meant(self, described: Described, at_us: int) -> tuple[NodeState, Bundle]:
        """What is described at a time, and the bundle of its facets."""
        state, bundle = self.known.described[described.digest]
        return (state.at(at_us) if state.later else state), bundle

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
                state = self.meant(described, facts.at_us)[0]
                if not state.bundles and state.id not in self.new:
                    states[state.id] = state
        seen: list[tuple[int, int]] = []
        for row in by_values(self.batch.connection, list(t.observation.c), t.observation.c.node_id, states):
            states[row.node_id].bundles[row.bundle_id] = [row.first_us, row.last_us]
            seen.append((row.node_id, row.bundle_id))
        self.load_bundles({bundle for _, bundle in seen})
        for node_id, bundle_id in seen:
            state = states[node_id]
            last = state.bundles[bundle_id][1]
            for key, digest, facet_id in known.bundle_of[bundle_id].facets:
                state.winners[key] = max(state.winners.get(key, (-OPEN, b"", 0)), (last, digest, facet_id))

    def load_bundles(self, ids: set[int]) -> None:
        known = self.known
        missing = ids - known.bundle_of.keys()
        rows = [
            (row.id, bytes(row.digest), unpack(row.facet_ids))
            for row in by_values(self.batch.connection, list(t.bundle.c), t.bundle.c.id, missing)
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
                if not described.known or is_silent(facts, described):
                    continue
                state = self.meant(described, facts.at_us)[0]
                if not state.known:
                    state.known = True
                    self.newly_known[state.id] = state
                    self.mark(state)

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
        self.ensure_fields({(dataset, node.field or ""): node.key for node, dataset in wanted.items()})

    def ensure_fields(self, wanted: Mapping[tuple[int, str], bytes]) -> None:
        """Reads, or makes, columns: their keys by dataset and name."""
        if not wanted:
            return
        known = self.known
        known.fields.fetch(self.batch.connection, wanted.values())
        for (dataset, name), key in wanted.items():
            if key not in known.fields.ids:
                number = known.fields.new(key)
                row = {"id": number, "key": key, "dataset_id": dataset, "name": name, "same_id": number}
                self.batch.insert(t.field, {**row, "changed": self.batch.place()})
                if known.node_of[dataset].joined:
                    self.unsettled.add(dataset)

    def describe(self, described: Described, facts: Facts, position: int) -> None:
        if is_silent(facts, described):
            return
        at_us = facts.at_us
        state, bundle = self.meant(described, at_us)
        said = {"node_id": state.id, "position": position, "at_us": at_us, "bundle_id": bundle.id}
        self.batch.insert(t.said, {**said, "known": described.known})
        if state.dropped_us is not None:
            self.unsettled.add(state.id)
        if at_us < state.first_us:
            state.first_us = at_us
            self.mark(state)
        seen = state.bundles.get(bundle.id)
        if seen is None:
            state.bundles[bundle.id] = seen = [at_us, at_us]
            if "schema" in described.facets:
                self.schema_fields(state, described.facets["schema"])
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
                if (present is None or present[1] != digest) and (rewritten := rewrites(key)):
                    self._refresh.setdefault(state.id, (state, set()))[1].add(rewritten)
        if len(state.bundles) > BUNDLES_KEPT:
            self._prune(state)

    def schema_fields(self, state: NodeState, schema: Any) -> None:
        node = state.node
        fields = {name: field_node(node.namespace, node.name, name).key for name in columns_of(schema)}
        self.ensure_fields({(state.id, name): incarnation_key(key, state.since_us) for name, key in fields.items()})

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

    def mark(self, state: NodeState) -> None:
        if state.id not in self.new:
            self._dirty[state.id] = state

    def write(self) -> None:
        self._write_present()
        self._write_nodes()
        self.batch.write(t.field, t.facet, t.bundle, t.said)
        self._write_observations()

    def _write_present(self) -> None:
        """Rows that are read off present facets: owners, tags, aliases, description, parent."""
        wanted = {
            node: {key: won[2] for key, won in state.winners.items() if rewrites(key) in keys}
            for node, (state, keys) in self._refresh.items()
        }
        ids = {facet for facets in wanted.values() for facet in facets.values()}
        bodies = {row["id"]: row["body"] for row in self.batch.waiting(t.facet) if row["id"] in ids}
        for row in by_values(self.batch.connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, ids - bodies.keys()):
            bodies[row.id] = bytes(row.body)
        for state, keys in self._refresh.values():
            if state.joined:
                self.unsettled.add(state.id)
            present = by_people({key: orjson.loads(bodies[facet]) for key, facet in wanted[state.id].items()})
            for key in keys:
                content = present.get(key)
                if key in PRESENT:
                    table, rows_of = PRESENT[key]
                    self.replace(table, state.id, rows_of(content))
                elif key == "documentation":
                    state.description = description_of(content)
                    self.mark(state)
                elif key == "parent" and content:
                    parent = Node(Kind.JOB, content["namespace"], content["name"])
                    state.parent_id = self._job_id(parent)
                    self.mark(state)

    def _job_id(self, node: Node) -> int:
        state = self.known.nodes.get(node)
        if state is not None:
            return state.id
        return int(self.batch.connection.execute(select(t.node.c.id).where(t.node.c.key == node.key)).scalar() or 0)

    def replace(self, table: Table, node_id: int, rows: list[dict[str, Any]]) -> None:
        self.batch.connection.execute(delete(table).where(table.c.node_id == node_id))
        if rows:
            self.batch.connection.execute(
                table.insert(), [{"node_id": node_id, "ordinal": n, **row} for n, row in enumerate(rows)]
            )

    def write_names(self) -> None:
        """Inserts what is new before anything is asked about its kin."""
        self.batch.write(t.namespace)
        self.write_states(self.new.values())

    def _write_nodes(self) -> None:
        self.batch.write(t.namespace)
        self.write_states((self.new | self._dirty).values())

    def write_states(self, states: Iterable[NodeState]) -> None:
        rows = []
        for state in states:
            if state.joined:
                self.unsettled.add(state.id)
            node = state.node
            rows.append(
                {
                    "id": state.id,
                    "key": state.key,
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
                    "listed": state.listed if state.joined or state.dropped_us is not None else state.known,
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


def is_silent(facts: Facts, described: Described) -> bool:
    """Whether an event names a dataset without saying anything of it: what people decide about names and edges."""
    decided = facts.decision is not None or facts.judged is not None
    return decided and described.node.kind is Kind.DATASET


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
