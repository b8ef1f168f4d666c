"""Producers as they are in the world: OpenLineage's own clients deliver everything through overload and restarts."""

from __future__ import annotations

import hashlib
import itertools
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
from openlineage.client.transport.async_http import AsyncHttpConfig, AsyncHttpTransport
from openlineage.client.transport.http import HttpConfig, HttpTransport

from ingest.commit import Record
from tests.live.crash.served import KEY, Served, served
from tests.live.crash.stack import Place, opened
from tests.live.crash.workload import Name, body_of

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]
STALL_S = 3.0
# By default a client gives up after 9 s; beside other tests a start of the server may take longer.
PATIENT = {
    "total": 7,
    "backoff_factor": 0.3,
    "status_forcelist": [500, 502, 503, 504],
    "allowed_methods": ["HEAD", "POST"],
}
Send = Callable[[RunEvent], None]


def event(n: int) -> RunEvent:
    return RunEvent(
        eventType=RunState.START,
        eventTime="2026-01-01T00:00:00Z",
        run=Run(runId=Name(1, 0, 2 * n).run_id),
        job=Job(namespace="overload", name=f"job_{n}"),
        producer="https://example.com/overload",
    )


def options(url: str, **more: object) -> dict[str, object]:
    return {
        "url": url,
        "endpoint": "api/v1/lineage",
        "auth": {"type": "api_key", "api_key": KEY},
        **more,
    }


@contextmanager
def synchronous(url: str, **more: object) -> Iterator[Send]:
    """HttpTransport, as Airflow and dbt use it."""
    transport = HttpTransport(HttpConfig.from_dict(options(url, **more)))
    yield transport.emit
    transport.close()


@contextmanager
def asynchronous(url: str, **more: object) -> Iterator[Send]:
    transport = AsyncHttpTransport(AsyncHttpConfig.from_dict(options(url, **more)))
    yield transport.emit
    assert transport.wait_for_completion(60)
    transport.close(30)


@contextmanager
def stalled(folder: Path) -> Iterator[None]:
    """The journal's writer waits for somebody else's transaction, as it would for a disk that is busy."""
    with closing(sqlite3.connect(folder / "journal.db", isolation_level=None, timeout=20)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def delivered(server: Served) -> set[str]:
    """Runs in the journal."""
    found: set[str] = set()
    with server.client() as client:
        after = "0"
        while after is not None:
            page = client.get("/events", params={"after": after, "limit": 500}).json()
            found |= {item["event"]["run"]["runId"] for item in page["items"]}
            after = page["next"]
    return found


def test_stock_clients_deliver_everything_through_a_short_overload(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    answers: list[httpx.Response] = []
    with served(folder) as server, synchronous(server.url) as send, asynchronous(server.url) as send_async:
        send(event(0))
        with stalled(folder):
            senders = [threading.Thread(target=send, args=(event(n),)) for n in range(1, 9)]
            senders += [threading.Thread(target=send_async, args=(event(n),)) for n in range(9, 17)]
            for sender in senders:
                sender.start()
            # What producers are told meanwhile: the commit before them is older than a second.
            until = time.monotonic() + STALL_S
            with server.client() as watcher:
                while time.monotonic() < until:
                    time.sleep(0.2)
                    answers += _refused(watcher)
        for sender in senders:
            sender.join()
        everything = {event(n).run.runId for n in range(17)}
        assert comes_true(lambda: delivered(server) >= everything, 60)
    assert answers, "there was no overload: the test proves nothing"
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in answers)


def _refused(client: httpx.Client) -> list[httpx.Response]:
    try:
        answer = _posted(client, timeout_s=0.5)
    except httpx.TimeoutException:
        return []  # it was let in, and waits
    return [answer] if answer.status_code == 503 else []


def _posted(client: httpx.Client, timeout_s: float = 60.0) -> httpx.Response:
    return client.post("/lineage", content=body_of(Name(2, 0, 0)), timeout=timeout_s)


def test_stock_clients_deliver_everything_through_a_restart(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    stop = threading.Event()
    sent: set[int] = set()

    def produce(send: Send, first: int) -> None:
        for n in itertools.count(first, 2):
            if stop.is_set():
                return
            send(event(n))
            sent.add(n)
            time.sleep(0.02)

    with (
        served(folder) as first,
        synchronous(first.url, retry=PATIENT) as send,
        asynchronous(first.url, retry=PATIENT) as send_async,
    ):
        producers = [threading.Thread(target=produce, args=given) for given in ((send, 0), (send_async, 1))]
        for producer in producers:
            producer.start()
        assert comes_true(lambda: len(sent) >= 20, 60)
        first.stop()
        with served(folder, first.port) as second:
            before = len(sent)
            assert comes_true(lambda: len(sent) >= before + 20, 60)
            stop.set()
            for producer in producers:
                producer.join()
            everything = {event(n).run.runId for n in sent}
            assert comes_true(lambda: delivered(second) >= everything, 60)


def comes_true(what: Callable[[], bool], within_s: float) -> bool:
    until = time.monotonic() + within_s
    while not what():
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    return True


def filled(folder: Path, events: int) -> None:
    """A journal of many events, appended by its own committer."""
    with opened(Place.in_folder(folder)) as stack:
        for start in range(0, events, 5_000):
            stack.journal.append_many([_record(n) for n in range(start, min(start + 5_000, events))])


def _record(n: int) -> Record:
    pair = n // 2 % 1_000
    body = (
        f'{{"eventType":"{"COMPLETE" if n % 2 else "START"}","eventTime":"2026-01-01T00:00:{n % 60:02d}Z",'
        f'"run":{{"runId":"{Name(3, 0, n).run_id}"}},"job":{{"namespace":"restart","name":"job_{pair}"}},'
        f'"inputs":[{{"namespace":"db","name":"t{pair}"}}],"outputs":[{{"namespace":"db","name":"t{pair + 1}"}}],'
        '"producer":"https://example.com/restart",'
        '"schemaURL":"https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}'
    ).encode()
    return Record(hashlib.sha256(body).digest(), 1_767_225_600_000_000 + n, pair, body)


def ready(folder: Path, events: int) -> float:
    """Seconds of processor time until a start over that many events takes the next one; both clocks are printed.

    Not of the wall's clock: on a machine that is busy with other things that measures the other things.
    """
    folder.mkdir()
    filled(folder, events)
    began = time.monotonic()
    with served(folder) as server, server.client() as client:
        wall_s, processor_s = time.monotonic() - began, _processor_s(server.pid)
        assert client.get("/health/ready").status_code == 200
        assert _posted(client).json()["position"] == events + 1
    print(f"{events:,} events in the journal: ready after {wall_s:.1f} s, {processor_s:.1f} s of them its own work")
    return processor_s


def _processor_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_ready_within_five_seconds_with_100_000_events(tmp_path: Path) -> None:
    assert ready(tmp_path / "data", 100_000) <= 5.0


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_ready_within_five_seconds_with_1_000_000_events(tmp_path: Path) -> None:
    assert ready(tmp_path / "data", 1_000_000) <= 5.0
