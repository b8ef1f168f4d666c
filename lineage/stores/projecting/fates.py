"""What became of the ends of edges: dropped, or renamed so that another incarnation bears the name since.

Events name what they mean, so runs keep the edges as asserted, between names. Which incarnation bore a name at a time
follows from the renames; an edge between others than the first is a row of its own, made when a life needs it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import orjson
from sqlalchemy import bindparam, delete, update

from lineage.model import EdgeKind
from lineage.ports import OPEN
from lineage.stores import tables as t
from lineage.stores.projecting.components import dropped
from lineage.stores.projecting.kin import kin_of
from lineage.stores.projecting.known import Batch, NodeState, SeriesKey, incarnation_key
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.rows import by_ids, by_values

DERIVED = int(EdgeKind.DERIVED)


@dataclass(frozen=True, slots=True)
class Ends:
    """One edge as asserted. datasets: ids of what it joins, as far as they are datasets; drops of these, ascending."""

    row: dict[str, Any]
    datasets: tuple[int, ...]
    drops: tuple[int, ...]
    given_up: bool  # a name of an end was given up by a rename


class Fates:
    """The fates of nodes as far as the lives of edges depend on them."""

    def __init__(self, batch: Batch, nodes: Nodes) -> None:
        self.batch = batch
        self.known = batch.known
        self.nodes = nodes
        self.renewed: set[SeriesKey] = set()  # whose lives a batch made doubtful: they are worked out anew
        self._recut: dict[int, NodeState] = {}

    # ------------------------------------------------------------------ edges

    def touches(self, edge_ids: Iterable[int]) -> bool:
        """Whether an end of any of these edges was ever dropped or renamed."""
        if not self.known.has_fates:
            return False
        ids = list(edge_ids)
        self._know(ids)
        return any(ends.given_up or ends.drops for ends in (self.known.fates[edge] for edge in ids))

    def drops(self, edge_id: int) -> Sequence[int]:
        """When one of the edge's ends was dropped, ascending, microseconds."""
        return self._ends(edge_id).drops if self.known.has_fates else ()

    def resolved(self, edge_id: int, at_us: int) -> int:
        """The edge that was meant at a time: between the incarnations that bore the names of its ends then."""
        if not self.known.has_fates or not self._ends(edge_id).given_up:
            return edge_id
        ends = self._ends(edge_id)
        meant = {end: self.known.node_of[end].at(at_us) for end in ends.datasets}
        if all(state.id == end for end, state in meant.items()):
            return edge_id
        key = _copy_key(ends, meant)
        self.known.edges.fetch(self.batch.connection, [key])
        found = self.known.edges.ids.get(key)
        return self._copy(ends, meant, key) if found is None else found

    def copies(self, edge_id: int) -> list[int]:
        """The edges between incarnations that were made for an edge as asserted."""
        if not self.known.has_fates or not self._ends(edge_id).given_up:
            return []
        ends = self._ends(edge_id)
        states = [[self.known.node_of[end], *self.known.node_of[end].later] for end in ends.datasets]
        keys = [_copy_key(ends, dict(zip(ends.datasets, meant, strict=True))) for meant in product(*states)]
        self.known.edges.fetch(self.batch.connection, keys)
        return [self.known.edges.ids[key] for key in keys if key in self.known.edges.ids]

    def _ends(self, edge_id: int) -> Ends:
        if edge_id not in self.known.fates:
            self._know([edge_id])
        found: Ends = self.known.fates[edge_id]
        return found

    def _know(self, ids: Sequence[int]) -> None:
        missing = [edge for edge in ids if edge not in self.known.fates]
        if not missing:
            return
        rows = _rows(self.batch, t.edge, missing)
        fields = {row[end] for row in rows if row["kind"] == DERIVED for end in ("source_id", "target_id")}
        dataset_of = {row["id"]: row["dataset_id"] for row in _rows(self.batch, t.field, fields)}
        datasets = {row["id"]: _datasets(row, dataset_of) for row in rows}
        everything = {dataset for found in datasets.values() for dataset in found}
        self.nodes.load(everything)
        kin = kin_of(self.batch.connection, everything)
        drops: dict[int, list[int]] = {}
        for group in kin.groups if kin.drops else ():
            members = set(group.members)
            drops |= dropped(group, [drop for drop in kin.drops if drop[0] in members])
        for row in rows:
            found = datasets[row["id"]]
            times = tuple(sorted({at_us for dataset in found for at_us in drops.get(dataset, ())}))
            # Only edges as asserted are resolved: those between later incarnations never are given again.
            given_up = any(self.known.node_of[dataset].later for dataset in found)
            self.known.fates[row["id"]] = Ends(row, found, times, given_up)

    def _copy(self, ends: Ends, meant: dict[int, NodeState], key: bytes) -> int:
        identity = self.known.edges.new(key)
        row = {**ends.row, "id": identity, "key": key, "changed": self.batch.place()}
        for end in ("source_id", "target_id"):
            row[end] = self._end(ends, end, meant)
        is_flow = row["flow_id"] and row["kind"] == EdgeKind.WROTE
        row["tail_id"] = row["flow_id"] if is_flow else row["source_id"]
        row["head_id"] = row["flow_id"] if row["flow_id"] and row["kind"] == EdgeKind.READ else row["target_id"]
        self.batch.insert(t.edge, row)
        self.nodes.unsettled_edges.add(
            identity
        )  # what stands for its ends, and whether it is published, comes with those
        return identity

    def _end(self, ends: Ends, end: str, meant: dict[int, NodeState]) -> int:
        asserted = int(ends.row[end])
        if ends.row["kind"] != DERIVED:
            return meant[asserted].id if asserted in meant else asserted
        (field,) = _rows(self.batch, t.field, [asserted])
        state = meant[field["dataset_id"]]
        key = incarnation_key(bytes(field["key"]), state.since_us)
        self.nodes.ensure_fields({(state.id, field["name"]): key})
        return self.known.fields.ids[key]

    # ------------------------------------------------------------------ names

    def begin(self, names: Iterable[int]) -> None:
        """Makes a node for each time from which a name means another thing; before anything else is known of it."""
        times: dict[int, set[int]] = {}
        fate = t.lifecycle.c
        for name, at_us, other in by_ids(
            self.batch.connection, [fate.name_id, fate.at_us, fate.other_id], fate.name_id, names
        ):
            if other not in (0, name):
                times.setdefault(name, set()).add(at_us)
        for name, found in times.items():
            state = self.known.node_of[name]
            for at_us in sorted(found - {one.since_us for one in state.later}):
                self.nodes.begin_anew(state, at_us)
            self._recut[name] = state
        self.known.fates.clear()

    def recut(self) -> set[int]:
        """Gives every statement of the names that were given up to what they meant then; ids of all of these nodes."""
        states = [one for name in self._recut.values() for one in (name, *name.later)]
        if not states:
            return set()
        connection, said = self.batch.connection, t.said.c
        moves: list[dict[str, int]] = []
        told: dict[int, list[tuple[int, int, bool]]] = {state.id: [] for state in states}
        columns = [said.node_id, said.position, said.at_us, said.bundle_id, said.known]
        for node, position, at_us, bundle, known in by_ids(connection, columns, said.node_id, told):
            state = self.known.node_of[self.known.node_of[node].name_id].at(at_us)
            told[state.id].append((at_us, bundle, bool(known)))
            if state.id != node:
                moves.append({"n": node, "p": position, "m": state.id})
        if moves:
            where = (said.node_id == bindparam("n")) & (said.position == bindparam("p"))
            connection.execute(update(t.said).where(where).values(node_id=bindparam("m")), moves)
        self.nodes.load_bundles({bundle for found in told.values() for _, bundle, _ in found})
        connection.execute(
            delete(t.observation).where(t.observation.c.node_id == bindparam("n")), [{"n": i} for i in told]
        )
        for state in states:
            self._tell(state, told[state.id])
        self._columns(states)
        self.nodes.write_states(states)
        self.batch.write(t.observation, t.field)
        return set(told)

    def _tell(self, state: NodeState, told: Sequence[tuple[int, int, bool]]) -> None:
        """All that was said of a node, from the beginning."""
        state.known = any(known for _, _, known in told)
        state.first_us = min((at_us for at_us, _, _ in told), default=OPEN)
        state.bundles, state.winners = {}, {}
        for at_us, bundle, _ in told:
            first, last = state.bundles.get(bundle, (at_us, at_us))
            state.bundles[bundle] = [min(first, at_us), max(last, at_us)]
        for bundle, (first_us, last_us) in state.bundles.items():
            row = {"node_id": state.id, "bundle_id": bundle, "first_us": first_us, "last_us": last_us}
            self.batch.insert(t.observation, row)
            for key, digest, facet in self.known.bundle_of[bundle].facets:
                state.winners[key] = max(state.winners.get(key, (-OPEN, b"", 0)), (last_us, digest, facet))

    def _columns(self, states: Sequence[NodeState]) -> None:
        schemas: dict[int, list[NodeState]] = {}
        for state in states:
            for bundle in state.bundles:
                for key, _, facet in self.known.bundle_of[bundle].facets:
                    if key == "schema":
                        schemas.setdefault(facet, []).append(state)
        for row in by_values(self.batch.connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, schemas):
            for state in schemas[row.id]:
                self.nodes.schema_fields(state, orjson.loads(bytes(row.body)))


def _rows(batch: Batch, table: Any, ids: Iterable[int]) -> list[dict[str, Any]]:
    """Rows by id, also those that wait to be inserted."""
    wanted = set(ids)
    waiting = [row for row in batch.waiting(table) if row["id"] in wanted]
    missing = wanted - {row["id"] for row in waiting}
    stored = by_values(batch.connection, list(table.c), table.c.id, missing)
    return waiting + [dict(row._mapping) for row in stored]


def _datasets(row: dict[str, Any], dataset_of: dict[int, int]) -> tuple[int, ...]:
    if row["kind"] == DERIVED:
        return tuple(dict.fromkeys((dataset_of[row["source_id"]], dataset_of[row["target_id"]])))
    return (row["source_id"] if row["kind"] == EdgeKind.READ else row["target_id"],)


def _copy_key(ends: Ends, meant: dict[int, NodeState]) -> bytes:
    """Ids depend on arrival; the times since when the ends bear their names don't."""
    since = b"\x1f".join(b"%d" % meant[end].since_us for end in ends.datasets)
    return hashlib.sha256(bytes(ends.row["key"]) + b"\x1fbetween\x1f" + since).digest()
