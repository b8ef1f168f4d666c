"""The projector: an event that can't be applied doesn't hold up the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from ingest.openlineage.facts import Reader
from ingest.projection import LOOKED_BACK, TOO_MANY, Projector
from lineage.database import open_engine, sqlite_url
from lineage.facts import Facts
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog


@dataclass(frozen=True)
class Entry:
    position: int
    received_us: int
    body: bytes


@dataclass(frozen=True)
class Log:
    entries: Sequence[Entry]

    def read(self, after: int, limit: int) -> Sequence[Entry]:
        return [entry for entry in self.entries if entry.position > after][:limit]

    def head(self) -> int:
        return len(self.entries)


class Stumbling(Reader):
    """Reads every event but those of jobs called `bad`."""

    def facts(self, event: dict[str, Any], received_us: int) -> Facts | None:
        if event["job"]["name"].startswith("bad"):
            raise ZeroDivisionError("cannot digest this")
        return super().facts(event, received_us)


def log_of(names: Sequence[str]) -> Log:
    bodies = [{"eventTime": "2026-01-01T00:00:00Z", "job": {"namespace": "n", "name": name}} for name in names]
    return Log([Entry(n, 1_800_000_000_000_000, orjson.dumps(body)) for n, body in enumerate(bodies, start=1)])


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def test_an_event_that_cannot_be_applied_is_set_aside_with_its_reason_and_the_others_go_on(catalog: SqlCatalog) -> None:
    Projector(log_of(["a", "bad", "b"]), Stumbling(), catalog).catch_up()

    assert catalog.position() == 3
    assert catalog.failed() == 1
    receipt = catalog.receipt(2)
    assert receipt is not None
    assert "cannot digest this" in receipt["failed"]
    assert catalog.find("job:n:a")
    assert catalog.find("job:n:b")


def test_a_rebuild_tries_again_what_was_set_aside(catalog: SqlCatalog) -> None:
    log = log_of(["a", "bad", "b"])
    Projector(log, Stumbling(), catalog).catch_up()
    catalog.reset()

    Projector(log, Reader(), catalog).catch_up()

    assert catalog.failed() == 0
    assert catalog.find("job:n:bad")


def test_where_many_fail_the_projector_stops_instead(catalog: SqlCatalog) -> None:
    log = log_of([f"bad{n}" for n in range(TOO_MANY + 5)])

    with pytest.raises(ZeroDivisionError):
        Projector(log, Stumbling(), catalog).catch_up()

    assert catalog.failed() == TOO_MANY
    assert catalog.position() == TOO_MANY < LOOKED_BACK
