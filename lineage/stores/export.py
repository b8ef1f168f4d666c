"""The catalog in canonical order: equal sets of events give equal bytes, whatever their order and number."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import Connection, exists, select

from lineage.model import Basis, EdgeKind, Kind, Node, Origin, text_of
from lineage.ports import OPEN
from lineage.stores import entities
from lineage.stores import tables as t
from lineage.stores.exported import idle_fields, since_of, statements
from lineage.stores.projecting.known import ALWAYS
from lineage.stores.rows import by_ids, by_values, unpack

BATCH = 1_000
TOMBSTONE = "tombstone"  # what was dropped: no entity that anything else speaks of


def export(connection: Connection) -> Iterator[dict[str, Any]]:
    """Nodes, fields, edges, runs, each kind in the order of its keys. Left out: integer ids, positions, arrival."""
    yield from _nodes(connection)
    yield from _fields(connection)
    yield from _edges(connection)
    yield from _runs(connection)
    yield from statements(connection)


def _paged(connection: Connection, table: Any, columns: list[Any]) -> Iterator[list[Any]]:
    """Rows of a table by key, a page at a time, so that memory doesn't grow with the catalog."""
    last = b""
    while True:
        rows = connection.execute(select(*columns).where(table.c.key > last).order_by(table.c.key).limit(BATCH)).all()
        if not rows:
            return
        yield list(rows)
        last = bytes(rows[-1].key)


def _nodes(connection: Connection) -> Iterator[dict[str, Any]]:
    for rows in _paged(connection, t.node, list(t.node.c)):
        # What only people's words named says nothing: a merge that was split again leaves no trace.
        spoken_of = exists().where(t.said.c.node_id == t.node.c.id)
        said = {row[0] for row in by_ids(connection, [t.node.c.id], t.node.c.id, [row.id for row in rows], spoken_of)}
        rows = [row for row in rows if row.id in said]
        others = {i for row in rows for i in (row.parent_id, row.same_id) if i}
        names = entities.names(connection, {row.id for row in rows} | others)
        since = since_of(connection, {row.same_id for row in rows})
        seen = entities.last_seen(connection, [row.id for row in rows])
        for row in rows:
            yield {
                "entity": names[row.id].kind.word if row.dropped_us is None else TOMBSTONE,
                "id": names[row.id].id,
                "since": _since(row.since_us),
                "same_as": None if row.same_id == row.id else [names[row.same_id].id, since[row.same_id]],
                "dropped": text_of(row.dropped_us),
                "known": bool(row.known),
                "parent": names[row.parent_id].id if row.parent_id else None,
                "description": row.description if row.same_id == row.id else None,
                "first_seen": text_of(row.first_us),
                "last_seen": text_of(seen.get(row.id)),
                "facets": entities.present_facets(connection, [row.id]),
                "versions": [
                    [v["version"], v["first_seen"], v["last_seen"]] for v in entities.versions(connection, [row.id])
                ],
                "loose": _loose(connection, row.id),
            }


def _since(since_us: int) -> str | None:
    return None if since_us == ALWAYS else text_of(since_us)


def _loose(connection: Connection, dataset: int) -> list[Any]:
    """Statistics and assertions that were reported outside a run."""
    found: list[Any] = []
    statistic = select(t.statistic).where(t.statistic.c.dataset_id == dataset, t.statistic.c.run_pk == 0)
    found += [
        [row.role, row.facet, text_of(row.at_us), orjson.loads(bytes(row.body))]
        for row in connection.execute(statistic)
    ]
    assertion = select(t.assertion).where(t.assertion.c.dataset_id == dataset, t.assertion.c.run_pk == 0)
    found += [
        [row.assertion, row.column, text_of(row.at_us), row.success, orjson.loads(bytes(row.detail))]
        for row in connection.execute(assertion)
    ]
    return sorted(found, key=orjson.dumps)


def _fields(connection: Connection) -> Iterator[dict[str, Any]]:
    for rows in _paged(connection, t.field, list(t.field.c)):
        ids = {row.dataset_id for row in rows}
        datasets = entities.names(connection, ids)
        columns = [t.node.c.id, t.node.c.since_us, t.node.c.dropped_us]
        fates = {row[0]: row[1:] for row in by_ids(connection, columns, t.node.c.id, ids)}
        idle = idle_fields(connection, rows)
        for row in rows:
            if row.id not in idle:
                since_us, dropped_us = fates[row.dataset_id]
                yield {
                    "entity": "field" if dropped_us is None else TOMBSTONE,
                    "id": _field_id(datasets[row.dataset_id], row.name),
                    "since": _since(since_us),
                }


def _field_id(dataset: Node, name: str) -> str:
    return Node(Kind.FIELD, dataset.namespace, dataset.name, name).id


def _edges(connection: Connection) -> Iterator[dict[str, Any]]:
    for rows in _paged(connection, t.edge, list(t.edge.c)):
        ends = {i for row in rows for i in (row.source_id, row.target_id)}
        fields = {r.id: r for r in by_values(connection, list(t.field.c), t.field.c.id, ends)}
        wanted = ends | {row.owner_id for row in rows} | {r.dataset_id for r in fields.values()}
        names = entities.names(connection, wanted)
        lives: dict[int, list[list[str | None]]] = {}
        for life in sorted(by_values(connection, list(t.life.c), t.life.c.edge_id, [row.id for row in rows])):
            closed = None if life.closed_us == OPEN else text_of(life.closed_us)
            lives.setdefault(life.edge_id, []).append([text_of(life.opened_us), closed])
        last, runs = entities.seen_of(connection, {row.owner_id for row in rows}, {row.id: row.origin for row in rows})
        flows = dict(by_ids(connection, [t.flow.c.id, t.flow.c.name], t.flow.c.id, {row.flow_id for row in rows} - {0}))
        since = since_of(connection, ends | {r.dataset_id for r in fields.values()})
        for row in rows:
            derived = row.kind == EdgeKind.DERIVED
            pair = [fields[i].dataset_id if derived else i for i in (row.source_id, row.target_id)]
            begun = [since.get(i) for i in pair]
            if any(begun) and row.id not in lives:
                continue  # made for a life that it no longer has

            def end(identity: int, derived: bool = derived, fields: Any = fields, names: Any = names) -> str:
                if derived:
                    return _field_id(names[fields[identity].dataset_id], fields[identity].name)
                return str(names[identity].id)

            yield {
                "entity": "edge",
                "kind": EdgeKind(row.kind).word,
                "source": end(row.source_id),
                "target": end(row.target_id),
                "since": begun,
                "flow": flows.get(row.flow_id, ""),
                "suppressed": bool(row.suppressed),
                "owner": names[row.owner_id].id,
                "origin": Origin(row.origin).word,
                "basis": Basis(row.basis).word,
                "transformation": [row.type, row.subtype, bool(row.masking)],
                "published": bool(row.published),
                "lives": lives.get(row.id, []),
                "last_seen": text_of(last.get(row.id)),
                "runs_seen": runs.get(row.id, 0),
            }


def _runs(connection: Connection) -> Iterator[dict[str, Any]]:
    for rows in _paged(connection, t.run, list(t.run.c)):
        items = entities.run_items(connection, rows)
        ids = [row.id for row in rows]
        measured: dict[int, list[Any]] = {}
        datasets = set()
        statistics = list(by_values(connection, list(t.statistic.c), t.statistic.c.run_pk, ids))
        assertions = list(by_values(connection, list(t.assertion.c), t.assertion.c.run_pk, ids))
        datasets = {r.dataset_id for r in statistics} | {r.dataset_id for r in assertions}
        names = entities.names(connection, datasets)
        for s in statistics:
            entry = [names[s.dataset_id].id, s.role, s.facet, text_of(s.at_us), orjson.loads(bytes(s.body))]
            measured.setdefault(s.run_pk, []).append(entry)
        checked: dict[int, list[Any]] = {}
        for a in assertions:
            entry = [
                names[a.dataset_id].id,
                a.assertion,
                a.column,
                a.success,
                a.severity,
                text_of(a.at_us),
                orjson.loads(bytes(a.detail)),
            ]
            checked.setdefault(a.run_pk, []).append(entry)
        shown = _shown(connection, {row.edge_set_id for row in rows if row.edge_set_id})
        for row, item in zip(rows, items, strict=True):
            yield {
                **item,
                "entity": "run" if row.origin == Origin.OBSERVED else "declaration",
                "last_seen": text_of(row.last_us),
                "edges": shown.get(row.edge_set_id, []),
                "statistics": sorted(measured.get(row.id, []), key=orjson.dumps),
                "assertions": sorted(checked.get(row.id, []), key=orjson.dumps),
            }


def _shown(connection: Connection, sets: set[int]) -> dict[int, list[str]]:
    """The keys of the edges of each set."""
    members = {
        row[0]: unpack(row[1])
        for row in by_values(connection, [t.edge_set.c.id, t.edge_set.c.edge_ids], t.edge_set.c.id, sets)
    }
    edges = {e for ids in members.values() for e in ids}
    keys = {
        row.id: bytes(row.key).hex()[:16]
        for row in by_values(connection, [t.edge.c.id, t.edge.c.key], t.edge.c.id, edges)
    }
    return {set_id: sorted(keys[e] for e in ids) for set_id, ids in members.items()}
