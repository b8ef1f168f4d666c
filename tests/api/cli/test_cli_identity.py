"""`headwater identity` and `headwater conflicts`: names are explained, merged and split from the command line."""

from __future__ import annotations

from pathlib import Path

import orjson

from tests.api.cli.conftest import Call, event, ndjson

ONE, OTHER = "dataset:db:table_2", "dataset:db:table_3"


def taken_in(call: Call, tmp_path: Path) -> Path:
    data, file = tmp_path / "data", tmp_path / "events.ndjson"
    file.write_bytes(ndjson(event(1), event(2)))
    assert call("ingest", "events", file, "--data", data).status == 0
    return data


def test_a_merge_is_explained_and_a_split_takes_it_back(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)

    merged = call("identity", ONE, "--merge", OTHER, "--reason", "one table", "--data", data)
    told = call("identity", OTHER, "--data", data)
    split = call("identity", ONE, "--split", OTHER, "--data", data)
    after = orjson.loads(call("identity", OTHER, "--format", "json", "--data", data).out)

    assert (merged.status, merged.out) == (0, f"merge: {ONE}, {OTHER}, at position 3\n")
    assert told.out == f"{ONE}\n  db table_3  person admin one table (event 3)\n"
    assert split.out == f"split: {ONE}, {OTHER}, at position 4\n"
    assert (after["id"], after["aliases"]) == (OTHER, [])


def test_words_that_contradict_each_other_are_refused(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)
    both = call("identity", ONE, "--merge", OTHER, "--split", OTHER, "--data", data)
    into = call("identity", ONE, "--split", OTHER, "--into", ONE, "--data", data)
    itself = call("identity", ONE, "--merge", ONE, "--data", data)
    assert (both.status, into.status, itself.status) == (2, 2, 1)
    assert f"both are {ONE} already" in itself.err


def test_where_nobody_contradicts_there_are_no_conflicts(call: Call, tmp_path: Path) -> None:
    data = taken_in(call, tmp_path)
    assert call("conflicts", "--data", data).out == "0 conflicts\n"
    assert orjson.loads(call("conflicts", ONE, "--format", "json", "--data", data).out)["items"] == []
