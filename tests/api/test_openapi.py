"""The OpenAPI document is complete and true: what it says is what is answered, whatever is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import open_headwater
from tests.api.asking import KEY, event, sent

load_all_checks()

# What has a body of its own shape is tried with real events in tests/ingest; here its refusals count.
EXAMPLES = 25
SOAK_EXAMPLES = 5_000
# positive_data_acceptance: a node that is well-formed but unknown is rightly 404.
# missing_required_header, ignored_auth: every request here has the key; tests/api/test_gate.py leaves it out.
# negative_data_rejection: in a query every value is text, so `[false]` in place of a text arrives as the text `false`;
# and facets are forgiven what their schema forbids. What must be refused stands in test_traces_over_http, test_lists.
LEFT_OUT = {"positive_data_acceptance", "missing_required_header", "ignored_auth", "negative_data_rejection"}


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/api/v1/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, one) for path, item in document["paths"].items() for method, one in item.items()]


def test_every_operation_says_what_it_does_under_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(names) == len(set(names))
    assert [path for path, _, operation in operations(document) if not operation.get("summary")] == []


def test_every_parameter_is_described(document: dict[str, Any]) -> None:
    missing = [
        (path, parameter["name"])
        for path, _, operation in operations(document)
        for parameter in operation.get("parameters", ())
        if not (parameter.get("description") or parameter["schema"].get("description"))
    ]
    assert missing == []


def test_every_operation_but_health_needs_the_key_and_says_how_it_refuses(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        is_open = operation.get("security") == []
        assert is_open == path.startswith("/api/v1/health")
        assert ("401" in operation["responses"]) != is_open
        refusals = {status for status in operation["responses"] if status >= "400"}
        assert refusals >= {"400", "408", "414", "422", "431", "503"}
        for status in refusals - ({"503"} if path.endswith("/ready") else set()):
            assert list(operation["responses"][status]["content"]) == ["application/problem+json"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert set(references(document)) <= known


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return own + [found for value in part.values() for found in references(value)]
    return [found for value in part for found in references(value)] if isinstance(part, list) else []


LATE = "2200-01-01T00:00:00Z"
QUESTIONS: list[tuple[str, dict[str, str]]] = [
    ("/api/v1/health", {}),
    ("/api/v1/trace", {"node": "dataset:db:stg"}),
    ("/api/v1/trace", {"node": "dataset:db:stg", "include": "details", "granularity": "dataset"}),
    ("/api/v1/trace", {"node": "dataset:db:stg", "include": "details", "granularity": "job"}),
    ("/api/v1/trace", {"node": "dataset:db:stg", "include": "details", "granularity": "field"}),
    ("/api/v1/trace", {"node": "dataset:db:stg", "as_of": LATE, "known_at": LATE, "include": "details"}),
    ("/api/v1/diff", {"from": "2020-01-01T00:00:00Z"}),
    ("/api/v1/datasets/one", {"node": "dataset:db:stg", "as_of": LATE, "known_at": LATE}),
    ("/api/v1/jobs/one", {"node": "job:etl:load", "as_of": LATE, "known_at": LATE}),
    ("/api/v1/datasets", {}),
    ("/api/v1/datasets", {"owner": "team:shop", "tag": "pii=email", "q": "ST"}),
    ("/api/v1/datasets", {"select": "tag:pii or nothing"}),
    ("/api/v1/select", {"q": "tag:pii+1 or nothing"}),
    ("/api/v1/trace", {"node": "dataset:db:stg", "select": "kind:job or nothing"}),
    ("/api/v1/datasets/one", {"node": "dataset:db:stg"}),
    ("/api/v1/jobs", {}),
    ("/api/v1/jobs/one", {"node": "job:etl:load"}),
    ("/api/v1/runs", {}),
    ("/api/v1/namespaces", {}),
    ("/api/v1/search", {"q": "stg"}),
    ("/api/v1/search", {"q": "mail", "kind": "field"}),
    ("/api/v1/events", {}),
    ("/api/v1/events/1", {}),
    ("/api/v1/rejections", {}),
]


@pytest.mark.parametrize(("path", "query"), QUESTIONS)
def test_a_full_answer_has_the_shape_that_is_documented(
    client: TestClient, document: dict[str, Any], path: str, query: dict[str, str]
) -> None:
    filled(client)
    has_documented_shape(client, document, path, query)


@pytest.mark.live
def test_full_answers_have_the_same_shape_on_postgresql(
    document: dict[str, Any],
    tmp_path: Path,
    postgresql_url: str,
) -> None:
    given = Settings(data=tmp_path, admin_key=KEY, database_url=postgresql_url)  # type: ignore[arg-type]
    with open_headwater(given, projector="inline") as here, TestClient(create_app(here), headers=HEADERS) as client:
        filled(client)
        for path, query in QUESTIONS:
            has_documented_shape(client, document, path, query)


def has_documented_shape(client: TestClient, document: dict[str, Any], path: str, query: dict[str, str]) -> None:
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.json().get("items", [1]), "an empty list proves nothing"
    operation = document["paths"][path.replace("/events/1", "/events/{position}")]["get"]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    jsonschema_rs.validate({**schema, "components": document["components"]}, answer.json())


def filled(client: TestClient) -> None:
    tags = {"tags": {"tags": [{"key": "pii", "value": "email", "source": "TEST", "field": "mail"}, {"key": "core"}]}}
    owners = {"ownership": {"owners": [{"name": "team:shop"}]}, "documentation": {"description": "A table."}}
    sent(
        client,
        event(
            "load", ("raw",), ("stg",), columns={"mail": [("raw", "mail")]}, facets={**tags, **owners}, run_id=RUN_ID
        ),
    )
    client.post("/api/v1/lineage", content=b"{}", headers={"content-type": "application/json"})


HEADERS = {"Authorization": f"Bearer {KEY}"}
RUN_ID = "0190b6c2-0000-7000-8000-000000000002"


def tried(folder: Path, examples: int, database_url: str | None = None) -> None:
    """Schemathesis over every operation: no status, type or shape that isn't documented, no 5xx."""
    settings_given = Settings(
        data=folder,
        admin_key=KEY,  # type: ignore[arg-type]
        database_url=database_url,
        min_position_wait_s=0.01,
    )
    with open_headwater(settings_given, projector="inline") as here:
        app = create_app(here)
        with TestClient(app, headers={"Authorization": f"Bearer {KEY}"}) as client:
            filled(client)
        schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers=HEADERS)
        checks = [CHECKS.get_one(name) for name in CHECKS.get_all_names() if name not in LEFT_OUT]
        for result in schema.get_all_operations():
            try_operation(result.ok(), checks, examples)


def try_operation(operation: Any, checks: list[Any], examples: int) -> None:
    @given(case=operation.as_strategy() | operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def attempt(case: Any) -> None:
        case.call_and_validate(headers=HEADERS, checks=checks)

    attempt()


@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing_undocumented(tmp_path: Path) -> None:
    tried(tmp_path, EXAMPLES)


@pytest.mark.live
@pytest.mark.timeout(300)
def test_schemathesis_finds_nothing_undocumented_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    tried(tmp_path, EXAMPLES, postgresql_url)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_schemathesis_finds_nothing_undocumented_in_a_hundred_thousand_cases(tmp_path: Path) -> None:
    tried(tmp_path, SOAK_EXAMPLES)
