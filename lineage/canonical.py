"""One text for one JSON value: what digests are taken over and what is stored of facets."""

from __future__ import annotations

import json
from typing import Any

import orjson


def canonical(value: Any) -> bytes:
    """UTF-8, sorted keys, no white space.

    >>> canonical({"b": 1, "a": 2**70})
    b'{"a":1180591620717411303424,"b":1}'
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # integers past 64 bits are legal JSON, and orjson's only refusal of parsed JSON
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
