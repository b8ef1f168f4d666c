"""GET /trace: where does this come from, what depends on it; and the same for other tools."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BeforeValidator, WithJsonSchema
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer, unknown
from api.params import AnyNode, Here, Moment, Waited, whole
from api.schemas import TraceAnswer
from api.selecting import Select, selected
from api.times import KnownAt, seen_from
from api.wiring import Headwater
from lineage.aging import aging
from lineage.model import Basis, Direction, Granularity, Node, Origin, text_of
from lineage.ports import Walk
from lineage.render import FORMATS, Format
from lineage.selection import narrowed
from lineage.traces import DEPTH, MAX_DEPTH, Trace, trace

router = APIRouter(tags=["lineage"])

ORIGINS = {origin.word: origin for origin in Origin}
BASES = {basis.word: basis for basis in Basis}


def _depth(text: Any) -> Any:
    return None if text == "all" else whole(text)


Depth = Annotated[
    Annotated[int, Query(ge=0, le=MAX_DEPTH)] | None,
    BeforeValidator(_depth),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 0, "maximum": MAX_DEPTH}, {"const": "all"}]}),
    Query(description="Hops at the granularity asked for, or `all`."),
]
OriginWord = Literal["observed", "declared"]
BasisWord = Literal["explicit", "column", "parsed", "implicit_single", "implicit_product"]
OnlyOrigin = Annotated[OriginWord | None, Query(description="Only edges of this origin.")]
LeastBasis = Annotated[
    BasisWord, Query(description="Only edges known at least this well; strongest first: explicit, column, …")
]
Include = Literal["details", "control", "details,control", "control,details"]


def walk_of(as_of_us: int | None, origin: OriginWord | None, min_basis: BasisWord) -> Walk:
    """The edges that a question means."""
    return Walk(as_of_us=as_of_us, origin=None if origin is None else ORIGINS[origin], min_basis=BASES[min_basis])


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of one request."""

    node: str | Node
    direction: Direction
    depth: int | None
    granularity: Granularity | None
    as_of_us: int | None
    origin: Origin | None
    min_basis: Basis
    include: frozenset[str] = frozenset()
    select: str | None = None
    known_at_us: int | None = None

    def traced(self, here: Headwater) -> Trace:
        walk = Walk(
            as_of_us=self.as_of_us, origin=self.origin, min_basis=self.min_basis, limit=here.settings.trace_edges
        )
        catalog, graph = seen_from(here, self.as_of_us, self.known_at_us)
        found = trace(
            catalog,
            graph,
            self.node,
            direction=self.direction,
            depth=self.depth,
            granularity=self.granularity,
            walk=walk,
            aging=aging(self._seen_from_us(), here.settings.stale_after_days, here.settings.gone_after_days),
            details="details" in self.include,
            controls="control" in self.include,
        )
        found = replace(found, known_at=text_of(self.known_at_us))
        chosen = selected(here, self.select, walk)
        return found if chosen is None else narrowed(catalog, found, chosen)

    def _seen_from_us(self) -> int:
        """The time that ages are counted back from."""
        return time.time_ns() // 1000 if self.as_of_us is None else self.as_of_us


async def asked(
    node: AnyNode,
    direction: Annotated[Direction, Query(description="Which way to walk.")] = Direction.BOTH,
    depth: Depth = DEPTH,
    granularity: Annotated[
        Granularity | None,
        Query(
            description="What is kept; `field` follows columns, `dag` joins the outermost jobs. "
            "Default: `field` for a field, else `job`."
        ),
    ] = None,
    as_of: Annotated[Moment | None, Query(description="Edges alive at that time; default: now.")] = None,
    known_at: KnownAt = None,
    origin: OnlyOrigin = None,
    min_basis: LeastBasis = "implicit_product",
    include: Annotated[
        Include | None,
        Query(
            description="`details` adds description, type, owners and tags to nodes; `control`, at granularity job, "
            "edges between jobs that wait for one another. Both: with a comma."
        ),
    ] = None,
    select: Select = None,
) -> Asked:
    return Asked(
        node=node,
        direction=direction,
        depth=depth,
        granularity=granularity,
        as_of_us=as_of,
        origin=None if origin is None else ORIGINS[origin],
        min_basis=BASES[min_basis],
        include=frozenset((include or "").split(",")) - {""},
        select=select,
        known_at_us=known_at,
    )


Question = Annotated[Asked, Depends(asked)]


@router.get("/trace", operation_id="trace", dependencies=[Waited], responses={**answer(TraceAnswer), **unknown()})
def get_trace(question: Question, here: Here) -> Response:
    """What lies upstream and downstream of a node, breadth first."""
    return json_answer(question.traced(here).document())


def _written(form: Format) -> Callable[..., Response]:
    def get_trace_written(question: Question, here: Here) -> Response:
        text = form.render(question.traced(here))
        return Response(text.encode("utf-8", "replace"), headers={"content-type": f"{form.media_type}; charset=utf-8"})

    return get_trace_written


for name, form in FORMATS.items():
    router.add_api_route(
        f"/trace.{name}",
        _written(form),
        operation_id=f"trace_{name}",
        summary=f"The trace as {name}",
        dependencies=[Waited],
        responses={
            200: {"content": {form.media_type: {"schema": {"type": "string"}}}, "description": "OK"},
            **unknown(),
        },
    )
