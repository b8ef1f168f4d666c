"""What events and people say of names: one row a statement, each a function of the set of events that made it.

A row that tells since when keeps the least time and position, a person's word the last by time and then by content;
so the order in which events come decides nothing.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Table

from lineage.facts import Decision, Facts, Joined, Judged, Spelled
from lineage.model import Kind, Node
from lineage.stores import tables as t
from lineage.stores.projecting.known import Batch
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.rows import by_values, upsert

Row = dict[str, Any]
ORDERS: dict[Table, tuple[str, ...]] = {
    t.decision: ("at_us", "action", "into_key", "author", "reason"),
    t.verdict: ("at_us", "action", "author", "reason"),
    t.control: ("last_us", "rule"),
}


def spelling_key(namespace: str, name: str, node: Node) -> bytes:
    """Sixteen bytes of the name as written, so that it is found by them, and sixteen of the node."""
    return Node(Kind.DATASET, namespace, name).key[:16] + node.key[:16]


class Statements:
    """The statements of one batch. `changed`: ids of names whose joints, decisions or fates came or changed."""

    def __init__(self, batch: Batch, nodes: Nodes) -> None:
        self.batch = batch
        self.nodes = nodes
        self.changed: set[int] = set()
        self.renamed: set[int] = set()  # names given up at times that were not known before
        self.judged: set[tuple[int, int, bool]] = set()
        self._keys: dict[int, bytes] = {}
        self._came: dict[Table, dict[Any, Row]] = {}

    def take(self, facts: Facts, position: int) -> None:
        """Notes what an event says of names; mostly nothing."""
        at_us = facts.at_us
        for spelled in facts.spelled:
            self._spelled(spelled, at_us, position)
        for joined in facts.joined:
            self._joined(joined, at_us, position)
        for dropped in facts.dropped:
            self._fate(dropped.node, at_us, None, position)
        for renamed in facts.renamed:
            self._fate(renamed.previous, at_us, renamed.node, position)
        for control in facts.controls:
            ends = {"upstream_id": self._id(control.upstream), "downstream_id": self._id(control.downstream)}
            self._add(t.control, {**ends, "rule": control.rule, "first_us": at_us, "last_us": at_us})
        if facts.decision is not None:
            self._decided(facts.decision, at_us, position)
        if facts.judged is not None:
            self._judged(facts.judged, at_us, position)

    def write(self) -> None:
        """Merges what came with what is stored."""
        for table, came in self._came.items():
            self._merge(table, came)
        self._came.clear()

    def _id(self, node: Node) -> int:
        identity = self.nodes.id(node)
        self._keys[identity] = node.key
        return identity

    def _spelled(self, spelled: Spelled, at_us: int, position: int) -> None:
        row = {
            "key": spelling_key(spelled.namespace, spelled.name, spelled.node),
            "node_id": self._id(spelled.node),
            "namespace": spelled.namespace,
            "name": spelled.name,
            "rules": " ".join(spelled.rules),
            "folded": spelled.folded,
            "first_us": at_us,
            "position": position,
        }
        self._add(t.spelling, row)

    def _joined(self, joined: Joined, at_us: int, position: int) -> None:
        if joined.node == joined.alias or not _are_datasets(joined.node, joined.alias):
            return
        text = f"{joined.how}\x1f{joined.type}".encode("utf-8", "replace")
        row = {
            "key": hashlib.sha256(joined.node.key + joined.alias.key + text).digest(),
            "one_id": self._id(joined.node),
            "other_id": self._id(joined.alias),
            "how": joined.how,
            "type": joined.type,
            "first_us": at_us,
            "last_us": at_us,
            "position": position,
        }
        self._add(t.joint, row)

    def _fate(self, node: Node, at_us: int, other: Node | None, position: int) -> None:
        """A rename onto itself is kept, as a conflict."""
        if not _are_datasets(node, *([other] if other else [])):
            return
        row = {"name_id": self._id(node), "at_us": at_us, "other_id": self._id(other) if other else 0}
        self._add(t.lifecycle, {**row, "position": position})

    def _decided(self, said: Decision, at_us: int, position: int) -> None:
        """A pair of equals, or of others than datasets, can't be decided about."""
        if said.one == said.other or not _are_datasets(said.one, said.other):
            return
        one, other = sorted((said.one, said.other), key=lambda node: node.key)
        into = said.into if said.into in (one, other) else None
        row = {
            "key": hashlib.sha256(one.key + other.key).digest(),
            "one_id": self._id(one),
            "other_id": self._id(other),
            "action": said.action,
            "into_id": self._id(into) if into else 0,
            "author": said.author,
            "reason": said.reason,
            "at_us": at_us,
            "position": position,
        }
        self._add(t.decision, row)

    def _judged(self, judged: Judged, at_us: int, position: int) -> None:
        """Ends of two kinds of one word, columns and datasets, can't be told apart by ids: those are left out."""
        is_field = judged.source.kind is Kind.FIELD
        if is_field != (judged.target.kind is Kind.FIELD):
            return
        if is_field:
            ends = {end: (self.nodes.id(end.dataset), end.field or "") for end in (judged.source, judged.target)}
            self.nodes.ensure_fields({place: end.key for end, place in ends.items()})
        row = {
            "source_id": self.nodes.end(judged.source),
            "target_id": self.nodes.end(judged.target),
            "field": is_field,
            "action": judged.action,
            "author": judged.author,
            "reason": judged.reason,
            "at_us": at_us,
            "position": position,
        }
        self._add(t.verdict, row)

    def _add(self, table: Table, row: Row) -> None:
        key = tuple(row[column.name] for column in table.primary_key.columns)
        came = self._came.setdefault(table, {})
        present = came.get(key)
        came[key] = row if present is None else self._merged(table, present, row)

    def _merged(self, table: Table, one: Row, other: Row) -> Row:
        """One row of two with the same key."""
        if table in ORDERS:
            row = max(one, other, key=lambda row: self._order(table, row))
            if table is t.control:
                return {**row, "first_us": min(one["first_us"], other["first_us"])}
            equal = self._order(table, one) == self._order(table, other)
            return {**row, "position": min(one["position"], other["position"])} if equal else row
        row = min(one, other, key=lambda row: (str(row.get("rules")), str(row.get("folded"))))
        least: Row = {name: min(one[name], other[name]) for name in ("first_us", "position") if name in row}
        return {**row, **least, **({"last_us": max(one["last_us"], other["last_us"])} if "last_us" in row else {})}

    def _order(self, table: Table, row: Row) -> tuple[Any, ...]:
        return tuple(self._into(row) if name == "into_key" else row[name] for name in ORDERS[table])

    def _into(self, row: Row) -> bytes:
        """Ids depend on arrival; the key of the name doesn't."""
        return self._keys[row["into_id"]] if row["into_id"] else b""

    def _merge(self, table: Table, came: dict[Any, Row]) -> None:
        first = next(iter(table.primary_key.columns))
        stored = {}
        for found in by_values(self.batch.connection, list(table.c), first, (key[0] for key in came)):
            row = {name: bytes(v) if isinstance(v, memoryview) else v for name, v in found._mapping.items()}
            stored[tuple(row[column.name] for column in table.primary_key.columns)] = row
        written = []
        for key, row in came.items():
            old = stored.get(key)
            new = row if old is None else self._merged(table, old, row)
            if new != old:
                written.append(new)
                self._note(table, old, new)
        upsert(self.batch.connection, table, written)

    def _note(self, table: Table, old: Row | None, new: Row) -> None:
        known = self.batch.known
        if table is t.joint:
            # When it was said decides only what a name that was given up meant by it.
            if old is None or (known.has_fates and _spans(old) != _spans(new)):
                self.changed |= {new["one_id"], new["other_id"]}
        elif table is t.decision:
            self.changed |= {new["one_id"], new["other_id"]}
        elif table is t.lifecycle and old is None:
            self.changed |= {new["name_id"]} | ({new["other_id"]} if new["other_id"] else set())
            if new["other_id"] not in (0, new["name_id"]):
                self.renamed.add(new["name_id"])
            known.has_fates = True
        elif table is t.verdict:
            self.judged.add((new["source_id"], new["target_id"], bool(new["field"])))
            known.has_verdicts = True
        known.has_joints = known.has_joints or bool(self.changed)


def _spans(row: Row) -> tuple[int, int]:
    return row["first_us"], row["last_us"]


def _are_datasets(*nodes: Node) -> bool:
    return all(node.kind is Kind.DATASET for node in nodes)
