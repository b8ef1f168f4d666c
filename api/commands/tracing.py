"""`headwater trace`: one question, one answer, as a tree or in the words of another tool."""

from __future__ import annotations

import sys
from typing import Any

from api.commands.doors import Door, Where, open_door
from api.commands.screens import out

TREE, JSON = "tree", "json"
FORMATS = (TREE, JSON, "mermaid", "dot", "csv", "ndjson", "graphml")


def trace(where: Where, node: str, *, form: str, siblings: int, **query: Any) -> None:
    """Prints what lies upstream or downstream of a node."""
    with open_door(where) as door:
        if door.here is not None:
            door.here.catch_up()
        text = ask(door, node, form, **query)
    if form == TREE and query.get("select") is not None:
        from api.commands.listing import show_trace, warn

        show_trace(text)
        warn(text)
    elif form == TREE:
        show(text, siblings)
    else:
        # Not through the console: it would wrap lines and colour names.
        sys.stdout.write(text if text.endswith("\n") else text + "\n")


def ask(door: Door, node: str, form: str, **query: Any) -> Any:
    """The answer: text, or for the tree the document."""
    if form == TREE:
        return door.get("/trace", node=node, include="details", **query).json()
    path = "/trace" if form == JSON else f"/trace.{form}"
    return door.get(path, node=node, **query).text


def show(document: Any, siblings: int) -> None:
    from api.commands.tree import tree_of

    screen = out()
    for line in tree_of(document, siblings=siblings):
        if screen.is_terminal:  # a line of the tree that wraps is no tree any more
            screen.print(line, no_wrap=True, overflow="ellipsis", soft_wrap=False)
        else:
            screen.print(line)
