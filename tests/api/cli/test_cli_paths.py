"""`headwater paths` and `headwater report lineage`."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from api.commands.shapes import path_lines
from tests.api.cli.conftest import Call, event, ndjson


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """table_1 -> step_1 -> table_2 -> step_2 -> table_3."""
    from api.cli import run

    made = tmp_path_factory.mktemp("chain")
    (made / "events.ndjson").write_bytes(ndjson(event(1), event(2)))
    assert run(["ingest", "events", str(made / "events.ndjson"), "--data", str(made / "data")]) == 0
    return made / "data"


def test_a_path_is_shown_with_a_node_a_line(call: Call, folder: Path) -> None:
    called = call("paths", "dataset:db:table_1", "dataset:db:table_3", "--granularity", "dataset", "--data", folder)

    assert called.status == 0
    assert called.out.splitlines() == [
        "path 1, 2 hops",
        "  dataset:db:table_1",
        "  ──▶ dataset:db:table_2  by jobs:step_1",
        "  ──▶ dataset:db:table_3  by jobs:step_2",
        "1 path in all, 1 path of the shortest length",
        "every path goes through dataset:db:table_2",
    ]


def test_where_there_is_no_path_the_reason_is_shown(call: Call, folder: Path) -> None:
    called = call("paths", "dataset:db:table_3", "dataset:db:table_1", "--data", folder)

    assert called.status == 0
    assert "the other way there is one, 4 hops long" in called.out


def test_json_is_the_answer_of_the_route(call: Call, folder: Path) -> None:
    options = ["-k", "1", "--as-of", "2020-01-01T00:00:00Z", "--format", "json"]
    called = call("paths", "dataset:db:table_1", "dataset:db:table_3", "--data", folder, *options)

    assert orjson.loads(called.out)["paths"] == []


def test_an_unknown_node_fails_with_its_name(call: Call, folder: Path) -> None:
    called = call("paths", "dataset:db:table_1", "dataset:db:nowhere", "--data", folder)

    assert called.status == 1
    assert "dataset:db:nowhere" in called.err


def test_a_long_path_is_shown_by_its_ends_and_a_guess_is_dashed() -> None:
    nodes = [f"dataset:db:d{at}" for at in range(1_000)]
    steps = [{"source": a, "target": b, "basis": "implicit_product", "jobs": []} for a, b in pairwise(nodes)]
    found: dict[str, Any] = {
        "paths": [{"length": 999, "nodes": nodes, "steps": steps}],
        "totals": {"all": str(10**30), "shortest": 1, "at_least": True},
        "dominators": nodes[1:-1],
        "min_cut": {"size": 2, "nodes": ["dataset:db:a", "dataset:db:b"]},
        "reason": None,
    }

    lines = [line.plain for line in path_lines(found)]

    assert "  ╌╌▶ dataset:db:d1  a guess" in lines
    assert "  … 960 more; --format json shows all" in lines
    assert "at least 1.0e30 paths in all, 1 path of the shortest length" in lines
    assert lines[-1] == "2 nodes cut every path: dataset:db:a, dataset:db:b"
    assert len(lines) < 50


@pytest.mark.parametrize(("form", "start"), [("table", "Summary\n"), ("md", "# Lineage report\n"), ("json", "{")])
def test_the_report_is_written_for_people_and_for_programs(call: Call, folder: Path, form: str, start: str) -> None:
    called = call("report", "lineage", "--format", form, "--data", folder)

    assert called.status == 0
    assert called.out.startswith(start)
    assert "maximum" in called.out


def test_the_report_is_a_table_of_names_and_values(call: Call, folder: Path) -> None:
    lines = call("report", "lineage", "--data", folder).out.splitlines()

    assert "  maximum depth                4" in lines
    assert "  is cyclic                    no" in lines
