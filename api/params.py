"""What the query of a read may hold: nodes, times, positions, pages. Strict: a wrong value is a 422 that names it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from pydantic import BeforeValidator, WithJsonSchema

from api import cursors
from api.errors import Invalid
from api.wiring import Headwater
from ingest.openlineage.times import time_us
from lineage.model import Kind, Node, text_of

MAX_LIMIT = 1_000
MAX_POSITION = 2**63 - 1

# What pydantic takes for an integer is wider than what it documents: 1_000, +5, " 7 ", 1.0.
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,18})", re.ASCII)


def whole(text: Any) -> Any:
    """An integer as JSON writes it. Raises ValueError for any other spelling."""
    if isinstance(text, str):
        if _WHOLE.fullmatch(text) is None:
            raise ValueError("is not a whole number of at most 19 digits")
        return int(text)
    return text


def _moment(text: Any) -> Any:
    return time_us(text) if isinstance(text, str) else text


Whole = Annotated[int, BeforeValidator(whole)]
Moment = Annotated[
    int,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time", "example": text_of(0)}),
]


async def headwater_of(request: Request) -> Headwater:
    found: Headwater = request.app.state.headwater
    return found


Here = Annotated[Headwater, Depends(headwater_of)]

KIND_WORDS = {kind.word: kind for kind in (Kind.DATASET, Kind.JOB, Kind.FIELD)}


def node_named(
    node: str | None, kind: str | None, namespace: str | None, name: str | None, field: str | None
) -> str | Node:
    """The node that `node=`, or `kind=&namespace=&name=&field=`, means. Raises Invalid for neither, both or half."""
    parts = {"kind": kind, "namespace": namespace, "name": name, "field": field}
    given = [word for word, value in parts.items() if value is not None]
    if node is not None:
        if given:
            raise Invalid(*((f"/query/{word}", "give this or `node`, not both") for word in given))
        return node
    if not namespace or not name:
        raise Invalid(("/query/node", "give node=ID, or namespace= and name= (and kind=, field=)"))
    chosen = KIND_WORDS[kind] if kind is not None else (Kind.FIELD if field is not None else Kind.DATASET)
    if (chosen is Kind.FIELD) != bool(field):
        raise Invalid(("/query/field", "belongs to kind=field, and only to it"))
    return Node(chosen, namespace, name, field)


NodeId = Annotated[
    str | None,
    Query(
        min_length=1,
        description="A node: `dataset:NAMESPACE:NAME`, `job:NAMESPACE:NAME` or `datasetField:NAMESPACE:NAME:FIELD`.",
        examples=["dataset:postgres://db:5432:shop.public.orders"],
    ),
]
Namespace = Annotated[str | None, Query(min_length=1, description="Namespace of the node, instead of `node`.")]
Name = Annotated[str | None, Query(min_length=1, description="Name of the node, instead of `node`.")]
FieldName = Annotated[str | None, Query(min_length=1, description="Column of the dataset, for kind=field.")]
KindWord = Annotated[
    str | None, Query(pattern="^(dataset|job|field)$", description="Kind of the node, beside `namespace` and `name`.")
]


async def any_node(
    node: NodeId = None,
    kind: KindWord = None,
    namespace: Namespace = None,
    name: Name = None,
    field: FieldName = None,
) -> str | Node:
    return node_named(node, kind, namespace, name, field)


AnyNode = Annotated[str | Node, Depends(any_node)]

MinPosition = Annotated[
    Annotated[int, BeforeValidator(whole)] | None,
    Query(
        ge=0,
        le=MAX_POSITION,
        description="Waits, within bounds, until catalog and graph have reached this position of the journal.",
    ),
]


async def waited(here: Here, min_position: MinPosition = None) -> None:
    """Returns once the projections have reached `min_position`. Raises StoreBehind after the time allowed."""
    if min_position or here.projecting != "process":
        await here.reached(min_position or 0)


Waited = Depends(waited)

After = Annotated[str | None, Query(min_length=1, max_length=256, description="`next` of the page before.")]
Cursor = Annotated[str | None, Query(min_length=1, max_length=256, description="Another name of `after`.")]
Limit = Annotated[Whole, Query(ge=1, le=MAX_LIMIT, description="Items a page.")]
Text = Annotated[str | None, Query(min_length=1, description="Text anywhere in the name.")]
Owner = Annotated[str | None, Query(min_length=1, description="Only what this owner has.")]
Tag = Annotated[str | None, Query(min_length=1, description="Only what has this tag: `KEY` or `KEY=VALUE`.")]
OfNamespace = Annotated[str | None, Query(min_length=1, description="Only this namespace.")]


@dataclass(frozen=True, slots=True)
class Turn:
    """Which page of a list is wanted, as the list itself counts: `after` opened, `limit`."""

    after: str | None
    limit: int

    def answer(self, here: Headwater, path: str, filters: Mapping[str, str | None], page: Any) -> dict[str, Any]:
        """The page as it goes out, its cursor sealed."""
        following = None if page.next is None else cursors.seal(here.cursor_key, path, filters, page.next)
        return {"items": page.items, "next": following}


def turn(
    here: Headwater, path: str, filters: Mapping[str, str | None], after: str | None, cursor: str | None, limit: int
) -> Turn:
    """Raises BadCursor for a cursor of another list, another filter or nobody; Invalid for two cursors."""
    if after is not None and cursor is not None:
        raise Invalid(("/query/cursor", "is another name of `after`; give one of them"))
    sealed = after if after is not None else cursor
    inner = None if sealed is None else cursors.opened(here.cursor_key, path, filters, sealed)
    return Turn(inner, limit)
