"""A whole Headwater in a folder of its own, projecting inline, and the application over it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from starlette.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from api.wiring import Headwater, open_headwater
from tests.api.asking import KEY


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headwater]:
    settings = Settings(
        data=tmp_path_factory.mktemp("headwater") / "data",
        admin_key=KEY,  # type: ignore[arg-type]
        min_position_wait_s=0.2,
    )
    with open_headwater(settings, projector="inline") as found:
        yield found


@pytest.fixture(scope="module")
def client(here: Headwater) -> Iterator[TestClient]:
    app = create_app(here)
    with TestClient(app, headers={"Authorization": f"Bearer {KEY}"}, raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def statements(here: Headwater) -> Iterator[list[str]]:
    """Every statement that reaches the catalog's database."""
    seen: list[str] = []
    engine = here.catalog.engine  # type: ignore[attr-defined]

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    sqlalchemy.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sqlalchemy.event.remove(engine, "before_cursor_execute", note)
