"""Shapes of the intake, for the OpenAPI document: events as OpenLineage has them, and what is answered to them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from api.schemas import Fault, Shape, Time
from ingest.openlineage.parse import SCHEMA

_TIME = {"type": "string", "format": "date-time"}
_NAME = {"type": "string", "minLength": 1, "maxLength": 1024}
_FACETS = {"type": "object", "additionalProperties": {"type": "object"}}
_DATASET = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {"namespace": _NAME, "name": _NAME, "facets": _FACETS},
}
_DATASETS = {"type": "array", "items": _DATASET}
_JOB = {
    "type": "object",
    "required": ["namespace", "name"],
    "properties": {"namespace": _NAME, "name": _NAME, "facets": _FACETS},
}
_RUN = {
    "type": "object",
    "required": ["runId"],
    "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": _FACETS},
}
_EVENT_TYPE = {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]}


def _event(kind: str, required: list[str], **properties: Any) -> dict[str, Any]:
    base = {"eventTime": _TIME, "producer": {"type": "string"}, "schemaURL": {"const": f"{SCHEMA}{kind}"}}
    return {
        "title": kind,
        "type": "object",
        "required": ["eventTime", "schemaURL", *required],
        "properties": {**base, **properties},
    }


EVENT: dict[str, Any] = {
    "oneOf": [
        _event(
            "RunEvent", ["run", "job"], eventType=_EVENT_TYPE, run=_RUN, job=_JOB, inputs=_DATASETS, outputs=_DATASETS
        ),
        _event("JobEvent", ["job"], job=_JOB, inputs=_DATASETS, outputs=_DATASETS),
        _event("DatasetEvent", ["dataset"], dataset=_DATASET),
    ]
}


def body(schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
    """`openapi_extra` of a route that reads its body itself."""
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}}


class ScrubbedPlace(Shape):
    pointer: Annotated[str, Field(description="Where in the event (JSON pointer); a name stands here as it is kept.")]
    rule: Annotated[str, Field(description="The rule that found a secret, or facet_over_limit.")]


class ReceivedAnswer(Shape):
    position: Annotated[int, Field(ge=1, description="In the journal.")]
    duplicate: Annotated[bool, Field(description="It stood there before.")]
    scrubbed: list[ScrubbedPlace]


class BatchSummary(Shape):
    received: int
    successful: int
    failed: int
    retriable: int
    non_retriable: int


class FailedEvent(Shape):
    index: int
    reason: str
    retriable: bool


class BatchReceivedAnswer(Shape):
    status: Annotated[str, Field(examples=["success", "partial_success"])]
    summary: BatchSummary
    failed_events: list[FailedEvent]


class JournalItem(Shape):
    position: int
    received_at: Time
    event: dict[str, Any]


class EventsAnswer(Shape):
    items: list[JournalItem]
    next: str | None


class NotLinkedDataset(Shape):
    dataset: str
    reason: str


class EventReceipt(Shape):
    edges_added: int
    edges_confirmed: int
    not_linked: list[NotLinkedDataset]


class EventAnswer(JournalItem):
    scrubbed: list[ScrubbedPlace]
    receipt: Annotated[EventReceipt | None, Field(description="null while the catalog hasn't reached it.")]


class RejectionItem(Shape):
    id: int
    received_at: Time
    status: int
    detail: str
    errors: list[Fault]
    body: Annotated[str, Field(description="Its first MiB, without secrets.")]
    truncated: Annotated[bool, Field(description="There was more; to replay it, send the mended event.")]
    replayed_position: int | None


class RejectionsAnswer(Shape):
    items: list[RejectionItem]
    next: str | None
