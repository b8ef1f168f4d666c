"""`headwater diff`: what came, went and changed, as a table or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from api.commands.doors import Where, open_door
from api.commands.screens import out, styled

WIDE = 8_000  # where there is no terminal: a line a row, whatever the length of its names
SIGNS = {"removed": ("-", "red"), "changed": ("~", "yellow"), "added": ("+", "green")}
WORDS = {
    "nodes": "node",
    "edges": "edge",
    "fields": "column",
    "tags": "tag",
    "owners": "owner",
    "statistics": "measure",
}
BARE = ("value", "source", "type", "subtype")  # need no name beside them
DONE = {"added": "came", "removed": "went", "changed": "changed"}

Row = Mapping[str, Any]


def diff(where: Where, node: str | None, *, form: str, since: str | None, until: str | None, **query: Any) -> None:
    """Prints what differs between two times or two runs."""
    with open_door(where) as door:
        if door.here is not None:
            door.here.catch_up()
        answer = door.get("/diff", node=node, **{"from": since, "to": until}, **query)
    if form == "json":
        sys.stdout.write(answer.text + "\n")
    else:
        show(answer.json())


def show(answer: Row) -> None:
    """A row for each that came, went or changed, those of one kind together, and the totals."""
    screen = out()
    if not screen.is_terminal:
        screen.width = WIDE
    table = Table(box=None, pad_edge=False, show_header=False)
    for section, word in WORDS.items():
        for part, (sign, style) in SIGNS.items():
            for row in answer[part].get(section, ()):
                table.add_row(styled(f"{sign} {word}", style), styled(_named(section, row)), styled(_said(part, row)))
    if table.row_count:
        screen.print(table, soft_wrap=False)
    screen.print(_totals(answer))


def _named(section: str, row: Row) -> str:
    """Which one it is.

    >>> _named("fields", {"dataset": "dataset:db:orders", "field": "id"})
    'dataset:db:orders id'
    """
    if section == "edges":
        return f"{row['source']} → {row['target']}"
    keys = {
        "nodes": ("id",),
        "fields": ("dataset", "field"),
        "tags": ("node", "field", "key"),
        "owners": ("node", "name"),
        "statistics": ("dataset", "role", "facet"),
    }
    return " ".join(row[key] for key in keys[section] if row[key])


def _said(part: str, row: Row) -> str:
    """What it was, and what it became."""
    if part == "changed":
        return "; ".join(f"{key}: {_text(row['before'][key])} → {_text(value)}" for key, value in row["after"].items())
    return " ".join(_text(row[key]) for key in ("kind", "type", "types", "values") if row.get(key))


def _text(value: Any) -> str:
    """A value in few words.

    >>> _text([{"value": "mail", "source": "dbt"}]), _text(None), _text({"rowCount": 3})
    ('mail dbt', 'none', 'rowCount 3')
    """
    if value is None:
        return "none"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "none"
    if isinstance(value, dict):
        said = {key: one for key, one in value.items() if one not in ("", None, False)}
        return " ".join(_text(one) if key in BARE else f"{key} {_text(one)}" for key, one in said.items())
    return str(value)


def _totals(answer: Row) -> str:
    counts = {done: sum(answer["totals"][part].values()) for part, done in DONE.items()}
    said = ", ".join(f"{count:,} {done}" for done, count in counts.items())
    return f"{said}; lists are cut, --limit shows more" if answer["truncated"] else said
