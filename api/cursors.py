"""Cursors of lists: sealed, so that what comes back is what went out, to the same list with the same filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Mapping

from api.errors import BadCursor

SEAL_BYTES = 16


def cursor_key(admin_key: str) -> bytes:
    """The key of seals: it outlives a restart and is the same in every process that knows the admin key."""
    return hmac.digest(admin_key.encode(), b"headwater cursor", hashlib.sha256)


def seal(key: bytes, path: str, filters: Mapping[str, str | None], inner: str) -> str:
    text = inner.encode()
    return base64.urlsafe_b64encode(_mac(key, path, filters, text) + text).rstrip(b"=").decode()


def opened(key: bytes, path: str, filters: Mapping[str, str | None], sealed: str) -> str:
    """What `seal` was given. Raises BadCursor unless path and filters are the same."""
    try:
        raw = base64.b64decode(sealed.encode("ascii") + b"=" * (-len(sealed) % 4), altchars=b"-_", validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        raw = b""
    mac, text = raw[:SEAL_BYTES], raw[SEAL_BYTES:]
    if not hmac.compare_digest(mac, _mac(key, path, filters, text)):
        raise BadCursor(
            "the cursor is not one of this list with these filters; pass `next` of the page before, unchanged"
        )
    return text.decode()


def _mac(key: bytes, path: str, filters: Mapping[str, str | None], text: bytes) -> bytes:
    bound = json.dumps([path, sorted(filters.items()), text.hex()]).encode()
    return hmac.digest(key, bound, hashlib.sha256)[:SEAL_BYTES]
