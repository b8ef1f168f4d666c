"""`headwater ls`: the datasets and jobs that a selection means."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import count
from typing import Any

import orjson
from rich.table import Table
from rich.text import Text

from api.commands.doors import Door, Where, open_door
from api.commands.screens import notes, out, plain, styled
from api.commands.tree import ICONS, STYLES, tag_text

PAGE = 1_000  # the most that a server gives at once
NO_END = 2**31
WIDE = 8_000  # where there is no terminal: a line a node, whatever the length of its name

Row = Mapping[str, Any]


def list_selected(where: Where, selection: str, limit: int, *, form: str, **query: Any) -> None:
    """Prints them, up to `limit`, 0 for all; what of the selection means nothing is said on stderr."""
    with open_door(where) as door:
        if door.here is not None:
            door.here.catch_up()
        answer = ask(door, selection.strip(), limit or NO_END, **query)
    if form == "json":
        sys.stdout.write(orjson.dumps(answer).decode() + "\n")
    elif form == "ids":
        sys.stdout.writelines(plain(row["id"]) + "\n" for row in answer["items"])
    else:
        show(answer)
    warn(answer)


def warn(answer: Row) -> None:
    """Says on stderr what of a selection means nothing."""
    for warning in answer.get("warnings", ()):
        notes().print(styled(_said(warning), "yellow"))


def ask(door: Door, selection: str, limit: int, **query: Any) -> dict[str, Any]:
    """The first page's answer, with the items of all pages up to `limit`, and `next` of the last."""
    answer: dict[str, Any] = {}
    after = None
    for _ in count():
        size = min(PAGE, limit - len(answer.get("items", ())))
        page = door.get("/select", q=selection, limit=size, after=after, **query).json()
        answer = {**page, "items": [*answer.get("items", ()), *page["items"]]}
        after = page["next"]
        if after is None or len(answer["items"]) >= limit:
            break
    return answer


def show(answer: Row) -> None:
    rows, totals = answer["items"], answer["totals"]
    print_table(rows)
    more = sum(totals.values()) - len(rows)
    parts = [f"{totals['datasets']:,} datasets, {totals['jobs']:,} jobs"]
    parts += [f"{more:,} of them not shown; --limit 0 shows all"] if more > 0 else []
    out().print(styled(" · ".join(parts), "dim"))


def show_trace(document: Row) -> None:
    """A trace that was narrowed: what lies between its nodes is gone, so each says how far from the root it is."""
    print_table(document["nodes"])
    totals = {name: count for name, count in document["totals"].items() if name != "dags"}
    out().print(styled(", ".join(f"{count:,} {name}" for name, count in totals.items() if count), "dim"))


def print_table(rows: list[Row]) -> None:
    """A line a node; those of a trace with their distance."""
    if not rows:
        return
    screen = out()
    if not screen.is_terminal:
        screen.width = WIDE
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in (*(["hops"] if "side" in rows[0] else []), "name", "namespace", "owners", "tags"):
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*([_hops(row)] if "side" in row else []), *_cells(row))
    screen.print(table, soft_wrap=False)


def _hops(row: Row) -> str:
    sign = {"upstream": "▲", "downstream": "▼", "both": "▲▼"}.get(row["side"])
    return "" if sign is None else f"{sign} {row['distance']}"


def _cells(row: Row) -> tuple[Text, ...]:
    name = styled(f"{ICONS[row['kind']]} {row['name']}", STYLES[row["kind"]])
    if row.get("field"):
        name.append_text(styled(f" . {row['field']}", "bold"))
    owners = dict.fromkeys(owner["name"] for owner in row.get("owners") or ())
    tags = dict.fromkeys(tag_text(tag) for tag in row.get("tags") or ())
    return name, styled(row["namespace"]), styled(", ".join(owners)), styled(", ".join(tags))


def _said(warning: Row) -> str:
    nearest = f"; did you mean {', '.join(warning['nearest'])}?" if warning["nearest"] else ""
    return f"{warning['term']}: {warning['reason']}{nearest}"
