"""A request's body, bounded in size and time, inflated once."""

from __future__ import annotations

import asyncio
import functools
import zlib

from starlette.types import Receive, Scope

from ingest.errors import Refused
from ingest.limits import Limits

PIECE = 1 << 20
# A few hundred bytes of gzip may well hold 200 times as much: below this size the ratio tells nothing.
RATIO_FROM = 256 * 1024
IN_THREAD_BYTES = 64 * 1024  # compressed; more takes milliseconds to inflate
CHUNK_BYTES = 64 * 1024  # what has to come in each `read_timeout_s`
_GZIP = 31  # wbits: gzip, the largest window


async def read_body(scope: Scope, receive: Receive, limits: Limits, timeout_s: float) -> bytes:
    """The body of a request that says it is JSON.

    timeout_s: for its beginning and for each 64 KiB of it. Raises Refused: 415 wrong type or encoding, 413 too large
    (also inflated, or inflated too far), 408 too slow, 400 a gzip stream that is broken or cut off.
    """
    kind, encodings, length = None, [], 0
    for name, value in scope["headers"]:
        if name == b"content-type":
            kind = value
        elif name == b"content-encoding":
            encodings.append(value)
        elif name == b"content-length":
            length = int(value) if value.isdigit() else 0
    packed = bool(encodings) and is_packed(b",".join(encodings))
    if kind is not None:
        _refuse_kind(kind)
    body = await received(receive, limits, timeout_s, announced=length)
    return await unpacked(body, limits) if packed else body


async def unpacked(body: bytes, limits: Limits) -> bytes:
    """What a gzip body holds; a large one is inflated in a thread. Raises Refused as `inflate` does."""
    if len(body) > IN_THREAD_BYTES:
        return await asyncio.to_thread(inflate, body, limits)
    return inflate(body, limits)


async def received(receive: Receive, limits: Limits, timeout_s: float, *, announced: int = 0) -> bytes:
    """All bytes of a body. announced: its Content-Length. Raises Refused: 413, 408, 400 if the connection ended."""
    if announced > limits.body:
        raise _too_large(limits)
    loop = asyncio.get_running_loop()
    started = loop.time()
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s) as timer:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "the connection ended inside the body", closing=True)
                chunk = message.get("body", b"")
                if not message.get("more_body"):
                    if not chunks:
                        return _within(chunk, limits)
                    chunks.append(chunk)
                    return _within(b"".join(chunks), limits)
                chunks.append(chunk)
                size += len(chunk)
                if size > limits.body:
                    raise _too_large(limits)
                timer.reschedule(started + timeout_s * (1 + size / CHUNK_BYTES))
    except TimeoutError:
        reason = f"the body came slower than {CHUNK_BYTES // 1024} KiB in {timeout_s:g} s; send it again"
        raise Refused(408, reason, closing=True) from None


def inflate(packed: bytes, limits: Limits) -> bytes:
    """What a gzip body holds, all its members. Raises Refused: 400 broken or cut off, 413 too large or a bomb."""
    parts: list[bytes] = []
    size, most = 0, max(RATIO_FROM, limits.gzip_ratio * len(packed))
    rest = packed
    try:
        while rest or not parts:
            stream = zlib.decompressobj(_GZIP)
            while not stream.eof:
                part = stream.decompress(rest, PIECE)
                rest = stream.unconsumed_tail
                if not part and not rest and not stream.eof:
                    raise Refused(400, "the gzip body is cut off; send all of it")
                parts.append(part)
                size += len(part)
                if size > limits.body:
                    raise _too_large(limits)
                if size > most:
                    raise Refused(413, f"the gzip body inflates more than {limits.gzip_ratio} times; send it plain")
            rest = stream.unused_data
    except zlib.error as error:
        raise Refused(400, f"the body is no gzip: {error}; send it plain or compress it once") from None
    return b"".join(parts)


def _within(body: bytes, limits: Limits) -> bytes:
    if len(body) > limits.body:
        raise _too_large(limits)
    return body


def _too_large(limits: Limits) -> Refused:
    return Refused(413, f"the body has more than {limits.body:,} bytes; send less at once", closing=True)


@functools.lru_cache(maxsize=256)
def is_packed(encoding: bytes) -> bool:
    """Whether a Content-Encoding says gzip. Raises Refused 415 for any other."""
    word = encoding.strip().lower()
    if word in (b"", b"identity"):
        return False
    if word in (b"gzip", b"x-gzip"):
        return True
    raise Refused(415, "the body has another encoding than gzip, or several; send gzip, once, or plain")


@functools.lru_cache(maxsize=256)
def _refuse_kind(kind: bytes) -> None:
    media, *parameters = kind.decode("latin-1").lower().split(";")
    media = media.strip()
    if media != "application/json" and not (media.startswith("application/") and media.endswith("+json")):
        raise Refused(415, f"the body is {media[:100]!r}; send application/json")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip().strip('"') not in ("utf-8", "utf8"):
            raise Refused(415, f"the body has the charset {value[:40].strip()!r}; JSON is sent as UTF-8")
