"""Datasets: lists, and one with its schema, versions, facets, checks, and who writes and reads it."""

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
from api.schemas import DatasetAnswer, EntityPage
from api.selecting import Select, filters_of, remarks, selected
from api.times import AsOf, KnownAt, seen_from, told_at
from lineage.errors import InvalidNode
from lineage.model import Kind
from lineage.ports import Filter

router = APIRouter(tags=["catalog"])


@router.get("/datasets", operation_id="datasets", dependencies=[Waited], responses=answer(EntityPage))
def get_datasets(
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
    """All datasets, or those that pass every filter."""
    filters = {"namespace": namespace, "owner": owner, "tag": tag, "q": q, **filters_of(select)}
    wanted = turn(here, "datasets", filters, after, cursor, limit)
    found = selected(here, select)
    among = None if found is None else found.ids
    page = here.catalog.datasets(Filter(namespace, owner, tag, q, wanted.after, wanted.limit, among))
    return json_answer({**wanted.answer(here, "datasets", filters, page), **remarks(found)})


@router.get(
    "/datasets/one", operation_id="dataset", dependencies=[Waited], responses={**answer(DatasetAnswer), **unknown()}
)
def get_dataset(
    here: Here,
    node: NodeId = None,
    kind: Annotated[Literal["dataset"] | None, Query(description="May be given.")] = None,
    namespace: Namespace = None,
    name: Name = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
) -> Response:
    """One dataset in full, now or as it was, or was known, at a time."""
    catalog, _ = seen_from(here, as_of, known_at)
    found, _ = catalog.find(node_named(node, kind, namespace, name, None))
    if found.kind is not Kind.DATASET:
        raise InvalidNode(f"{found.id} is no dataset; GET /api/v1/{found.kind.word}s/one shows it")
    return json_answer({**catalog.dataset(found), **told_at(as_of, known_at)})
