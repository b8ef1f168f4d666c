"""Names of tables: identifiers between dots, quotes around them, the case they have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lineage.naming_rules import Scheme

_MARKS = frozenset('."`[]\t\n')
_PARTITION = re.compile(r"[0-9]{4,10}|__NULL__|__UNPARTITIONED__")


def identifiers(name: str, quotes: tuple[str, ...]) -> list[str] | None:
    """The identifiers as written, quotes and all, cut at the dots outside of quotes; None if a quote isn't closed.

    >>> identifiers('shop."a.b".t', ('""',))
    ['shop', '"a.b"', 't']
    """
    parts, at = [], 0
    while True:
        closing = next((pair[1] for pair in quotes if name[at : at + 1] == pair[0]), None)
        end = _end(name, at, closing)
        if end is None:
            return None
        parts.append(name[at:end])
        if end == len(name):
            return parts
        at = end + 1


def _end(name: str, at: int, closing: str | None) -> int | None:
    """Where the identifier that begins at `at` ends: before a dot, or at the end of the name."""
    if closing is None:
        dot = name.find(".", at)
        return len(name) if dot < 0 else dot
    close = name.find(closing, at + 1)
    while close >= 0 and name[close + 1 : close + 2] == closing:  # doubled inside: one of the identifier's own
        close = name.find(closing, close + 2)
    if close < 0 or (close + 1 < len(name) and name[close + 1] != "."):
        return None
    return close + 1


def without_quotes(scheme: Scheme, name: str) -> Iterator[tuple[str, str]]:
    """What the rules make of a name of identifiers, one after the other: (rule, name so far)."""
    if scheme.case == "keep" and not any(pair[0] in name for pair in scheme.quotes):
        return
    parts = identifiers(name, scheme.quotes)
    if parts is None:
        return
    parts = [_unquoted(scheme, part) for part in parts]
    yield "quotes", ".".join(parts)
    yield "case", ".".join(part if _is_quoted(scheme, part) else scheme.folded(part) for part in parts)


def _unquoted(scheme: Scheme, part: str) -> str:
    if not _is_quoted(scheme, part):
        return part
    inner = part[1:-1]
    free = inner and not _MARKS.intersection(inner) and inner == inner.strip()
    if free and (scheme.quoted == "folded" or scheme.folded(inner) == inner):
        return inner
    if scheme.quoted == "folded":
        inner = scheme.folded(inner)
    pair = scheme.quotes[0] if not any(mark in inner for pair in scheme.quotes for mark in pair) else part[0] + part[-1]
    return f"{pair[0]}{inner}{pair[-1]}"


def _is_quoted(scheme: Scheme, part: str) -> bool:
    return len(part) > 1 and any(part[0] == pair[0] and part[-1] == pair[1] for pair in scheme.quotes)


def bigquery(name: str) -> tuple[str, str]:
    """The name with dots alone, and the partition decorator that was behind it.

    A project of a domain has a colon of its own: `example.com:shop.sales.orders` stays.

    >>> bigquery("shop:sales.orders$20260501"), bigquery("example.com:shop:sales.orders")
    (('shop.sales.orders', '$20260501'), ('example.com:shop.sales.orders', ''))
    """
    name = name.replace("`", "")
    head, colon, tail = name.rpartition(":")
    if colon and head and ("." not in head or ":" in head):
        name = f"{head}.{tail}"
    table, dollar, partition = name.rpartition("$")
    if dollar and table.count(".") > 0 and _PARTITION.fullmatch(partition):
        return table, f"${partition}"
    return name, ""


_RESOURCE = re.compile(r"(?:projects/)?([^/:]+)/(topic|subscription)s/([^/]+)")


def pubsub(path: str) -> str | None:
    """`topic:project:topic` from a resource path, with or without `projects/`; None if it is none.

    >>> pubsub("projects/shop/subscriptions/orders-etl")
    'subscription:shop:orders-etl'
    """
    found = _RESOURCE.fullmatch(path)
    return f"{found[2]}:{found[1]}:{found[3]}" if found else None
