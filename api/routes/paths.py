"""GET /paths: how one node leads to another."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.lineage_schemas import PathsAnswer
from api.openapi import answer, unknown
from api.params import Here, Waited, Whole
from api.routes.trace import LeastBasis, OnlyOrigin, walk_of
from api.times import AsOf, KnownAt, seen_from
from lineage.model import Granularity, text_of
from lineage.paths import MAX_K, K, paths

router = APIRouter(tags=["lineage"])

Id = Annotated[str, Query(min_length=1, description="A node, as `node` of a trace.")]


@router.get("/paths", operation_id="paths", dependencies=[Waited], responses={**answer(PathsAnswer), **unknown()})
def get_paths(
    here: Here,
    source: Id,
    target: Id,
    granularity: Annotated[
        Literal["dataset", "job", "field"] | None,
        Query(description="What a path shows. Default: `field` if one of the two is a field, else `job`."),
    ] = None,
    k: Annotated[Whole, Query(ge=1, le=MAX_K, description="Paths to show.")] = K,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    origin: OnlyOrigin = None,
    min_basis: LeastBasis = "implicit_product",
) -> Response:
    """The shortest paths between two nodes, how many there are, what all go through and what cuts them; or why none."""
    walk = walk_of(as_of, origin, min_basis)
    catalog, graph = seen_from(here, as_of, known_at)
    level = None if granularity is None else Granularity(granularity)
    found = paths(catalog, graph, source, target, granularity=level, k=k, walk=walk)
    return json_answer({**found.document(), "known_at": text_of(known_at)})
