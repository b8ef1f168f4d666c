"""Events out of files: NDJSON, a JSON array, one JSON object; plain or gzip; `-` is standard input."""

from __future__ import annotations

import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import orjson

from api.commands.errors import CommandFailed

STDIN = "-"
GZIP = b"\x1f\x8b"
BOM = b"\xef\xbb\xbf"
BUFFER_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Item:
    """The text of one event. number: its line, or in an array its place, from 1. read_bytes: how far the file is read.

    read_bytes counts bytes on disk, compressed or not: what a progress bar compares with the file's size.
    """

    number: int
    body: bytes
    read_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """A file of events. unit: what `number` counts. size_bytes: on disk; None where it can't be known."""

    name: str
    unit: str
    size_bytes: int | None
    items: Iterator[Item]


@contextmanager
def open_events(name: str) -> Iterator[Source]:
    """The events in a file. Raises CommandFailed if it can't be read, or is neither NDJSON nor JSON."""
    try:
        with _opened(name) as (raw, text, size):
            first = _first_byte(text)
            if first == b"[":
                yield Source(name, "item", size, _array(name, text, raw))
            elif first == b"{" and not _is_line(text):
                yield Source(name, "item", size, iter([Item(1, _stripped(text.read()), raw.tell())]))
            else:
                yield Source(name, "line", size, _lines(text, raw))
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CommandFailed(f"{name} ends or breaks inside its gzip stream ({error}); copy it again") from error
    except OSError as error:
        raise CommandFailed(
            f"can't read {name}: {error.strerror or error}; give files that exist, or - for input"
        ) from error


@contextmanager
def _opened(name: str) -> Iterator[tuple[_Counted, io.BufferedReader[Any], int | None]]:
    if name == STDIN:
        raw = _Counted(sys.stdin.buffer)
        yield raw, _inflated(raw), None
        return
    path = Path(name)
    with path.open("rb") as file:
        raw = _Counted(file)
        yield raw, _inflated(raw), path.stat().st_size


class _Counted(io.RawIOBase):
    """A stream that knows how much was read from it."""

    def __init__(self, inner: IO[bytes]) -> None:
        self._inner = inner
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]  # typeshed's buffer is wider than we need
        read = self._inner.read(len(buffer))
        buffer[: len(read)] = read
        self._count += len(read)
        return len(read)

    def tell(self) -> int:
        return self._count


def _inflated(raw: _Counted) -> io.BufferedReader[Any]:
    buffered: io.BufferedReader[Any] = io.BufferedReader(raw, BUFFER_BYTES)
    if buffered.peek(2)[:2] == GZIP:
        return io.BufferedReader(gzip.GzipFile(fileobj=buffered), BUFFER_BYTES)
    return buffered


def _first_byte(text: io.BufferedReader[Any]) -> bytes:
    start = text.peek(BUFFER_BYTES)
    return start.removeprefix(BOM).lstrip()[:1]


def _is_line(text: io.BufferedReader[Any]) -> bool:
    """Whether the first line is a whole object: then it is NDJSON, not one object over many lines."""
    start = text.peek(BUFFER_BYTES).removeprefix(BOM).lstrip()
    line, end, _ = start.partition(b"\n")
    if not end and len(start) >= BUFFER_BYTES:
        return True
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        # A broken first line among others is refused alone; an object whose first line is `{` goes on.
        return line.rstrip().endswith(b"}")
    return True


def _lines(text: io.BufferedReader[Any], raw: _Counted) -> Iterator[Item]:
    for number, line in enumerate(text, start=1):
        body = _stripped(line)
        if body:
            yield Item(number, body, raw.tell())


def _array(name: str, text: io.BufferedReader[Any], raw: _Counted) -> Iterator[Item]:
    """Each element as it is written, not as a parser would write it again. Cost: the whole array in memory."""
    whole = _stripped(text.read()).decode("utf-8", "surrogateescape")
    decoder = json.JSONDecoder()
    at, number = _skip(whole, 1), 0
    while whole[at : at + 1] != "]":
        try:
            _, end = decoder.raw_decode(whole, at)
        except (ValueError, RecursionError) as error:
            raise CommandFailed(
                f"{name} is no JSON array: {error}, in item {number + 1}; mend it, or give NDJSON"
            ) from error
        number += 1
        yield Item(number, whole[at:end].encode("utf-8", "surrogateescape"), raw.tell())
        at = _skip(whole, end)
        if whole[at : at + 1] == ",":
            at = _skip(whole, at + 1)
        elif whole[at : at + 1] != "]":
            raise CommandFailed(f"{name} is no JSON array: no comma or ] after item {number}; mend it, or give NDJSON")


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in {" ", "\t", "\n", "\r"}:
        at += 1
    return at


def _stripped(body: bytes) -> bytes:
    return body.removeprefix(BOM).strip(b" \t\r\n")
