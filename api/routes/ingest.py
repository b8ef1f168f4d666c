"""Events in, and the journal they went into.

POST /lineage is the one route that is asked a thousand times a second: it reads and answers by itself, past the
framework's handling of parameters and answers, and still stands in the OpenAPI document like any other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Path, Query, Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api import intake_schemas as shapes
from api.answers import json_answer
from api.inflate import read_body
from api.openapi import answer, unknown
from api.params import MAX_POSITION, Here, Limit, Waited, Whole
from api.wiring import Headwater
from ingest.errors import Refused
from ingest.journal import Entry, Rejected
from ingest.selection import Selection, selected
from lineage.model import text_of


class LeanRoute(APIRoute):
    """A route whose endpoint gets the request as it is.

    Dependencies would be passed over in silence, so it refuses to be declared with any: who may call is decided in
    front of the routes (api.gate).
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        if options.get("dependencies"):
            raise ValueError(f"{path} takes no dependencies: it reads its request past the framework")
        super().__init__(path, endpoint, **options)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in (self.methods or ()):
            await super().handle(scope, receive, send)  # 405
            return
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


lean = APIRouter(tags=["ingest"], route_class=LeanRoute)
read = APIRouter(tags=["ingest"])


@lean.post(
    "/lineage",
    operation_id="receive_event",
    status_code=201,
    openapi_extra=shapes.body(shapes.EVENT),
    responses={201: {"model": shapes.ReceivedAnswer, "description": "On stable storage."}},
)
async def receive_event(request: Request) -> Response:
    """Takes one OpenLineage RunEvent, JobEvent or DatasetEvent; answers once it is on stable storage.

    The same event sent again is answered with its first position. `Content-Encoding: gzip` is allowed.
    """
    here: Headwater = request.app.state.headwater
    limits = here.intake.limits
    body = await read_body(request.scope, request.receive, limits, here.settings.read_timeout_s)
    receipt = await here.intake.receive(body)
    return json_answer(receipt.wire(), 201)


@lean.post(
    "/lineage/batch",
    operation_id="receive_batch",
    openapi_extra=shapes.body({"type": "array", "items": shapes.EVENT, "maxItems": 10_000}),
    responses=answer(shapes.BatchReceivedAnswer),
)
async def receive_batch(request: Request) -> Response:
    """Takes an array of events; one bad event spoils no other. 422 if not one of them is sound."""
    here: Headwater = request.app.state.headwater
    limits = here.intake.limits
    body = await read_body(request.scope, request.receive, limits, here.settings.read_timeout_s)
    found = await here.intake.receive_batch(body)
    return json_answer(found.wire())


Position = Annotated[Whole, Path(ge=1, le=MAX_POSITION, description="In the journal.")]
Id = Annotated[Whole, Path(ge=1, le=MAX_POSITION, description="Of a rejection.")]
After = Annotated[Whole, Query(ge=0, le=MAX_POSITION, description="Position of the last event already seen.")]
AfterId = Annotated[Whole, Query(ge=0, le=MAX_POSITION, description="Id of the last rejection already seen.")]
OfJob = Annotated[str | None, Query(min_length=1, description="Only events of this job: `job:NAMESPACE:NAME`.")]
OfDataset = Annotated[
    str | None,
    Query(min_length=1, description="Only events that name this dataset, `dataset:NAMESPACE:NAME`; reads the journal."),
]
OfRun = Annotated[
    str | None, Query(min_length=1, max_length=36, description="Only events of this run; reads the journal.")
]


@read.get("/events", operation_id="events", responses=answer(shapes.EventsAnswer))
def events(
    here: Here,
    after: After = 0,
    limit: Limit = 100,
    job: OfJob = None,
    dataset: OfDataset = None,
    run: OfRun = None,
) -> Response:
    """The journal, oldest first. A filtered page may be short, or empty, and still have a `next`: go on there."""
    found = selected(here.journal, Selection.of(job, dataset, run), after, limit)
    following = None if found.next is None else str(found.next)
    return json_answer({"items": [_item(entry) for entry in found.entries], "next": following})


@read.get(
    "/events/{position}",
    operation_id="event",
    responses={**answer(shapes.EventAnswer), **unknown()},
    dependencies=[Waited],
)
def event(here: Here, position: Position) -> Response:
    """One event as it is kept, what was taken out of it, and what became of its edges."""
    entry = here.journal.at(position)
    if entry is None:
        raise Refused(404, f"no event stands at position {position:,}; the newest is at {here.journal.head():,}")
    scrubbed = orjson.Fragment(entry.scrubbed or b"[]")
    return json_answer({**_item(entry), "scrubbed": scrubbed, "receipt": here.catalog.receipt(position)})


@read.get("/rejections", operation_id="rejections", responses=answer(shapes.RejectionsAnswer))
def rejections(here: Here, after: AfterId = 0, limit: Limit = 100) -> Response:
    """What was refused and why, oldest first; kept for seven days, 10,000 of them, 256 MiB at most."""
    found = here.journal.rejections(after, limit + 1)
    page = found[:limit]
    following = str(page[-1].id) if len(found) > limit else None
    return json_answer({"items": [_rejection(rejected) for rejected in page], "next": following})


@read.post(
    "/rejections/{id}/replay",
    operation_id="replay_rejection",
    status_code=201,
    openapi_extra=shapes.body(shapes.EVENT, required=False),
    responses={201: {"model": shapes.ReceivedAnswer, "description": "On stable storage."}, **unknown()},
)
async def replay(here: Here, request: Request, id: Id) -> Response:
    """Sends a refused event again: as it was kept, or, with a body, as that has mended it."""
    body = await read_body(request.scope, request.receive, here.intake.limits, here.settings.read_timeout_s)
    rejected = await run_in_threadpool(here.journal.rejection, id)
    if rejected is None:
        raise Refused(404, f"no rejection {id:,} is kept; GET /api/v1/rejections lists them")
    receipt = await here.intake.replay(rejected, body or None)
    return json_answer(receipt.wire(), 201)


def _item(entry: Entry) -> dict[str, Any]:
    # The body goes out as it is kept: reading and writing it again would cost ten times as much.
    return {
        "position": entry.position,
        "received_at": text_of(entry.received_us),
        "event": orjson.Fragment(entry.body),
    }


def _rejection(rejected: Rejected) -> dict[str, Any]:
    return {
        "id": rejected.id,
        "received_at": text_of(rejected.received_us),
        "status": rejected.status,
        "detail": rejected.detail,
        "errors": rejected.errors,
        "body": rejected.body.decode("utf-8", "replace"),
        "truncated": not rejected.whole,
        "replayed_position": rejected.replayed_position,
    }


router = APIRouter()
router.include_router(lean)
router.include_router(read)
