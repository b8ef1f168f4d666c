"""The bodies that bad_inputs.json describes."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

DOCUMENT: dict[str, Any] = json.loads((Path(__file__).parent / "bad_inputs.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = DOCUMENT["cases"]
Recipe = dict[str, Any]


def body_of(case: dict[str, Any]) -> bytes | None:
    """The bytes to send; None where the case is only told in words."""
    if "body" in case:
        return str(case["body"]).encode("utf-8", "surrogatepass")
    if "body_b64" in case:
        return base64.b64decode(case["body_b64"])
    return made(case["body_gen"]) if "body_gen" in case else None


def event(patch: dict[str, Any] | None = None) -> dict[str, Any]:
    """The sound event of the document, with the values at some JSON pointers replaced."""
    changed = copy.deepcopy(DOCUMENT["base_event"])
    for pointer, value in (patch or {}).items():
        *parts, last = pointer.strip("/").split("/")
        inside: Any = changed
        for part in parts:
            inside = inside[int(part)] if isinstance(inside, list) else inside.setdefault(part, {})
        if value == {"$delete": True}:
            inside.pop(last, None)
        elif isinstance(inside, list):
            inside[int(last)] = _value(value)
        else:
            inside[last] = _value(value)
    return changed


def made(recipe: Recipe) -> bytes:
    return _RECIPES[recipe["op"]](recipe)


def _text(spec: Any) -> str:
    if isinstance(spec, str):
        return spec
    n = spec["n"]
    begin, middle, end = spec.get("pre", ""), spec.get("mid", ""), spec.get("post", "")
    return str(begin + spec["repeat"] * n + middle + spec.get("post_unit", "") * n + end)


def _value(value: Any) -> Any:
    if isinstance(value, list):
        return [_value(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$text" in value:
        return _text(value["$text"])
    if "$columns" in value:
        return [{"name": f"c{n:05d}", "type": "STRING"} for n in range(value["$columns"])]
    if "$datasets" in value:
        return [{"namespace": "n", "name": f"d{n:06d}"} for n in range(value["$datasets"])]
    return {name: _value(inner) for name, inner in value.items()}


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _event(recipe: Recipe) -> bytes:
    return _encoded(json.dumps(event(recipe.get("patch")), ensure_ascii=False))


def _raw(recipe: Recipe) -> bytes:
    return _encoded(json.dumps(event(recipe.get("patch")))[:-1] + ',"z":' + _text(recipe["raw"]) + "}")


def _substituted(recipe: Recipe) -> bytes:
    return _encoded(json.dumps(event(recipe.get("patch"))).replace(recipe["find"], recipe["put"], 1))


def _replaced(recipe: Recipe) -> bytes:
    return made(recipe["of"]).replace(base64.b64decode(recipe["find_b64"]), base64.b64decode(recipe["put_b64"]), 1)


def _surrounded(recipe: Recipe) -> bytes:
    return base64.b64decode(recipe["pre"]) + made(recipe["of"]) + base64.b64decode(recipe.get("post", ""))


def _bomb(recipe: Recipe) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(b" " * 10**6) for _ in range(recipe["mb"])) + packer.flush()


def _batch(recipe: Recipe) -> bytes:
    events = [event({"/run/runId": f"00000000-0000-4000-8000-{n:012d}"}) for n in range(recipe["n"])]
    for at, patch in recipe.get("bad", {}).items():
        events[int(at)] = event(patch)
    return json.dumps(events).encode()


_RECIPES: dict[str, Callable[[Recipe], bytes]] = {
    "event": _event,
    "event_raw": _raw,
    "event_sub": _substituted,
    "encode": lambda recipe: made(recipe["of"]).decode().encode(recipe["codec"]),
    "concat_b64": _surrounded,
    "bytesub": _replaced,
    "gzip": lambda recipe: gzip.compress(made(recipe["of"])),
    "gzip_truncated": lambda recipe: gzip.compress(made(recipe["of"]))[:-9],
    "gzip_bomb": _bomb,
    "batch": _batch,
    "text": lambda recipe: _encoded(_text(recipe["text"])),
}
