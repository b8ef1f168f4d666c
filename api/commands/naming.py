"""`headwater identity` and `headwater conflicts`: which names are one, why, and who says otherwise."""

from __future__ import annotations

import sys
from typing import Any

import orjson

from api.commands.doors import Door, Where, checked, open_door
from api.commands.errors import BadUsage
from api.commands.screens import out, plain


def show_identity(where: Where, node: str, *, form: str) -> None:
    """Prints all other names of a dataset, what contradicts them, and what may be the same."""
    with open_door(where) as door:
        _catch_up(door)
        answer: dict[str, Any] = _all(door, "/identity", "aliases", node=node)
    if form == "json":
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
        return
    out().print(plain(answer["id"]))
    for alias in answer["aliases"]:
        out().print(f"  {plain(alias['namespace'])} {plain(alias['name'])}  {_because(alias)}")
    for conflict in answer["conflicts"]:
        out().print(f"  conflict: {_conflict(conflict)}")
    for found in answer["suggestions"]:
        apart = ", another environment" if found["environments_differ"] else ""
        out().print(
            f"  perhaps {plain(found['node'])}  {found['score']:.2f}: {plain('; '.join(found['reasons']))}{apart}"
        )


def show_conflicts(where: Where, node: str | None, *, form: str) -> None:
    with open_door(where) as door:
        _catch_up(door)
        answer: dict[str, Any] = _all(door, "/conflicts", "items", node=node)
    if form == "json":
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
        return
    for conflict in answer["items"]:
        out().print(_conflict(conflict))
    out().print(f"{len(answer['items']):,} conflicts")


def decide(where: Where, action: str, node: str, other: str, *, into: str | None, reason: str) -> None:
    """Sends a merge or a split; prints where it stands. Raises BadUsage."""
    if into and action == "split":
        raise BadUsage("--into belongs to --merge: after a split each name is its own again")
    body = {"nodes": [node, other], "reason": reason, **({"into": into} if into else {})}
    with open_door(where, appends=True) as door:
        _catch_up(door)
        answer = checked(door.send("POST", f"/identity/{action}", json=body), door.name).json()
        _catch_up(door)
    out().print(f"{action}: {', '.join(map(plain, answer['nodes']))}, at position {answer['position']:,}")


def _catch_up(door: Door) -> None:
    if door.here is not None:
        door.here.catch_up()


def _all(door: Door, path: str, key: str, **query: Any) -> dict[str, Any]:
    """The first page's answer with the items of all pages."""
    answer = page = door.get(path, limit=1_000, **query).json()
    while page["next"] is not None:
        page = door.get(path, limit=1_000, after=page["next"], **query).json()
        answer[key] += page[key]
    return {**answer, "next": None}


def _because(alias: dict[str, Any]) -> str:
    said = " ".join(plain(str(alias[key])) for key in ("rule", "folded", "type", "author", "reason") if alias.get(key))
    return f"{alias['by']} {said} (event {alias['event']:,})".replace("  ", " ")


def _conflict(conflict: dict[str, Any]) -> str:
    return f"{conflict['kind']}: {', '.join(map(plain, conflict['nodes']))} (event {conflict['event']:,})"
