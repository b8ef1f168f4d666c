"""dbt's artifacts in: judged as a whole, then events like any others."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from api.answers import json_answer
from api.multipart import read_form
from api.openapi import answer
from api.params import Here
from api.schemas import Shape
from api.wiring import Headwater
from ingest.dbt.artifacts import FILES, MANIFEST
from ingest.dbt.reading import Reading, reading
from ingest.errors import Overloaded, Refused, fault

router = APIRouter(tags=["ingest"])

BUSY_S = 5
FIELDS = ("namespace", "job_namespace")
_FILE = {"type": "string", "format": "binary"}
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [MANIFEST],
                    "properties": {**dict.fromkeys(FILES, _FILE), **{key: {"type": "string"} for key in FIELDS}},
                    "additionalProperties": False,
                }
            }
        },
    }
}

Tables = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=1024,
        description="Of the warehouse's tables, as `postgres://db:5432`; needed unless the adapter is bigquery.",
    ),
]
Jobs = Annotated[
    str | None,
    Query(min_length=1, max_length=1024, description="Of dbt's jobs: OPENLINEAGE_NAMESPACE of dbt-ol; default `dbt`."),
]


class DbtAnswer(Shape):
    events: Annotated[int, Field(description="Made of the artifacts, and on stable storage.")]
    datasets: int
    jobs: int
    fields: int
    duplicates: Annotated[int, Field(description="How many of the events stood in the journal before.")]
    warnings: Annotated[list[str], Field(description="What was left out, and what is odd.")]


@router.post("/ingest/dbt", operation_id="ingest_dbt", openapi_extra=FORM, responses=answer(DbtAnswer))
async def ingest_dbt(here: Here, request: Request, namespace: Tables = None, job_namespace: Jobs = None) -> Response:
    """Takes manifest.json, and run_results.json, catalog.json and sources.json if they are there, of one dbt project.

    Nothing is stored unless all of it is sound. The same artifacts sent again change nothing. One project is read at a
    time; another one is answered 503.
    """
    if here.reading_dbt.locked():
        raise Overloaded("another dbt project is being read; send again later", BUSY_S)
    async with here.reading_dbt:
        found = await _read(here, request, namespace, job_namespace)
        duplicates = 0
        batches = found.batches()
        while (batch := await asyncio.to_thread(next, batches, None)) is not None:
            taken = await here.intake.receive_batch(b"[" + b",".join(batch[1]) + b"]")
            duplicates += taken.duplicates
    return json_answer({**found.counts.wire(), "duplicates": duplicates, "warnings": found.warnings})


async def _read(here: Headwater, request: Request, namespace: str | None, jobs: str | None) -> Reading:
    limits = replace(here.intake.limits, body=here.settings.limit_dbt_bytes)
    form = await read_form(request.scope, request.receive, (*FILES, *FIELDS), limits, here.settings.read_timeout_s)
    names = {field: _name(field, form.pop(field)) for field in FIELDS if field in form}
    tables, of_jobs = namespace or names.get("namespace"), jobs or names.get("job_namespace")
    return await asyncio.to_thread(reading, form, tables, of_jobs)


def _name(field: str, value: bytes) -> str:
    try:
        return value.decode().strip()
    except UnicodeDecodeError:
        raise Refused(400, f"{field} is no UTF-8", [fault(f"/{field}", "is no UTF-8")]) from None
