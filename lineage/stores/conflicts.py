"""Where people and automation, or two events, say the opposite: for review. Nothing is overwritten by it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, select

from lineage.facts import COMPLETE, DRAWN
from lineage.model import EdgeKind, Kind, Node, Origin, text_of
from lineage.ports import OPEN
from lineage.stores import entities
from lineage.stores import tables as t
from lineage.stores.finding import names
from lineage.stores.projecting.kin import Kin, conflicting_splits, kin_of
from lineage.stores.projecting.verdicts import judgeable, meant_by, words_of
from lineage.stores.rows import by_ids

E, N, V, L, D = t.edge.c, t.node.c, t.verdict.c, t.lifecycle.c, t.decision.c
Conflict = dict[str, Any]


def conflicts(connection: Connection, node: int | None = None) -> list[Conflict]:
    """All conflicts, or those that one node (what stands for it) has a part in, by kind and time.

    kind: "suppressed_shown": runs show since what a person suppressed. "added_contradicted": since a person added an
    edge, a run that ended well with whole lineage wrote the target from other sources only. "rename_contradicted": one
    name was given two names at one time, or its own. "split_asserted": producers say of two names that a person split
    that they are one.
    """
    found = [*_renames(connection), *_splits(connection), *_verdicts(connection)]
    if node is not None:
        members = {row[0] for row in by_ids(connection, [N.name_id], N.same_id, [node])}
        found = [one for one in found if members & one["_names"]]
    ordered = sorted(found, key=lambda one: (one["kind"], one["at"], one["nodes"], one["event"]))
    return [{key: value for key, value in one.items() if key != "_names"} for one in ordered]


def _conflict(kind: str, ends: dict[int, Node], at_us: int, event: int, **more: Any) -> Conflict:
    ids = [node.id for node in ends.values()]
    return {"kind": kind, "nodes": ids, "at": text_of(at_us), "event": event, **more, "_names": set(ends)}


def _renames(connection: Connection) -> Iterator[Conflict]:
    rows = connection.execute(select(L.name_id, L.at_us, L.other_id).where(L.other_id != 0)).all()
    at_once: dict[tuple[int, int], int] = {}
    for row in rows:
        at_once[row.name_id, row.at_us] = at_once.get((row.name_id, row.at_us), 0) + 1
    doubtful = {row.name_id for row in rows if at_once[row.name_id, row.at_us] > 1 or row.other_id == row.name_id}
    kin = kin_of(connection, doubtful) if doubtful else Kin()
    for name, at_us, other, event in kin.contradicted:
        if name in doubtful:
            named = names(connection, [name, other])
            yield _conflict("rename_contradicted", {i: named[i] for i in (name, other)}, at_us, event)


def _splits(connection: Connection) -> Iterator[Conflict]:
    split = connection.execute(select(D.one_id).where(D.action == "split")).scalars().all()
    kin = kin_of(connection, split) if split else Kin()
    for row, link in conflicting_splits(kin):
        named = names(connection, row[:2])
        ends = (kin.members[link.one].text, kin.members[link.other].text)
        word = {"author": row[4], "reason": row[5], "by": link.how, "asserted": list(ends)}
        yield _conflict("split_asserted", {i: named[i] for i in row[:2]}, row[6], row[7], **word)


def _verdicts(connection: Connection) -> Iterator[Conflict]:
    rows = connection.execute(select(t.verdict).where(V.action != "forget")).all()
    for row in rows:
        ends = _ends(connection, row)
        word = {"author": row.author, "reason": row.reason}
        if row.action == "suppress":
            seen = _shown_since(connection, row)
            if seen:
                yield _conflict("suppressed_shown", ends, row.at_us, row.position, **word, last_seen=text_of(seen))
        elif not row.field:
            jobs = _contradicting(connection, row)
            if jobs:
                yield _conflict("added_contradicted", ends, row.at_us, row.position, **word, jobs=jobs)


def _ends(connection: Connection, row: Any) -> dict[int, Node]:
    """What a word is about, by the name that it, or the dataset of a column, has."""
    if not row.field:
        named = names(connection, [row.source_id, row.target_id])
        return {i: named[i] for i in (row.source_id, row.target_id)}
    f = t.field.c
    fields = {i: rest for i, *rest in by_ids(connection, [f.id, f.dataset_id, f.name], f.id, row[:2])}
    named = names(connection, {dataset for dataset, _ in fields.values()})
    return {
        fields[i][0]: Node(Kind.FIELD, named[fields[i][0]].namespace, named[fields[i][0]].name, fields[i][1])
        for i in row[:2]
    }


def _shown_since(connection: Connection, row: Any) -> int | None:
    """When runs last showed what a word suppresses, if that was after the word."""
    one = (row.source_id, row.target_id, bool(row.field))
    words = words_of(connection, only=one)
    edges = {edge.id for edge in judgeable(connection, meant_by(connection, [one])) if edge.is_against(words)}
    columns = [E.id, E.owner_id, E.origin]
    found = by_ids(connection, columns, E.id, edges, E.origin == int(Origin.OBSERVED))
    last, _ = entities.seen_of(connection, {r[1] for r in found}, {r[0]: r[2] for r in found})
    newest = max(last.values(), default=row.at_us)
    return newest if newest > row.at_us else None


def _contradicting(connection: Connection, row: Any) -> list[str]:
    """Jobs that wrote the target since, in a run that ended well with whole lineage, and not from the source."""
    stands = dict(by_ids(connection, [N.id, N.same_id], N.id, [row.source_id, row.target_id]))
    target = [i for (i,) in by_ids(connection, [N.id], N.same_id, [stands[row.target_id]])]
    source = {i for (i,) in by_ids(connection, [N.id], N.same_id, [stands[row.source_id]])}
    texts = {node.id for node in names(connection, target).values()}
    wrote = (E.kind == int(EdgeKind.WROTE), E.origin == int(Origin.OBSERVED))
    owners = {i for (i,) in by_ids(connection, [E.owner_id], E.target_id, target, *wrote)}
    r = t.run.c
    well = (r.terminal == COMPLETE, ~r.incomplete, r.terminal_us > row.at_us)
    ended = {i for (i,) in by_ids(connection, [r.owner_id], r.owner_id, owners, *well)}
    columns = [E.id, E.owner_id, E.source_id, E.flow_id]
    reads = by_ids(connection, columns, E.owner_id, ended, E.kind == int(EdgeKind.READ))
    life = t.life.c
    lasting = by_ids(connection, [life.edge_id], life.edge_id, {e[0] for e in reads}, life.closed_us == OPEN)
    alive = {i for (i,) in lasting}
    flows = dict(by_ids(connection, [t.flow.c.id, t.flow.c.name], t.flow.c.id, {e[3] for e in reads} - {0}))
    meant = [(e[1], e[2]) for e in reads if e[0] in alive and (not e[3] or flows[e[3]] in texts)]
    agreeing = {owner for owner, read in meant if read in source}
    against = names(connection, {owner for owner, _ in meant} - agreeing)
    return sorted(job.id for job in against.values() if job.namespace != DRAWN)
