"""Calls of the command line, in this process where that shows the same: a start costs a second."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import orjson
import pytest

from api.cli import run

RECORDINGS = sorted(Path(str(files("api.demo"))).glob("*.ndjson.gz"))


@dataclass(frozen=True, slots=True)
class Called:
    """How a call ended and what it wrote."""

    status: int
    out: str
    err: str


Call = Callable[..., Called]


@pytest.fixture
def call(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """Runs `headwater` with these arguments."""
    for name in ("HEADWATER_URL", "HEADWATER_TOKEN", "HEADWATER_DATA", "HEADWATER_ADMIN_KEY"):
        monkeypatch.delenv(name, raising=False)

    def called(*arguments: str | Path) -> Called:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        written = capfd.readouterr()
        return Called(status, written.out, written.err)

    return called


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the demo's events; not to be written to."""
    folder = tmp_path_factory.mktemp("demo")
    assert run(["ingest", "events", *map(str, RECORDINGS), "--data", str(folder)]) == 0
    return folder


@pytest.fixture
def own_folder(demo_folder: Path, tmp_path: Path) -> Path:
    """A copy of it to do with as one likes."""
    folder = tmp_path / "own"
    shutil.copytree(demo_folder, folder)
    return folder


def event(number: int, **changes: object) -> dict[str, object]:
    """A run that reads table `number` and writes the next."""
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-05-01T00:00:00Z",
        "run": {"runId": f"00000000-0000-4000-8000-{number:012d}"},
        "job": {"namespace": "jobs", "name": f"step_{number}"},
        "inputs": [{"namespace": "db", "name": f"table_{number}"}],
        "outputs": [{"namespace": "db", "name": f"table_{number + 1}"}],
        "producer": "https://example.com/tests",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        **changes,
    }


def ndjson(*events: object) -> bytes:
    return b"".join(orjson.dumps(one) + b"\n" for one in events)
