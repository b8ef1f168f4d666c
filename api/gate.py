"""In front of every route: sizes, key, path, method, query; and a measure of what passed.

Plain ASGI, and for a request without a query a few dictionary look-ups: the intake answers a thousand a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import MEDIA_TYPE, Problem, fault

UNKNOWN = "unknown"  # the template that requests to nowhere are counted under

log = structlog.get_logger(__name__)

Observe = Callable[[str, str, int, float], None]
Refusal = Callable[[list[tuple[bytes, bytes]], bytes], str | None]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path. open: needs no key. parameters: the names its query may have."""

    template: str
    open: bool
    parameters: frozenset[str]


class RouteTable:
    """What the OpenAPI document says there is: the gate lets nothing else pass, so the document can't lie."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._fixed: dict[str, dict[str, Operation]] = {}
        self._patterns: list[tuple[re.Pattern[str], dict[str, Operation]]] = []
        for template, item in document["paths"].items():
            operations = dict(_operations(template, item))
            if "{" in template:
                self._patterns.append((_pattern(template), operations))
            else:
                self._fixed[template] = operations

    def add(self, path: str, *, open: bool = False) -> None:
        """A GET that stands in no document, such as the document itself."""
        self._fixed[path] = {"GET": Operation(path, open, frozenset())}

    def find(self, path: str) -> Mapping[str, Operation]:
        """Operations of a path, by method; empty if there is none."""
        found = self._fixed.get(path)
        if found is not None:
            return found
        for pattern, operations in self._patterns:
            if pattern.fullmatch(path):
                return operations
        return {}


def _operations(template: str, item: Mapping[str, Any]) -> Iterable[tuple[str, Operation]]:
    for method, operation in item.items():
        names = frozenset(p["name"] for p in operation.get("parameters", ()) if p["in"] == "query")
        yield method.upper(), Operation(template, operation.get("security") == [], names)


def _pattern(template: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", template)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


class Gate:
    """Refuses what no route should see; answers a fault of ours without a word of the inside."""

    def __init__(
        self,
        app: ASGIApp,
        table: RouteTable,
        unauthorised: Refusal,
        observe: Observe,
        *,
        path_bytes: int,
        header_bytes: int,
        direct: Mapping[tuple[str, str], ASGIApp] | None = None,
    ) -> None:
        """direct: what answers some methods and paths by itself, past the framework's search for a route."""
        self._app = app
        self._direct = direct or {}
        self._table = table
        self._unauthorised = unauthorised
        self._observe = observe
        self._path_bytes = path_bytes
        self._header_bytes = header_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        operation, problem = self._checked(scope)
        sender = _Sender(send)
        if problem is not None:
            await sender.problem(problem)
        else:
            await self._passed(scope, receive, sender)
        template = operation.template if operation is not None else UNKNOWN
        self._observe(scope["method"], template, sender.status, perf_counter() - started)

    async def _passed(self, scope: Scope, receive: Receive, sender: _Sender) -> None:
        try:
            await self._direct.get((scope["method"], scope["path"]), self._app)(scope, receive, sender)
        except Exception:
            if sender.status:
                raise  # half an answer is out: the server logs it and cuts the connection
            log.exception("request failed", method=scope["method"], path=scope["path"])
            await sender.problem(fault())

    def _checked(self, scope: Scope) -> tuple[Operation | None, Problem | None]:
        """1 sizes, 2 path, 3 key, 4 method, 5 query: the first that fails is the answer."""
        headers, query = scope["headers"], scope["query_string"]
        if len(scope.get("raw_path") or b"") + len(query) > self._path_bytes:
            return None, Problem(414, f"the path has more than {self._path_bytes:,} bytes; names stand in the query")
        if sum(len(name) + len(value) + 4 for name, value in headers) > self._header_bytes:
            return None, Problem(431, f"the headers have more than {self._header_bytes:,} bytes; send fewer")
        operations = self._table.find(scope["path"])
        operation = operations.get(scope["method"])
        if not _is_open(operations):
            reason = self._unauthorised(headers, query)
            if reason is not None:
                return operation, Problem(401, reason, headers={"WWW-Authenticate": 'Bearer realm="headwater"'})
        if not operations:
            return None, Problem(404, "no such path; GET /api/v1/openapi.json lists what there is")
        if operation is None:
            allowed = ", ".join(sorted(operations))
            return None, Problem(405, f"this path takes {allowed}", headers={"Allow": allowed})
        return operation, _query_problem(query, operation) if query else None


def _is_open(operations: Mapping[str, Operation]) -> bool:
    return bool(operations) and all(operation.open for operation in operations.values())


def _query_problem(query: bytes, operation: Operation) -> Problem | None:
    """A parameter the route doesn't know is a typing error that would otherwise widen an answer in silence."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except UnicodeDecodeError:
        return Problem(400, "the query is not percent-encoded UTF-8")
    except ValueError:
        return Problem(400, "the query has more than 100 parameters")
    errors, seen = [], set[str]()
    for name, value in pairs:
        if name not in operation.parameters:
            known = ", ".join(sorted(operation.parameters)) or "none"
            errors.append(_error(name, f"no such parameter; this path takes {known}"))
        elif name in seen:
            errors.append(_error(name, "given twice"))
        elif "\0" in value:
            errors.append(_error(name, "has a NUL character, which no name has"))
        seen.add(name)
    if not errors:
        return None
    return Problem(422, "; ".join(f"{e['pointer']}: {e['reason']}" for e in errors)[:2000], errors=errors)


def _error(name: str, reason: str) -> dict[str, str]:
    return {"pointer": f"/query/{name[:200]}", "reason": reason}


class _Sender:
    """Remembers the status that went out; 0: none yet."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def problem(self, problem: Problem) -> None:
        body = problem.body()
        headers = [(name.lower().encode(), value.encode()) for name, value in problem.headers.items()]
        headers += [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
        await self({"type": "http.response.start", "status": problem.status, "headers": headers})
        await self({"type": "http.response.body", "body": body})
