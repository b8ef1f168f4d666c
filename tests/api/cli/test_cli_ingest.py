"""`headwater ingest events`: every form of file, what is refused, and going on after an interruption."""

from __future__ import annotations

import gzip
import io
import sys
from pathlib import Path

import orjson
import pytest

from api.commands import ingesting
from tests.api.cli.conftest import Call, event, ndjson

EVENTS = [event(number) for number in range(1, 4)]


def table_reaches(call: Call, data: Path, number: int) -> bool:
    """Whether the first table leads to table `number`."""
    called = call("trace", "dataset:db:table_1", "--downstream", "--depth", "all", "--format", "json", "--data", data)
    return f"dataset:db:table_{number}" in {node["id"] for node in orjson.loads(called.out)["nodes"]}


@pytest.mark.parametrize(
    "body",
    [
        ndjson(*EVENTS),
        ndjson(*EVENTS).rstrip(b"\n"),
        b"\xef\xbb\xbf" + ndjson(*EVENTS).replace(b"\n", b"\r\n\r\n"),
        orjson.dumps(EVENTS),
        b" \n" + orjson.dumps(EVENTS, option=orjson.OPT_INDENT_2) + b"\n",
        gzip.compress(ndjson(*EVENTS)),
        gzip.compress(ndjson(*EVENTS[:1])) + gzip.compress(ndjson(*EVENTS[1:])),
    ],
    ids=["ndjson", "no line end", "BOM and CRLF", "array", "pretty array", "gzip", "gzip of two members"],
)
def test_every_form_of_file_is_read(call: Call, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "events").write_bytes(body)

    called = call("ingest", "events", tmp_path / "events", "--data", tmp_path / "data")

    assert called.status == 0, called.err
    assert table_reaches(call, tmp_path / "data", 4)


def test_one_event_over_many_lines_is_read(call: Call, tmp_path: Path) -> None:
    (tmp_path / "one.json").write_bytes(orjson.dumps(event(1), option=orjson.OPT_INDENT_2))

    assert call("ingest", "events", tmp_path / "one.json", "--data", tmp_path / "data").status == 0
    assert table_reaches(call, tmp_path / "data", 2)


def test_standard_input_is_read(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ndjson(*EVENTS))))

    assert call("ingest", "events", "-", "--data", tmp_path / "data").status == 0
    assert table_reaches(call, tmp_path / "data", 4)


def test_what_is_refused_is_told_with_its_line_its_place_and_the_reason(call: Call, tmp_path: Path) -> None:
    lines = [ndjson(event(1)), b"{not json\n", b"\n", ndjson(event(2, run={"runId": "7"})), b"[]\n", ndjson(event(3))]
    file = tmp_path / "mixed.ndjson"
    file.write_bytes(b"".join(lines))

    called = call("ingest", "events", file, "--data", tmp_path / "data")

    assert called.status == 1
    told = called.err.splitlines()
    assert any(line.startswith(f"{file}:2: ") for line in told)
    assert any(line.startswith(f"{file}:4: ") and "/run/runId" in line and "UUID" in line for line in told)
    assert any(line.startswith(f"{file}:5: ") for line in told)
    assert not any(line.startswith((f"{file}:1: ", f"{file}:6: ")) for line in told)
    assert table_reaches(call, tmp_path / "data", 2)
    assert call("trace", "dataset:db:table_4", "--data", tmp_path / "data").status == 0


def test_a_file_of_nothing_but_refused_events_says_each(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    file.write_bytes(ndjson(event(1, run={"runId": "7"}), event(2, eventTime="yesterday")))

    called = call("ingest", "events", file, "--data", tmp_path / "data")

    assert called.status == 1
    assert f"{file}:1: " in called.err
    assert f"{file}:2: " in called.err
    assert "/eventTime" in called.err


def test_events_that_were_there_before_are_counted_apart(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(ndjson(*EVENTS))
    call("ingest", "events", file, "--data", tmp_path / "data")
    file.write_bytes(ndjson(*EVENTS, event(9)))

    called = call("ingest", "events", file, "--data", tmp_path / "data")

    assert called.status == 0
    cells = [cell.strip() for cell in called.out.splitlines()[3].split("│")]
    assert cells[2:6] == ["4", "1", "3", "0"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file"), (gzip.compress(ndjson(*EVENTS))[:-20], "gzip"), (b'[{"a": 1} {"b": 2}]', "no comma")],
    ids=["absent", "cut off", "no JSON"],
)
def test_a_file_that_cannot_be_read_is_status_1(call: Call, tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "events.gz"
    if content is not None:
        file.write_bytes(content)

    called = call("ingest", "events", file, "--data", tmp_path / "data")

    assert called.status == 1
    assert str(file) in called.err
    assert reason in called.err


def interrupt(call: Call, file: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends the first two events, then is interrupted."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ingesting, "BATCH_EVENTS", 2)
        patched.setattr(ingesting, "_advance", stop)
        assert call("ingest", "events", file, "--data", data).status == 130


def test_an_interrupted_run_goes_on_where_it_was(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, data = tmp_path / "events.ndjson", tmp_path / "data"
    file.write_bytes(ndjson(*(event(number) for number in range(1, 8))))
    interrupt(call, file, data, monkeypatch)

    called = call("ingest", "events", file, "--data", data)

    assert called.status == 0, called.err
    cells = [cell.strip() for cell in called.out.splitlines()[3].split("│")]
    assert cells[2:6] == ["7", "5", "2", "0"]
    assert table_reaches(call, data, 8)
    assert list((data / "ingest").iterdir()) == []


def test_a_bookmark_is_not_believed_when_the_folder_was_emptied(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "events.ndjson", tmp_path / "data"
    file.write_bytes(ndjson(*EVENTS))
    interrupt(call, file, data, monkeypatch)
    for database in data.glob("*.db*"):
        database.unlink()

    assert call("ingest", "events", file, "--data", data).status == 0
    assert table_reaches(call, data, 4)


def test_a_file_that_changed_since_is_said_and_sent_whole_on_demand(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, data = tmp_path / "events.ndjson", tmp_path / "data"
    file.write_bytes(ndjson(*EVENTS))
    interrupt(call, file, data, monkeypatch)
    file.write_bytes(ndjson(event(1), event(5), event(6)))

    refused = call("ingest", "events", file, "--data", data)
    taken = call("ingest", "events", file, "--data", data, "--from-start")

    assert refused.status == 1
    assert "--from-start" in refused.err
    assert taken.status == 0
    assert call("trace", "dataset:db:table_7", "--data", data).status == 0


def test_a_server_that_is_not_there_is_status_1(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.commands.doors.PATIENCE_S", 0.0)
    (tmp_path / "events").write_bytes(ndjson(*EVENTS))

    called = call("ingest", "events", tmp_path / "events", "--url", "http://127.0.0.1:9")

    assert called.status == 1
    assert "can't be reached" in called.err
