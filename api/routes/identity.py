"""Which names are one: why, who says otherwise, and people's words on it."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api import intake_schemas as shapes
from api.answers import json_answer
from api.bodies import Body, shaped
from api.errors import Invalid
from api.openapi import answer, unknown
from api.params import After, AnyNode, Here, Limit, Waited
from api.routes.metadata import AUTHOR, SAID, NodeText, Reason
from api.schemas import ConflictsAnswer, IdentityAnswer
from api.wiring import Headwater
from ingest import by_hand
from lineage.errors import InvalidNode
from lineage.model import Kind, Node

router = APIRouter(tags=["identity"])

Pair = Annotated[
    list[NodeText], Field(min_length=2, max_length=2, description="Ids of two datasets; any of their names will do.")
]


class MergeGiven(Body):
    nodes: Pair
    into: Annotated[NodeText | None, Field(description="Whose name both have then; default: the first.")] = None
    reason: Reason = ""


class SplitGiven(Body):
    nodes: Pair
    reason: Reason = ""


@router.get(
    "/identity", operation_id="identity", dependencies=[Waited], responses={**answer(IdentityAnswer), **unknown()}
)
def get_identity(here: Here, node: AnyNode, after: After = None, limit: Limit = 100) -> Response:
    """Every other name of a dataset, and the rule, symlink, rename or person that made it one.

    Beside them what contradicts it, and datasets that may be the same: a person decides, nothing is joined by itself.
    """
    found, _ = here.catalog.find(node)
    _require_dataset(found, "node")
    return json_answer(here.catalog.identity(found, after, limit))


@router.get(
    "/conflicts", operation_id="conflicts", dependencies=[Waited], responses={**answer(ConflictsAnswer), **unknown()}
)
def get_conflicts(
    here: Here,
    node: Annotated[str | None, Query(min_length=1, description="Only those that this dataset has a part in.")] = None,
    after: After = None,
    limit: Limit = 100,
) -> Response:
    """Where people and automation, or two events, say the opposite: for review, nothing was overwritten."""
    found = None if node is None else here.catalog.find(node)[0]
    page = here.catalog.conflicts(found, after, limit)
    return json_answer({"items": page.items, "next": page.next})


@router.post(
    "/identity/merge",
    operation_id="merge",
    status_code=201,
    dependencies=[Waited],
    openapi_extra=shapes.body(MergeGiven.model_json_schema()),
    responses=SAID,
)
async def merge(here: Here, request: Request) -> Response:
    """Says that two datasets are one; a split takes it back, exactly."""
    given = await shaped(request, here, MergeGiven)
    one, other = [(await run_in_threadpool(here.catalog.find, text))[0] for text in given.nodes]
    _require_pair(one, other)
    if one == other:
        raise Invalid(("/nodes", f"both are {one.id} already; GET /api/v1/identity shows why"))
    into = one if given.into is None else (await run_in_threadpool(here.catalog.find, given.into))[0]
    try:
        event = by_hand.merge_event(one, other, into, AUTHOR, given.reason)
    except by_hand.Unsayable as error:
        raise Invalid((f"/{error.where}", error.reason)) from error
    return await _said(here, event, one, other)


@router.post(
    "/identity/split",
    operation_id="split",
    status_code=201,
    dependencies=[Waited],
    openapi_extra=shapes.body(SplitGiven.model_json_schema()),
    responses=SAID,
)
async def split(here: Here, request: Request) -> Response:
    """Says that two names are not one, whoever said they were: a person, a symlink, a rename."""
    given = await shaped(request, here, SplitGiven)
    one, other = [await run_in_threadpool(here.catalog.named, text) for text in given.nodes]
    _require_pair(one, other)
    if one == other:
        raise Invalid(("/nodes", f"both are the name {one.id}; give two names to part"))
    return await _said(here, by_hand.split_event(one, other, author=AUTHOR, reason=given.reason), one, other)


def _require_pair(*nodes: Node) -> None:
    for at, node in enumerate(nodes):
        if node.kind is not Kind.DATASET:
            reason = f"{node.id} is a {node.kind.word}; only datasets are merged and split"
            raise Invalid((f"/nodes/{at}", reason))


def _require_dataset(node: Node, where: str) -> None:
    if node.kind is not Kind.DATASET:
        raise InvalidNode(f"{node.id} is a {node.kind.word}; {where} names a dataset: only datasets have aliases")


async def _said(here: Headwater, event: dict[str, Any], *nodes: Node) -> Response:
    receipt = await here.intake.receive(orjson.dumps(event), keep=False)
    return json_answer({**receipt.wire(), "nodes": [node.id for node in nodes]}, 201)
