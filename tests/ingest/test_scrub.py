"""Secrets leave an event before it is stored, and nothing else does."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import pointer
from ingest.scrub import Scrubber
from ingest.secret_rules import RULES
from tests.ingest.conftest import recorded

CASES = [json.loads(line) for line in (Path(__file__).parent / "scrub_cases.jsonl").read_text().splitlines()]
SCRUBBER = Scrubber()


def scrubbed(value: Any) -> tuple[Any, list[tuple[str, str]]]:
    value = copy.deepcopy(value)
    changes = SCRUBBER.scrub(value, SCRUBBER.suspects(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)))
    return value, [tuple(change) for change in changes]


def text_of(text: str, *, sql: bool = False) -> tuple[str, list[str]]:
    return SCRUBBER.text(text, SCRUBBER.suspects(json.dumps(text, ensure_ascii=False).encode()), sql=sql)


@pytest.mark.parametrize("case", CASES, ids=[case["in"][:60] for case in CASES])
def test_a_text_loses_its_secret_and_nothing_else(case: dict[str, Any]) -> None:
    clean, rules = text_of(case["in"], sql=case.get("sql", False))
    assert clean == case["out"]
    assert case["rules"] is None or rules == case["rules"]


@pytest.mark.parametrize("case", CASES, ids=[case["in"][:60] for case in CASES])
def test_a_clean_text_stays_as_it_is(case: dict[str, Any]) -> None:
    assert text_of(case["out"], sql=case.get("sql", False)) == (case["out"], [])


@pytest.mark.parametrize("case", CASES, ids=[case["in"][:60] for case in CASES])
def test_a_long_text_is_searched_as_a_short_one_is(case: dict[str, Any]) -> None:
    padding = "\n" + "lorem ipsum dolor sit amet\n" * 400
    clean, _ = text_of(case["in"] + padding, sql=case.get("sql", False))
    short, _ = text_of(case["in"] + "\nlorem", sql=case.get("sql", False))
    assert clean.removesuffix(padding) == short.removesuffix("\nlorem")


def test_every_rule_has_a_case() -> None:
    shown = {rule for case in CASES for rule in case["rules"] or ()}
    assert {rule.name for rule in RULES} <= shown


def test_every_need_of_a_rule_is_lower_case() -> None:
    assert all(need == need.lower() for rule in RULES for need in rule.needs)


def test_values_of_secret_members_are_taken_out_wherever_they_stand() -> None:
    event = {
        "run": {"facets": {"airflow": {"op_kwargs": {"db_password": "x1", "n": {"API-Key": ["k", "l"]}, "rows": 3}}}}
    }
    clean, changes = scrubbed(event)
    inside = "/run/facets/airflow/op_kwargs"
    assert clean["run"]["facets"]["airflow"]["op_kwargs"] == {
        "db_password": "***",
        "n": {"API-Key": ["***", "***"]},
        "rows": 3,
    }
    assert changes == [
        (f"{inside}/db_password", "name"),
        (f"{inside}/n/API-Key/0", "name"),
        (f"{inside}/n/API-Key/1", "name"),
    ]


def test_numbers_are_secrets_only_under_passwords() -> None:
    clean, changes = scrubbed({"password": 12345, "token": 12345, "password_set": True})
    assert clean == {"password": "***", "token": 12345, "password_set": True}
    assert changes == [("/password", "name")]


def test_environment_variables_are_judged_by_name_and_by_value() -> None:
    variables = [
        {"name": "DB_PASSWORD", "value": "x1"},
        {"name": "AIRFLOW_CONN_DB", "value": "postgres://u:x1@h/d"},
        {"name": "PWD", "value": "/opt/airflow"},
        {"name": "LANG", "value": "C.UTF-8"},
    ]
    clean, changes = scrubbed({"environmentVariables": {"environmentVariables": variables}})
    values = [variable["value"] for variable in clean["environmentVariables"]["environmentVariables"]]
    assert values == ["***", "postgres://u:***@h/d", "/opt/airflow", "C.UTF-8"]
    assert [rule for _, rule in changes] == ["name", "uri-password"]


def test_arguments_of_processes_are_taken_out() -> None:
    clean, changes = scrubbed({"args": ["run", "--password", "hunter2", "--host", "h"]})
    assert clean == {"args": ["run", "--password", "***", "--host", "h"]}
    assert changes == [("/args/2", "name")]


def test_columns_with_telling_names_are_lineage() -> None:
    facets = {
        "schema": {"fields": [{"name": "password", "type": "VARCHAR"}, {"name": "token", "type": "VARCHAR"}]},
        "columnLineage": {
            "fields": {"password": {"inputFields": [{"namespace": "n", "name": "t", "field": "secret"}]}}
        },
        "dataQualityMetrics": {"columnMetrics": {"password": {"min": "aaa", "nullCount": 3}}},
        "tags": {"tags": [{"key": "secret", "value": "true", "source": "DBT"}]},
    }
    event = {"outputs": [{"namespace": "n", "name": "users.password=1", "facets": facets}]}
    assert scrubbed(event) == (event, [])


def test_a_node_never_holds_a_password() -> None:
    event = {
        "job": {"namespace": "postgres://app:x1@db:5432", "name": "load"},
        "inputs": [{"namespace": "postgres://app:x2@db:5432", "name": "t"}],
        "outputs": [
            {
                "namespace": "n",
                "name": "t",
                "facets": {"columnLineage": {"fields": {"postgres://a:x3@h/c": {"inputFields": []}}}},
            }
        ],
    }
    clean, changes = scrubbed(event)
    assert clean["job"]["namespace"] == clean["inputs"][0]["namespace"] == "postgres://app:***@db:5432"
    assert list(clean["outputs"][0]["facets"]["columnLineage"]["fields"]) == ["postgres://a:***@h/c"]
    assert [place for place, _ in changes] == [
        "/job/namespace",
        "/inputs/0/namespace",
        "/outputs/0/facets/columnLineage/fields/postgres:~1~1a:***@h~1c",
    ]


def test_members_that_differ_only_in_their_password_stay_two() -> None:
    clean, _ = scrubbed({"urls": {"db://a:x1@h": 1, "db://a:x2@h": 2}})
    assert clean == {"urls": {"db://a:***@h": 1, "db://a:***@h#2": 2}}


def test_a_body_that_is_no_json_is_scrubbed_as_text() -> None:
    body = b'{"password": "hunter2", "x": postgres://u:p@h, \xff}'
    assert SCRUBBER.body(body) == b'{"password": "***", "x": postgres://u:***@h, \xff}'


pieces = st.sampled_from(
    [
        "password",
        "token",
        "api_key",
        "=",
        ": ",
        "'",
        '"',
        "\\",
        "***",
        "postgres://u:p@h/x",
        "hunter2",
        " ",
        ",",
        "{",
        "}",
        "identified by ",
        "--",
        "sig=",
        "&",
        "@",
        "://",
        "Bearer a1b2c3d4e5f6g7",
        "\n",
        "select ",
        "b",
        "/*",
        "''",
    ]
)
texts = st.lists(pieces, max_size=12).map("".join) | st.text(max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def leaves(value: Any, where: str = "") -> list[tuple[str, Any]]:
    """Every name and every value with its pointer."""
    if isinstance(value, dict):
        inner = [(where + pointer(name), name, part) for name, part in value.items()]
        return [leaf for place, name, part in inner for leaf in ((place, name), *leaves(part, place))]
    if isinstance(value, list):
        return [leaf for at, part in enumerate(value) for leaf in leaves(part, f"{where}/{at}")]
    return [(where, value)]


@settings(max_examples=150, deadline=None)
@given(values)
def test_scrubbing_twice_is_scrubbing_once(value: Any) -> None:
    clean, _ = scrubbed({"query": value, "other": value})
    again, changes = scrubbed(clean)
    assert (again, changes) == (clean, [])


@settings(max_examples=150, deadline=None)
@given(values)
def test_no_change_goes_without_its_name(value: Any) -> None:
    clean, changes = scrubbed({"query": value})
    before, after = leaves({"query": value}), leaves(clean)
    changed = {place for (place, new), (_, old) in zip(after, before, strict=True) if new != old}
    assert changed == {place for place, _ in changes}


def test_of_all_recorded_events_only_the_planted_secret_is_taken_out() -> None:
    found = {change for line in recorded() for change in scrubbed(orjson.loads(line))[1]}
    assert found == {("/run/facets/airflow/task/op_kwargs/db_password", "name")}
