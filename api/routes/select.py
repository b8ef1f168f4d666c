"""GET /select: the datasets and jobs that a selection means."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer
from api.params import After, Cursor, Here, Limit, Moment, Waited, turn
from api.routes.trace import BASES, ORIGINS, BasisWord, OriginWord
from api.schemas import SelectAnswer
from api.selecting import selected
from lineage.model import text_of
from lineage.ports import Filter, Walk
from lineage.selection import totals

router = APIRouter(tags=["lineage"])


@router.get("/select", operation_id="select", dependencies=[Waited], responses=answer(SelectAnswer))
def get_select(
    here: Here,
    q: Annotated[
        str,
        Query(
            min_length=1,
            description="The selection (docs/selection.md); + is written %2B here.",
            examples=["tag:pii+2 and kind:dataset"],
        ),
    ],
    as_of: Annotated[Moment | None, Query(description="For +: edges alive at that time; default: now.")] = None,
    origin: Annotated[OriginWord | None, Query(description="For +: only edges of this origin.")] = None,
    min_basis: Annotated[
        BasisWord, Query(description="For +: only edges known at least this well.")
    ] = "implicit_product",
    after: After = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """The datasets and jobs that a selection means, and what of it means nothing."""
    filters = {"q": q, "as_of": text_of(as_of), "origin": origin, "min_basis": min_basis}
    wanted = turn(here, "select", filters, after, cursor, limit)
    walk = Walk(
        as_of_us=as_of,
        origin=None if origin is None else ORIGINS[origin],
        min_basis=BASES[min_basis],
        limit=here.settings.trace_edges,
    )
    found = selected(here, q, walk)
    assert found is not None
    page = here.catalog.nodes(Filter(after=wanted.after, limit=wanted.limit, among=found.ids))
    head = {
        "selection": found.text,
        "position": here.catalog.position(),
        "totals": totals(here.catalog, found.ids),
        "warnings": found.warnings,
    }
    return json_answer({**head, **wanted.answer(here, "select", filters, page)})
