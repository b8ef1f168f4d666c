"""Selections at the HTTP door: how they are spelt in a query, and what of them goes into an answer."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api.wiring import Headwater
from lineage.errors import InvalidSelection
from lineage.ports import Walk
from lineage.selection import Selected, select

DESCRIPTION = (
    "Only what a selection means, such as `+tag:pii and not namespace:dev` (docs/selection.md); + is %2B here."
)
Select = Annotated[str | None, Query(min_length=1, description=DESCRIPTION)]


def selected(here: Headwater, text: str | None, walk: Walk | None = None) -> Selected | None:
    """What a selection means; None where none was given. Raises InvalidSelection, StoreUnavailable, StoreBehind."""
    if text is None:
        return None
    if text != text.strip(" \t\r\n"):
        # What a shell's user means by `curl …?select=+orders` arrives as " orders", and means something else.
        column = 1 if text[0].isspace() else len(text)
        raise InvalidSelection(column, "a blank at an end; in a URL + means a blank, so write %2B for it")
    return select(here.catalog, here.graph, text, walk=walk or Walk(limit=here.settings.trace_edges))


def filters_of(text: str | None) -> dict[str, str | None]:
    """What a cursor of a list is bound to."""
    return {} if text is None else {"select": text}


def remarks(found: Selected | None) -> dict[str, Any]:
    """What a list that was filtered by a selection says beside its items."""
    return {} if found is None else {"selection": found.text, "warnings": found.warnings}
