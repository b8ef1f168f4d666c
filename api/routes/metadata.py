"""What people say of datasets, jobs, columns and edges: journalled like any event, undone by no automation."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import intake_schemas as shapes
from api.answers import json_answer
from api.bodies import Body, schema_of, shaped
from api.errors import Invalid
from api.openapi import unknown
from api.params import Here, Waited
from api.wiring import Headwater
from ingest import by_hand
from lineage.model import Node

router = APIRouter(tags=["by hand"])

# Until there are users, whoever has the admin key.
AUTHOR = "admin"
Name = Annotated[str, Field(min_length=1, max_length=500)]
Text = Annotated[str, Field(max_length=4_096)]
Reason = Annotated[Text, Field(description="Kept with the word, and shown beside it.")]
NodeText = Annotated[str, Field(min_length=1, examples=["dataset:postgres://db:5432:shop.public.orders"])]


class OwnerGiven(Body):
    name: Name
    type: Annotated[str, Field(max_length=500)] = ""


class TagGiven(Body):
    key: Name
    value: Text | None = None


class MetadataGiven(Body):
    """What isn't there stays as it was; null takes back what was said by hand."""

    node: NodeText
    owners: Annotated[list[OwnerGiven] | None, Field(max_length=1_000, description="In place of all others.")] = None
    tags: Annotated[list[TagGiven] | None, Field(max_length=1_000, description="Beside those of producers.")] = None
    removed_tags: Annotated[
        tuple[TagGiven, ...],
        Field(
            max_length=1_000, description="Tags of producers that don't hold, whatever their value if none is given."
        ),
    ] = ()
    description: Text | None = None
    criticality: Literal["low", "medium", "high", "critical"] | None = None
    window: Annotated[
        int | None,
        Field(
            ge=1,
            le=by_hand.LONGEST_WINDOW,
            description="Of a job: runs in a row that may lack an edge before it closes.",
        ),
    ] = None
    reason: Reason = ""


class EdgeGiven(Body):
    action: Literal["add", "suppress", "forget"]
    source: NodeText
    target: NodeText
    reason: Reason = ""


class SaidAnswer(shapes.ReceivedAnswer):
    nodes: Annotated[list[str], Field(description="Ids of what was spoken of, as the catalog has them.")]


SAID: dict[int | str, dict[str, Any]] = {
    201: {"model": SaidAnswer, "description": "On stable storage; read with min_position=POSITION to see it."},
    **unknown(),
}


@router.put(
    "/metadata",
    operation_id="put_metadata",
    status_code=201,
    dependencies=[Waited],
    openapi_extra=shapes.body(schema_of(MetadataGiven)),
    responses=SAID,
)
async def put_metadata(here: Here, request: Request) -> Response:
    """Sets owners, tags, description, criticality or window of a dataset, a job or a column.

    Owners and the description stand in place of what producers say, tags beside theirs. Columns have tags, a
    description and a criticality.
    """
    given = await shaped(request, here, MetadataGiven)
    node = await _found(here, given.node)
    said = given.model_dump(exclude={"node", "reason"}, exclude_unset=True, exclude_none=True)
    taken_back = [word for word in by_hand.SAID if word in given.model_fields_set and getattr(given, word) is None]
    if not said and not taken_back:
        raise Invalid(("", f"says nothing; give one of {', '.join(by_hand.SAID)}"))
    try:
        event = by_hand.metadata_event(
            node, **_without_none(said), taken_back=taken_back, author=AUTHOR, reason=given.reason
        )
    except by_hand.Unsayable as error:
        raise Invalid((f"/{error.where}", error.reason)) from error
    return await _said(here, event, node)


@router.post(
    "/edges",
    operation_id="post_edge",
    status_code=201,
    dependencies=[Waited],
    openapi_extra=shapes.body(schema_of(EdgeGiven)),
    responses=SAID,
)
async def post_edge(here: Here, request: Request) -> Response:
    """Adds an edge between two datasets or two columns, suppresses one, or takes such a word back ("forget").

    Suppressed, and forgotten, can also be what joins a dataset and one job.
    """
    given = await shaped(request, here, EdgeGiven)
    source = await _found(here, given.source)
    target = await _found(here, given.target)
    try:
        event = by_hand.edge_event(given.action, source, target, AUTHOR, given.reason)
    except by_hand.Unsayable as error:
        raise Invalid((f"/{error.where}", error.reason)) from error
    return await _said(here, event, source, target)


async def _found(here: Headwater, text: str) -> Node:
    """The node as the catalog has it. Raises UnknownNode, InvalidNode."""
    node, _ = await run_in_threadpool(here.catalog.find, text)
    return node


async def _said(here: Headwater, event: dict[str, Any], *nodes: Node) -> Response:
    receipt = await here.intake.receive(orjson.dumps(event), keep=False)
    return json_answer({**receipt.wire(), "nodes": [node.id for node in nodes]}, 201)


def _without_none(said: dict[str, Any]) -> dict[str, Any]:
    """Tags without the values that nobody gave."""
    for word in ("tags", "removed_tags"):
        if word in said:
            said[word] = [{key: text for key, text in tag.items() if text is not None} for tag in said[word]]
    return said
