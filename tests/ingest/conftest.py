"""A whole Headwater in a folder of its own, and a client that talks to it without a socket."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.settings import load
from api.wiring import Headwater, open_headwater

BASE = "/api/v1"
RECORDINGS = Path(__file__).resolve().parents[1] / "golden" / "recordings"


def recorded() -> list[bytes]:
    """Every event that Airflow and dbt really sent, as they sent it."""
    texts = [gzip.decompress(path.read_bytes()) for path in sorted(RECORDINGS.glob("*.ndjson.gz"))]
    lines = [line for text in texts for line in text.splitlines() if line.strip()]
    assert len(lines) > 500, f"{RECORDINGS} has only {len(lines)} events"
    return lines


@dataclass(frozen=True)
class Client:
    """Sends requests to the application, one after the other."""

    app: FastAPI
    here: Headwater

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> httpx.Response:
        return asyncio.run(self._sent(method, path, body, headers))

    def post(self, path: str, body: bytes, **headers: str) -> httpx.Response:
        return self.send("POST", path, body, **{"Content-Type": "application/json", **headers})

    def get(self, path: str) -> Any:
        answer = self.send("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def _sent(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> httpx.Response:
        given = {"Authorization": f"Bearer {self.here.admin_key}"} | {
            k.replace("_", "-"): v for k, v in headers.items()
        }
        transport = httpx.ASGITransport(self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://headwater") as client:
            return await client.request(method, BASE + path, content=body, headers=given)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Headwater]:
    with open_headwater(load(data=tmp_path / "data"), projector="inline") as opened:
        yield opened


@pytest.fixture
def client(here: Headwater) -> Client:
    return Client(create_app(here), here)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """One that the tests of a module share: to open it takes longer than most of them."""
    with open_headwater(load(data=tmp_path_factory.mktemp("shared") / "data"), projector="inline") as opened:
        yield Client(create_app(opened), opened)
