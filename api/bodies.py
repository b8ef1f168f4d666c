"""Bodies of small requests: JSON into a shape, or a refusal that names each place."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from api.errors import Invalid
from api.inflate import read_body
from api.wiring import Headwater
from ingest.errors import Refused, fault, pointer


class Body(BaseModel):
    """Strict: what isn't foreseen is refused, for a word that is misspelt must not pass for one that was left out."""

    model_config = ConfigDict(extra="forbid", strict=True)


Shaped = TypeVar("Shaped", bound=Body)


def schema_of(shape: type[Body]) -> dict[str, Any]:
    """The shape for the OpenAPI document, in one piece: its references would lead nowhere there."""
    made = shape.model_json_schema()
    parts = made.pop("$defs", {})
    found: dict[str, Any] = _inlined(made, parts)
    return found


def _inlined(value: Any, parts: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(item, parts) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _inlined(parts[value["$ref"].rpartition("/")[2]], parts)
    return {key: _inlined(item, parts) for key, item in value.items()}


async def shaped(request: Request, here: Headwater, shape: type[Shaped]) -> Shaped:
    """The body of a request. Raises Refused (400, 408, 413, 415) and Invalid with a pointer for each fault."""
    body = await read_body(request.scope, request.receive, here.intake.limits, here.settings.read_timeout_s)
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        if any(one["type"] == "json_invalid" for one in found):
            raise Refused(400, "the body is not JSON", [fault("", found[0]["msg"])]) from None
        raise Invalid(*((pointer(*one["loc"]), one["msg"]) for one in found)) from None
