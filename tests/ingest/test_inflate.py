"""A body is bounded in size and in time before anybody looks at it."""

from __future__ import annotations

import asyncio
import gzip
from typing import Any

import pytest
from starlette.types import Message

from api.inflate import inflate, read_body
from ingest.errors import Refused
from ingest.limits import Limits

LIMITS = Limits(body=1_000_000)


def read(chunks: list[bytes], timeout_s: float = 5.0, pause_s: float = 0.0, **headers: str) -> bytes:
    """Reads a body that comes in these chunks, each after a pause; None at the end: the sender hangs."""
    messages: list[Message] = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages[-1]["more_body"] = False

    async def receive() -> Message:
        await asyncio.sleep(pause_s)
        return messages.pop(0)

    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {"type": "http", "headers": given}
    return asyncio.run(read_body(scope, receive, LIMITS, timeout_s))


def status_of(chunks: list[bytes], **options: Any) -> int:
    with pytest.raises(Refused) as caught:
        read(chunks, **options)
    return caught.value.status


def test_a_body_may_come_in_parts() -> None:
    assert read([b"a", b"", b"b"]) == b"ab"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "APPLICATION/JSON; charset=UTF-8",
        'application/json;charset="utf-8"',
        "application/x+json",
        "application/vnd.openlineage.v1+json; profile=x",
        "application/json; charset=utf8",
    ],
)
def test_json_is_known_by_its_type(kind: str) -> None:
    assert read([b"{}"], content_type=kind) == b"{}"


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin1",
        "text/json",
        "json",
        "",
        "application/jsonx",
        "multipart/form-data; boundary=x",
        "application/xml",
        "application/json; charset=utf-16",
    ],
)
def test_other_types_are_refused(kind: str) -> None:
    assert status_of([b"{}"], content_type=kind) == 415


@pytest.mark.parametrize("encoding", ["gzip, gzip", "compress", "br", "deflate", "zstd", "gzip, identity", "x"])
def test_other_encodings_are_refused(encoding: str) -> None:
    assert status_of([b"{}"], content_encoding=encoding) == 415


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip", " gzip "])
def test_gzip_is_inflated(encoding: str) -> None:
    assert read([gzip.compress(b"{}" * 1_000)], content_encoding=encoding) == b"{}" * 1_000


def test_members_of_gzip_follow_each_other() -> None:
    assert read([gzip.compress(b"{"), gzip.compress(b"}")], content_encoding="gzip") == b"{}"


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"{}",
        gzip.compress(b"x" * 999)[:-1],
        gzip.compress(b"x" * 999)[:-9],
        gzip.compress(b"x")[:5],
        gzip.compress(b"x") + b"tail",
        gzip.compress(b"x")[:-4] + b"\x00\x00\x00\x00",
        gzip.compress(b"x") + b"\x1f\x8b",
    ],
    # Of the bytes an id would hold the time, and be another in each process of a parallel run.
    ids=[
        "empty",
        "no gzip",
        "cut in the size",
        "cut before it",
        "cut in the head",
        "a tail",
        "a wrong size",
        "a half member",
    ],
)
def test_a_broken_gzip_is_refused(packed: bytes) -> None:
    assert status_of([packed], content_encoding="gzip") == 400


def test_a_bomb_is_refused_by_its_ratio_and_by_its_size() -> None:
    with pytest.raises(Refused, match="inflates more than") as by_ratio:
        inflate(gzip.compress(b" " * 900_000), LIMITS)
    with pytest.raises(Refused, match="more than 1,000,000 bytes") as by_size:
        inflate(gzip.compress(b" " * 2_000_000), Limits(body=1_000_000, gzip_ratio=100_000))
    assert (by_ratio.value.status, by_size.value.status) == (413, 413)


def test_a_body_above_the_limit_is_refused_by_its_announced_length() -> None:
    assert status_of([b"{}"], content_length="1000001") == 413


def test_a_body_without_end_is_refused_when_the_limit_is_reached() -> None:
    with pytest.raises(Refused) as caught:
        read([b"x" * 100_000] * 1_000)
    assert caught.value.status == 413
    assert caught.value.closing


def test_a_body_that_comes_in_one_piece_is_bounded_too() -> None:
    assert status_of([b"x" * 1_000_001]) == 413


def test_a_body_that_trickles_is_given_up() -> None:
    assert status_of([b"x"] * 100, timeout_s=0.05, pause_s=0.01) == 408


def test_a_slow_body_that_moves_is_waited_for() -> None:
    assert len(read([b"x" * 65_536] * 10, timeout_s=0.05, pause_s=0.02)) == 655_360
