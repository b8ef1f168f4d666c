"""HTTP as it arrives on the wire: what uvicorn alone would take, wait for, or answer in words of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn

from api.protocol import protocol

READ_TIMEOUT_S = 0.6


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with the size of the body; POST /early answers before it has read any."""
    size = 0
    while scope["path"] != "/early":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    body = str(size).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    limits = protocol(path_bytes=8192, header_bytes=32768, read_timeout_s=READ_TIMEOUT_S)
    config = uvicorn.Config(echo, http=limits, lifespan="off", log_config=None, ws="none", server_header=False)
    server = uvicorn.Server(config)
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listening.getsockname()[1]
    server.should_exit = True
    thread.join()


class Line:
    """One connection, byte by byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.unread = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the next answer."""
        while b"\r\n\r\n" not in self.unread:
            self.unread += self._more()
        head, _, body = self.unread.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = int(headers.get("content-length", 0))
        while len(body) < size:
            body += self._more()
        self.unread = body[size:]
        return int(first.split()[1]), headers, body[:size]

    def _more(self) -> bytes:
        piece = self.socket.recv(65536)
        assert piece, "the connection ended before the answer"
        return piece

    def is_closed_within(self, seconds: float) -> bool:
        self.socket.settimeout(seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


@pytest.fixture
def line(port: int) -> Iterator[Line]:
    found = Line(port)
    yield found
    found.socket.close()


def refused(line: Line, status: int) -> None:
    """The answer is a problem document of this status, and the connection ends."""
    got, headers, body = line.answer()
    assert (got, headers["content-type"]) == (status, "application/problem+json")
    assert json.loads(body)["status"] == status
    assert line.is_closed_within(3)


def test_an_ordinary_request_is_answered_and_the_connection_kept(line: Line) -> None:
    for _ in range(3):
        line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        assert line.answer()[::2] == (200, b"5")


def test_two_requests_sent_at_once_are_both_answered(line: Line) -> None:
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na" * 2)
    assert [line.answer()[::2] for _ in range(2)] == [(200, b"1")] * 2


def test_content_length_beside_transfer_encoding_is_refused(line: Line) -> None:
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    refused(line, 400)


def test_two_content_lengths_are_refused(line: Line) -> None:
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 50\r\n\r\nhello")
    refused(line, 400)


def test_what_is_no_http_is_refused(line: Line) -> None:
    line.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
    refused(line, 400)


def test_a_path_of_60_kb_is_414(line: Line) -> None:
    line.send(b"GET /" + b"x" * 60_000 + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    refused(line, 414)


def test_a_path_that_never_ends_is_414(line: Line) -> None:
    line.send(b"GET /" + b"x" * 100_000)
    refused(line, 414)


def test_a_header_of_64_kb_is_431(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-Big: " + b"a" * 65_536 + b"\r\n\r\n")
    refused(line, 431)


def test_a_header_that_never_ends_is_431(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nHost: h\r\nX-Big: " + b"a" * 1_000_000)
    refused(line, 431)


def test_many_small_headers_are_431_together(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"".join(b"X-%d: a\r\n" % at for at in range(5_000)) + b"\r\n")
    refused(line, 431)


def test_a_head_that_doesnt_arrive_in_time_is_408(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nHost: h\r\n")
    refused(line, 408)


def test_a_head_that_trickles_is_408(line: Line) -> None:
    line.send(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(3):
        time.sleep(READ_TIMEOUT_S / 4)
        line.send(b"a")
    refused(line, 408)


def test_a_body_that_trickles_is_408(line: Line) -> None:
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\na")
    for _ in range(3):
        time.sleep(READ_TIMEOUT_S / 4)
        line.send(b"a")
    refused(line, 408)


def test_a_large_body_that_flows_may_take_longer_than_one_period(line: Line) -> None:
    step, steps = 70_000, 12
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % (step * steps))
    for _ in range(steps):
        line.send(b"a" * step)
        time.sleep(READ_TIMEOUT_S / 6)
    assert line.answer()[::2] == (200, str(step * steps).encode())


def test_a_connection_that_says_nothing_is_closed(line: Line) -> None:
    assert line.is_closed_within(READ_TIMEOUT_S * 3)


def test_an_answer_before_the_end_of_a_body_reaches_a_client_that_sends_first(line: Line) -> None:
    line.send(b"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 5000000\r\n\r\n")
    line.send(b"a" * 5_000_000)
    assert line.answer()[0] == 200
    line.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")
    assert line.answer()[0] == 200


def test_a_body_without_end_after_the_answer_is_cut_off(line: Line) -> None:
    line.send(b"POST /early HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n")
    with pytest.raises((ConnectionError, TimeoutError)):
        line.send((b"10000\r\n" + b"a" * 65_536 + b"\r\n") * 1_000)


def test_slow_clients_dont_hold_up_others(port: int) -> None:
    slow = [Line(port) for _ in range(100)]
    for one in slow:
        one.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n")
    quick = Line(port)
    began = time.monotonic()
    quick.send(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\na")
    assert quick.answer()[0] == 200
    assert time.monotonic() - began < READ_TIMEOUT_S
    for one in [*slow, quick]:
        one.socket.close()
