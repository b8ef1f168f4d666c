"""Every bad question of bad_inputs.json whose path exists is answered as it says there."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.api.asking import event, sent
from tests.ingest.bad_inputs import CASES

# A question that is right but for what the case adds to it.
PATHS = {
    "lineage.get": ("/api/v1/trace", {"node": "dataset:db:stg"}),
    "search.get": ("/api/v1/search", {"q": "stg"}),
    "auth.apikey": ("/api/v1/datasets", {}),
}
ASKED = [case for case in CASES if case["path_kind"] in PATHS and ("query" in case or "headers" in case)]
WALKED = [case for case in CASES if "path" in case]
SHORTHAND = {"<60000 x>": "x" * 60_000, "<64 KiB of a>": "a" * 65_536}


@pytest.fixture(scope="module", autouse=True)
def shop(client: TestClient) -> None:
    sent(client, event("load", ("raw",), ("stg",)))


def spelt_out(text: str) -> str:
    for short, long in SHORTHAND.items():
        text = text.replace(short, long)
    return text


def is_as_expected(status: int, expected: str) -> bool:
    return str(status) == expected or (expected in ("2xx", "4xx") and str(status)[0] == expected[0])


@pytest.mark.parametrize("case", ASKED, ids=[case["id"] for case in ASKED])
def test_a_bad_question_is_answered_as_it_should_be(client: TestClient, case: dict[str, Any]) -> None:
    path, right = PATHS[case["path_kind"]]
    query = case.get("query", "")
    rest = "&".join(f"{name}={value}" for name, value in right.items() if f"{name}=" not in query)
    headers = {name: spelt_out(value) for name, value in case.get("headers", {}).items()}
    answer = client.get(f"{path}?{'&'.join(part for part in (rest, query) if part)}", headers=headers)
    assert is_as_expected(answer.status_code, case["expect"]), answer.text
    assert client.get(path, params=right).status_code == 200


@pytest.mark.parametrize("case", WALKED, ids=[case["id"] for case in WALKED])
def test_a_bad_path_is_answered_as_it_should_be(client: TestClient, case: dict[str, Any]) -> None:
    assert is_as_expected(client.get(spelt_out(case["path"])).status_code, case["expect"])


@pytest.mark.parametrize(
    "token",
    [
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        "eyJhbGciOiJIUzI1NiIsImtpZCI6Ii4uLy4uL2Rldi9udWxsIn0.e30.AAAA",
        "..",
        "null",
        "hw_",
        "a" * 8_000,
        "' OR 1=1 --",
    ],
)
def test_a_token_that_nobody_issued_is_401(client: TestClient, token: str) -> None:
    answer = client.get("/api/v1/datasets", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401
    assert token not in answer.text or len(token) < 5
