"""GET /reports/lineage: the shape of the whole graph."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.lineage_schemas import ReportAnswer
from api.openapi import answer
from api.params import Here, Waited, Whole
from api.routes.trace import LeastBasis, OnlyOrigin, walk_of
from api.times import AsOf, KnownAt, seen_from
from lineage.model import text_of
from lineage.report import ITEMS, MAX_ITEMS, report

router = APIRouter(tags=["lineage"])


@router.get("/reports/lineage", operation_id="lineage_report", dependencies=[Waited], responses=answer(ReportAnswer))
def get_lineage_report(
    here: Here,
    limit: Annotated[Whole, Query(ge=0, le=MAX_ITEMS, description="Orphaned datasets to name.")] = ITEMS,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    origin: OnlyOrigin = None,
    min_basis: LeastBasis = "implicit_product",
) -> Response:
    """How large the graph is, what most depends on, what stands alone, its depth and cycles, how well it is known."""
    walk = walk_of(as_of, origin, min_basis)
    catalog, graph = seen_from(here, as_of, known_at)
    found = report(catalog, graph, walk=walk, items=limit)
    return json_answer({**found.document(), "known_at": text_of(known_at)})
