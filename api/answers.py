"""Answers as JSON, encoded once: what the domain made is not validated a second time on its way out."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.responses import Response


def json_answer(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(orjson.dumps(document), status, headers=headers, media_type="application/json")
