"""A full disk and a failing one: 503 and nothing acknowledged, reads go on, and what was acknowledged stays."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.live.crash.checker import Checker
from tests.live.crash.conftest import Soak
from tests.live.crash.mount import Mount
from tests.live.crash.served import Served, served
from tests.live.crash.stack import Place
from tests.live.crash.workload import Diary, History, Name, body_of
from tests.servers import Unavailable, or_skip

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]
RESUME_S = 5.0
MIB = 1024 * 1024


class Producer:
    """Sends events over HTTP, and writes down what was acknowledged."""

    def __init__(self, client: httpx.Client, diary: Diary, cycle: int) -> None:
        self._client, self._diary, self._cycle, self._n = client, diary, cycle, 0

    def send(self) -> httpx.Response:
        name = Name(self._cycle, 0, self._n)
        self._n += 1
        self._diary.sending(name)
        answer = self._client.post("/lineage", content=body_of(name))
        if answer.status_code == 201:
            self._diary.acknowledged(name, answer.json()["position"])
        return answer

    def sends_until(self, status: int, within_s: float) -> float:
        """Seconds until an answer has that status."""
        began = time.monotonic()
        while (answer := self.send()).status_code != status:
            assert time.monotonic() - began < within_s, answer.text
            time.sleep(0.02)
        return time.monotonic() - began


def refused(answer: httpx.Response) -> bool:
    """Whether an answer is one that an OpenLineage client sends again after."""
    return answer.status_code == 503 and int(answer.headers["Retry-After"]) >= 1


def reads(client: httpx.Client) -> bool:
    answers = [client.get("/health"), client.get("/events", params={"limit": 1}), client.get("/jobs")]
    return all(answer.status_code == 200 for answer in answers) and len(answers[1].json()["items"]) == 1


@pytest.fixture
def laid(mount: Mount, tmp_path: Path) -> tuple[Mount, Path, Path]:
    """The file system, the server's folder on it, and a folder for diaries off it."""
    return mount, mount.fresh(), tmp_path


def full(laid: tuple[Mount, Path, Path], rounds: int) -> None:
    """The disk fills up, and has room again; then it is said to be nearly full, and no longer."""
    mount, folder, diaries = laid
    with served(folder) as server, server.client() as client:
        for number in range(1, rounds + 1):
            producer = Producer(client, Diary(diaries / f"{number}.diary"), number)
            assert producer.send().status_code == 201
            for room, free in ((20_000, None), (None, 100 * MIB)):
                mount.set(room=room, free=free)
                producer.sends_until(503, within_s=30)
                assert refused(producer.send())
                assert reads(client)
                mount.set()
                assert producer.sends_until(201, within_s=30) <= RESUME_S
    found = Checker(Place.in_folder(folder), History(diaries)).check(replay=True)
    assert found == []


def test_a_full_disk_is_refused_and_room_is_used_at_once(laid: tuple[Mount, Path, Path]) -> None:
    full(laid, rounds=2)


def failing(laid: tuple[Mount, Path, Path], rounds: int) -> None:
    mount, folder, diaries = laid
    for number in range(1, rounds + 1):
        with served(folder) as server, server.client() as client:
            producer = Producer(client, Diary(diaries / f"{number}.diary"), number)
            assert producer.send().status_code == 201
            mount.set(broken=True)
            assert refused(producer.send())
            mount.set()  # the next fsync would say yes, and mean nothing
            assert all(refused(producer.send()) for _ in range(20))
            assert reads(client)
    found = Checker(Place.in_folder(folder), History(diaries)).check(replay=True)
    assert found == []


def test_after_a_failed_fsync_nothing_is_acknowledged_until_a_fresh_start(laid: tuple[Mount, Path, Path]) -> None:
    failing(laid, rounds=1)


def test_the_same_of_the_real_system_call(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with served(folder) as server, server.client() as client:
        producer = Producer(client, Diary(tmp_path / "1.diary"), 1)
        assert producer.send().status_code == 201
        tracer = or_skip(lambda: failing_fsync(server, folder / "journal.db-wal"))
        try:
            assert refused(producer.send())
        finally:
            tracer.terminate()
            tracer.communicate(timeout=20)
        assert all(refused(producer.send()) for _ in range(20))
        assert reads(client)
    found = Checker(Place.in_folder(folder), History(tmp_path)).check(replay=True)
    assert found == []


def failing_fsync(server: Served, path: Path) -> subprocess.Popen[str]:
    """strace that lets every fsync of one file fail with EIO."""
    if shutil.which("strace") is None:
        raise Unavailable("a failing fsync needs strace (apt install strace)")
    command = ["strace", "-f", "-p", str(server.pid), "-o", "/dev/null", "-P", str(path), "-e", "trace=fsync,fdatasync"]
    inject = "inject=fsync,fdatasync:error=EIO"
    tracer = subprocess.Popen([*command, "-e", inject], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    for line in tracer.stderr:
        if "attached" in line:  # to all threads at once
            return tracer
    tracer.communicate()
    raise Unavailable("strace may not attach here (kernel.yama.ptrace_scope, or a container without SYS_PTRACE)")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_disk_that_fills_twenty_times(laid: tuple[Mount, Path, Path], soak: Soak) -> None:
    full(laid, rounds=soak.count(20))
    print(f"disk full, {soak.count(20)} rounds: nothing lost")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_disk_that_fails_twenty_times(laid: tuple[Mount, Path, Path], soak: Soak) -> None:
    failing(laid, rounds=soak.count(20))
    print(f"EIO on fsync, {soak.count(20)} rounds: nothing lost")
