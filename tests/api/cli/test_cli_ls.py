"""`headwater ls`: what a selection means, as a table, as ids, as JSON."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from tests.api.cli.conftest import Call, event, ndjson

REVENUE = "dataset:postgres://127.0.0.1:5499:warehouse.marts.v_revenue"


def test_a_selection_is_listed_as_a_table_with_its_totals(call: Call, demo_folder: Path) -> None:
    called = call("ls", "1+v_revenue", "--data", demo_folder)
    title, *lines, totals = called.out.splitlines()

    assert (called.status, called.err) == (0, "")
    assert title.split() == ["name", "namespace", "owners", "tags"]
    assert any("▤ warehouse.marts.v_revenue " in line for line in lines)
    assert totals.endswith(" jobs")


def test_ids_go_on_to_other_commands(call: Call, demo_folder: Path) -> None:
    called = call("ls", "v_revenue and kind:dataset", "--format", "ids", "--data", demo_folder)

    assert called.out == f"{REVENUE}\n"
    assert call("trace", called.out.strip(), "--data", demo_folder).status == 0


def test_json_is_the_answer_of_the_route(call: Call, demo_folder: Path) -> None:
    found = orjson.loads(call("ls", " v_revenue,kind:dataset ", "--format", "json", "--data", demo_folder).out)

    assert found["selection"] == "v_revenue and kind:dataset"
    assert [row["id"] for row in found["items"]] == [REVENUE]
    assert found["totals"] == {"datasets": 1, "jobs": 0}


def test_what_means_nothing_is_said_on_stderr(call: Call, demo_folder: Path) -> None:
    called = call("ls", "v_revenu", "--data", demo_folder)

    assert (called.status, called.out) == (0, "0 datasets, 0 jobs\n")
    assert called.err.startswith("v_revenu: nothing that is listed matches this; did you mean ")
    assert REVENUE in called.err


@pytest.mark.parametrize(("limit", "shown"), [("3", 3), ("0", 1500), ("1200", 1200)])
def test_so_many_are_shown_as_are_asked_for(call: Call, tmp_path: Path, limit: str, shown: int) -> None:
    file = tmp_path / "events.ndjson"
    tables = [{"namespace": "db", "name": f"t{number}"} for number in range(1500)]
    file.write_bytes(ndjson(event(1, inputs=[], outputs=tables)))
    call("ingest", "events", file, "--data", tmp_path / "data")
    called = call("ls", "namespace:db", "--limit", limit, "--data", tmp_path / "data")

    assert len(called.out.splitlines()) == shown + 2
    assert ("not shown" in called.out) == (shown < 1500)


def test_what_is_no_selection_is_status_1_and_says_where(call: Call, demo_folder: Path) -> None:
    called = call("ls", "(a or b", "--data", demo_folder)

    assert (called.status, called.out) == (1, "")
    assert 'column 1: this "(" is never closed' in called.err


def test_an_argument_that_is_no_utf_8_is_status_2_and_said(call: Call, demo_folder: Path) -> None:
    called = call("ls", "a\udcff", "--data", demo_folder)

    assert called.status == 2
    assert called.err.startswith("headwater: 'a\\udcff' is no UTF-8")


def test_a_trace_is_narrowed_to_a_selection(call: Call, demo_folder: Path) -> None:
    called = call(
        "trace", REVENUE, "--upstream", "--select", "name:*.core.*", "--format", "json", "--data", demo_folder
    )

    names = [row["name"] for row in orjson.loads(called.out)["nodes"]]
    assert names[0] == "warehouse.marts.v_revenue"
    assert len(names) > 1
    assert all(".core." in name for name in names[1:])


def test_a_narrowed_trace_is_shown_as_a_table_with_distances(call: Call, demo_folder: Path) -> None:
    called = call("trace", REVENUE, "--upstream", "--select", "name:*.core.* or tag:nobody", "--data", demo_folder)
    title, root, *lines, totals = called.out.splitlines()

    assert title.split() == ["hops", "name", "namespace", "owners", "tags"]
    assert root.split()[:2] == ["▤", "warehouse.marts.v_revenue"]
    assert all(line.startswith("▲ ") and ".core." in line for line in lines)
    assert totals == f"{len(lines) + 1} datasets"
    assert called.err == "tag:nobody: nothing that is listed matches this\n"
