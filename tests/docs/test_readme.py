"""What README tells a newcomer to type is typed here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.docs.running import ROOT, Running, free_port, running, shell

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", README, re.DOTALL | re.MULTILINE)
# Whole commands: a line that ends in a backslash goes on, and so does an open quote.
COMMANDS = [
    command.strip()
    for block in BLOCKS
    for command in re.split(r"\n(?=(?:make|headwater|curl|pip|export|docker|dbt-ol)\b)", block)
]
RUN = ("headwater ", "curl ")
# Needs what a test has not: an image builder, another tool's environment; or it is the test itself.
NOT_RUN = ("make ", "docker ", "pip install ", "dbt-ol ", "export ")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """`make demo`, in a folder of its own."""
    folder = tmp_path_factory.mktemp("newcomer")
    with running(["demo", "--port", str(free_port())], folder) as server:
        yield server, folder


def test_every_command_is_run_or_known_not_to_be() -> None:
    assert COMMANDS
    assert [command for command in COMMANDS if not command.startswith(RUN + NOT_RUN)] == []


@pytest.mark.parametrize("command", [command for command in COMMANDS if command.startswith(RUN)])
def test_a_command_works_as_pasted(command: str, demo: tuple[Running, Path]) -> None:
    server, folder = demo

    done = shell(command.replace("http://127.0.0.1:8000", server.url), folder)

    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert "problem" not in done.stdout[:200]


def test_the_trace_that_is_shown_is_the_trace_that_comes(demo: tuple[Running, Path]) -> None:
    _, folder = demo
    command = next(command for command in COMMANDS if command.startswith("headwater trace"))
    shown = re.search(r"^```\n(▤.*?)^```", README, re.DOTALL | re.MULTILINE)

    assert shown is not None
    assert shell(command, folder).stdout == shown[1]


def test_the_demo_prints_lines_that_work_as_pasted(demo: tuple[Running, Path]) -> None:
    server, folder = demo
    lines = [line.strip() for line in server.said if re.match(r"\s+(curl|HEADWATER_TOKEN=)", line)]

    done = [shell(line, folder) for line in lines]

    assert len(lines) >= 5
    assert [one.stderr for one in done if one.returncode] == []
    assert orjson.loads(done[0].stdout)["status"] == "ok"
    assert orjson.loads(done[1].stdout)["totals"]["datasets"] > 5


def test_the_demo_tells_a_story_from_airflow_into_dbt(demo: tuple[Running, Path]) -> None:
    text = "".join(demo[0].said)

    assert "ingest_orders.merge_dim_customer" in text, "an Airflow task"
    assert "warehouse.analytics_marts.shop.wh_customer_value" in text, "a dbt model that reads what it wrote"
    assert "to be told: " in text
