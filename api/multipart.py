"""multipart/form-data of a few large files (RFC 7578), within a limit on the whole.

The body is cut at its boundary and nothing else: each file is copied once. Starlette's own forms need another package
and have no limit on what a file may hold.
"""

from __future__ import annotations

from collections.abc import Collection
from email.message import Message
from email.parser import BytesHeaderParser

from starlette.types import Receive, Scope

from api.inflate import is_packed, received, unpacked
from ingest.errors import Refused, fault, pointer
from ingest.limits import Limits

HEADER_BYTES = 8 * 1024
LONGEST_BOUNDARY = 70  # RFC 2046, 5.1.1
SHOWN = 100
# What may stand behind a boundary: a line's end, the last edge's dashes, blanks.
AFTER_EDGE = (b"\r\n", b"--", b" ", b"\t")


async def read_form(
    scope: Scope, receive: Receive, names: Collection[str], limits: Limits, timeout_s: float
) -> dict[str, bytes]:
    """The parts of a form by name.

    names: those that there may be; limits.body: of the whole body, inflated. Raises Refused: 415 another type, 413 too
    large, 408 too slow, 400 not well-formed, 422 a part of another name, or one that came twice.
    """
    headers = dict(scope["headers"])
    edge = _boundary(headers.get(b"content-type", b""))
    packed = is_packed(headers.get(b"content-encoding", b""))
    length = headers.get(b"content-length", b"")
    body = await received(receive, limits, timeout_s, announced=int(length) if length.isdigit() else 0)
    return parts(await unpacked(body, limits) if packed else body, edge, names)


def parts(body: bytes, edge: bytes, names: Collection[str]) -> dict[str, bytes]:
    """The parts between the edges (`--BOUNDARY`), by name. Raises Refused.

    >>> parts(b'--x\\r\\nContent-Disposition: form-data; name="a"\\r\\n\\r\\n1\\r\\n--x--\\r\\n', b"--x", ["a"])
    {'a': b'1'}
    """
    found: dict[str, bytes] = {}
    at = 0 if body.startswith(edge) else _next(body, edge, 0) + 2
    if at < 2 and not body.startswith(edge):
        raise _broken("has no part; send a file as form-data")
    while True:
        begin = at + len(edge)
        if body.startswith(b"--", begin):
            return found
        at = _next(body, edge, begin)
        if at < 0:
            raise _broken("ends inside a part: was it cut off? Send all of it")
        name, content = _part(body, begin, at)
        if name not in names or name in found:
            reason = "is given twice" if name in found else f"is none of {', '.join(names)}"
            raise Refused(422, f"the part {name!r} {reason}", [fault(pointer(name), reason)])
        found[name] = content
        at += 2


def _next(body: bytes, edge: bytes, begin: int) -> int:
    """Where the next line stands that is an edge; -1 without one. A longer line that begins like it is content."""
    at = body.find(b"\r\n" + edge, begin)
    while at >= 0 and not body.startswith(AFTER_EDGE, at + 2 + len(edge)):
        at = body.find(b"\r\n" + edge, at + 2)
    return at


def _part(body: bytes, begin: int, end: int) -> tuple[str, bytes]:
    split = body.find(b"\r\n\r\n", begin, min(end, begin + HEADER_BYTES))
    if split < 0:
        raise _broken("has a part without headers; each needs a Content-Disposition")
    message: Message = BytesHeaderParser().parsebytes(body[begin:split].lstrip(b"\r\n \t"))
    name = message.get_param("name", None, "content-disposition")
    if not isinstance(name, str) or message.get_content_disposition() != "form-data":
        raise _broken("has a part without a name in its Content-Disposition")
    return name[:SHOWN], body[split + 4 : end]


def _boundary(kind: bytes) -> bytes:
    message = Message()
    message["content-type"] = kind.decode("latin-1").replace("\r", "").replace("\n", "")
    edge = message.get_boundary()
    if message.get_content_type() != "multipart/form-data" or not edge or len(edge) > LONGEST_BOUNDARY:
        shown = kind[:SHOWN].decode("latin-1")
        raise Refused(415, f"the body is {shown!r}; send multipart/form-data, as `curl -F manifest=@FILE` does")
    return b"--" + edge.encode("latin-1")


def _broken(reason: str) -> Refused:
    return Refused(400, f"the form {reason}", [fault("", reason)])
