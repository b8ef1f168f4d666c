"""HTTP as uvicorn reads it, with what it lacks: a limit on the head, a clock on slow senders, refusals as problems.

uvicorn 0.54 with httptools has no limit on a path or on headers, and no time-out but the one between two requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from api.problems import MEDIA_TYPE, Problem

BODY_STEP = 64 * 1024  # bytes of body that each read_timeout_s must bring: 2 KiB/s at 30 s
LINGER_S = 2.0
LINGER_BYTES = 16 * 1024 * 1024


class _TooLong(Exception):
    """Raised inside the parser, which then stops."""


def protocol(*, path_bytes: int, header_bytes: int, read_timeout_s: float) -> type[HttpToolsProtocol]:
    """The protocol class with these limits: uvicorn makes one of it for every connection."""
    limits = {"path_bytes": path_bytes, "header_bytes": header_bytes, "read_timeout_s": read_timeout_s}
    return type("GuardedProtocol", (_Guarded,), limits)


class _Guarded(HttpToolsProtocol):
    path_bytes: int
    header_bytes: int
    read_timeout_s: float

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refusal: Problem | None = None
        self._in_head = False
        self._in_body = False
        self._head_bytes = 0  # of the pieces that came while the head was unfinished
        self._header_total = 0
        self._body_bytes = 0  # since the clock was set
        self._unread_bytes = 0
        self._lingering = False
        self._clock: asyncio.TimerHandle | None = None

    # ------------------------------------------------------------------ the connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._set_clock(self.read_timeout_s, self._timed_out)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._lingering:
            self._discard(len(data))
            return
        super().data_received(data)
        self._after(data)

    def _after(self, data: bytes) -> None:
        if self._lingering:
            return
        if self._in_head:
            # Also what the parser holds back: a header that never ends reaches no callback.
            self._head_bytes += len(data)
            if self._head_bytes > self.path_bytes + self.header_bytes:
                self._refuse(self._long_headers() if self.headers else self._long_path())
                return
        elif self._in_body and self._answered():
            self._discard(len(data))
        if self._clock is None and self._is_waiting():
            self._set_clock(self.read_timeout_s, self._timed_out)

    # ------------------------------------------------------------------ what the parser calls

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._in_body = True, False
        self._head_bytes = self._header_total = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.path_bytes:
            self._refusal = self._long_path()
            raise _TooLong

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._header_total += len(name) + len(value) + 4
        if self._header_total > self.header_bytes:
            self._refusal = self._long_headers()
            raise _TooLong

    def on_headers_complete(self) -> None:
        self._in_head, self._in_body = False, True
        self._body_bytes = self._unread_bytes = 0
        self._stop_clock()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body = False
        self._stop_clock()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._in_body and not self._lingering:
            # Answered before the body's end. A client that reads only after it has sent all gets time to do so.
            self._unset_keepalive_if_required()
            self._set_clock(LINGER_S, self.transport.close)

    # ------------------------------------------------------------------ refusing

    def send_400_response(self, msg: str) -> None:
        self._refuse(self._refusal or Problem(400, f"{msg.removesuffix('.')}; RFC 9112 says how one looks"))

    def _refuse(self, problem: Problem) -> None:
        """Answers, unless an answer has begun, and closes."""
        if self._lingering or self.transport.is_closing():
            return
        if not self._answered():
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.close()
                return
        body = problem.body()
        head = [STATUS_LINE[problem.status]]
        head += [name + b": " + value + b"\r\n" for name, value in self.server_state.default_headers]
        head.append(b"content-type: " + MEDIA_TYPE.encode() + b"\r\n")
        head.append(b"content-length: " + str(len(body)).encode() + b"\r\nconnection: close\r\n\r\n")
        self.transport.write(b"".join(head) + body)
        self._linger()

    def _linger(self) -> None:
        """Closes so that the answer is read: with unread bytes in its buffer the kernel would reset the connection."""
        self._lingering = True
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._set_clock(LINGER_S, self.transport.close)

    def _discard(self, size: int) -> None:
        self._unread_bytes += size
        if self._unread_bytes > LINGER_BYTES:
            self.transport.close()

    def _long_path(self) -> Problem:
        return Problem(414, f"the path has more than {self.path_bytes:,} bytes; names stand in the query")

    def _long_headers(self) -> Problem:
        return Problem(431, f"the headers have more than {self.header_bytes:,} bytes; send fewer")

    # ------------------------------------------------------------------ the clock

    def _answered(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn's types say
        return cycle is None or cycle.response_complete

    def _is_waiting(self) -> bool:
        """Whether the client is the next to do something, and no other clock runs on it."""
        return self._in_head or self._in_body or (self._answered() and self.timeout_keep_alive_task is None)

    def _set_clock(self, seconds: float, then: Callable[[], None]) -> None:
        self._stop_clock()
        self._body_bytes = 0
        self._clock = self.loop.call_later(seconds, then)

    def _stop_clock(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None

    def _timed_out(self) -> None:
        """A head gets one period; a body one for each BODY_STEP. Time in which we didn't read doesn't count."""
        self._clock = None
        if self.flow.read_paused or (self._in_body and self._body_bytes >= BODY_STEP):
            self._set_clock(self.read_timeout_s, self._timed_out)
        elif self._in_head or self._in_body:
            self._refuse(Problem(408, f"the request didn't arrive within {self.read_timeout_s:g} s; send it faster"))
        else:
            self.transport.close()  # nothing was begun: there is nothing to answer
