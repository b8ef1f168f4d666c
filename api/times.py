"""Two times of a question: what was true then (`as_of`), as it was known at another (`known_at`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from api.params import Moment
from api.wiring import Headwater
from lineage.model import text_of
from lineage.ports import Catalog, GraphReader

AsOf = Annotated[Moment | None, Query(description="What was true at that time; default: now.")]
KnownAt = Annotated[
    Moment | None, Query(description="As it was known at that time: no event received later counts; default: now.")
]


def position_at(here: Headwater, known_at_us: int | None) -> int | None:
    """The position up to which events had been received; None: all count."""
    return None if known_at_us is None else here.journal.known_at(known_at_us)


def seen_from(here: Headwater, as_of_us: int | None, known_at_us: int | None) -> tuple[Catalog, GraphReader]:
    """Catalog and graph for one question, as of a time, as known at another; None: now."""
    if as_of_us is None and known_at_us is None:
        return here.catalog, here.graph
    return here.history.at(here.graph, as_of_us, position_at(here, known_at_us))


def told_at(as_of_us: int | None, known_at_us: int | None) -> dict[str, str | None]:
    """The times that were asked for, as answers repeat them; nothing where none was."""
    given = {"as_of": as_of_us, "known_at": known_at_us}
    return {name: text_of(moment) for name, moment in given.items() if moment is not None}
