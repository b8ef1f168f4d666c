"""`headwater diff`: what came, went and changed, as a table and as JSON."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.api.asking import event
from tests.api.cli.conftest import Call, ndjson

MAY_3, MAY_5 = "2026-05-03T00:00:00Z", "2026-05-05T00:00:00Z"
FIRST, SECOND = "3f5e83fa-3480-44ff-99c5-ff943904e5e8", "3f5e83fa-3480-44ff-99c5-ff943904e5e9"


@pytest.fixture
def folder(call: Call, tmp_path: Path) -> Path:
    """mart is filled from old, then from new; its column id becomes a bigint."""
    types = [{"schema": {"fields": [{"name": "id", "type": type_}]}} for type_ in ("int", "bigint")]
    told = [
        event("load", ("old",), ("mart",), at="2026-05-01T00:00:00Z", facets=types[0], run_id=FIRST),
        event("load", ("new",), ("mart",), at="2026-05-04T00:00:00Z", facets=types[1], run_id=SECOND),
    ]
    (tmp_path / "events.ndjson").write_bytes(ndjson(*told))
    assert call("ingest", "events", tmp_path / "events.ndjson", "--data", tmp_path / "data").status == 0
    return tmp_path / "data"


def test_each_change_is_a_line_and_the_totals_are_the_last(call: Call, folder: Path) -> None:
    called = call("diff", "--from", MAY_3, "--to", MAY_5, "--data", folder)
    lines = [" ".join(line.split()) for line in called.out.splitlines()]

    assert (called.status, called.err) == (0, "")
    assert lines == [
        "+ node dataset:db:new",
        "- edge dataset:db:old → job:etl:load read",
        "+ edge dataset:db:new → job:etl:load read",
        "~ column dataset:db:mart id type: int → bigint",
        "2 came, 1 went, 1 changed",
    ]


def test_nothing_that_changed_is_said_in_one_line(call: Call, folder: Path) -> None:
    assert call("diff", "--from", MAY_5, "--data", folder).out == "0 came, 0 went, 0 changed\n"


def test_json_is_the_answer_of_the_route(call: Call, folder: Path) -> None:
    called = call("diff", "--from", MAY_3, "--to", MAY_5, "--format", "json", "dataset:db:mart", "--data", folder)
    answer = orjson.loads(called.out)

    assert answer["totals"]["removed"]["edges"] == 1
    assert answer["node"] == "dataset:db:mart"


def test_two_runs_are_compared(call: Call, folder: Path) -> None:
    called = call("diff", "--from-run", FIRST, "--to-run", SECOND, "--data", folder)

    assert "- edge dataset:db:old → job:etl:load" in " ".join(called.out.split())


def test_a_question_that_makes_no_sense_is_status_1_with_its_reason(call: Call, folder: Path) -> None:
    called = call("diff", "--from", MAY_5, "--to", MAY_3, "--data", folder)

    assert called.status == 1
    assert "is after `to`" in called.err
