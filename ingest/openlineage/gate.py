"""Bytes to a JSON value, fast where nothing is odd, exactly where something is.

Ordinary bodies are parsed by orjson, which is strict (RFC 8259) and quick but cannot tell of repeated names, rounds
integers past 64 bits and refuses what Java producers really send (half a surrogate pair). Cheap tests on the bytes find
every body for which its answer could differ from the exact one; those go to the standard parser with hooks, which
decides.
"""

from __future__ import annotations

import functools
import json
import math
import re
import threading
from dataclasses import dataclass
from typing import Any

import orjson

from ingest.errors import Refused, fault, pointer
from ingest.limits import Limits

_SORTED = orjson.OPT_SORT_KEYS
_BOMS = {b"\xff\xfe": "UTF-16 or UTF-32", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
# Digits to zeros, all else to blanks: a run of 20 zeros is then a run of 20 digits, and 2**64 has 20.
_DIGITS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_TWENTY = b"0" * 20
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NOT_BRACKET = re.compile(r"[^\[\]{}]++")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Document:
    """A body that is JSON.

    canonical: the value with sorted names, no spaces: equal values, equal bytes.
    odd: strings may hold NUL or half a surrogate pair, integers may pass 64 bits.
    repeated: pointers of the objects in which a name stood twice; the value has the last one.
    """

    value: Any
    canonical: bytes
    odd: bool = False
    repeated: tuple[str, ...] = ()


class _Repeated(dict[str, Any]):
    """An object in which a name stood twice."""


class _Ruler(threading.local):
    """Writes a value in canonical form and at the same time measures its depth.

    orjson writes at most so many levels (254). With the value inside as many arrays as leave room for just `depth`
    levels, writing fails for a deeper one: an exact test that costs a microsecond. One per thread: it writes a value by
    putting it into its innermost array.
    """

    def __init__(self, depth: int) -> None:
        self.padding = _writable_levels() - depth
        self.inner: list[Any] = [None]
        self.outer: Any = self.inner
        for _ in range(self.padding - 1):
            self.outer = [self.outer]

    def canonical(self, value: Any) -> bytes | None:
        """None: too deep, or something in it is beyond orjson."""
        if self.padding < 1:
            return None
        self.inner[0] = value
        try:
            return orjson.dumps(self.outer, option=_SORTED)[self.padding : -self.padding]
        except orjson.JSONEncodeError:
            return None
        finally:
            self.inner[0] = None


@functools.cache
def _writable_levels() -> int:
    """How many levels orjson writes; found out, because it is not documented: 254 in 3.13."""
    nested: Any = []
    for levels in range(1, 4096):
        try:
            orjson.dumps(nested)
        except orjson.JSONEncodeError:
            return levels - 1
        nested = [nested]
    return 0  # no limit to measure with: everything takes the exact way


class Gate:
    """Reads bodies within limits. Cost: 20 us for a sound event of 5.6 KB, some 300 us for an odd one."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._ruler = _Ruler(limits.depth)
        self._decoder = json.JSONDecoder(
            object_pairs_hook=_object, parse_int=self._integer, parse_float=float, parse_constant=_constant
        )

    def read(self, body: bytes) -> Document:
        """The JSON value of `body`.

        Raises Refused: 400 if it is none or too deep, 413 for too many objects, 422 for numbers out of range.
        """
        self._refuse_crowd(body)
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._read_exactly(body, self._limits.depth)
        canonical = self._ruler.canonical(value)
        if canonical is None or _may_differ(body, canonical.count(b":")):
            return self._read_exactly(body, self._limits.depth)
        return Document(value, canonical, odd=_has_nul(canonical))

    def read_array(self, body: bytes) -> list[Document]:
        """Each item of the array in `body`, as `read` would have it alone.

        Raises Refused: also 422 if it is no array, 413 if it has too many items.
        """
        self._refuse_crowd(body)
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return self._read_array_exactly(body)
        self._refuse_array(value)
        canonicals = [self._ruler.canonical(item) for item in value]
        written = [canonical for canonical in canonicals if canonical is not None]
        if len(written) < len(value) or _may_differ(body, sum(canonical.count(b":") for canonical in written)):
            return self._read_array_exactly(body)
        return [Document(item, text, odd=_has_nul(text)) for item, text in zip(value, written, strict=True)]

    def _read_array_exactly(self, body: bytes) -> list[Document]:
        whole = self._read_exactly(body, self._limits.depth + 1)
        self._refuse_array(whole.value)
        repeated: dict[str, list[str]] = {}
        for where in whole.repeated:
            repeated.setdefault(where.split("/")[1], []).append(where)
        return [
            Document(item, written(item), odd=True, repeated=tuple(repeated.get(str(at), ())))
            for at, item in enumerate(whole.value)
        ]

    def _refuse_array(self, value: Any) -> None:
        if not isinstance(value, list):
            raise Refused(422, "a batch is an array of events; send one event to /lineage", [fault("", "is no array")])
        if len(value) > self._limits.batch_events:
            most = self._limits.batch_events
            raise Refused(413, f"the batch has {len(value):,} events, more than {most:,}; send it in parts")

    def _read_exactly(self, body: bytes, depth: int) -> Document:
        text = _text(body)
        _refuse_deep(text, depth)
        try:
            value = self._decoder.decode(text)
        except json.JSONDecodeError as error:
            raise Refused(400, f"the body is not JSON: {error}; send one JSON text (RFC 8259)") from None
        repeated: list[str] = []
        infinite: list[str] = []
        value = _plain(value, repeated, infinite)
        if infinite:
            reason = f"is a number beyond what a double holds ({self._limits.integer_digits} digits)"
            faults = [fault(where, reason) for where in infinite[: self._limits.faults]]
            raise Refused(422, "the body has numbers out of range; send them as text", faults)
        return Document(value, written(value), odd=True, repeated=tuple(repeated))

    def _refuse_crowd(self, body: bytes) -> None:
        # An empty array is two bytes and a comma in a body, and 64 in memory: the size of a body alone bounds nothing.
        if len(body) > 2 * self._limits.containers and body.count(b"[") + body.count(b"{") > self._limits.containers:
            raise Refused(
                413, f"the body has more than {self._limits.containers:,} objects and arrays; send it in parts"
            )

    def _integer(self, digits: str) -> int | float:
        # Infinity marks what is out of range until its pointer is known; JSON itself has none.
        return int(digits) if len(digits.lstrip("-")) <= self._limits.integer_digits else math.inf


def written(value: Any, *, ordered: bool = True) -> bytes:
    """JSON of any value that a Gate read, whatever is in it; names sorted if `ordered`."""
    try:
        return orjson.dumps(value, option=_SORTED if ordered else None)
    except (orjson.JSONEncodeError, TypeError):
        # Escapes keep half a surrogate pair, which has no UTF-8.
        return json.dumps(value, sort_keys=ordered, separators=(",", ":"), ensure_ascii=True).encode()


def storable(value: Any) -> Any:
    """A copy in which every text can be stored and every number computed with.

    NUL and half surrogate pairs become U+FFFD, integers past 64 bits become floats (as orjson reads them).
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, dict):
        return {_UNSTORABLE.sub("\ufffd", name): storable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [storable(item) for item in value]
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value


def unstorable(text: str) -> bool:
    """Whether the text has a NUL or half a surrogate pair."""
    return _UNSTORABLE.search(text) is not None


def _may_differ(body: bytes, colons: int) -> bool:
    """Whether an exact reading could give another value than orjson's.

    colons: in the canonical form. Every member has one outside strings, and strings stand in both forms with the same
    colons unless one is written as an escape: fewer in the canonical form mean that a repeated name was dropped.
    """
    if b"\\" in body and (b"\\u003a" in body or b"\\u003A" in body):
        return True
    return body.count(b":") != colons or _TWENTY in body.translate(_DIGITS)


def _has_nul(canonical: bytes) -> bool:
    """Whether a string may have a NUL: canonical form has no other spelling of it than the escape."""
    return b"\\" in canonical and b"\\u0000" in canonical


def _text(body: bytes) -> str:
    if not body.strip():
        raise Refused(400, "the body is empty; send one JSON text")
    for mark, name in _BOMS.items():
        if body.startswith(mark):
            raise Refused(400, f"the body is {name}; JSON is sent as UTF-8 (RFC 8259, 8.1)")
    try:
        # RFC 8259, 8.1: a byte order mark may be ignored rather than treated as an error; PowerShell writes one.
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(400, f"the body is not UTF-8: byte {error.start} can't stand there") from None


def _refuse_deep(text: str, depth: int) -> None:
    brackets = _NOT_BRACKET.sub("", _STRING.sub("", text))
    level = 0
    for bracket in brackets:
        level += 1 if bracket in "[{" else -1
        if level > depth:
            raise Refused(400, f"the body is nested deeper than {depth} levels; flatten it")


def _object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    return value if len(value) == len(members) else _Repeated(value)


def _constant(name: str) -> Any:
    raise Refused(400, f"the body is not JSON: {name} is no JSON value; leave the member out or send null")


def _plain(root: Any, repeated: list[str], infinite: list[str]) -> Any:
    """The value with ordinary objects only; notes the pointers of repeated names and of numbers out of range."""
    holder = [root]
    rest: list[tuple[Any, str | None]] = [(holder, None)]
    while rest:
        container, where = rest.pop()
        # A list of the pairs: values are replaced while they are walked.
        for key, value in enumerate(container) if type(container) is list else list(container.items()):
            if type(value) is float:
                if math.isinf(value):
                    infinite.append(_at(where, key))
            elif type(value) is list or type(value) is dict:
                rest.append((value, _at(where, key)))
            elif type(value) is _Repeated:
                repeated.append(_at(where, key))
                container[key] = dict(value)
                rest.append((container[key], _at(where, key)))
    return holder[0]


def _at(where: str | None, key: str | int) -> str:
    """The pointer of a member; None: of the root itself."""
    return "" if where is None else where + pointer(key)
