"""The OpenAPI document: what the routes declare, and what holds for all of them: the key and the ways to be refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.problems import MEDIA_TYPE
from api.schemas import ProblemDocument

# For a route that needs no key.
OPEN: dict[str, Any] = {"security": []}

REFUSALS = {
    400: "Not well-formed: JSON, UTF-8, a cursor.",
    401: "No key, or not the right one.",
    404: "No such node or entry.",
    408: "The request came too slowly.",
    413: "The body is too large.",
    414: "The path is too long.",
    415: "The body has another type than this path takes.",
    422: "Well-formed but wrong; `errors` says where.",
    431: "The headers are too large.",
    503: "A store is away or behind, or too much comes in; Retry-After says when to ask again.",
}
ALWAYS = (400, 408, 413, 414, 422, 431, 503)
LATER = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}


def answer(model: type[BaseModel]) -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that answers 200 in this shape."""
    return {200: {"model": model, "description": "OK"}}


def unknown() -> dict[int | str, dict[str, Any]]:
    """`responses` of a route that may not find what it is asked for."""
    return {404: refusal(404)}


def refusal(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    content: dict[str, Any] = {"description": REFUSALS[status], "content": {MEDIA_TYPE: {"schema": schema}}}
    return {**content, "headers": LATER} if status == 503 else content


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once."""
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = made.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    schemas["Problem"] = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    for left_over in ("HTTPValidationError", "ValidationError"):
        schemas.pop(left_over, None)
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "The admin key, `hw_…`, of admin.key in the data folder.",
        }
    }
    made["security"] = [{"key": []}]
    for item in made["paths"].values():
        for operation in item.values():
            _complete(operation)
    return made


def _complete(operation: dict[str, Any]) -> None:
    responses: dict[str, Any] = operation["responses"]
    _drop_frameworks_own(responses)
    statuses = [*ALWAYS, *(() if operation.get("security") == [] else (401,))]
    if "requestBody" in operation:
        statuses.append(415)
    for status in statuses:
        responses.setdefault(str(status), refusal(status))
    operation["responses"] = dict(sorted(responses.items()))


def _drop_frameworks_own(responses: dict[str, Any]) -> None:
    """FastAPI documents a 422 of its own shape, which is never sent."""
    own: Mapping[str, Any] = responses.get("422", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if own.get("$ref", "").endswith("HTTPValidationError"):
        del responses["422"]
