"""A real server in a process of its own, on a free port: how it starts, serves, loses its projector, stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.api.asking import event, is_problem, sent
from tests.api.test_protocol import Line

ROOT = Path(__file__).parents[2]
CODE = "from api.server import serve; from api.settings import load; serve(load())"
PATIENCE_S = 30.0


class Server:
    """One run of `serve`."""

    def __init__(self, folder: Path, port: int = 0, **settings: str) -> None:
        given = {"DATA": str(folder), "PORT": str(port), "LOG_LEVEL": "warning", **settings}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADWATER_")}
        environment = {
            **clean,
            **{f"HEADWATER_{name}": value for name, value in given.items()},
            "PYTHONPATH": str(ROOT),
        }
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.printed: list[str] = []

    def ready(self) -> httpx.Client:
        """A client with the key, once the server says that it listens."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line.rstrip("\n"))
            found = re.match(r"Headwater listening on (\S+)$", line)
            if found:
                key = (self.folder / "admin.key").read_text().strip()
                return httpx.Client(base_url=found[1], headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE_S)
        raise AssertionError(f"ended with {self.process.wait()}: {self.process.communicate()[1]}")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(PATIENCE_S)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return status


def children(pid: int) -> list[int]:
    """Processes that any thread of a process started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def projector_of(server: Server) -> int:
    """The projector's process, once it is there."""
    assert comes_true(lambda: len(children(server.process.pid)) == 1)
    return children(server.process.pid)[0]


def comes_true(what: Callable[[], bool]) -> bool:
    until = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    found = Server(tmp_path_factory.mktemp("server") / "data", READ_TIMEOUT_S="1")
    yield found
    found.stop(signal.SIGKILL)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[httpx.Client]:
    with server.ready() as found:
        yield found


def test_the_first_start_prints_the_key_once_and_then_where_it_listens(server: Server, client: httpx.Client) -> None:
    key = (server.folder / "admin.key").read_text().strip()
    assert [line for line in server.printed if key in line] == [f"Admin key, shown this once: {key}"]
    assert server.printed[-1] == f"Headwater listening on {client.base_url}".rstrip("/")
    assert server.folder.stat().st_mode & 0o777 == 0o700


def test_an_event_is_in_a_trace_as_soon_as_min_position_says(client: httpx.Client) -> None:
    position = sent(client, event("load", ("raw",), ("stg",)))
    found = client.get("/api/v1/trace", params={"node": "dataset:db:stg", "min_position": position}).json()
    assert {row["id"] for row in found["nodes"]} == {"dataset:db:raw", "job:etl:load", "dataset:db:stg"}


def test_health_tells_positions_and_lags(client: httpx.Client) -> None:
    position = sent(client, event("again", ("raw",), ("stg",)))
    client.get("/api/v1/datasets", params={"min_position": position})
    assert client.get("/api/v1/health").json() == {
        "status": "ok",
        "journal": {"position": position},
        "projections": {
            "catalog": {"position": position, "lag": 0},
            "graph": {"store": "embedded", "position": position, "lag": 0},
        },
    }


def test_metrics_count_events_commits_and_requests(client: httpx.Client) -> None:
    sent(client, event("counted"))
    text = client.get("/api/v1/metrics").text
    assert re.search(r'^headwater_events_total\{outcome="accepted"\} [1-9]', text, re.M)
    assert re.search(r"^headwater_group_events_count [1-9]", text, re.M)
    assert re.search(r"^headwater_ack_seconds_count [1-9]", text, re.M)
    assert 'headwater_request_seconds_count{method="POST",path="/api/v1/lineage",status="201"}' in text
    assert re.search(r'^headwater_lag_events\{projection="graph"\} \d', text, re.M)


def test_a_projector_that_dies_is_started_again_and_loses_nothing(server: Server, client: httpx.Client) -> None:
    projector = projector_of(server)
    os.kill(projector, signal.SIGKILL)
    position = sent(client, event("after the kill", ("raw",), ("late",)))
    assert comes_true(lambda: children(server.process.pid) not in ([], [projector]))
    answer = client.get("/api/v1/trace", params={"node": "dataset:db:late", "min_position": position})
    assert answer.status_code == 200


def test_what_is_no_request_is_answered_as_a_problem(client: httpx.Client) -> None:
    line = Line(int(client.base_url.port or 0))
    line.send(b"POST /api/v1/lineage HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert line.answer()[0] == 400
    line.socket.close()


def test_a_chunked_body_without_end_is_413_before_it_fills_the_memory(server: Server, client: httpx.Client) -> None:
    key = client.headers["authorization"].encode()
    line = Line(int(client.base_url.port or 0))
    head = b"POST /api/v1/lineage HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nAuthorization: " + key
    line.send(head + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    sender = threading.Thread(target=send_until_cut_off, args=(line, chunk))
    sender.start()
    assert line.answer()[0] == 413
    sender.join()
    line.socket.close()
    assert client.get("/api/v1/health").status_code == 200


def send_until_cut_off(line: Line, chunk: bytes) -> None:
    try:
        for _ in range(200):
            line.send(chunk)
    except OSError:
        return


def test_a_body_that_never_comes_is_408(client: httpx.Client) -> None:
    key = client.headers["authorization"].encode()
    line = Line(int(client.base_url.port or 0))
    line.send(b"POST /api/v1/lineage HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\nAuthorization: " + key + b"\r\n\r\n{")
    assert line.answer()[0] == 408
    line.socket.close()


def test_a_second_server_on_the_same_folder_says_so_and_ends(server: Server, client: httpx.Client) -> None:
    second = Server(server.folder)
    assert second.process.wait(PATIENCE_S) == 1
    assert second.process.stderr is not None
    assert "another process appends" in second.process.stderr.read()
    second.stop()


def test_sigterm_ends_it_with_status_0_and_the_next_start_finds_everything(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    with server.ready() as client:
        position = sent(client, event("last", ("raw",), ("stg",)))
        projector = projector_of(server)
        assert server.stop() == 0
    assert is_gone(projector)
    again = Server(tmp_path / "data")
    with again.ready() as client:
        assert not any("key" in line for line in again.printed)
        assert client.get(f"/api/v1/events/{position}").status_code == 200
    assert again.stop(signal.SIGINT) == 0


def test_the_projector_dies_with_a_server_that_is_killed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.ready().close()
    projector = projector_of(server)
    server.stop(signal.SIGKILL)
    assert comes_true(lambda: is_gone(projector))


def test_a_client_that_comes_during_the_start_waits_instead_of_failing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Server(tmp_path / "data", port=port)
    assert comes_true(lambda: connects(port))
    assert not server.printed
    answer = httpx.get(f"http://127.0.0.1:{port}/api/v1/health/live", timeout=PATIENCE_S)
    assert answer.status_code == 200
    assert server.stop() == 0


def connects(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_an_address_that_is_taken_ends_the_start(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = Server(tmp_path / "data", port=taken.getsockname()[1])
        assert server.process.wait(PATIENCE_S) == 1
        server.stop()
    assert not (tmp_path / "data").exists()


def test_a_stranger_is_refused(client: httpx.Client) -> None:
    is_problem(httpx.get(f"{client.base_url}/api/v1/datasets"), 401)
