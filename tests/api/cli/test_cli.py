"""How the command line is called: help, exit status, messages."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.api.cli.conftest import Call

ROOT = Path(__file__).parents[3]


def test_help_imports_nothing_heavy() -> None:
    """`headwater --help` answers in 0.15 s, because frameworks and drivers come with the command that needs them."""
    script = (
        "import sys\nfrom api.cli import run\nrun(['--help'])\n"
        "heavy = {'fastapi', 'pydantic', 'sqlalchemy', 'numpy', 'scipy', 'networkx', 'neo4j', 'uvicorn', 'httpx'}\n"
        "sys.stderr.write(','.join(sorted(heavy & set(sys.modules))))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)

    assert "serve" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["frobnicate"],
        ["trace"],
        ["trace", "dataset:a:b", "--format", "prose"],
        ["trace", "dataset:a:b", "--upstream", "--downstream"],
        ["trace", "dataset:a:b", "--url", "http://127.0.0.1:1", "--data", "here"],
        ["trace", "dataset:a:b", "--url", "127.0.0.1:8000"],
        ["rebuild"],
        ["serve", "--port", "many"],
        ["ingest", "events"],
    ],
)
def test_a_wrong_call_is_status_2_and_says_why(call: Call, arguments: list[str]) -> None:
    called = call(*arguments)

    assert called.status == 2
    assert called.err.strip()
    assert "Traceback" not in called.err


def test_an_unknown_node_is_status_1_and_tells_similar_names(call: Call, demo_folder: Path) -> None:
    called = call("trace", "dataset:postgres://127.0.0.1:5499:warehouse.raw.fx_ratez", "--data", demo_folder)

    assert called.status == 1
    assert called.err.startswith("headwater: ")
    assert "dataset:postgres://127.0.0.1:5499:warehouse.raw.fx_rates" in called.err
    assert called.out == ""


def test_what_is_no_id_is_status_1_and_says_how_ids_look(call: Call, demo_folder: Path) -> None:
    called = call("trace", "fx_rates", "--data", demo_folder)

    assert called.status == 1
    assert "dataset:NAMESPACE:NAME" in called.err


def test_a_bad_setting_is_named_with_its_reason(call: Call, tmp_path: Path) -> None:
    called = call("check", "--data", tmp_path, "--graph", "redis://x")

    assert called.status == 1
    assert "graph" in called.err
    assert "neo4j://" in called.err


def test_a_port_that_is_taken_is_said_before_anything_is_done(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        where = ["--port", str(taken.getsockname()[1]), "--data", str(tmp_path / "made")]
        ended = [headwater("demo", *where), headwater("serve", *where)]

    assert [done.returncode for done in ended] == [1, 1]
    assert all("is taken" in done.stderr for done in ended)
    assert not (tmp_path / "made").exists()


def headwater(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A call in a process of its own: a server changes how its process logs."""
    command = [sys.executable, "-c", "from api.cli import main; main()", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_reader_that_goes_away_makes_no_noise(demo_folder: Path) -> None:
    script = "from api.cli import main; main()"
    command = f'{sys.executable} -c "{script}" export --data {demo_folder} | head -n 1'
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.stdout.startswith("{")
    assert done.stderr == ""
