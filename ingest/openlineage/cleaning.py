"""Content of facets made fit for digests and for storage, names inside them made sure of."""

from __future__ import annotations

from typing import Any

from ingest.limits import Limits
from ingest.openlineage.gate import storable, unstorable
from lineage.canonical import canonical

# Encoded, U+0000 is `\u0000`; the same six characters after an escaped backslash only cost a needless cleaning.
ENCODED_NUL = b"\\u0000"
LONGEST = Limits().identifier


def encoded(value: Any) -> bytes | None:
    """Canonical JSON; None if there is something in it that no store takes (see `storable`)."""
    try:
        text = canonical(value)
    except (UnicodeEncodeError, RecursionError, ValueError):
        return None
    return None if ENCODED_NUL in text else text


def settled(value: Any) -> Any:
    """The value itself, or if a store would refuse it, a copy that it takes."""
    return value if encoded(value) is not None else storable(value)


def identifier(value: Any) -> str | None:
    """A namespace, name or column named inside a facet; None if it can't be one.

    >>> identifier("orders"), identifier(""), identifier(7)
    ('orders', None, None)
    """
    if type(value) is not str or not value or len(value) > LONGEST or unstorable(value):
        return None
    return value if len(value) * 4 <= LONGEST or len(value.encode()) <= LONGEST else None
