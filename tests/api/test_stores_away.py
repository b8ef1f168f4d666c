"""What still works while a store is away, and what health says of it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import Headwater, open_headwater
from tests.api.asking import KEY, event, is_problem, sent
from tests.api.test_server import comes_true


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headwater]:
    """A Headwater whose Neo4j isn't there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(
        data=tmp_path_factory.mktemp("away") / "data",
        admin_key=KEY,  # type: ignore[arg-type]
        graph=f"bolt://127.0.0.1:{port}",
        min_position_wait_s=0.2,
    )
    with open_headwater(settings, projector="process") as found:
        yield found


@pytest.fixture(scope="module")
def client(here: Headwater) -> Iterator[TestClient]:
    with TestClient(create_app(here), headers={"Authorization": f"Bearer {KEY}"}) as found:
        yield found


@pytest.fixture(scope="module")
def position(client: TestClient) -> int:
    return sent(client, event("load", ("raw",), ("stg",)), event("build", ("stg",), ("mart",)))


def test_events_are_taken_and_the_catalog_goes_on(here: Headwater, client: TestClient, position: int) -> None:
    assert comes_true(lambda: here.catalog.position() == position)
    assert client.get("/api/v1/datasets/one", params={"node": "dataset:db:mart"}).status_code == 200


def test_health_is_degraded_and_says_by_how_much_and_why(here: Headwater, client: TestClient, position: int) -> None:
    assert comes_true(lambda: here.catalog.position() == position and here.follower.status.error is not None)
    health = client.get("/api/v1/health").json()
    assert health["status"] == "degraded"
    assert health["projections"]["catalog"] == {"position": position, "lag": 0}
    graph = health["projections"]["graph"]
    assert (graph["store"], graph["position"], graph["lag"]) == ("neo4j", 0, position)
    assert graph["error"]


def test_it_is_ready_because_events_are_taken(client: TestClient) -> None:
    assert client.get("/api/v1/health/ready").status_code == 200


def test_a_trace_is_503_and_says_when_to_ask_again(client: TestClient, position: int) -> None:
    answer = client.get("/api/v1/trace", params={"node": "dataset:db:mart"})
    is_problem(answer, 503)
    assert int(answer.headers["retry-after"]) > 0


def test_a_wait_for_the_graph_ends(here: Headwater, client: TestClient, position: int) -> None:
    assert comes_true(lambda: here.catalog.position() == position)
    problem = is_problem(client.get("/api/v1/trace", params={"node": "dataset:db:mart", "min_position": position}), 503)
    assert "neo4j graph is behind" in problem["detail"]


def test_metrics_show_that_it_is_down(client: TestClient) -> None:
    assert 'headwater_up{part="graph"} 0.0' in client.get("/api/v1/metrics").text


def test_a_journal_that_is_broken_is_down_and_not_ready(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, admin_key=KEY)  # type: ignore[arg-type]
    with open_headwater(settings, projector="inline") as here, TestClient(create_app(here)) as client:
        here.vitals.broken = lambda: "an fsync failed; start again"
        assert client.get("/api/v1/health").json()["status"] == "down"
        answer = client.get("/api/v1/health/ready")
        assert (answer.status_code, answer.json()["journal"]["error"]) == (503, "an fsync failed; start again")
