"""Content of facets made fit for digests and for storage, names inside them made sure of."""

from __future__ import annotations

from functools import lru_cache
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
    return value if type(value) is str and _is_identifier(value) else None


@lru_cache(maxsize=8_192)  # the same parents and columns in event after event; at most 32 MiB of text
def _is_identifier(text: str) -> bool:
    if not text or len(text) > LONGEST or unstorable(text):
        return False
    return len(text) * 4 <= LONGEST or len(text.encode()) <= LONGEST
