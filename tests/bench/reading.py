"""Asking a server again and again over one connection."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from tests.bench.serving import KEY, Served


def getter(served: Served, path: str, query: dict[str, Any]) -> Callable[[], bytes]:
    """A function that asks once and gives the body. It raises RuntimeError unless the answer is 200."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=300)
    target = f"/api/v1{path}?{urlencode(query)}"

    def get() -> bytes:
        connection.request("GET", target, headers={"Authorization": f"Bearer {KEY}"})
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise RuntimeError(f"GET {target} gave {response.status}: {body[:500]!r}")
        return body

    return get


def ms(run: Callable[[], Any]) -> float:
    """How long it takes, once."""
    began = time.perf_counter()
    run()
    return (time.perf_counter() - began) * 1000
