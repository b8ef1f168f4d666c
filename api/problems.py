"""What went wrong, as RFC 9457 problem documents: one shape for every error, and which exception is which."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.errors import BadCursor, Invalid
from ingest.errors import IngestError
from lineage.errors import (
    InvalidCursor,
    InvalidNode,
    InvalidSelection,
    LineageError,
    StoreBehind,
    StoreUnavailable,
    TooWide,
    UnknownNode,
)

MEDIA_TYPE = "application/problem+json"
RETRY_S = 2  # for what is being loaded or reconnected: both are a matter of seconds

TITLES = {
    400: "Bad request",
    401: "No or bad credentials",
    404: "Unknown",
    405: "Method not allowed",
    408: "The request came too slowly",
    413: "Too large",
    414: "Path too long",
    415: "Wrong type",
    422: "Well-formed but wrong",
    431: "Headers too large",
    500: "An error of ours",
    503: "Not now",
}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """One refusal. errors: {pointer, reason} for each place. more: members of its own, such as `nearest`."""

    status: int
    detail: str
    errors: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    title: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def body(self) -> bytes:
        title = self.title or TITLES.get(self.status, "Refused")
        slug = "-".join(title.lower().split())
        document: dict[str, Any] = {
            "type": f"urn:headwater:problem:{slug}",
            "title": title,
            "status": self.status,
            "detail": _sayable(self.detail),
            **self.more,
        }
        if self.errors:
            document["errors"] = [{k: _sayable(v) for k, v in error.items()} for error in self.errors]
        return orjson.dumps(document)

    def response(self) -> Response:
        return Response(self.body(), self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def problem_of(error: Exception) -> Problem | None:
    """The problem that an exception stands for; None: it is a fault of ours."""
    for kinds, made in _TABLE:
        if isinstance(error, kinds):
            return made(error)
    return None


def install(app: FastAPI) -> None:
    """Lets every exception of the table, and the framework's own, be answered as a problem."""
    for kind in (LineageError, IngestError, Invalid, BadCursor, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _answer)


def fault() -> Problem:
    """The answer to an exception nobody foresaw: it says nothing of the inside."""
    return Problem(500, "the request was not carried out; the log of the server says why")


async def _answer(_request: Request, error: Exception) -> Response:
    found = problem_of(error)
    if found is None:
        log.error("request failed", exc_info=error)
        found = fault()
    return found.response()


def _sayable(text: str) -> str:
    """Text that UTF-8 can carry: a lone surrogate of the input becomes U+FFFD."""
    return text.encode("utf-8", "replace").decode("utf-8") if not text.isascii() else text


def _unknown(error: Any) -> Problem:
    return Problem(404, str(error), more={"nearest": list(error.nearest)})


def _wrong(error: Exception) -> Problem:
    return Problem(422, str(error))


def _unread(error: Any) -> Problem:
    return Problem(422, str(error), more={"column": error.column})


def _invalid(error: Any) -> Problem:
    errors = [{"pointer": pointer, "reason": reason} for pointer, reason in error.errors]
    return Problem(422, str(error), errors=errors)


def _bad_cursor(error: Exception) -> Problem:
    return Problem(400, str(error))


def _later(error: Exception) -> Problem:
    return Problem(503, str(error), headers={"Retry-After": str(RETRY_S)})


def _from_ingest(error: Any) -> Problem:
    headers = {}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    return Problem(error.status, error.detail, errors=error.errors, headers=headers, title=error.title)


def _from_http(error: Any) -> Problem:
    return Problem(error.status_code, str(error.detail), headers=error.headers or {})


def _from_validation(error: Any) -> Problem:
    errors = [{"pointer": _pointer(entry["loc"]), "reason": _reason(entry)} for entry in error.errors()]
    return Problem(422, "; ".join(f"{e['pointer']}: {e['reason']}" for e in errors), errors=errors)


def _pointer(loc: Sequence[int | str]) -> str:
    """Where in the request: /query/depth, /body/inputs/0.

    >>> _pointer(("query", "depth"))
    '/query/depth'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in loc)


def _reason(entry: Mapping[str, Any]) -> str:
    return str(entry["msg"]).removeprefix("Value error, ")


_TABLE: tuple[tuple[type[Exception] | tuple[type[Exception], ...], Callable[[Any], Problem]], ...] = (
    (UnknownNode, _unknown),
    ((InvalidNode, TooWide), _wrong),
    (InvalidSelection, _unread),
    ((InvalidCursor, BadCursor), _bad_cursor),
    ((StoreUnavailable, StoreBehind), _later),
    (IngestError, _from_ingest),
    (Invalid, _invalid),
    (RequestValidationError, _from_validation),
    (HTTPException, _from_http),
)
