"""Facts into rows: the projection of the journal into the catalog.

Every table is a set that only grows, a least or greatest value, or a function of those; so the same set of events gives
the same catalog, whatever the order and number of deliveries. What repeats from run to run is recognised by its digest
and costs one look-up; rows are merged in memory over a batch and written once.

There is one writer per catalog; its caches hold what it committed and are dropped when a batch fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, bindparam, delete, func, select, update

from lineage.canonical import canonical
from lineage.database import writing
from lineage.errors import NotOwner
from lineage.facts import COMPLETE, RUNNING, START, TERMINAL, Asserted, Described, EdgeSet, Facts, Measured, Ran, RunRef
from lineage.history import Lives, Shown, lives
from lineage.model import Edge, EdgeKind, Kind, Node, job
from lineage.model import field as field_node
from lineage.ports import OPEN, Applied
from lineage.stores import tables as t
from lineage.stores.governance import DERIVED_FROM, aliases_of, columns_of, description_of, owners_of, tags_of
from lineage.stores.rows import by_values, greatest_id, pack, unpack, upsert

NAME = "catalog"
# Entries a cache may hold when a batch begins; more, and it is emptied. About 200 MB in all at the worst.
CACHE = 100_000
# Bundles of one node that are looked through for superseded ones once there are more than this.
BUNDLES_KEPT = 32
LEAF = 200

Winner = tuple[int, bytes, int]  # (time, digest of the facet, its id): the greatest is the present facet


@dataclass(slots=True)
class NodeState:
    """A node as this writer knows it. winners and bundles are None until somebody needs them."""

    id: int
    node: Node
    namespace_id: int
    known: bool
    parent_id: int
    first_us: int
    description: str | None = None
    winners: dict[str, Winner] = field(default_factory=dict)
    bundles: dict[int, list[int]] = field(default_factory=dict)  # bundle id to [first, last]


@dataclass(slots=True)
class Bundle:
    id: int
    facets: tuple[tuple[str, bytes, int], ...]  # key, digest, facet id


@dataclass(slots=True)
class RunState:
    id: int
    key: bytes
    run_id: str
    owner_id: int
    origin: int
    first_us: int
    last_us: int
    start_us: int | None = None
    terminal_us: int | None = None
    terminal: str | None = None
    running: bool = False
    nominal_start_us: int | None = None
    nominal_end_us: int | None = None
    parent_run: str | None = None
    parent_id: int = 0
    root_run: str | None = None
    root_id: int = 0
    error: str | None = None
    error_us: int | None = None
    sibling: str = ""
    incomplete: bool = False
    edge_set_id: int = 0

    @property
    def closes(self) -> bool:
        """Succeeded, and not begun again since, with lineage that the producer calls whole and that is not empty."""
        if self.terminal != COMPLETE or self.incomplete or not self.edge_set_id:
            return False
        return self.start_us is None or self.terminal_us is None or self.start_us <= self.terminal_us


@dataclass(slots=True)
class Series:
    """All that one owner showed with one origin: [runs, last time] by set of edges, and the edges alive now."""

    sets: dict[int, list[int]] = field(default_factory=dict)
    edges: set[int] = field(default_factory=set)
    alive: dict[int, int] = field(default_factory=dict)  # edge id to the time it opened
    ever_closed: bool = False
    newest: tuple[int, bytes] = (0, b"")  # start and key of the run that began last


SeriesKey = tuple[int, int]  # owner id, origin
SetKey = tuple[bytes, int, int]  # digest of the facts' EdgeSet, owner id, origin: one set asserted twice is other edges


class Interned:
    """Rows that are only ever added, known by a key of bytes: key to id, remembered."""

    def __init__(self, table: Table, column: str = "key") -> None:
        self.table = table
        self.column = table.c[column]
        self.ids: dict[bytes, int] = {}
        self.next_id = 1

    def start(self, connection: Connection) -> None:
        self.ids.clear()
        self.next_id = greatest_id(connection, self.table) + 1

    def fetch(self, connection: Connection, keys: Iterable[bytes]) -> None:
        missing = [key for key in keys if key not in self.ids]
        for row in by_values(connection, [self.table.c.id, self.column], self.column, missing):
            self.ids[bytes(row[1])] = row[0]

    def new(self, key: bytes) -> int:
        self.ids[key] = identity = self.next_id
        self.next_id += 1
        return identity


class Writer:
    """Applies batches of facts to the catalog behind `engine`."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.position = -1  # unknown until the first batch
        self.generation = 0
        self.changed = 0
        self.namespaces = Interned(t.namespace)
        self.fields = Interned(t.field)
        self.facets = Interned(t.facet, "digest")
        self.edges = Interned(t.edge)
        self.edge_sets = Interned(t.edge_set, "digest")
        self.next_node = self.next_bundle = self.next_run = 1
        self.nodes: dict[Node, NodeState] = {}
        self.node_of: dict[int, NodeState] = {}
        self.bundles: dict[bytes, Bundle] = {}  # by digest of the bundle
        self.bundle_of: dict[int, Bundle] = {}
        self.described: dict[bytes, tuple[NodeState, Bundle]] = {}  # by digest of the Described
        self.sets: dict[SetKey, int] = {}
        self.members: dict[int, frozenset[int]] = {}  # edges of a set
        self.unions: dict[tuple[int, int], int] = {}
        self.series: dict[SeriesKey, Series] = {}

    def apply(self, batch: Sequence[Applied]) -> None:
        """Takes in events in the order of their positions, all or none."""
        if not batch:
            return
        try:
            with writing(self.engine) as connection:
                self._begin(connection)
                unit = Unit(self, connection)
                unit.take([(applied.position, applied.facts) for applied in batch if applied.facts is not None])
                moved = connection.execute(
                    update(t.projection)
                    .where(t.projection.c.name == NAME, t.projection.c.position == self.position)
                    .values(position=batch[-1].position, changed=self.changed)
                )
                if moved.rowcount != 1:
                    raise NotOwner("another process projects into this catalog; stop one of the two")
        except BaseException:
            self.forget()
            raise
        self.position = batch[-1].position

    def forget(self) -> None:
        """Drops every cache; the next batch reads again."""
        self.position = -1
        self._clear()

    def _clear(self) -> None:
        caches: list[dict[Any, Any]] = [
            self.nodes,
            self.node_of,
            self.bundles,
            self.bundle_of,
            self.described,
            self.sets,
        ]
        caches += [self.members, self.unions, self.series, self.namespaces.ids, self.fields.ids, self.facets.ids]
        caches += [self.edges.ids, self.edge_sets.ids]
        for cache in caches:
            cache.clear()

    def _begin(self, connection: Connection) -> None:
        statement = select(t.projection.c.position, t.projection.c.changed, t.projection.c.generation)
        row = connection.execute(statement.where(t.projection.c.name == NAME).with_for_update()).one()
        if row.position == self.position and row.generation == self.generation:
            # Caches refer to each other by id, so they are emptied together.
            if (
                max(len(self.nodes), len(self.edges.ids), len(self.fields.ids), len(self.described), len(self.members))
                > CACHE
            ):
                self._clear()
            return
        self._clear()
        self.position, self.changed, self.generation = row.position, row.changed, row.generation
        for interned in (self.namespaces, self.fields, self.facets, self.edges, self.edge_sets):
            interned.start(connection)
        self.next_node = greatest_id(connection, t.node) + 1
        self.next_bundle = greatest_id(connection, t.bundle) + 1
        self.next_run = greatest_id(connection, t.run) + 1


class Unit:
    """One batch: what is read for it, what it changes, and the writing of that."""

    def __init__(self, writer: Writer, connection: Connection) -> None:
        self.w = writer
        self.connection = connection
        self.runs: dict[bytes, RunState] = {}
        self.inserts: dict[Table, list[dict[str, Any]]] = {}
        self.dirty_nodes: dict[int, NodeState] = {}
        self.new_nodes: dict[int, NodeState] = {}
        self.dirty_observations: set[tuple[int, int]] = set()
        self.refresh: dict[int, tuple[NodeState, set[str]]] = {}
        self.dirty_runs: dict[bytes, RunState] = {}
        self.new_runs: set[int] = set()
        self.shapes: dict[tuple[int, int], int] = {}
        self.dirty_series: dict[tuple[SeriesKey, int], None] = {}
        self.relive: dict[SeriesKey, None] = {}
        self.touched_edges: dict[int, None] = {}
        self.rebased: dict[int, int] = {}
        self.assertions: dict[tuple[int, int, bytes], dict[str, Any]] = {}
        self.statistics: dict[tuple[int, int, str, str], dict[str, Any]] = {}
        self.newly_known: dict[int, NodeState] = {}
        self.changed_nodes: dict[int, None] = {}

    # ------------------------------------------------------------------ the batch

    def take(self, events: Sequence[tuple[int, Facts]]) -> None:
        every = [facts for _, facts in events]
        self._know_nodes(every)
        self._know_bundles(every)
        self._know_observations(every)
        self._know_known(every)
        self._know_fields(every)
        self._know_edge_sets(every)
        self._know_runs(every)
        self._know_series(every)
        for position, facts in events:
            self._one(position, facts)
        self._write()

    def _one(self, position: int, facts: Facts) -> None:
        for described in facts.described:
            self._describe(described, facts.at_us)
        owner = self.w.nodes[facts.owner].id
        series_key = (owner, int(facts.origin))
        run_pk = 0
        added = 0
        if facts.run is not None or facts.edges.edges:
            run, added = self._run(facts, series_key)
            run_pk = run.id if facts.run is not None else 0
            if run_pk:
                self._insert(t.run_event, {"run_pk": run_pk, "position": position})
        for measured in facts.measured:
            self._measure(measured, run_pk, facts.at_us)
        for asserted in facts.asserted:
            self._assert(asserted, run_pk, facts.at_us)
        not_linked = None
        if facts.not_linked:
            not_linked = orjson.dumps([{"dataset": n.dataset, "reason": n.reason} for n in facts.not_linked])
        confirmed = len(facts.edges.edges) - added
        self._insert(
            t.receipt, {"position": position, "added": added, "confirmed": confirmed, "not_linked": not_linked}
        )

    def _insert(self, table: Table, row: dict[str, Any]) -> None:
        self.inserts.setdefault(table, []).append(row)

    def _next_changed(self) -> int:
        self.w.changed += 1
        return self.w.changed

    # ------------------------------------------------------------------ nodes

    def _know_nodes(self, every: Sequence[Facts]) -> None:
        w = self.w
        wanted: dict[Node, int] = {}
        for facts in every:
            for described in facts.described:
                if described.digest not in w.described and described.node not in w.nodes:
                    wanted[described.node] = min(facts.at_us, wanted.get(described.node, OPEN))
        if not wanted:
            return
        by_key = {node.key: node for node in wanted}
        columns = [
            t.node.c[name] for name in ("id", "key", "namespace_id", "known", "parent_id", "first_us", "description")
        ]
        for row in by_values(self.connection, columns, t.node.c.key, by_key):
            state = NodeState(
                row.id,
                by_key[bytes(row.key)],
                row.namespace_id,
                row.known,
                row.parent_id,
                row.first_us,
                row.description,
            )
            w.nodes[state.node] = w.node_of[state.id] = state
        new = [node for node in wanted if node not in w.nodes]
        names = {hashlib.sha256(node.namespace.encode()).digest(): node.namespace for node in new}
        w.namespaces.fetch(self.connection, names)
        for key, name in names.items():
            if key not in w.namespaces.ids:
                self._insert(t.namespace, {"id": w.namespaces.new(key), "key": key, "name": name})
        for node in new:
            namespace_id = w.namespaces.ids[hashlib.sha256(node.namespace.encode()).digest()]
            state = NodeState(w.next_node, node, namespace_id, False, 0, wanted[node])
            w.next_node += 1
            w.nodes[node] = w.node_of[state.id] = self.new_nodes[state.id] = state

    def _know_bundles(self, every: Sequence[Facts]) -> None:
        """Facets and bundles of what is described for the first time since this writer began."""
        w = self.w
        fresh = {d.digest: d for facts in every for d in facts.described if d.digest not in w.described}
        contents: dict[bytes, tuple[str, bytes]] = {}
        parts: dict[bytes, list[tuple[str, bytes]]] = {}
        for digest, described in fresh.items():
            parts[digest] = []
            for key, content in sorted(described.facets.items()):
                body = canonical(content)
                facet = hashlib.sha256(key.encode() + b"\x1f" + body).digest()
                contents[facet] = (key, body)
                parts[digest].append((key, facet))
        w.facets.fetch(self.connection, contents)
        for facet, (key, body) in contents.items():
            if facet not in w.facets.ids:
                self._insert(t.facet, {"id": w.facets.new(facet), "digest": facet, "name": key, "body": body})
        digests = {d: hashlib.sha256(b"".join(facet for _, facet in keys)).digest() for d, keys in parts.items()}
        found: dict[bytes, int] = {}
        columns = [t.bundle.c.id, t.bundle.c.digest]
        missing = [digest for digest in digests.values() if digest not in w.bundles]
        for row in by_values(self.connection, columns, t.bundle.c.digest, missing):
            found[bytes(row.digest)] = row.id
        for digest, described in fresh.items():
            whole = digests[digest]
            bundle = w.bundles.get(whole)
            if bundle is None:
                facets = tuple((key, facet, w.facets.ids[facet]) for key, facet in parts[digest])
                if whole not in found:
                    found[whole] = w.next_bundle
                    w.next_bundle += 1
                    row = {"id": found[whole], "digest": whole, "facet_ids": pack(i for _, _, i in facets)}
                    self._insert(t.bundle, row)
                bundle = w.bundles[whole] = Bundle(found[whole], facets)
                w.bundle_of[bundle.id] = bundle
            w.described[digest] = (w.nodes[described.node], bundle)

    def _know_observations(self, every: Sequence[Facts]) -> None:
        """How the nodes of this batch were seen before, for those not seen since this writer began."""
        w = self.w
        states = {}
        for facts in every:
            for described in facts.described:
                state = w.described[described.digest][0]
                if not state.bundles and state.id not in self.new_nodes:
                    states[state.id] = state
        seen: list[tuple[int, int]] = []
        for row in by_values(self.connection, list(t.observation.c), t.observation.c.node_id, states):
            states[row.node_id].bundles[row.bundle_id] = [row.first_us, row.last_us]
            seen.append((row.node_id, row.bundle_id))
        self._load_bundles({bundle for _, bundle in seen if bundle not in w.bundle_of})
        for node_id, bundle_id in seen:
            state = states[node_id]
            last = state.bundles[bundle_id][1]
            for key, digest, facet_id in w.bundle_of[bundle_id].facets:
                state.winners[key] = max(state.winners.get(key, (-OPEN, b"", 0)), (last, digest, facet_id))

    def _load_bundles(self, ids: set[int]) -> None:
        w = self.w
        rows = [
            (row.id, bytes(row.digest), unpack(row.facet_ids))
            for row in by_values(self.connection, list(t.bundle.c), t.bundle.c.id, ids)
        ]
        columns = [t.facet.c.id, t.facet.c.digest, t.facet.c.name]
        facet_ids = {facet for _, _, facets in rows for facet in facets}
        facets = {
            row.id: (row.name, bytes(row.digest), row.id)
            for row in by_values(self.connection, columns, t.facet.c.id, facet_ids)
        }
        for bundle_id, digest, members in rows:
            bundle = Bundle(bundle_id, tuple(facets[m] for m in members))
            w.bundles[digest] = w.bundle_of[bundle_id] = bundle

    def _know_known(self, every: Sequence[Facts]) -> None:
        """Datasets that this batch makes known; before its edges are made, so that these are published at once."""
        for facts in every:
            for described in facts.described:
                state = self.w.described[described.digest][0]
                if described.known and not state.known:
                    state.known = True
                    self.newly_known[state.id] = state
                    self._mark_node(state)

    def _describe(self, described: Described, at_us: int) -> None:
        state, bundle = self.w.described[described.digest]
        if at_us < state.first_us:
            state.first_us = at_us
            self._mark_node(state)
        seen = state.bundles.get(bundle.id)
        if seen is None:
            state.bundles[bundle.id] = seen = [at_us, at_us]
            if "schema" in described.facets:
                self._schema_fields(state, described.facets["schema"])
        elif seen[0] <= at_us <= seen[1]:
            return
        seen[0] = min(seen[0], at_us)
        seen[1] = max(seen[1], at_us)
        self.dirty_observations.add((state.id, bundle.id))
        winners = state.winners
        for key, digest, facet_id in bundle.facets:
            present = winners.get(key)
            if present is None or (at_us, digest) > (present[0], present[1]):
                winners[key] = (at_us, digest, facet_id)
                if (present is None or present[1] != digest) and key in DERIVED_FROM:
                    self.refresh.setdefault(state.id, (state, set()))[1].add(key)
        if len(state.bundles) > BUNDLES_KEPT:
            self._prune(state)

    def _prune(self, state: NodeState) -> None:
        """Drops observations that no present or future answer can rest on: a later one has each of its facets' keys."""
        newest = sorted(state.bundles.items(), key=lambda item: -item[1][1])
        covered: set[str] = set()
        for index, (bundle_id, _) in enumerate(newest):
            bundle = self.w.bundle_of[bundle_id]
            keys = {key for key, _, _ in bundle.facets}
            present = any(state.winners[key][1] == digest for key, digest, _ in bundle.facets)
            # Schemas are kept for their versions' sake.
            if index and not present and keys <= covered and "schema" not in keys:
                del state.bundles[bundle_id]
                self.dirty_observations.discard((state.id, bundle_id))
                self.connection.execute(
                    delete(t.observation).where(
                        t.observation.c.node_id == state.id, t.observation.c.bundle_id == bundle_id
                    )
                )
            covered |= keys

    def _mark_node(self, state: NodeState) -> None:
        if state.id not in self.new_nodes:
            self.dirty_nodes[state.id] = state

    def _schema_fields(self, state: NodeState, schema: Any) -> None:
        names = columns_of(schema)
        node = state.node
        self._ensure_fields({field_node(node.namespace, node.name, name): state.id for name in names})

    # ------------------------------------------------------------------ fields and edges

    def _know_fields(self, every: Sequence[Facts]) -> None:
        w = self.w
        wanted: dict[Node, int] = {}
        for facts in every:
            if self._set_key(facts) in w.sets:
                continue
            for edge in facts.edges.edges:
                if edge.kind is EdgeKind.DERIVED:
                    for end in (edge.source, edge.target):
                        wanted[end] = w.nodes[end.dataset].id
        self._ensure_fields(wanted)

    def _ensure_fields(self, wanted: dict[Node, int]) -> None:
        if not wanted:
            return
        w = self.w
        keys = {node.key: (node, dataset) for node, dataset in wanted.items()}
        w.fields.fetch(self.connection, keys)
        for key, (node, dataset) in keys.items():
            if key not in w.fields.ids:
                row = {
                    "id": w.fields.new(key),
                    "key": key,
                    "dataset_id": dataset,
                    "name": node.field,
                    "changed": self._next_changed(),
                }
                self._insert(t.field, row)

    def _end(self, node: Node) -> int:
        return self.w.fields.ids[node.key] if node.kind is Kind.FIELD else self.w.nodes[node].id

    def _known(self, node: Node) -> bool:
        return node.kind is Kind.JOB or self.w.nodes[node.dataset].known

    def _know_edge_sets(self, every: Sequence[Facts]) -> None:
        w = self.w
        fresh: dict[SetKey, EdgeSet] = {}
        for facts in every:
            key = self._set_key(facts)
            if facts.edges.edges and key not in w.sets:
                fresh[key] = facts.edges
        keys: dict[SetKey, dict[bytes, Edge]] = {}
        for set_key, edge_set in fresh.items():
            owner_key = w.node_of[set_key[1]].node.key
            keys[set_key] = {_edge_key(edge, owner_key, set_key[2]): edge for edge in edge_set.edges}
        w.edges.fetch(self.connection, [key for members in keys.values() for key in members])
        existing: dict[int, int] = {}
        for set_key, members in keys.items():
            ids = []
            for edge_key, edge in members.items():
                identity = w.edges.ids.get(edge_key)
                if identity is None:
                    identity = w.edges.new(edge_key)
                    self._insert_edge(identity, edge_key, edge, set_key[1], set_key[2])
                existing[identity] = min(int(edge.basis), existing.get(identity, int(edge.basis)))
                ids.append(identity)
            w.sets[set_key] = self._set_of(frozenset(ids))
        self._strengthen(existing)

    def _set_key(self, facts: Facts) -> SetKey:
        return (facts.edges.digest, self.w.nodes[facts.owner].id, int(facts.origin))

    def _insert_edge(self, identity: int, key: bytes, edge: Edge, owner: int, origin: int) -> None:
        step = edge.transformation
        self._insert(
            t.edge,
            {
                "id": identity,
                "key": key,
                "kind": int(edge.kind),
                "source_id": self._end(edge.source),
                "target_id": self._end(edge.target),
                "owner_id": owner,
                "origin": origin,
                "basis": int(edge.basis),
                "type": step.type,
                "subtype": step.subtype,
                "masking": step.masking,
                "published": self._known(edge.source) and self._known(edge.target),
                "changed": self._next_changed(),
            },
        )

    def _strengthen(self, wanted: dict[int, int]) -> None:
        """The strongest basis ever shown stays."""
        new = {row["id"]: row for row in self.inserts.get(t.edge, ())}
        for identity, basis in wanted.items():
            if identity in new:
                new[identity]["basis"] = min(new[identity]["basis"], basis)
        old = [identity for identity in wanted if identity not in new]
        for row in by_values(self.connection, [t.edge.c.id, t.edge.c.basis], t.edge.c.id, old):
            if wanted[row.id] < row.basis:
                self.rebased[row.id] = wanted[row.id]

    def _set_of(self, ids: frozenset[int]) -> int:
        """The id of a set of edges, made if it is new."""
        w = self.w
        packed = pack(sorted(ids))
        digest = hashlib.sha256(packed).digest()
        identity = w.edge_sets.ids.get(digest)
        if identity is None:
            w.edge_sets.fetch(self.connection, [digest])
            identity = w.edge_sets.ids.get(digest)
        if identity is None:
            identity = w.edge_sets.new(digest)
            self._insert(t.edge_set, {"id": identity, "digest": digest, "edge_ids": packed})
        w.members[identity] = ids
        return identity

    def _members(self, set_id: int) -> frozenset[int]:
        if not set_id:
            return frozenset()
        found = self.w.members.get(set_id)
        if found is None:
            row = self.connection.execute(select(t.edge_set.c.edge_ids).where(t.edge_set.c.id == set_id)).one()
            found = self.w.members[set_id] = frozenset(unpack(row.edge_ids))
        return found

    def _union(self, one: int, other: int) -> int:
        if one == other or not other:
            return one
        if not one:
            return other
        pair = (min(one, other), max(one, other))
        union = self.w.unions.get(pair)
        if union is None:
            union = self.w.unions[pair] = self._set_of(self._members(one) | self._members(other))
        return union

    # ------------------------------------------------------------------ runs

    def _know_runs(self, every: Sequence[Facts]) -> None:
        wanted = [_run_key(facts) for facts in every if facts.run is not None or facts.edges.edges]
        for row in by_values(self.connection, list(t.run.c), t.run.c.key, wanted):
            values = dict(row._mapping)
            values["key"] = bytes(values["key"])
            self.runs[values["key"]] = RunState(**values)
        ids = [run.id for run in self.runs.values()]
        for row in by_values(self.connection, list(t.run_shape.c), t.run_shape.c.run_pk, ids):
            self.shapes[row.run_pk, row.edge_set_id] = row.first_us

    def _know_series(self, every: Sequence[Facts]) -> None:
        w = self.w
        wanted: dict[SeriesKey, Series] = {}
        for facts in every:
            key = (w.nodes[facts.owner].id, int(facts.origin))
            if key not in w.series:
                w.series[key] = wanted[key] = Series()
        self._load_series({key: s for key, s in wanted.items() if key[0] not in self.new_nodes})

    def _load_series(self, wanted: dict[SeriesKey, Series]) -> None:
        owners = {owner for owner, _ in wanted}
        for row in by_values(self.connection, list(t.series.c), t.series.c.owner_id, owners):
            series = wanted.get((row.owner_id, row.origin))
            if series is not None:
                series.sets[row.edge_set_id] = [row.runs, row.last_us]
        columns = [t.edge.c.id, t.edge.c.owner_id, t.edge.c.origin, t.life.c.opened_us, t.life.c.closed_us]
        joined = select(*columns).join(t.life, t.life.c.edge_id == t.edge.c.id)
        listed = list(owners)
        for start in range(0, len(listed), 500):
            for row in self.connection.execute(joined.where(t.edge.c.owner_id.in_(listed[start : start + 500]))):
                series = wanted.get((row.owner_id, row.origin))
                if series is None:
                    continue
                series.edges.add(row.id)
                if row.closed_us == OPEN:
                    series.alive[row.id] = row.opened_us
                else:
                    series.ever_closed = True
        newest = select(t.run.c.owner_id, t.run.c.origin, func.max(t.run.c.first_us)).group_by(
            t.run.c.owner_id, t.run.c.origin
        )
        for start in range(0, len(listed), 500):
            for row in self.connection.execute(newest.where(t.run.c.owner_id.in_(listed[start : start + 500]))):
                series = wanted.get((row[0], row[1]))
                if series is not None:
                    series.newest = (row[2], b"")

    def _run(self, facts: Facts, series_key: SeriesKey) -> tuple[RunState, int]:
        """Merges the event into its run; returns the run and how many edges its owner showed for the first time."""
        w = self.w
        owner = series_key[0]
        at_us = facts.at_us
        key = _run_key(facts)
        run = self.runs.get(key)
        is_new = run is None
        if run is None:
            run_id = facts.run.run_id if facts.run is not None else ""
            run = self.runs[key] = RunState(w.next_run, key, run_id, owner, int(facts.origin), at_us, at_us)
            self.new_runs.add(run.id)
            w.next_run += 1
        self.dirty_runs[key] = run
        before = (run.first_us, run.closes, run.terminal_us, run.edge_set_id)
        run.first_us = min(run.first_us, at_us)
        run.last_us = max(run.last_us, at_us)
        if facts.run is not None:
            self._report(run, facts.run, at_us)
        else:
            run.terminal, run.terminal_us = COMPLETE, at_us
        shown = w.sets[self._set_key(facts)] if facts.edges.edges else 0
        series = w.series[series_key]
        added = 0
        if shown:
            shape = (run.id, shown)
            if at_us < self.shapes.get(shape, OPEN):
                self.shapes[shape] = at_us
                self._insert(t.run_shape, {"run_pk": run.id, "edge_set_id": shown, "first_us": at_us})
            if shown not in series.sets or shown != run.edge_set_id:
                members = self._members(shown)
                added = len(members - series.edges)
                series.edges |= members
        self._count(series_key, series, run, self._union(run.edge_set_id, shown), is_new)
        if not self._quiet(series, run, is_new, before, at_us, shown):
            self.relive[series_key] = None
        series.newest = max(series.newest, (run.first_us, run.key))
        return run, added

    def _report(self, run: RunState, ran: Ran, at_us: int) -> None:
        """Every value is a least, a greatest or an or, so that the order of events doesn't matter."""
        kind = ran.event_type
        if kind == START:
            run.start_us = at_us if run.start_us is None else max(run.start_us, at_us)
        elif kind in TERMINAL:
            if run.terminal_us is None or (at_us, kind) > (run.terminal_us, run.terminal):
                run.terminal, run.terminal_us = kind, at_us
        elif kind == RUNNING:
            run.running = True
        if ran.error is not None and (run.error_us is None or (at_us, ran.error) > (run.error_us, run.error)):
            run.error, run.error_us = ran.error, at_us
        run.incomplete = run.incomplete or ran.incomplete
        run.sibling = max(run.sibling, ran.sibling)
        run.nominal_start_us = _later(run.nominal_start_us, ran.nominal_start_us)
        run.nominal_end_us = _later(run.nominal_end_us, ran.nominal_end_us)
        run.parent_run, run.parent_id = self._greater(run.parent_run, run.parent_id, ran.parent)
        run.root_run, run.root_id = self._greater(run.root_run, run.root_id, ran.root)

    def _greater(self, run_id: str | None, job_id: int, came: RunRef | None) -> tuple[str | None, int]:
        """If a run ever names two parents, the greater run id wins, then the greater name: ids depend on arrival."""
        if came is None:
            return run_id, job_id
        came_id = self.w.nodes[came.job].id
        if run_id is None or came.run_id > run_id:
            return came.run_id, came_id
        if came.run_id < run_id or came_id == job_id:
            return run_id, job_id
        return run_id, came_id if came.job.id > self._name(job_id) else job_id

    def _name(self, node_id: int) -> str:
        state = self.w.node_of.get(node_id)
        if state is not None:
            return state.node.id
        joined = select(t.namespace.c.name, t.node.c.name).join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)
        row = self.connection.execute(joined.where(t.node.c.id == node_id)).one()
        return job(row[0], row[1]).id

    def _count(self, key: SeriesKey, series: Series, run: RunState, union: int, is_new: bool) -> None:
        """One run counts once, under all that it showed."""
        if not union:
            return
        if union != run.edge_set_id:
            if run.edge_set_id and not is_new:
                series.sets[run.edge_set_id][0] -= 1
                self.dirty_series[key, run.edge_set_id] = None
            entry = series.sets.setdefault(union, [0, run.last_us])
            entry[0] += 1
            run.edge_set_id = union
        entry = series.sets[union]
        entry[1] = max(entry[1], run.last_us)
        self.dirty_series[key, union] = None

    def _quiet(
        self, series: Series, run: RunState, is_new: bool, before: tuple[Any, ...], at_us: int, shown: int
    ) -> bool:
        """Whether this event leaves every life of every edge as it is: the common case, history unread."""
        alive = series.alive
        for edge in self._members(shown):
            if at_us < alive.get(edge, OPEN):
                return False
        first_us, closed_before, terminal_us, union = before
        closes = run.closes
        everything = self._members(run.edge_set_id) == alive.keys()
        if not series.ever_closed:
            return everything or not closes
        if not is_new and run.first_us != first_us:
            return False
        if closed_before:
            return closes and run.terminal_us == terminal_us and run.edge_set_id == union
        if closes:
            return everything and (run.first_us, run.key) >= series.newest and not run.sibling
        return True

    # ------------------------------------------------------------------ what runs measured

    def _measure(self, measured: Measured, run_pk: int, at_us: int) -> None:
        dataset = self.w.nodes[measured.dataset].id
        for name, content in measured.body.items():
            row = {"dataset_id": dataset, "run_pk": run_pk, "role": measured.role, "facet": name, "at_us": at_us}
            row["body"] = canonical(content)
            key = (dataset, run_pk, measured.role, name)
            present = self.statistics.get(key)
            if present is None or (at_us, row["body"]) > (present["at_us"], present["body"]):
                self.statistics[key] = row

    def _assert(self, asserted: Asserted, run_pk: int, at_us: int) -> None:
        dataset = self.w.nodes[asserted.dataset].id
        digest = hashlib.sha256(f"{asserted.assertion}\x1f{asserted.column}".encode("utf-8", "replace")).digest()
        row = {
            "dataset_id": dataset,
            "run_pk": run_pk,
            "key": digest,
            "assertion": asserted.assertion,
            "column": asserted.column,
            "success": asserted.success,
            "severity": asserted.severity,
            "at_us": at_us,
            "detail": canonical(asserted.detail),
        }
        key = (dataset, run_pk, digest)
        present = self.assertions.get(key)
        if present is None or _asserted_order(row) > _asserted_order(present):
            self.assertions[key] = row

    # ------------------------------------------------------------------ writing

    def _write(self) -> None:
        self._publish_known()
        self._refresh()
        self._write_nodes()
        for table in (t.namespace, t.field, t.facet, t.bundle, t.edge, t.edge_set, t.run_event, t.receipt):
            rows = self.inserts.pop(table, None)
            if rows:
                self.connection.execute(table.insert(), rows)
        upsert(self.connection, t.run_shape, self.inserts.pop(t.run_shape, []))
        self._write_observations()
        columns = [column.name for column in t.run.c]
        upsert(
            self.connection, t.run, [{name: getattr(run, name) for name in columns} for run in self.dirty_runs.values()]
        )
        for key in self.relive:
            self._relive(key)
        # Lives may have made new sets of edges, never other rows.
        self._write_series()
        self._write_latest(t.statistic, self.statistics)
        self._write_latest(t.assertion, self.assertions)
        self._write_touched()

    def _write_nodes(self) -> None:
        rows = []
        for state in (self.new_nodes | self.dirty_nodes).values():
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
                    "changed": self._next_changed(),
                }
            )
        upsert(self.connection, t.node, rows)

    def _write_observations(self) -> None:
        rows = []
        for node_id, bundle_id in self.dirty_observations:
            first, last = self.w.node_of[node_id].bundles[bundle_id]
            rows.append({"node_id": node_id, "bundle_id": bundle_id, "first_us": first, "last_us": last})
        upsert(self.connection, t.observation, rows)

    def _write_series(self) -> None:
        kept, gone = [], []
        for (owner, origin), set_id in self.dirty_series:
            runs, last = self.w.series[owner, origin].sets[set_id]
            if runs:
                kept.append({"owner_id": owner, "origin": origin, "edge_set_id": set_id, "runs": runs, "last_us": last})
            else:
                del self.w.series[owner, origin].sets[set_id]
                gone.append({"o": owner, "g": origin, "s": set_id})
        upsert(self.connection, t.series, kept)
        if gone:
            c = t.series.c
            where = (c.owner_id == bindparam("o")) & (c.origin == bindparam("g")) & (c.edge_set_id == bindparam("s"))
            self.connection.execute(delete(t.series).where(where), gone)

    def _write_latest(self, table: Table, rows: dict[Any, dict[str, Any]]) -> None:
        """Keeps, for each key, the newest of what is stored and what came."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key.columns]
        old_runs = {row["run_pk"] for row in rows.values()} - self.new_runs - {0}
        loose = {row["dataset_id"] for row in rows.values() if not row["run_pk"]}
        found = list(by_values(self.connection, list(table.c), table.c.run_pk, old_runs))
        found += by_values(self.connection, list(table.c), table.c.dataset_id, loose, table.c.run_pk == 0)
        for stored in found:
            key = tuple(bytes(v) if isinstance(v, memoryview) else v for v in (getattr(stored, name) for name in keys))
            came = rows.get(key)
            if came is not None and _order(table, dict(stored._mapping)) >= _order(table, came):
                del rows[key]
        upsert(self.connection, table, list(rows.values()))

    def _publish_known(self) -> None:
        """Edges that waited for a dataset to be known."""
        ids = [state.id for state in self.newly_known.values() if state.id not in self.new_nodes]
        if not ids:
            return
        waiting: dict[int, None] = {}
        nodes = t.edge.c.kind != int(EdgeKind.DERIVED)
        for row in by_values(self.connection, [t.edge.c.id], t.edge.c.source_id, ids, nodes, ~t.edge.c.published):
            waiting[row.id] = None
        fields = [row.id for row in by_values(self.connection, [t.field.c.id], t.field.c.dataset_id, ids)]
        derived = t.edge.c.kind == int(EdgeKind.DERIVED)
        for end in (t.edge.c.source_id, t.edge.c.target_id):
            for row in by_values(self.connection, [t.edge.c.id], end, fields, derived, ~t.edge.c.published):
                waiting[row.id] = None
        for identity in self._both_known(waiting):
            self.connection.execute(
                update(t.edge).where(t.edge.c.id == identity).values(published=True, changed=self._next_changed())
            )

    def _both_known(self, edges: Iterable[int]) -> list[int]:
        """Those of the waiting edges whose other end is known as well."""
        source, target = t.field.alias(), t.field.alias()
        ends = select(t.edge.c.id, t.edge.c.kind, t.edge.c.source_id, source.c.dataset_id, target.c.dataset_id)
        ends = ends.outerjoin(source, source.c.id == t.edge.c.source_id).outerjoin(
            target, target.c.id == t.edge.c.target_id
        )
        found = []
        wanted = list(edges)
        for start in range(0, len(wanted), 500):
            for row in self.connection.execute(ends.where(t.edge.c.id.in_(wanted[start : start + 500]))).all():
                datasets = [row[2]] if row[1] != int(EdgeKind.DERIVED) else [row[3], row[4]]
                if all(self._is_known(identity) for identity in datasets):
                    found.append(row[0])
        return found

    def _is_known(self, node_id: int) -> bool:
        state = self.w.node_of.get(node_id)
        if state is not None:
            return state.known
        return bool(self.connection.execute(select(t.node.c.known).where(t.node.c.id == node_id)).scalar_one())

    def _refresh(self) -> None:
        """Rows that are read off present facets: owners, tags, aliases, description, parent."""
        ids = {state.winners[key][2] for state, keys in self.refresh.values() for key in keys}
        bodies = {row["id"]: row["body"] for row in self.inserts.get(t.facet, ()) if row["id"] in ids}
        for row in by_values(self.connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, ids - bodies.keys()):
            bodies[row.id] = bytes(row.body)
        for state, keys in self.refresh.values():
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
                    self._mark_node(state)
                elif key == "parent":
                    parent = Node(Kind.JOB, content["namespace"], content["name"])
                    state.parent_id = self._job_id(parent)
                    self._mark_node(state)

    def _job_id(self, node: Node) -> int:
        state = self.w.nodes.get(node)
        if state is not None:
            return state.id
        return int(self.connection.execute(select(t.node.c.id).where(t.node.c.key == node.key)).scalar() or 0)

    def _replace(self, table: Table, node_id: int, rows: list[dict[str, Any]]) -> None:
        self.connection.execute(delete(table).where(table.c.node_id == node_id))
        if rows:
            self.connection.execute(
                table.insert(), [{"node_id": node_id, "ordinal": n, **row} for n, row in enumerate(rows)]
            )

    def _relive(self, key: SeriesKey) -> None:
        """Works out the lives of an owner's edges from all its runs, and writes what differs."""
        owner, origin = key
        series = self.w.series[key]
        now = lives(self._history(owner, origin))
        ids = list(series.edges)
        before: Lives = {}
        for row in by_values(self.connection, list(t.life.c), t.life.c.edge_id, ids):
            before.setdefault(row.edge_id, []).append((row.opened_us, row.closed_us))
        gone, come = [], []
        for edge in sorted(before.keys() | now.keys()):
            old, new = set(before.get(edge, ())), set(now.get(edge, ()))
            if old == new:
                continue
            self.touched_edges[edge] = None
            gone += [{"e": edge, "o": opened} for opened, _ in old - new]
            come += [{"edge_id": edge, "opened_us": opened, "closed_us": closed} for opened, closed in new - old]
        if gone:
            where = (t.life.c.edge_id == bindparam("e")) & (t.life.c.opened_us == bindparam("o"))
            self.connection.execute(delete(t.life).where(where), gone)
        if come:
            self.connection.execute(t.life.insert(), come)
        series.alive = {edge: spans[-1][0] for edge, spans in now.items() if spans[-1][1] == OPEN}
        series.ever_closed = any(closed != OPEN for spans in now.values() for _, closed in spans)

    def _history(self, owner: int, origin: int) -> list[Shown]:
        c = t.run.c
        rows = self.connection.execute(select(t.run).where(c.owner_id == owner, c.origin == origin)).all()
        shapes: dict[int, list[tuple[int, int]]] = {}
        joined = (
            select(t.run_shape).join(t.run, c.id == t.run_shape.c.run_pk).where(c.owner_id == owner, c.origin == origin)
        )
        for row in self.connection.execute(joined):
            shapes.setdefault(row.run_pk, []).append((row.first_us, row.edge_set_id))
        history = []
        for row in rows:
            values = dict(row._mapping)
            run = RunState(**values)
            edges: dict[int, int] = {}
            for first_us, set_id in sorted(shapes.get(run.id, ())):
                for edge in self._members(set_id):
                    edges.setdefault(edge, first_us)
            ended = run.terminal_us if run.terminal_us is not None else run.last_us
            # Ids depend on the order of arrival, run ids and digests don't.
            tie = run.run_id or bytes(run.key).hex()
            history.append(Shown(run.first_us, tie, ended, run.closes, edges, run.sibling))
        return history

    def _write_touched(self) -> None:
        """Gives every edge whose shape or life changed a new place in the feed."""
        for identity, basis in self.rebased.items():
            self.touched_edges.pop(identity, None)
            self.connection.execute(
                update(t.edge).where(t.edge.c.id == identity).values(basis=basis, changed=self._next_changed())
            )
        if self.touched_edges:
            statement = update(t.edge).where(t.edge.c.id == bindparam("e")).values(changed=bindparam("n"))
            self.connection.execute(statement, [{"e": edge, "n": self._next_changed()} for edge in self.touched_edges])


def leaf_of(name: str) -> str:
    """The last part of a name, for search by prefix.

    >>> leaf_of("warehouse.core.Fct_Orders")
    'fct_orders'
    """
    tail = name.rstrip("/.").replace("/", ".").rsplit(".", 1)[-1] or name
    return tail.lower()[:LEAF]


def _edge_key(edge: Edge, owner_key: bytes, origin: int) -> bytes:
    step = edge.transformation
    text = f"{origin}\x1f{int(edge.kind)}\x1f{step.type}\x1f{step.subtype}\x1f{step.masking}\x1f"
    return hashlib.sha256(text.encode("utf-8", "replace") + owner_key + edge.source.key + edge.target.key).digest()


def _run_key(facts: Facts) -> bytes:
    """A run id used by two jobs is two runs."""
    if facts.run is not None:
        text = f"run\x1f{facts.run.run_id.lower()}\x1f"
    else:
        text = f"declared\x1f{facts.at_us}\x1f{facts.edges.digest.hex()}\x1f"
    return hashlib.sha256(text.encode() + facts.owner.key).digest()


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def _asserted_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["at_us"], str(row["success"]), row["severity"] or "", bytes(row["detail"]))


def _order(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return _asserted_order(row) if table is t.assertion else (row["at_us"], bytes(row["body"]))
