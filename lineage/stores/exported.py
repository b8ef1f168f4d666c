"""What an export has of names: who says what of them, and what of it counts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select

from lineage.model import EdgeKind, text_of
from lineage.stores import entities
from lineage.stores import tables as t
from lineage.stores.governance import columns_of
from lineage.stores.projecting.kin import conflicting_splits, kin_of
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.projecting.verdicts import ends_named
from lineage.stores.rows import by_ids, unpack

DERIVED = int(EdgeKind.DERIVED)


def statements(connection: Connection) -> Iterator[dict[str, Any]]:
    """Spellings, joints, fates, people's words that count, controls; each kind in the order of its content."""
    for found in (_spellings, _joints, _decisions, _fates, _verdicts, _controls):
        yield from sorted(found(connection), key=lambda line: orjson.dumps(line, option=orjson.OPT_SORT_KEYS))


def since_of(connection: Connection, nodes: Collection[int]) -> dict[int, str | None]:
    """Since when nodes bear their names; None: as long as is known."""
    rows = by_ids(connection, [t.node.c.id, t.node.c.since_us], t.node.c.id, nodes)
    return {node: None if since_us == ALWAYS else text_of(since_us) for node, since_us in rows}


def idle_fields(connection: Connection, fields: Sequence[Any]) -> set[int]:
    """Of rows of columns, those that nothing speaks of since a rename was heard of: they would depend on arrival."""
    n, e, f = t.node.c, t.edge.c, t.field.c
    names = dict(by_ids(connection, [n.id, n.name_id], n.id, {row.dataset_id for row in fields}))
    given_up = {name for (name,) in by_ids(connection, [n.name_id], n.name_id, names.values(), n.id != n.name_id)}
    doubtful = [row for row in fields if names[row.dataset_id] in given_up]
    if not doubtful:
        return set()
    schemas = {dataset: _columns(connection, dataset) for dataset in {row.dataset_id for row in doubtful}}
    loose = {row.id for row in doubtful if row.name not in schemas[row.dataset_id]}
    columns = [e.id, e.source_id, e.target_id]
    edges: dict[int, tuple[int, int]] = {}
    for end in (e.source_id, e.target_id):
        edges |= {row[0]: row[1:] for row in by_ids(connection, columns, end, loose, e.kind == DERIVED)}
    dataset_of = dict(by_ids(connection, [f.id, f.dataset_id], f.id, {end for ends in edges.values() for end in ends}))
    since = since_of(connection, set(dataset_of.values()))
    alive = {row[0] for row in by_ids(connection, [t.life.c.edge_id], t.life.c.edge_id, edges)}
    asserted = {edge for edge, ends in edges.items() if not any(since[dataset_of[end]] for end in ends)}
    told = {end for edge in alive | asserted for end in edges[edge]}
    return loose - told


def _columns(connection: Connection, dataset: int) -> set[str]:
    o, b, f = t.observation.c, t.bundle.c, t.facet.c
    bundles = {row[0] for row in by_ids(connection, [o.bundle_id], o.node_id, [dataset])}
    facets = {facet for (ids,) in by_ids(connection, [b.facet_ids], b.id, bundles) for facet in unpack(ids)}
    bodies = by_ids(connection, [f.body], f.id, facets, f.name == "schema")
    return {column for (body,) in bodies for column in columns_of(orjson.loads(bytes(body)))}


def _ids(connection: Connection, rows: Sequence[Any], *columns: str) -> dict[int, str]:
    nodes = {getattr(row, column) for row in rows for column in columns}
    return {i: node.id for i, node in entities.names(connection, nodes).items()}


def _spellings(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(select(t.spelling)).all()
    names = _ids(connection, rows, "node_id")
    for row in rows:
        said = {"namespace": row.namespace, "name": row.name, "rules": row.rules.split(), "folded": row.folded}
        yield {"entity": "spelling", "of": names[row.node_id], **said, "first_seen": text_of(row.first_us)}


def _joints(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(select(t.joint)).all()
    names = _ids(connection, rows, "one_id", "other_id")
    for row in rows:
        ends = {"of": names[row.one_id], "other": names[row.other_id], "how": row.how, "type": row.type}
        yield {"entity": "joint", **ends, "first_seen": text_of(row.first_us), "last_seen": text_of(row.last_us)}


def _decisions(connection: Connection) -> Iterator[dict[str, Any]]:
    """Merges, and splits that keep apart what would be one without them: any other changes nothing."""
    rows = connection.execute(select(t.decision)).all()
    splits = [row.one_id for row in rows if row.action == "split"]
    cutting = {(row[0], row[1]) for row, _ in conflicting_splits(kin_of(connection, splits))} if splits else set()
    names = _ids(connection, rows, "one_id", "other_id")
    for row in rows:
        if row.action == "merge" or (row.one_id, row.other_id) in cutting:
            ends = {"of": names[row.one_id], "other": names[row.other_id], "into": names.get(row.into_id)}
            word = {"action": row.action, "author": row.author, "reason": row.reason, "at": text_of(row.at_us)}
            yield {"entity": "decision", **ends, **word}


def _fates(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(select(t.lifecycle)).all()
    names = _ids(connection, rows, "name_id", "other_id")
    for row in rows:
        yield {
            "entity": "fate",
            "of": names[row.name_id],
            "change": "rename" if row.other_id else "drop",
            "to": names.get(row.other_id),
            "at": text_of(row.at_us),
        }


def _verdicts(connection: Connection) -> Iterator[dict[str, Any]]:
    """A word that was taken back is none."""
    rows = connection.execute(select(t.verdict).where(t.verdict.c.action != "forget")).all()
    id_of = ends_named(connection, rows)
    for row in rows:
        word = {"action": row.action, "author": row.author, "reason": row.reason, "at": text_of(row.at_us)}
        source, target = id_of(row.source_id, row.field), id_of(row.target_id, row.field)
        yield {"entity": "verdict", "source": source, "target": target, **word}


def _controls(connection: Connection) -> Iterator[dict[str, Any]]:
    rows = connection.execute(select(t.control)).all()
    names = _ids(connection, rows, "upstream_id", "downstream_id")
    for row in rows:
        yield {
            "entity": "control",
            "upstream": names[row.upstream_id],
            "downstream": names[row.downstream_id],
            "rule": row.rule,
            "first_seen": text_of(row.first_us),
            "last_seen": text_of(row.last_us),
        }
