"""What lists and filters need of facets, read off their content. Forgiving: what makes no sense is left out.

What people say stands in facets of its own, `headwater_*` (ingest/by_hand.py): `by_people` is where it wins over what
producers say, whenever each was said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Facets whose change rewrites rows of the catalog.
DERIVED_FROM = frozenset({"ownership", "tags", "symlinks", "documentation", "parent"})
# What people say begins so; of a column it ends in `.COLUMN`.
HAND = "headwater_"
OWNERS, TAGS, DESCRIPTION, CRITICALITY = (f"{HAND}{word}" for word in ("owners", "tags", "description", "criticality"))
# Facets of producers that people's facets stand in front of.
BEHIND = {OWNERS: "ownership", TAGS: "tags", DESCRIPTION: "documentation"}
SOURCE = "HEADWATER"  # of tags that people gave
# Indexed texts stay under what an index of PostgreSQL takes (2,704 bytes); the facet has them whole.
INDEXED = 500
TEXT = 4_096


def rewrites(key: str) -> str:
    """The facet of DERIVED_FROM whose rows change with a facet; "" for none.

    >>> rewrites("tags"), rewrites("headwater_tags.e_mail"), rewrites("schema")
    ('tags', 'tags', '')
    """
    said = BEHIND.get(key.partition(".")[0], key)
    return said if said in DERIVED_FROM else ""


def by_people(facets: Mapping[str, Any]) -> dict[str, Any]:
    """The newest facets of a node as people have them: owners and the description replaced, tags added and taken away.

    Descriptions of columns go into the schema. Facets that nobody spoke of are the same objects.

    >>> by_people({"ownership": {"owners": [{"name": "a"}]}, "headwater_owners": {"owners": []}})["ownership"]
    {'owners': []}
    """
    said = {key: content for key, content in facets.items() if key.startswith(HAND) and _is_said(content)}
    present = dict(facets)
    if not said:
        return present
    if OWNERS in said:
        present["ownership"] = {"owners": _entries(said[OWNERS], "owners")}
    if DESCRIPTION in said:
        present["documentation"] = {"description": said[DESCRIPTION].get("description")}
    columns = {field: said[key] for key in said if (field := _field_of(key, TAGS)) is not None}
    if columns:
        present["tags"] = {"tags": _tags_by_people(_entries(facets.get("tags"), "tags"), columns)}
    texts = {field: said[key].get("description") for key in said if (field := _field_of(key, DESCRIPTION))}
    schema = facets.get("schema")
    if texts and isinstance(schema, dict):
        present["schema"] = {**schema, "fields": _described(_entries(schema, "fields"), "", texts)}
    return present


def criticality_of(facets: Mapping[str, Any], field: str = "") -> str | None:
    """How much a person says depends on a node, or on one of its columns."""
    content = facets.get(f"{CRITICALITY}.{field}" if field else CRITICALITY)
    if not isinstance(content, dict) or content.get("_deleted"):
        return None
    return _text(content.get("criticality"), INDEXED) or None


def _is_said(content: Any) -> bool:
    return isinstance(content, dict) and not content.get("_deleted")


def _field_of(key: str, said: str) -> str | None:
    """The column that a facet speaks of, "" if of the whole node; None if it says something else.

    >>> _field_of("headwater_tags.a.b", "headwater_tags"), _field_of("headwater_tags", "headwater_tags")
    ('a.b', '')
    """
    head, _, field = key.partition(".")
    return field if head == said else None


def _tags_by_people(tags: list[dict[str, Any]], said: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Producers' tags without those that people took away, and those that people gave. said: by column, "" the node."""
    gone = [
        (field, tag.get("key"), tag.get("value"))
        for field, content in said.items()
        for tag in _entries(content, "removed")
    ]
    kept = [
        tag
        for tag in tags
        if not any(
            (tag.get("field") or "", tag.get("key")) == (field, key) and value in (None, tag.get("value"))
            for field, key, value in gone
        )
    ]
    given = [
        {"key": tag.get("key"), "value": tag.get("value"), "source": SOURCE, **({"field": field} if field else {})}
        for field, content in said.items()
        for tag in _entries(content, "tags")
    ]
    return kept + given


def _described(fields: list[dict[str, Any]], prefix: str, texts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Columns with the descriptions that people gave, by path. As deep as the gate lets events be."""
    found = []
    for entry in fields:
        path = f"{prefix}{entry.get('name')}"
        inner = _described(_entries(entry, "fields"), f"{path}.", texts) if "fields" in entry else None
        more: dict[str, Any] = {} if inner is None else {"fields": inner}
        found.append({**entry, **more, **({"description": texts[path]} if path in texts else {})})
    return found


def _entries(content: Any, key: str) -> list[dict[str, Any]]:
    found = content.get(key) if isinstance(content, dict) and not content.get("_deleted") else None
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def _text(value: Any, limit: int = TEXT) -> str:
    if value is None:
        return ""
    return (value if isinstance(value, str) else str(value))[:limit]


def _distinct(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return sorted({tuple(row.items()): row for row in rows}.values(), key=lambda row: tuple(row.values()))


def owners_of(content: Any) -> list[dict[str, str]]:
    """Owners by name, each once. Airflow masks names as `***` now and then; that is nobody.

    >>> owners_of({"owners": [{"name": "a"}, {"name": "a"}, {"name": "***"}]})
    [{'name': 'a', 'type': ''}]
    """
    rows = (
        {"name": _text(o.get("name"), INDEXED), "type": _text(o.get("type"), INDEXED)}
        for o in _entries(content, "owners")
    )
    return _distinct(row for row in rows if row["name"].strip("* "))


def tags_of(content: Any) -> list[dict[str, str]]:
    rows = (
        {
            "field": _text(tag.get("field")),
            "key": _text(tag.get("key"), INDEXED),
            "value": _text(tag.get("value")),
            "source": _text(tag.get("source"), INDEXED),
        }
        for tag in _entries(content, "tags")
    )
    return _distinct(row for row in rows if row["key"])


def aliases_of(content: Any) -> list[dict[str, str]]:
    rows = (
        {"namespace": _text(i.get("namespace")), "name": _text(i.get("name")), "type": _text(i.get("type"), INDEXED)}
        for i in _entries(content, "identifiers")
    )
    return _distinct(row for row in rows if row["namespace"] and row["name"])


def description_of(content: Any) -> str | None:
    if not isinstance(content, dict) or content.get("_deleted"):
        return None
    return _text(content.get("description")) or None


def flat_fields(schema: Any) -> list[dict[str, Any]]:
    """Columns of a schema facet in order, nested ones as `a.b`, each name once.

    >>> [f["name"] for f in flat_fields({"fields": [{"name": "a", "fields": [{"name": "b"}]}]})]
    ['a', 'a.b']
    """
    found: dict[str, dict[str, Any]] = {}
    stack = [("", entry) for entry in reversed(_entries(schema, "fields"))]
    while stack:
        prefix, entry = stack.pop()
        name = entry.get("name")
        if not isinstance(name, str) or not name:
            continue
        path = f"{prefix}{name}"
        found.setdefault(path, {"name": path, "type": entry.get("type"), "description": entry.get("description")})
        stack += [(f"{path}.", child) for child in reversed(_entries(entry, "fields"))]
    return list(found.values())


def columns_of(schema: Any) -> list[str]:
    return [column["name"] for column in flat_fields(schema)]
