"""Whom a command asks: a server by its address, or a local folder through the very same routes, without a socket.

Either way a command sees one httpx.Client, so an answer can't depend on how it was asked.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from api.commands.errors import BadUsage, CommandFailed
from api.commands.screens import notes

if TYPE_CHECKING:
    from anyio.from_thread import BlockingPortal
    from starlette.types import ASGIApp

    from api.wiring import Headwater, Projecting

URL_VARIABLE, TOKEN_VARIABLE = "HEADWATER_URL", "HEADWATER_TOKEN"
BASE = "/api/v1"
TIMEOUT_S = 120.0
# A server that is being restarted answers again within a minute; one that is gone should not hold a shell for ever.
PATIENCE_S = 60.0
LONGEST_PAUSE_S = 10.0


@dataclass(frozen=True, slots=True)
class Where:
    """What the options say. data, database_url, graph: None where the settings decide."""

    data: Path | None = None
    url: str | None = None
    token: str | None = None
    database_url: str | None = None
    graph: str | None = None

    @property
    def server(self) -> str | None:
        """The server to ask; None: the local folder. A folder named on the command line wins over the environment."""
        if self.url and self.data:
            raise BadUsage("--url and --data name two places to ask; give one of them")
        return self.url or (None if self.data else os.environ.get(URL_VARIABLE))

    @property
    def given(self) -> dict[str, Any]:
        """Settings that were given on the command line."""
        return {"data": self.data, "database_url": self.database_url, "graph": self.graph}


@dataclass(frozen=True, slots=True)
class Door:
    """name: for messages. here: the local Headwater, where that is asked."""

    client: httpx.Client
    name: str
    here: Headwater | None = None

    def get(self, path: str, **query: Any) -> httpx.Response:
        """Raises CommandFailed with the answer's own reason."""
        asked = {name: value for name, value in query.items() if value is not None}
        return checked(self.send("GET", path, params=asked), self.name)

    def send(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Whatever the answer is, once there is one: waits out a 503 and a lost connection, with growing pauses.

        Every route is safe to ask twice: a repeated event is known by its content. Raises CommandFailed.
        """
        until, pause_s = time.monotonic() + PATIENCE_S, 0.2
        while True:
            try:
                answer = self.client.request(method, BASE + path, **request)
                problem = f"answers 503: {reason_of(answer)}"
                asked_s = float(answer.headers.get("retry-after", 0))
            except httpx.TransportError as error:
                answer, problem, asked_s = None, f"can't be reached: {str(error) or type(error).__name__}", 0.0
            except httpx.InvalidURL as error:
                raise BadUsage(f"{self.name} is no address: {error}; write http://HOST:PORT") from error
            except UnicodeEncodeError as error:
                raise BadUsage(
                    f"{error.object[:80]!r} is no UTF-8, so nothing is called so; spell it otherwise"
                ) from error
            if answer is not None and answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return answer
            pause_s = min(LONGEST_PAUSE_S, max(pause_s * 1.6, asked_s))
            if self._hopeless(answer) or time.monotonic() + pause_s > until:
                raise CommandFailed(f"{self.name} {problem}; start it, or mend the address, and run the command again")
            time.sleep(pause_s)

    def _hopeless(self, answer: httpx.Response | None) -> bool:
        """A local folder that isn't usable now won't be in a minute, for nobody works on it but this command."""
        return self.here is not None and answer is not None


@contextmanager
def open_door(where: Where, *, appends: bool = False) -> Iterator[Door]:
    """A door to the place that `where` names. appends: events will be sent through it.

    Raises BadUsage, and whatever opening a folder raises.
    """
    server = where.server
    if server is None:
        with _local(where, appends) as door:
            yield door
        return
    if not server.startswith(("http://", "https://")):
        raise BadUsage(f"{server} is no address of a server; write http://HOST:PORT")
    token = where.token or os.environ.get(TOKEN_VARIABLE) or os.environ.get("HEADWATER_ADMIN_KEY")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with httpx.Client(base_url=server.rstrip("/"), headers=headers, timeout=TIMEOUT_S) as client:
        yield Door(client, server)


@contextmanager
def _local(where: Where, appends: bool) -> Iterator[Door]:
    from api.app import create_app

    with open_folder(where, writes=appends) as here, InProcess(create_app(here)) as transport:
        headers = {"Authorization": f"Bearer {here.admin_key}"}
        with httpx.Client(transport=transport, base_url="http://headwater", headers=headers, timeout=None) as client:
            yield Door(client, str(here.settings.data), here)


@contextmanager
def open_folder(where: Where, *, writes: bool = False) -> Iterator[Headwater]:
    """The local Headwater. Where a server works on the same data, this process only reads beside it.

    writes: what is to be done can't be done by reading. Raises JournalInUse if a server works on the same SQLite files.
    """
    from api.settings import load
    from api.wiring import open_headwater
    from ingest.errors import JournalInUse

    _log_warnings_only()
    settings = load(**where.given)
    with ExitStack() as stack:
        try:
            # PostgreSQL is what servers share, so one of them is taken to be running.
            projecting: Projecting = "off" if settings.database_url and not writes else "inline"
            here = stack.enter_context(open_headwater(settings, projector=projecting))
        except JournalInUse:
            if writes:
                raise
            here = stack.enter_context(open_headwater(settings, projector="off"))
        if here.admin_key_is_new:
            notes().print(f"made a new admin key: {settings.data / 'admin.key'}", style="dim")
        yield here


def _log_warnings_only() -> None:
    """Answers go to stdout, so logs must not, and only what is wrong is worth a line."""
    import structlog

    # Plain tracebacks: the default ones show locals, and the key may be one of them.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(
        processors=[structlog.processors.add_log_level, plain],
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def checked(answer: httpx.Response, name: str) -> httpx.Response:
    """The answer, if it is a good one. Raises CommandFailed with its reason and what to do about it."""
    if answer.is_success:
        return answer
    reason = reason_of(answer)
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        raise CommandFailed(f"{name} refuses the key: {reason}; give --token, or set {TOKEN_VARIABLE}")
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        raise CommandFailed(reason)
    raise CommandFailed(f"{name} answers {answer.status_code}: {reason}; is that the address of a Headwater?")


def reason_of(answer: httpx.Response) -> str:
    """What the body of an answer says is wrong."""
    try:
        problem = answer.json()
    except ValueError:
        return answer.text[:200].strip() or answer.reason_phrase
    if not isinstance(problem, dict):
        return answer.text[:200]
    reason = str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
    places = [f"{e['pointer'] or '/'} {e['reason']}" for e in problem.get("errors") or () if e["reason"] not in reason]
    return "; ".join([reason, *places])


class InProcess(httpx.BaseTransport):
    """Carries requests to an ASGI application in this process, on an event loop in a thread of its own."""

    def __init__(self, app: ASGIApp) -> None:
        self._asgi = httpx.ASGITransport(app)

    def __enter__(self) -> InProcess:
        from anyio.from_thread import start_blocking_portal

        self._context = start_blocking_portal()
        self._portal: BlockingPortal = self._context.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        self._context.__exit__(kind, error, traceback)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer: httpx.Response = self._portal.call(self._handled, request)
        return answer

    async def _handled(self, request: httpx.Request) -> httpx.Response:
        answer = await self._asgi.handle_async_request(request)
        return httpx.Response(answer.status_code, headers=answer.headers, content=await answer.aread())
