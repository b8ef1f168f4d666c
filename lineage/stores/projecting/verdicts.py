"""Edges that a person said aren't so. Their rows stay as runs show them; only `suppressed` follows the last word."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from lineage.facts import DRAWN, drawn
from lineage.model import EdgeKind, Kind, Node
from lineage.stores import tables as t
from lineage.stores.finding import names
from lineage.stores.projecting.known import ALWAYS, Batch
from lineage.stores.rows import by_ids, by_values

N, E, F, V = t.node.c, t.edge.c, t.field.c, t.verdict.c
DERIVED = int(EdgeKind.DERIVED)
Pair = tuple[int, int]


@dataclass(slots=True)
class Words:
    """Suppressions by what stands for their ends.

    named: names of outputs, as flows have them, by what stands for them. undrawn: jobs of edges that a person drew and
    took back.
    """

    datasets: set[Pair] = field(default_factory=set)
    jobs: set[Pair] = field(default_factory=set)  # dataset and job, or job and dataset
    fields: set[Pair] = field(default_factory=set)
    named: dict[str, int] = field(default_factory=dict)
    undrawn: set[int] = field(default_factory=set)


class Verdicts:
    """The judging of one batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.connection = batch.connection

    def settle(self, judged: Iterable[tuple[int, int, bool]], edges: set[int], *, moved: bool) -> None:
        """Suppresses, or shows again, the edges that words which came speak of, and edges that came.

        moved: names met or parted, so every word may speak of other edges than before.
        """
        if not self.batch.known.has_verdicts:
            return
        judged = {*judged, *self._all()} if moved else set(judged)
        if not (judged or edges):
            return
        edges = edges | self._drawn(judged) | meant_by(self.connection, judged)
        words = words_of(self.connection)
        rows = []
        for row in judgeable(self.connection, edges):
            suppressed = row.is_against(words)
            if suppressed != row.suppressed:
                rows.append({"i": row.id, "s": suppressed, "c": self.batch.place()})
        if rows:
            values: dict[str, Any] = {"suppressed": bindparam("s"), "changed": bindparam("c")}
            self.connection.execute(update(t.edge).where(E.id == bindparam("i")).values(values), rows)

    def _drawn(self, judged: Iterable[tuple[int, int, bool]]) -> set[int]:
        """Edges drawn by hand, if anything was judged."""
        if not judged:
            return set()
        hand = select(t.namespace.c.id).where(t.namespace.c.name == DRAWN)
        jobs = self.connection.execute(select(N.id).where(N.namespace_id.in_(hand), N.kind == int(Kind.JOB))).scalars()
        return {row[0] for row in by_ids(self.connection, [E.id], E.owner_id, jobs)}

    def _all(self) -> list[tuple[int, int, bool]]:
        rows = self.connection.execute(select(V.source_id, V.target_id, V.field).where(V.action == "suppress"))
        return [(row.source_id, row.target_id, bool(row.field)) for row in rows]


def meant_by(connection: Connection, judged: Iterable[tuple[int, int, bool]]) -> set[int]:
    """Edges that words may speak of: those of all names of their ends, however these were joined before."""
    judged = list(judged)
    columns = [end for *pair, is_field in judged if is_field for end in pair]
    nodes = [end for *pair, is_field in judged if not is_field for end in pair]
    same = {row[0] for row in by_ids(connection, [F.same_id], F.id, columns)}
    fields = {row[0] for row in by_ids(connection, [F.id], F.same_id, same)}
    stands = {row[0] for row in by_ids(connection, [N.same_id], N.name_id, nodes)}
    members = {row[0] for row in by_ids(connection, [N.id], N.same_id, stands)}
    fields |= {row[0] for row in by_ids(connection, [F.id], F.dataset_id, members)}
    found: set[int] = set()
    for end in (E.source_id, E.target_id):
        found |= {row[0] for row in by_ids(connection, [E.id], end, members, E.kind != DERIVED)}
        found |= {row[0] for row in by_ids(connection, [E.id], end, fields, E.kind == DERIVED)}
    return found


@dataclass(frozen=True, slots=True)
class Judgeable:
    """An edge by what stands for its ends. flow: the output it serves, "" for none."""

    id: int
    kind: int
    source: int
    target: int
    columns: Pair | None
    flow: str
    owner: int
    suppressed: bool

    def is_against(self, words: Words) -> bool:
        if self.owner in words.undrawn:
            return True
        pair = (self.source, self.target)
        if self.columns is not None:
            return pair in words.datasets or self.columns in words.fields
        if pair in words.jobs:
            return True
        return self.kind == EdgeKind.READ and (self.source, words.named.get(self.flow, 0)) in words.datasets


def words_of(connection: Connection, only: tuple[int, int, bool] | None = None) -> Words:
    """What is suppressed now, or what one word suppresses. Cost: all words ever said; people say them one by one."""
    words = Words()
    statement = select(V.source_id, V.target_id, V.field, V.at_us).where(V.action == "suppress")
    if only is not None:
        statement = statement.where(V.source_id == only[0], V.target_id == only[1], V.field == only[2])
    rows = connection.execute(statement).all()
    ends = {end for row in rows if row.field for end in (row.source_id, row.target_id)}
    same = dict(by_ids(connection, [F.id, F.same_id], F.id, ends))
    words.fields = {(same[row.source_id], same[row.target_id]) for row in rows if row.field}
    nodes = {end for row in rows if not row.field for end in (row.source_id, row.target_id)}
    meant: dict[int, list[tuple[int, int, int]]] = {}
    columns = [N.name_id, N.since_us, N.same_id, N.kind]
    for name, since_us, stands, kind in sorted(by_ids(connection, columns, N.name_id, nodes)):
        meant.setdefault(name, []).append((since_us, stands, kind))
    for row in rows:
        if not row.field:
            source, target = _at(meant[row.source_id], row.at_us), _at(meant[row.target_id], row.at_us)
            is_job = Kind.JOB in (source[2], target[2])
            (words.jobs if is_job else words.datasets).add((source[1], target[1]))
    words.named = _names(connection, {target for _, target in words.datasets})
    words.undrawn = _undrawn(connection) if only is None else set()
    return words


def _undrawn(connection: Connection) -> set[int]:
    """Jobs of edges that a person drew once and that the last word on them doesn't."""
    rows = connection.execute(select(V.source_id, V.target_id, V.field).where(V.action != "add")).all()
    text = ends_named(connection, rows)
    keys = [drawn(text(row.source_id, row.field), text(row.target_id, row.field)).key for row in rows]
    return {row.id for row in by_values(connection, [N.id], N.key, keys)}


def ends_named(connection: Connection, rows: Iterable[Any]) -> Callable[[int, bool], str]:
    """The id as text of each end of some verdicts, asked for by number and whether it is a field."""
    by_kind: dict[bool, set[int]] = {True: set(), False: set()}
    for row in rows:
        by_kind[bool(row.field)] |= {row.source_id, row.target_id}
    fields = {i: rest for i, *rest in by_ids(connection, [F.id, F.dataset_id, F.name], F.id, by_kind[True])}
    named = names(connection, by_kind[False] | {dataset for dataset, _ in fields.values()})

    def text(end: int, is_field: bool) -> str:
        if not is_field:
            return named[end].id
        dataset = named[fields[end][0]]
        return Node(Kind.FIELD, dataset.namespace, dataset.name, fields[end][1]).id

    return text


def _at(meant: list[tuple[int, int, int]], at_us: int) -> tuple[int, int, int]:
    return [one for one in meant if one[0] <= max(at_us, ALWAYS)][-1]


def _names(connection: Connection, stands: set[int]) -> dict[str, int]:
    same = dict(by_ids(connection, [N.id, N.same_id], N.same_id, stands))
    return {node.id: same[i] for i, node in names(connection, same).items()}


def judgeable(connection: Connection, ids: Iterable[int]) -> list[Judgeable]:
    columns = [E.id, E.kind, E.source_id, E.target_id, E.flow_id, E.owner_id, E.suppressed]
    rows = by_ids(connection, columns, E.id, ids)
    ends = {end for row in rows if row[1] == DERIVED for end in row[2:4]}
    fields = {row[0]: row[1:] for row in by_ids(connection, [F.id, F.dataset_id, F.same_id], F.id, ends)}
    nodes = {end for row in rows if row[1] != DERIVED for end in row[2:4]} | {row[0] for row in fields.values()}
    same = dict(by_ids(connection, [N.id, N.same_id], N.id, nodes))
    flows = dict(by_ids(connection, [t.flow.c.id, t.flow.c.name], t.flow.c.id, {row[4] for row in rows} - {0}))
    found = []
    for identity, kind, source, target, flow, owner, suppressed in rows:
        pair: Pair | None = None
        nodes_of = (source, target)
        if kind == DERIVED:
            pair = (fields[source][1], fields[target][1])
            nodes_of = (fields[source][0], fields[target][0])
        stands = (same[nodes_of[0]], same[nodes_of[1]])
        found.append(Judgeable(identity, kind, *stands, pair, flows.get(flow, ""), owner, bool(suppressed)))
    return found
