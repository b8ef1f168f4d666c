"""What lists and filters need of facets, read off their content. Forgiving: what makes no sense is left out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Facets whose change rewrites rows of the catalog.
DERIVED_FROM = frozenset({"ownership", "tags", "symlinks", "documentation", "parent"})
# Indexed texts stay under what an index of PostgreSQL takes (2,704 bytes); the facet has them whole.
INDEXED = 500
TEXT = 4_096


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
