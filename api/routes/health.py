"""Is it there, can it work, how far is it, and the figures."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import json_answer
from api.metrics import CONTENT_TYPE
from api.openapi import OPEN, answer
from api.params import Here
from api.schemas import Alive, HealthAnswer

router = APIRouter(tags=["operation"])


@router.get("/health", operation_id="health", openapi_extra=OPEN, responses=answer(HealthAnswer))
def health(here: Here) -> Response:
    """Positions of journal, catalog and graph, and how far they lag. Always 200: `status` says how it is."""
    return json_answer(here.vitals.read())


@router.get("/health/live", operation_id="live", openapi_extra=OPEN, responses=answer(Alive))
async def live() -> Response:
    """The process answers."""
    return json_answer({"status": "ok"})


@router.get(
    "/health/ready",
    operation_id="ready",
    openapi_extra=OPEN,
    responses={**answer(HealthAnswer), 503: {"model": HealthAnswer, "description": "It takes no events now."}},
)
def ready(here: Here) -> Response:
    """200 while events are taken and the catalog answers. The graph may be behind or away: no event waits for it."""
    found = here.vitals.read()
    usable = found["status"] != "down" and found["projections"]["catalog"]["position"] is not None
    return json_answer(found, 200 if usable else 503, None if usable else {"Retry-After": "2"})


@router.get(
    "/metrics",
    operation_id="metrics",
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "Prometheus text format."}
    },
)
def metrics(here: Here) -> Response:
    """Figures for Prometheus."""
    return Response(here.metrics.page(), headers={"content-type": CONTENT_TYPE})
