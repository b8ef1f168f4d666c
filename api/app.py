"""The HTTP door: every route under /api/v1, one shape of errors, one gate in front."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from fastapi import APIRouter, FastAPI, Request
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from api import openapi, problems
from api.answers import json_answer
from api.auth import AdminKey
from api.gate import Gate, RouteTable
from api.routes import (
    datasets,
    dbt,
    diff,
    health,
    identity,
    ingest,
    jobs,
    metadata,
    namespaces,
    paths,
    reports,
    runs,
    search,
    select,
    trace,
)
from api.wiring import Headwater

BASE = "/api/v1"
DOCUMENT = f"{BASE}/openapi.json"
ROUTERS: tuple[APIRouter, ...] = (
    health.router,
    ingest.router,
    dbt.router,
    trace.router,
    diff.router,
    paths.router,
    reports.router,
    datasets.router,
    jobs.router,
    metadata.router,
    identity.router,
    runs.router,
    namespaces.router,
    search.router,
    select.router,
)


def create_app(headwater: Headwater) -> FastAPI:
    """The application over an opened Headwater; whoever opened it closes it."""
    # The framework's pages for the document load scripts from elsewhere; the document itself is served below.
    app = FastAPI(
        title="Headwater",
        version=_version(),
        description="Data lineage: where does this come from, and what breaks if I change it?",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.headwater = headwater
    problems.install(app)
    for router in ROUTERS:
        app.include_router(router, prefix=BASE)
    _describe(app)
    _put_gate_in_front(app, headwater)
    return app


def _describe(app: FastAPI) -> None:
    document = openapi.document(app)
    app.openapi = lambda: document  # type: ignore[method-assign]

    async def get_document(_request: Request) -> Response:
        return json_answer(document)

    app.add_route(DOCUMENT, get_document, include_in_schema=False)


def _put_gate_in_front(app: FastAPI, headwater: Headwater) -> None:
    table = RouteTable(app.openapi())
    table.add(DOCUMENT)
    settings = headwater.settings
    app.add_middleware(
        Gate,
        table=table,
        unauthorised=AdminKey(headwater.admin_key).refusal,
        observe=headwater.metrics.observe,
        path_bytes=settings.limit_path_bytes,
        header_bytes=settings.limit_header_bytes,
        direct=_direct(app),
    )


def _direct(app: FastAPI) -> dict[tuple[str, str], ASGIApp]:
    """The intake's routes as the gate calls them: finding a route costs as much as reading a 5 KB event (60 us)."""
    handlers = {kind: handler for kind, handler in app.exception_handlers.items() if kind not in {500, Exception}}
    return {
        (method, BASE + route.path): ExceptionMiddleware(route.handle, handlers=handlers)
        for route in ingest.lean.routes
        if isinstance(route, ingest.LeanRoute)
        for method in route.methods or ()
    }


def _version() -> str:
    try:
        return version("headwater")
    except PackageNotFoundError:  # run from a clone that nobody installed
        return "0"
