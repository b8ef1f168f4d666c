"""Jobs: lists, and one with its facets, inputs, outputs, children and newest runs."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.answers import json_answer
from api.openapi import answer, unknown
from api.params import (
    After,
    Cursor,
    Here,
    Limit,
    Name,
    Namespace,
    NodeId,
    OfNamespace,
    Owner,
    Tag,
    Text,
    Waited,
    node_named,
    turn,
)
from api.schemas import EntityPage, JobAnswer
from api.selecting import Select, filters_of, remarks, selected
from api.times import AsOf, KnownAt, seen_from, told_at
from lineage.errors import InvalidNode
from lineage.model import Kind
from lineage.ports import Filter

router = APIRouter(tags=["catalog"])


@router.get("/jobs", operation_id="jobs", dependencies=[Waited], responses=answer(EntityPage))
def get_jobs(
    here: Here,
    namespace: OfNamespace = None,
    owner: Owner = None,
    tag: Tag = None,
    q: Text = None,
    select: Select = None,
    after: After = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> Response:
    """All jobs, or those that pass every filter."""
    filters = {"namespace": namespace, "owner": owner, "tag": tag, "q": q, **filters_of(select)}
    wanted = turn(here, "jobs", filters, after, cursor, limit)
    found = selected(here, select)
    among = None if found is None else found.ids
    page = here.catalog.jobs(Filter(namespace, owner, tag, q, wanted.after, wanted.limit, among))
    return json_answer({**wanted.answer(here, "jobs", filters, page), **remarks(found)})


@router.get("/jobs/one", operation_id="job", dependencies=[Waited], responses={**answer(JobAnswer), **unknown()})
def get_job(
    here: Here,
    node: NodeId = None,
    kind: Annotated[Literal["job"] | None, Query(description="May be given.")] = None,
    namespace: Namespace = None,
    name: Name = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    """One job in full, now or as it was, or was known, at a time."""
    catalog, _ = seen_from(here, as_of, known_at)
    found, _ = catalog.find(node_named(node, kind or "job" if node is None else kind, namespace, name, None))
    if found.kind is not Kind.JOB:
        raise InvalidNode(f"{found.id} is no job; GET /api/v1/datasets/one shows datasets")
    return json_answer({**catalog.job(found), **told_at(as_of, known_at)})
