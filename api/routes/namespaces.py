"""Namespaces, and how much each holds."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer
from api.params import After, Cursor, Here, Limit, Waited, turn
from api.schemas import NamespacePage

router = APIRouter(tags=["catalog"])


@router.get("/namespaces", operation_id="namespaces", dependencies=[Waited], responses=answer(NamespacePage))
def get_namespaces(here: Here, after: After = None, cursor: Cursor = None, limit: Limit = 100) -> Response:
    """All namespaces, with the number of datasets and jobs in each."""
    wanted = turn(here, "namespaces", {}, after, cursor, limit)
    return json_answer(wanted.answer(here, "namespaces", {}, here.catalog.namespaces(wanted.after, wanted.limit)))
