"""Where a URI is cut into namespace and name, scheme by scheme, as Airflow's providers cut their assets."""

from __future__ import annotations

import re

from lineage.naming_rules import Scheme, load
from lineage.naming_tables import identifiers

URI = re.compile(r"([A-Za-z][A-Za-z0-9+.\-_]*):(.*)", re.DOTALL)  # `_`: not in RFC 3986, but in SQLAlchemy's drivers

_BARE = ("file", "bigquery", "pubsub")  # `bigquery:project.dataset.table`


def split(uri: str) -> tuple[str, str] | None:
    """Namespace and name as written, either may be empty; None if it is no URI or not one of a whole name.

    Unknown schemes go by the standard's general rule: the namespace is scheme and authority, the name the path.

    >>> split("trino://h/hive/sales/orders"), split("vendor://feed/clicks"), split("mysql://h/orders")
    (('trino://h', 'hive.sales.orders'), ('vendor://feed', 'clicks'), None)
    """
    found = URI.fullmatch(uri)
    if not found:
        return None
    word, rest = found[1].lower(), found[2]
    scheme = load().schemes.get("file" if word == "sftp" else word.partition("+")[0])
    if word == "arn":
        return _glue(uri)
    if scheme is not None and scheme.holds == "files":
        return _table_in_file(uri)
    if not rest.startswith("//"):
        return (word, rest) if word in _BARE and (word != "file" or rest.startswith("/")) else None
    authority, _, path = rest[2:].partition("/")
    if scheme is None:
        return (f"{found[1]}://{authority}", path) if authority else None
    return _table(scheme, authority, path) if scheme.holds == "tables" else _path(scheme, authority, path)


def _glue(uri: str) -> tuple[str, str] | None:
    """The standard writes `…:account/table/db/t`, AWS `…:account:table/db/t`."""
    head, _, name = uri.partition("table/")
    return (head[:-1], f"table/{name}") if name and head[-1:] in (":", "/") else None


def _table_in_file(uri: str) -> tuple[str, str] | None:
    """`sqlite:///srv/shop.db/orders`: the last part is the table."""
    head, _, name = uri.rpartition("/")
    return (head, name) if head.partition(":")[2].strip("/") else None


def _table(scheme: Scheme, authority: str, path: str) -> tuple[str, str] | None:
    """As many segments as a full name has parts, or one segment with all the parts."""
    parts = path.partition("?")[0].removesuffix("/").split("/")
    if scheme.authority == "none":
        parts = [authority, *parts] if authority else parts
        authority = ""
    if len(parts) == 1:
        parts = identifiers(parts[0], scheme.quotes) or []
    elif scheme.quotes:
        quote = scheme.quotes[0]
        parts = [f"{quote[0]}{part}{quote[1]}" if "." in part else part for part in parts]
    if len(parts) != scheme.parts or not all(parts):
        return None
    return f"{scheme.name}://{authority}", ".".join(parts)


def _path(scheme: Scheme, authority: str, path: str) -> tuple[str, str] | None:
    namespace = f"{scheme.name}://{authority}"
    if scheme.name == "azurecosmos":
        database, _, collection = path.partition("/colls/")
        return f"{namespace}/{database}", f"colls/{collection}" if collection else ""
    if scheme.holds != "paths":
        return namespace, path
    if not path:
        return namespace, "/" if authority else ""  # the whole bucket, as Airflow's providers name it
    return namespace, f"{scheme.root}{path}"
