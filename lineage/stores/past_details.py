"""What a trace shows of many nodes beside their names, as it was: `lineage.stores.details` for another time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Connection

from lineage.model import Kind, Layer
from lineage.stores import tables as t
from lineage.stores.governance import by_people, description_of, flat_fields, owners_of, tags_of
from lineage.stores.past import When, contents, groups_of, spoken
from lineage.stores.rows import by_ids

KEYS = ("datasetType", "documentation", "jobType", "ownership", "schema", "tags")
TYPES = {Kind.DATASET: "datasetType", Kind.JOB: "jobType"}


def details(connection: Connection, layer: Layer, ids: Sequence[int], when: When) -> list[dict[str, Any]]:
    """`Catalog.details` at another time. Cost: all that was said of these nodes."""
    if layer is Layer.JOB:
        n = t.node.c
        kinds = dict(by_ids(connection, [n.id, n.kind], n.id, ids))
        facets = facets_of(connection, ids, when)
        return [_of_node(facets[identity], Kind(kinds[identity])) for identity in ids]
    f = t.field.c
    rows = by_ids(connection, [f.id, f.dataset_id, f.name], f.id, ids)
    fields = {identity: (dataset, name) for identity, dataset, name in rows}
    facets = facets_of(connection, {dataset for dataset, _ in fields.values()}, when)
    return [_of_field(facets[dataset], name) for dataset, name in (fields[identity] for identity in ids)]


def facets_of(
    connection: Connection, ids: Collection[int], when: When, keys: Collection[str] | None = KEYS
) -> dict[int, dict[str, Any]]:
    """The newest content of facets by key, for each node; nothing for one of which nothing was said."""
    groups = groups_of(connection, ids)
    stands = {identity: rep for rep, members in groups.items() for identity in members}
    said = spoken(connection, groups, when, keys)
    loaded = contents(connection, said.values())
    found = {
        rep: {key: loaded[i] for key, (_, _, i) in sorted(one.facets.items()) if i in loaded}
        for rep, one in said.items()
    }
    return {identity: by_people(found.get(stands[identity], {})) for identity in ids}


def _of_node(facets: dict[str, Any], kind: Kind) -> dict[str, Any]:
    about = facets.get(TYPES[kind])
    said = about.get(TYPES[kind]) if isinstance(about, dict) else None
    return {
        "description": description_of(facets.get("documentation")),
        "type": said if isinstance(said, str) else None,
        "owners": owners_of(facets.get("ownership")),
        "tags": _tags(facets, ""),
    }


def _of_field(facets: dict[str, Any], name: str) -> dict[str, Any]:
    columns = {column["name"]: column for column in flat_fields(facets.get("schema"))}
    column = columns.get(name, {})
    return {"description": column.get("description"), "type": column.get("type"), "tags": _tags(facets, name)}


def _tags(facets: dict[str, Any], column: str) -> list[dict[str, str]]:
    return [
        {key: tag[key] for key in ("key", "value", "source")}
        for tag in tags_of(facets.get("tags"))
        if tag["field"] == column
    ]
