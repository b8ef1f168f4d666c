"""The projector's process is kept alive, and whoever asks hears how it is."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from api.projecting import ProjectorProcess
from tests.api.test_server import comes_true, is_gone

READS_TO_THE_END = (sys.executable, "-c", "import sys; sys.stdin.read()")
DIES = (sys.executable, "-c", "raise SystemExit(3)")
IGNORES_ITS_PARENT = (sys.executable, "-c", "import time; time.sleep(600)")


@pytest.fixture
def kept(request: pytest.FixtureRequest) -> Iterator[ProjectorProcess]:
    process = ProjectorProcess({}, request.param)
    process.start()
    yield process
    process.stop()


@pytest.mark.parametrize("kept", [READS_TO_THE_END], indirect=True)
def test_a_projector_that_runs_has_a_process_and_no_problem(kept: ProjectorProcess) -> None:
    assert comes_true(lambda: kept.pid is not None)
    assert kept.problem is None


@pytest.mark.parametrize("kept", [DIES], indirect=True)
def test_a_projector_that_dies_is_started_again_and_again_and_its_end_is_told(kept: ProjectorProcess) -> None:
    assert comes_true(lambda: kept.restarts >= 2)
    assert comes_true(lambda: "status 3" in (kept.problem or ""))


@pytest.mark.parametrize("kept", [READS_TO_THE_END], indirect=True)
def test_a_projector_ends_when_its_pipe_is_closed(kept: ProjectorProcess) -> None:
    assert comes_true(lambda: kept.pid is not None)
    pid = kept.pid or 0
    kept.stop()
    assert is_gone(pid)
    assert kept.restarts == 0


@pytest.mark.parametrize("kept", [IGNORES_ITS_PARENT], indirect=True)
def test_a_projector_that_doesnt_end_is_killed(kept: ProjectorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.projecting.PATIENCE_S", 0.2)
    assert comes_true(lambda: kept.pid is not None)
    pid = kept.pid or 0
    kept.stop()
    assert is_gone(pid)
