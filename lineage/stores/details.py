"""What a trace shows of many nodes at once beside their names."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

from lineage.model import Kind, Layer
from lineage.stores import tables as t
from lineage.stores.governance import flat_fields
from lineage.stores.rows import by_ids, unpack

TYPE_FACETS = {Kind.DATASET: "datasetType", Kind.JOB: "jobType"}


def details(connection: Connection, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
    """`Catalog.details`. Cost: a handful of statements."""
    return _of_nodes(connection, ids) if layer is Layer.JOB else _of_fields(connection, ids)


def _of_nodes(connection: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    n, o = t.node.c, t.owner.c
    rows = {identity: rest for identity, *rest in by_ids(connection, [n.id, n.kind, n.description], n.id, ids)}
    owners: dict[int, list[dict[str, Any]]] = {}
    for node, _, name, kind in sorted(by_ids(connection, [o.node_id, o.ordinal, o.name, o.type], o.node_id, ids)):
        owners.setdefault(node, []).append({"name": name, "type": kind})
    tags = _tags(connection, ids)
    facets = newest_facets(connection, ids, TYPE_FACETS.values())
    return [
        {
            "description": rows[identity][1],
            "type": _type(facets.get((identity, TYPE_FACETS[Kind(rows[identity][0])]))),
            "owners": owners.get(identity, []),
            "tags": tags.get((identity, ""), []),
        }
        for identity in ids
    ]


def _of_fields(connection: Connection, ids: Sequence[int]) -> list[dict[str, Any]]:
    f = t.field.c
    rows = {
        identity: (dataset, name)
        for identity, dataset, name in by_ids(connection, [f.id, f.dataset_id, f.name], f.id, ids)
    }
    datasets = {dataset for dataset, _ in rows.values()}
    tags = _tags(connection, datasets)
    schemas = newest_facets(connection, datasets, ("schema",))
    columns = {
        (dataset, column["name"]): column
        for (dataset, _), content in schemas.items()
        for column in flat_fields(content)
    }
    return [
        {
            "description": columns.get(rows[identity], {}).get("description"),
            "type": columns.get(rows[identity], {}).get("type"),
            "tags": tags.get(rows[identity], []),
        }
        for identity in ids
    ]


def _tags(connection: Connection, ids: Iterable[int]) -> dict[tuple[int, str], list[dict[str, Any]]]:
    """Tags by node and column; of the node itself under ""."""
    c = t.tag.c
    found: dict[tuple[int, str], list[dict[str, Any]]] = {}
    columns = [c.node_id, c.ordinal, c.field, c.key, c.value, c.source]
    for node, _, column, key, value, source in sorted(by_ids(connection, columns, c.node_id, ids)):
        found.setdefault((node, column), []).append({"key": key, "value": value, "source": source})
    return found


def newest_facets(
    connection: Connection, nodes: Iterable[int], names: Collection[str]
) -> dict[tuple[int, str], dict[str, Any]]:
    """The present content of some facets of many nodes; equal times are decided by digest, as for a single entity."""
    o, b, f = t.observation.c, t.bundle.c, t.facet.c
    seen = by_ids(connection, [o.node_id, o.bundle_id, o.last_us], o.node_id, nodes)
    held = by_ids(connection, [b.id, b.facet_ids], b.id, (bundle for _, bundle, _ in seen))
    bundles = {bundle: unpack(packed) for bundle, packed in held}
    wanted = (facet for facets in bundles.values() for facet in facets)
    columns = [f.id, f.name, f.digest, f.body]
    facets = {identity: rest for identity, *rest in by_ids(connection, columns, f.id, wanted, f.name.in_(list(names)))}
    newest: dict[tuple[int, str], tuple[int, bytes, bytes]] = {}
    for node, bundle, last_us in seen:
        for name, digest, body in (facets[facet] for facet in bundles[bundle] if facet in facets):
            candidate = (last_us, bytes(digest), bytes(body))
            newest[node, name] = max(newest.get((node, name), candidate), candidate)
    contents = {key: orjson.loads(body) for key, (_, _, body) in newest.items()}
    return {
        key: content for key, content in contents.items() if isinstance(content, dict) and not content.get("_deleted")
    }


def _type(facet: dict[str, Any] | None) -> str | None:
    """TABLE, VIEW, …; TASK, DAG, MODEL, …"""
    if facet is None:
        return None
    said = facet.get("datasetType") or facet.get("jobType")
    return said if isinstance(said, str) else None
