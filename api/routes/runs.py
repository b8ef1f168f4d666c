"""Runs: lists, newest first, and one with what it read, wrote and checked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer, unknown
from api.params import After, Cursor, Here, Limit, Waited, turn
from api.schemas import RunAnswer, RunPage
from lineage.errors import InvalidNode
from lineage.model import Kind

router = APIRouter(tags=["catalog"])


@router.get("/runs", operation_id="runs", dependencies=[Waited], responses={**answer(RunPage), **unknown()})
def get_runs(
    here: Here,
    job: Annotated[
        str | None, Query(min_length=1, description="Only runs of this job.", examples=["job:airflow:orders.load"])
    ] = None,
    after: After = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """All runs, or those of one job."""
    filters = {"job": job}
    wanted = turn(here, "runs", filters, after, cursor, limit)
    found = None
    if job is not None:
        found, _ = here.catalog.find(job)
        if found.kind is not Kind.JOB:
            raise InvalidNode(f"{found.id} is no job; only jobs run")
    return json_answer(wanted.answer(here, "runs", filters, here.catalog.runs(found, wanted.after, wanted.limit)))


@router.get("/runs/one", operation_id="run", dependencies=[Waited], responses={**answer(RunAnswer), **unknown()})
def get_run(
    here: Here,
    run_id: Annotated[
        str, Query(min_length=1, description="The run's id, as its events have it; `run:` before it is allowed.")
    ],
) -> Response:
    """One run in full."""
    return json_answer(here.catalog.run(run_id.removeprefix("run:")))
