"""dbt's artifacts over HTTP: taken as a whole or not at all."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.app import create_app
from api.multipart import parts
from api.settings import load
from api.wiring import open_headwater
from ingest.errors import Refused
from tests.ingest.conftest import Client
from tests.ingest.dbt.making import JOBS, POSTGRES, manifest, node, recorded

PATH = f"/ingest/dbt?namespace={quote(POSTGRES)}&job_namespace={JOBS}"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with open_headwater(load(data=tmp_path / "data", limit_dbt_bytes=1_000_000), projector="inline") as here:
        yield Client(create_app(here), here)


def form(files: dict[str, bytes], edge: str = "edge") -> tuple[bytes, str]:
    """Body and type, as curl writes them."""
    body = b""
    for name, content in files.items():
        head = f'--{edge}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}.json"\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


def sent(client: Client, files: dict[str, bytes], path: str = PATH, **headers: str) -> httpx.Response:
    body, kind = form(files)
    return client.post(path, body, **{"Content-Type": kind, **headers})


def journalled(client: Client) -> int:
    return client.here.journal.head()


def test_a_project_is_taken_and_counted(client: Client) -> None:
    answer = sent(client, recorded("postgres", "run"))

    assert answer.status_code == 200, answer.text
    assert answer.json() == {
        "events": 52, "datasets": 26, "jobs": 26, "fields": 126, "duplicates": 0, "warnings": [],
    }  # fmt: skip
    assert journalled(client) == 52


def test_the_same_project_again_changes_nothing(client: Client) -> None:
    sent(client, recorded("postgres", "run"))
    answer = sent(client, recorded("postgres", "run"))

    assert answer.json()["duplicates"] == 52
    assert journalled(client) == 52


def test_a_client_of_ones_own_may_send_it(client: Client) -> None:
    files = {name: (f"{name}.json", body, "application/json") for name, body in recorded("postgres").items()}
    request = httpx.Request("POST", "http://headwater", files=files, data={"namespace": POSTGRES})
    answer = client.post("/ingest/dbt", request.read(), **{"Content-Type": request.headers["content-type"]})

    assert answer.status_code == 200, answer.text
    assert client.get("/namespaces")


def test_a_form_may_be_packed(client: Client) -> None:
    body, kind = form(recorded("postgres"))
    answer = client.post(PATH, gzip.compress(body), **{"Content-Type": kind, "Content-Encoding": "gzip"})

    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ({}, 422, "manifest is missing"),
        ({"manifest": b'{"metadata": {'}, 400, "cut off"),
        (
            {**recorded("postgres"), "manifest": manifest(node("model.shop.a"))},
            422,
            "another project",
        ),
        (
            {"manifest": manifest(node("model.shop.a", "model.shop.b"), node("model.shop.b", "model.shop.a"))},
            422,
            "cycle",
        ),
        ({"manifest": manifest(node("model.shop.a")), "extra": b""}, 422, "is none of manifest"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(
    client: Client, files: dict[str, bytes], status: int, said: str
) -> None:
    answer = sent(client, files)

    assert answer.status_code == status, answer.text
    assert said in answer.json()["detail"]
    assert answer.headers["content-type"] == "application/problem+json"
    assert journalled(client) == 0


def test_without_a_namespace_the_answer_says_what_to_give(client: Client) -> None:
    answer = sent(client, recorded("postgres"), "/ingest/dbt")

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/query/namespace"


def test_past_the_limit_a_project_is_refused(client: Client) -> None:
    answer = sent(client, {"manifest": b" " * 1_000_001})

    assert answer.status_code == 413
    assert "1,000,000 bytes" in answer.json()["detail"]


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "multipart/mixed; boundary=x", "x" * 99])
def test_another_type_is_refused_with_what_to_send(client: Client, kind: str) -> None:
    answer = client.post(PATH, b"{}", **{"Content-Type": kind})

    assert answer.status_code == 415
    assert "multipart/form-data" in answer.json()["detail"]


def test_while_one_project_is_read_another_is_told_to_wait(client: Client) -> None:
    class Held:
        def locked(self) -> bool:
            return True

    client.here.reading_dbt = Held()  # type: ignore[assignment] - a lock that somebody holds
    answer = sent(client, recorded("postgres"))

    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "body",
    [
        b"", b"--e", b"--e\r\n", b"--e\r\n\r\n1\r\n--e--", b'--e\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
        b"no edge", b'--e\r\nContent-Disposition: attachment; name="a"\r\n\r\n1\r\n--e--',
    ],
)  # fmt: skip
def test_a_form_that_is_broken_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as caught:
        parts(body, b"--e", ["a"])

    assert caught.value.status == 400


def test_content_may_look_like_an_edge() -> None:
    content: Any = b"\r\n--edgeless\r\n--edg\r\n\r\n"
    body, _ = form({"a": content, "b": b""})

    assert parts(body, b"--edge", ["a", "b"]) == {"a": content, "b": b""}


def test_a_part_that_comes_twice_is_refused() -> None:
    once, _ = form({"a": b"1"})
    body = once.removesuffix(b"--edge--\r\n") + once

    with pytest.raises(Refused, match="given twice"):
        parts(body, b"--edge", ["a"])
