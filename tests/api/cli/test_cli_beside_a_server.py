"""The command line beside a running server: through its address, and on its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from tests.api.cli.conftest import Call, event, ndjson
from tests.docs.running import Running, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    folder = tmp_path_factory.mktemp("server")
    with running(["serve", "--port", "0", "--data", str(folder / "data")], folder) as found:
        yield found, folder / "data"


def address(server: tuple[Running, Path]) -> list[str]:
    found, data = server
    return ["--url", found.url, "--token", (data / "admin.key").read_text().strip()]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("events") / "events.ndjson"
    file.write_bytes(ndjson(*(event(number) for number in range(1, 4))))
    return file


def test_events_go_in_and_traces_come_out(call: Call, server: tuple[Running, Path], events: Path) -> None:
    taken = call("ingest", "events", events, *address(server))
    asked = call("trace", "dataset:db:table_1", "--format", "json", *address(server), "--min-position", "3")

    assert taken.status == 0, taken.err
    assert asked.status == 0, asked.err
    assert orjson.loads(asked.out)["totals"] == {"datasets": 4, "jobs": 3, "fields": 0, "dags": 0}


def test_the_environment_names_the_server(
    call: Call, server: tuple[Running, Path], events: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, data = server
    call("ingest", "events", events, *address(server))
    monkeypatch.setenv("HEADWATER_URL", found.url)
    monkeypatch.setenv("HEADWATER_TOKEN", (data / "admin.key").read_text().strip())

    assert call("trace", "dataset:db:table_1", "--min-position", "3").status == 0


def test_a_wrong_key_says_how_to_give_the_right_one(call: Call, server: tuple[Running, Path]) -> None:
    called = call("trace", "dataset:db:table_1", "--url", server[0].url, "--token", "hw_wrong_wrong_wrong")

    assert called.status == 1
    assert "--token" in called.err
    assert "HEADWATER_TOKEN" in called.err
    assert "hw_wrong" not in called.err


def test_its_folder_can_be_read_beside_it(call: Call, server: tuple[Running, Path], events: Path) -> None:
    call("ingest", "events", events, *address(server))
    call("trace", "dataset:db:table_1", *address(server), "--min-position", "3")

    assert call("trace", "dataset:db:table_1", "--data", server[1]).status == 0
    assert call("export", "--hash", "--data", server[1]).status == 0
    assert call("check", "--data", server[1]).status == 0


@pytest.mark.parametrize("command", [["rebuild", "--catalog"], ["migrate"], ["ingest", "events", "EVENTS"]])
def test_its_folder_cannot_be_written_beside_it(
    call: Call, server: tuple[Running, Path], events: Path, command: list[str]
) -> None:
    called = call(*(str(events) if word == "EVENTS" else word for word in command), "--data", server[1])

    assert called.status == 1
    assert "another process" in called.err
    assert "stop it" in called.err
