"""GET /search: names, best first."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer
from api.params import KIND_WORDS, After, Cursor, Here, Limit, Waited, turn
from api.schemas import HitPage

router = APIRouter(tags=["catalog"])


@router.get("/search", operation_id="search", dependencies=[Waited], responses=answer(HitPage))
def get_search(
    here: Here,
    q: Annotated[str, Query(min_length=1, max_length=500, description="Text anywhere in the name.")],
    kind: Annotated[Literal["dataset", "job", "field"] | None, Query(description="Only nodes of this kind.")] = None,
    after: After = None,
    cursor: Cursor = None,
    limit: Limit = 20,
) -> Response:
    """Datasets, jobs or columns by name: equal first, then what begins with the text, then what contains it."""
    filters = {"q": q, "kind": kind}
    turn(here, "search", filters, after, cursor, limit)  # one page is all there is, so no cursor is right
    hits = here.catalog.search(q, None if kind is None else KIND_WORDS[kind], limit)
    return json_answer({"items": hits, "next": None})
