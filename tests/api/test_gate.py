"""What the gate lets through, and how it refuses: every refusal a problem document."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.gate import Gate, RouteTable
from api.wiring import Headwater
from tests.api.asking import KEY, is_problem

OPEN = ("/api/v1/health", "/api/v1/health/live", "/api/v1/health/ready")


@pytest.fixture(scope="module")
def stranger(here: Headwater) -> TestClient:
    """A client without the key."""
    return TestClient(create_app(here), raise_server_exceptions=False)


@pytest.mark.parametrize("path", OPEN)
def test_health_needs_no_key(stranger: TestClient, path: str) -> None:
    assert stranger.get(path).status_code == 200


def test_everything_else_needs_the_key(stranger: TestClient, client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    closed = [(method, path) for path, item in document["paths"].items() for method in item if path not in OPEN]
    assert len(closed) > 15
    for method, path in closed:
        answer = stranger.request(method, path)
        is_problem(answer, 401)
        assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", ["/", "/api/v1/nowhere", "/api/v1/openapi.json", "/docs"])
def test_a_stranger_doesnt_learn_what_exists(stranger: TestClient, path: str) -> None:
    is_problem(stranger.get(path), 401)


@pytest.mark.parametrize("query", ["api_key=abc", "access_token=abc", f"api_key={KEY}"])
def test_a_key_in_the_address_is_401(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/v1/datasets?{query}")
    is_problem(answer, 401)
    assert KEY not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/api/v1",
        "/api/v1/nowhere",
        "/api/v1/trace/",
        "/api/v1/datasets/a%252Fb",
        "/api/v1/datasets/%2e%2e",
        "/api/v1/datasets/%ff",
        "/api/v2/trace",
    ],
)
def test_a_path_that_isnt_there_is_404(client: TestClient, path: str) -> None:
    is_problem(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/api/v1/trace", "GET"),
        ("GET", "/api/v1/lineage", "POST"),
        ("HEAD", "/api/v1/trace", "GET"),
        ("OPTIONS", "/api/v1/trace", "GET"),
        ("DELETE", "/api/v1/events/1", "GET"),
        ("TRACE", "/api/v1/health", "GET"),
    ],
)
def test_a_method_that_a_path_doesnt_take_is_405(client: TestClient, method: str, path: str, allowed: str) -> None:
    answer = client.request(method, path)
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


def test_an_unknown_parameter_is_422_on_every_route(client: TestClient) -> None:
    document = client.get("/api/v1/openapi.json").json()
    for path, item in document["paths"].items():
        for method in item:
            answer = client.request(
                method, path.replace("{position}", "1").replace("{id}", "1"), params={"$where": "1"}
            )
            assert is_problem(answer, 422)["errors"][0]["pointer"] == "/query/$where"


def test_a_query_that_is_no_utf8_is_400(client: TestClient) -> None:
    is_problem(client.get("/api/v1/search?q=%ff"), 400)


def test_a_query_of_a_thousand_parameters_is_400(client: TestClient) -> None:
    is_problem(client.get("/api/v1/search?" + "&".join("q=a" for _ in range(1_000))), 400)


def test_a_long_path_is_414_and_long_headers_are_431(client: TestClient) -> None:
    is_problem(client.get("/api/v1/datasets/" + "x" * 60_000), 414)
    is_problem(client.get("/api/v1/datasets?q=" + "x" * 60_000), 414)
    is_problem(client.get("/api/v1/datasets", headers={"X-Big": "a" * 65_536}), 431)


class Failing:
    """An application with a fault, before or in the middle of its answer."""

    def __init__(self, begun: bool) -> None:
        self.begun = begun

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self.begun:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("secret of the inside")


def passed(app: Any) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """What a gate around `app` sends for GET /x, and what it counts."""
    sent: list[dict[str, Any]] = []
    seen: list[tuple[Any, ...]] = []
    table = RouteTable({"paths": {}})
    table.add("/x", open=True)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        gate = Gate(app, table, lambda *_: None, lambda *one: seen.append(one), path_bytes=100, header_bytes=100)
        scope = {"type": "http", "method": "GET", "path": "/x", "raw_path": b"/x", "query_string": b"", "headers": []}
        await gate(scope, lambda: None, send)  # type: ignore[arg-type, return-value]

    asyncio.run(ask())
    return sent, seen


def test_a_fault_of_ours_is_500_without_a_word_of_the_inside() -> None:
    sent, seen = passed(Failing(begun=False))
    assert sent[0]["status"] == 500
    assert b"secret" not in sent[1]["body"]
    assert seen[0][:3] == ("GET", "/x", 500)


def test_a_fault_in_the_middle_of_an_answer_is_left_to_the_server_to_cut_off() -> None:
    with pytest.raises(RuntimeError):
        passed(Failing(begun=True))
