"""Any order, any repetition, any batching of real recordings, by four writers at once, ends in one canonical hash."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from ingest.intake import Intake
from ingest.journal import Journal, event
from ingest.openlineage.facts import Reader
from ingest.projection import Projector
from lineage.database import writing
from tests.live.crash.stack import Place, Stack, digest_of, opened

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]
RECORDINGS = Path(__file__).parents[2] / "golden" / "recordings"
WRITERS = 4
MOST_EVENTS = 40
SOAK_EXAMPLES = int(os.environ.get("SOAK_CYCLES", "1000"))


@cache
def bodies_of(recording: str) -> list[bytes]:
    with gzip.open(RECORDINGS / f"{recording}.ndjson.gz") as lines:
        return [line.strip() for line in lines if line.strip()]


def recordings() -> list[str]:
    return sorted(path.name.removesuffix(".ndjson.gz") for path in RECORDINGS.glob("*.ndjson.gz"))


@dataclass(frozen=True, slots=True)
class Delivery:
    """Which events, and how they come. chosen: recording and number in it; seed: of order, repeats and batches."""

    chosen: tuple[tuple[str, int], ...]
    seed: int
    repeats: int
    largest_batch: int
    projected: int

    def in_order(self) -> list[bytes]:
        return [bodies_of(recording)[n] for recording, n in self.chosen]

    def shuffled(self) -> list[list[bytes]]:
        """Batches in the order in which they are sent; one of one event goes as a single event."""
        chance = random.Random(self.seed)
        bodies = self.in_order()
        bodies += chance.choices(bodies, k=self.repeats)
        chance.shuffle(bodies)
        batches = []
        while bodies:
            size = chance.randint(1, self.largest_batch)
            batches.append(bodies[:size])
            bodies = bodies[size:]
        return batches


@st.composite
def a_delivery(draw: st.DrawFn) -> Delivery:
    """A stretch of each of one to three recordings."""
    chosen: list[tuple[str, int]] = []
    for recording in draw(st.lists(st.sampled_from(recordings()), min_size=1, max_size=3, unique=True)):
        total = len(bodies_of(recording))
        start = draw(st.integers(0, total - 1))
        chosen += [(recording, n) for n in range(start, min(total, start + draw(st.integers(1, MOST_EVENTS))))]
    return Delivery(
        tuple(chosen),
        draw(st.integers(0, 2**32)),
        draw(st.integers(0, len(chosen))),
        draw(st.integers(1, 8)),
        draw(st.integers(1, 50)),
    )


@dataclass(slots=True)
class Rig:
    """A stack that is emptied before every delivery."""

    stack: Stack
    expected: dict[tuple[tuple[str, int], ...], str] = field(default_factory=dict)

    def hash_of(self, batches: Sequence[Sequence[bytes]], writers: int, projected: int) -> str:
        self._empty()
        journal = Journal(self.stack.engines[0])
        threads = [
            threading.Thread(target=asyncio.run, args=(deliver(Intake(journal), batches[number::writers]),))
            for number in range(writers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert journal.head() == len({body for batch in batches for body in batch})
        Projector(journal, Reader(), self.stack.catalog, projected).catch_up()
        journal.close()
        return digest_of(self.stack.catalog)

    def _empty(self) -> None:
        with writing(self.stack.engines[0]) as connection:
            connection.execute(delete(event))
        self.stack.catalog.reset()


async def deliver(intake: Intake, batches: Sequence[Sequence[bytes]]) -> None:
    for batch in batches:
        if len(batch) == 1:
            await intake.receive(batch[0])
        else:
            answer = await intake.receive_batch(b"[" + b",".join(batch) + b"]")
            assert not answer.failed


@contextmanager
def rig_on(place: Place) -> Iterator[Rig]:
    with opened(place) as stack:
        yield Rig(stack)


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Rig]:
    with rig_on(Place.in_folder(tmp_path)) as rig:
        yield rig


@pytest.fixture
def on_postgresql(postgresql_url: str) -> Iterator[Rig]:
    with rig_on(Place.in_postgresql(postgresql_url)) as rig:
        yield rig


def holds(rig: Rig, examples: int) -> None:
    """Whether every delivery ends as the same events do in order, once, one by one."""

    @given(delivery=a_delivery())
    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def ends_in_one_state(delivery: Delivery) -> None:
        expected = rig.hash_of([[body] for body in delivery.in_order()], 1, 500)
        assert rig.hash_of(delivery.shuffled(), WRITERS, delivery.projected) == expected

    ends_in_one_state()


def test_any_delivery_ends_in_one_hash_on_sqlite(on_sqlite: Rig) -> None:
    holds(on_sqlite, 6)


def test_any_delivery_ends_in_one_hash_on_postgresql(on_postgresql: Rig) -> None:
    holds(on_postgresql, 4)


def test_all_recordings_backwards_end_in_the_hash_of_all_recordings(on_sqlite: Rig) -> None:
    everything = [body for recording in recordings() for body in bodies_of(recording)]
    forwards = [everything[at : at + 100] for at in range(0, len(everything), 100)]
    backwards = [batch[::-1] for batch in forwards[::-1]]
    assert on_sqlite.hash_of(backwards, WRITERS, 100) == on_sqlite.hash_of(forwards, 1, 500)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_1000_deliveries_end_in_one_hash_on_sqlite(on_sqlite: Rig) -> None:
    holds(on_sqlite, SOAK_EXAMPLES)
    print(f"deliveries on SQLite: {SOAK_EXAMPLES} examples, one hash each")


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_1000_deliveries_end_in_one_hash_on_postgresql(on_postgresql: Rig) -> None:
    holds(on_postgresql, SOAK_EXAMPLES)
    print(f"deliveries on PostgreSQL: {SOAK_EXAMPLES} examples, one hash each")
