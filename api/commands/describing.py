"""`headwater metadata set`: what a person says of a dataset, job or column, sent like any other event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.commands.doors import Where, checked, open_door
from api.commands.errors import BadUsage
from api.commands.screens import out, plain

SAID = ("owners", "tags", "description", "criticality", "window")


def set_metadata(
    where: Where,
    node: str,
    *,
    owners: Sequence[str],
    tags: Sequence[str],
    removed_tags: Sequence[str],
    taken_back: Sequence[str],
    **said: Any,
) -> None:
    """Sends what is given; prints where it stands. owners: NAME or NAME=TYPE; tags: KEY or KEY=VALUE."""
    body: dict[str, Any] = {"node": node, **{word: value for word, value in said.items() if value is not None}}
    if owners:
        body["owners"] = [_parted(owner, "name", "type") for owner in owners]
    for word, given in (("tags", tags), ("removed_tags", removed_tags)):
        if given:
            body[word] = [_parted(tag, "key", "value") for tag in given]
    for word in taken_back:
        if word not in SAID:
            raise BadUsage(f"{word} is nothing that people say; it is one of {', '.join(SAID)}")
        if word in body:
            raise BadUsage(f"{word} can't be both said and taken back; leave one of them out")
        body[word] = None
    with open_door(where, appends=True) as door:
        if door.here is not None:
            door.here.catch_up()
        answer = checked(door.send("PUT", "/metadata", json=body), door.name).json()
        if door.here is not None:
            door.here.catch_up()
    out().print(f"{plain(answer['nodes'][0])}: said, at position {answer['position']:,}")


def _parted(text: str, one: str, other: str) -> dict[str, str]:
    """
    >>> _parted("tier=1", "key", "value"), _parted("pii", "key", "value")
    ({'key': 'tier', 'value': '1'}, {'key': 'pii'})
    """
    head, mark, tail = text.partition("=")
    return {one: head, other: tail} if mark else {one: head}
