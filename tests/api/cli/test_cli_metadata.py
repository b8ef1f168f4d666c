"""`headwater metadata set`: what is said is there, and what makes no sense is refused in words."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.api.cli.conftest import Call, event, ndjson


def taken_in(call: Call, tmp_path: Path) -> Path:
    data, file = tmp_path / "data", tmp_path / "events.ndjson"
    file.write_bytes(ndjson(event(1)))
    assert call("ingest", "events", file, "--data", data).status == 0
    return data


def test_what_is_said_is_in_the_next_answer(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)

    said = call("metadata", "set", "dataset:db:table_2", "--owner", "ada", "--tag", "tier=1", "--data", data)

    assert (said.status, said.out) == (0, "dataset:db:table_2: said, at position 2\n")
    document = orjson.loads(call("ls", "owner:ada", "--format", "json", "--data", data).out)
    assert "dataset:db:table_2" in str(document)


def test_a_word_is_taken_back(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)
    call("metadata", "set", "dataset:db:table_2", "--owner", "ada", "--data", data)

    assert call("metadata", "set", "dataset:db:table_2", "--take-back", "owners", "--data", data).status == 0
    assert "table_2" not in call("ls", "owner:ada", "--format", "ids", "--data", data).out


def test_what_makes_no_sense_is_refused_in_words(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)

    nothing = call("metadata", "set", "dataset:db:table_2", "--data", data)
    both = call("metadata", "set", "dataset:db:table_2", "--tag", "a", "--take-back", "tags", "--data", data)

    assert (nothing.status, "says nothing" in nothing.err) == (1, True)
    assert (both.status, "both said and taken back" in both.err) == (2, True)
