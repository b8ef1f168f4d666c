"""What is refused is kept for a while; keeping house never decides what becomes of an event."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from api.migrations import upgrade
from ingest.errors import Refused
from ingest.intake import Intake
from ingest.journal import Journal
from lineage.database import open_engine, sqlite_url
from lineage.errors import StoreUnavailable


class AwayWhenPruning(Journal):
    def prune_rejections(self, now_us: int) -> int:
        raise StoreUnavailable("the database is away just now")


@pytest.fixture
def intake(tmp_path: Path):
    engine = open_engine(sqlite_url(tmp_path / "journal.db"))
    upgrade(engine, "journal")
    journal = AwayWhenPruning(engine)
    yield Intake(journal)
    journal.close()
    engine.dispose()


def test_a_refusal_is_the_answer_though_pruning_fails(intake: Intake) -> None:
    with pytest.raises(Refused):
        asyncio.run(intake.receive(b"no JSON"))


def test_a_batch_is_stored_though_pruning_fails(intake: Intake) -> None:
    event = (
        b'{"eventType":"START","eventTime":"2026-01-01T00:00:00Z","producer":"p","schemaURL":"s#/$defs/RunEvent",'
        b'"run":{"runId":"01930000-0000-7000-8000-000000000001"},"job":{"namespace":"n","name":"j"}}'
    )
    answer = asyncio.run(intake.receive_batch(b"[" + event + b",1]"))
    assert len(answer.positions) == 1
    assert len(answer.failed) == 1
