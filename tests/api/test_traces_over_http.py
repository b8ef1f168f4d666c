"""GET /trace and its formats, from events to answers."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import networkx as nx
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import open_headwater
from tests.api.asking import KEY, event, is_problem, sent

TRACE = "/api/v1/trace"


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> int:
    """raw -> load -> stg -> build -> mart -> report, with a column all the way to mart."""
    owners = {"ownership": {"owners": [{"name": "team:shop", "type": "MAINTAINER"}]}}
    return sent(
        client,
        event("load", ("raw",), ("stg",), columns={"mail": [("raw", "mail")]}, at="2026-05-01T01:00:00Z"),
        event("seed", (), ("raw",), facets={"schema": {"fields": [{"name": "mail", "type": "text"}]}}),
        event(
            "build", ("stg",), ("mart",), columns={"mail": [("stg", "mail")]}, facets=owners, at="2026-05-02T01:00:00Z"
        ),
        event("report", ("mart",), (), at="2026-05-03T01:00:00Z"),
    )


def ids(client: TestClient, **query: object) -> dict[str, int]:
    answer = client.get(TRACE, params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return {row["id"]: row["distance"] for row in answer.json()["nodes"]}


def test_a_trace_needs_nothing_but_a_node(client: TestClient) -> None:
    found = client.get(TRACE, params={"node": "dataset:db:stg"}).json()
    assert {key: found[key] for key in ("root", "direction", "granularity", "depth", "as_of", "truncated")} == {
        "root": "dataset:db:stg",
        "direction": "both",
        "granularity": "job",
        "depth": 10,
        "as_of": None,
        "truncated": False,
    }
    assert {row["id"] for row in found["nodes"]} >= {
        "dataset:db:raw",
        "job:etl:load",
        "dataset:db:mart",
        "job:etl:report",
    }


def test_a_node_may_be_given_in_parts(client: TestClient) -> None:
    whole = ids(client, node="dataset:db:stg", direction="downstream")
    assert ids(client, kind="dataset", namespace="db", name="stg", direction="downstream") == whole
    assert ids(client, namespace="db", name="stg", direction="downstream") == whole


def test_a_field_may_be_given_in_parts(client: TestClient) -> None:
    found = ids(client, kind="field", namespace="db", name="stg", field="mail")
    assert found == {
        "datasetField:db:stg:mail": 0,
        "datasetField:db:raw:mail": 1,
        "datasetField:db:mart:mail": 1,
    }


def test_depth_ends_the_walk_and_all_does_not(client: TestClient) -> None:
    one = ids(client, node="dataset:db:raw", direction="downstream", depth=1, granularity="dataset")
    assert one == {"dataset:db:raw": 0, "dataset:db:stg": 1}
    everything = ids(client, node="dataset:db:raw", direction="downstream", depth="all", granularity="dataset")
    assert everything["dataset:db:mart"] == 2


def test_as_of_shows_what_was_alive_then(client: TestClient) -> None:
    before = ids(client, node="dataset:db:stg", direction="downstream", as_of="2026-05-01T12:00:00Z")
    assert before == {"dataset:db:stg": 0}
    after = ids(client, node="dataset:db:stg", direction="downstream", as_of="2026-05-02T12:00:00+02:00")
    assert "dataset:db:mart" in after


def test_details_come_when_asked_for(client: TestClient) -> None:
    plain = client.get(TRACE, params={"node": "dataset:db:mart"}).json()["nodes"]
    assert not any("owners" in row for row in plain)
    full = client.get(TRACE, params={"node": "dataset:db:mart", "include": "details"}).json()["nodes"]
    assert {row["id"]: row["owners"] for row in full}["dataset:db:mart"] == [
        {"name": "team:shop", "type": "MAINTAINER"}
    ]


def test_an_unknown_node_is_404_and_told_what_is_near(client: TestClient) -> None:
    problem = is_problem(client.get(TRACE, params={"node": "dataset:db:mar"}), 404)
    assert problem["nearest"] == ["dataset:db:mart"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({}, "node"),
        ({"node": "dataset:db:stg", "name": "stg"}, "name"),
        ({"namespace": "db"}, "node"),
        ({"namespace": "db", "name": "stg", "kind": "field"}, "field"),
        ({"namespace": "db", "name": "stg", "kind": "run"}, "kind"),
        ({"node": "dataset:db:stg", "depth": "-1"}, "depth"),
        ({"node": "dataset:db:stg", "depth": "501"}, "depth"),
        ({"node": "dataset:db:stg", "depth": "99999999999999999999"}, "depth"),
        ({"node": "dataset:db:stg", "depth": "1_0"}, "depth"),
        ({"node": "dataset:db:stg", "depth": "1.0"}, "depth"),
        ({"node": "dataset:db:stg", "depth": " 1"}, "depth"),
        ({"node": "dataset:db:stg", "depth": "１"}, "depth"),
        ({"node": "dataset:db:stg", "depth": ""}, "depth"),
        ({"node": "dataset:db:stg", "direction": "sideways"}, "direction"),
        ({"node": "dataset:db:stg", "granularity": "table"}, "granularity"),
        ({"node": "dataset:db:stg", "origin": "guessed"}, "origin"),
        ({"node": "dataset:db:stg", "min_basis": "5"}, "min_basis"),
        ({"node": "dataset:db:stg", "include": "everything"}, "include"),
        ({"node": "dataset:db:stg", "as_of": "2026-05-01"}, "as_of"),
        ({"node": "dataset:db:stg", "as_of": "2026-05-01T12:00:00"}, "as_of"),
        ({"node": "dataset:db:stg", "as_of": "1777636800"}, "as_of"),
        ({"node": "dataset:db:stg", "as_of": "0001-01-01T00:00:00+14:00"}, "as_of"),
        ({"node": "dataset:db:stg", "min_position": "-1"}, "min_position"),
        ({"node": "dataset:db:stg", "min_position": "9223372036854775808"}, "min_position"),
        ({"node": "dataset:db:stg", "dept": "1"}, "dept"),
        ({"node": "dataset:db:st\0g"}, "node"),
    ],
)
def test_a_wrong_question_is_422_and_names_the_place(client: TestClient, query: dict[str, str], place: str) -> None:
    problem = is_problem(client.get(TRACE, params=query), 422)
    assert {error["pointer"].split("/")[2] for error in problem["errors"]} == {place}


def test_what_is_no_id_is_422(client: TestClient) -> None:
    is_problem(client.get(TRACE, params={"node": "table:db:stg"}), 422)
    is_problem(client.get(TRACE, params={"node": "dataset:" + ":" * 100}), 422)


def test_a_parameter_given_twice_is_422(client: TestClient) -> None:
    is_problem(client.get(f"{TRACE}?node=dataset:db:stg&depth=1&depth=2"), 422)


def test_min_position_reads_ones_own_writes(client: TestClient) -> None:
    position = sent(client, event("own", ("raw",), ("own",)))
    found = client.get(TRACE, params={"node": "dataset:db:own", "min_position": position}).json()
    assert found["position"] >= position
    assert "job:etl:own" in {row["id"] for row in found["nodes"]}


def test_a_position_past_the_end_of_the_journal_is_422_at_once(client: TestClient) -> None:
    problem = is_problem(client.get(TRACE, params={"node": "dataset:db:stg", "min_position": 10**9}), 422)
    assert problem["errors"][0]["pointer"] == "/query/min_position"


def test_a_position_that_is_not_reached_in_time_is_503_and_says_when_to_ask_again(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, admin_key=KEY, min_position_wait_s=0.05)  # type: ignore[arg-type]
    with open_headwater(settings, projector="inline") as writer, TestClient(create_app(writer)) as writing:
        writing.headers["Authorization"] = f"Bearer {KEY}"
        position = sent(writing, event("alone", ("raw",), ("stg",)))
        # Beside the process that has the journal, "off" projects nothing: the catalog stays where it is.
        with open_headwater(settings, projector="off") as reader, TestClient(create_app(reader)) as reading:
            reading.headers["Authorization"] = f"Bearer {KEY}"
            answer = reading.get("/api/v1/datasets", params={"min_position": position})
            is_problem(answer, 503)
            assert int(answer.headers["retry-after"]) > 0
            refused = reading.post("/api/v1/lineage", json=event("beside"))
            assert "another process" in is_problem(refused, 503)["detail"]


def test_every_format_has_its_media_type(client: TestClient) -> None:
    expected = {
        "graphml": "application/graphml+xml",
        "dot": "text/vnd.graphviz",
        "mermaid": "text/vnd.mermaid",
        "ndjson": "application/x-ndjson",
        "csv": "text/csv",
    }
    answers = {name: client.get(f"{TRACE}.{name}", params={"node": "dataset:db:stg"}) for name in expected}
    assert {name: answer.headers["content-type"].split(";")[0] for name, answer in answers.items()} == expected


def test_graphml_holds_the_same_graph_as_json(client: TestClient) -> None:
    plain = client.get(TRACE, params={"node": "dataset:db:stg"}).json()
    graph = nx.parse_graphml(client.get(f"{TRACE}.graphml", params={"node": "dataset:db:stg"}).text)
    assert set(graph.nodes) == {row["id"] for row in plain["nodes"]}
    assert set(graph.edges) == {(row["source"], row["target"]) for row in plain["edges"]}


def test_a_name_like_a_formula_is_text_in_csv(client: TestClient) -> None:
    name = '=HYPERLINK("http://evil","x")'
    position = sent(client, event("evil", ("raw",), (name,)))
    text = client.get(f"{TRACE}.csv", params={"node": f"dataset:db:{name}", "min_position": position}).text
    cells = [cell for line in csv.reader(io.StringIO(text, newline="")) for cell in line]
    assert f"'{name}" in cells
    assert not any(cell.startswith("=") for cell in cells)


def test_one_trace_asks_the_catalog_a_fixed_number_of_questions(client: TestClient, statements: list[str]) -> None:
    client.get(TRACE, params={"node": "dataset:db:stg"})
    few = len(statements)
    sent(client, *(event(f"wide{at}", ("stg",), (f"wide{at}",)) for at in range(30)))
    client.get(TRACE, params={"node": "dataset:db:stg"})
    statements.clear()
    client.get(TRACE, params={"node": "dataset:db:stg"})
    assert len(statements) <= few
