"""Whatever the order, the repetition, the number of writers: a recording ends in one state, one hash of the export."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import pytest

from api.settings import Settings
from api.wiring import Headwater, open_headwater
from lineage.database import open_engine, sqlite_url
from lineage.facts import Facts
from lineage.ports import Applied
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from tests.golden.rendering import HERE, facts_of, recordings

# A few orders in every run of the tests, 200 by `make soak`; of large recordings, all of it there.
FEW, MANY, SMALL = 4, 200, 30
WRITERS = 4


def lines_of(recording: str) -> list[bytes]:
    with gzip.open(HERE / "recordings" / f"{recording}.ndjson.gz") as lines:
        return list(lines)


def cases(few: int, many: int) -> list[object]:
    """(recording, orders) for small ones, and as a soak for all."""
    found: list[object] = [pytest.param(name, few) for name in recordings() if len(lines_of(name)) <= SMALL]
    return [*found, *(pytest.param(name, many, marks=pytest.mark.soak) for name in recordings())]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def hash_of(exported: Iterable[object]) -> str:
    digest = hashlib.sha256()
    for line in exported:
        digest.update(orjson.dumps(line, option=orjson.OPT_SORT_KEYS) + b"\n")
    return digest.hexdigest()


def hash_after(catalog: SqlCatalog, every: list[Facts], batch: int) -> str:
    catalog.reset()
    applied = [Applied(position, facts) for position, facts in enumerate(every, start=1)]
    for start in range(0, len(applied), batch):
        catalog.apply(applied[start : start + batch])
    return hash_of(catalog.export())


@pytest.mark.parametrize(("recording", "orders"), cases(FEW, MANY))
def test_any_order_with_any_repetition_ends_in_one_hash(catalog: SqlCatalog, recording: str, orders: int) -> None:
    every = list(facts_of(recording))
    expected = hash_after(catalog, every, len(every))

    for seed in range(orders):
        chance = random.Random(f"{recording}{seed}")
        shuffled = every + chance.choices(every, k=chance.randint(0, len(every)))
        chance.shuffle(shuffled)
        assert hash_after(catalog, shuffled, chance.randint(1, len(shuffled))) == expected, f"seed {seed}"


async def written(here: Headwater, lines: list[bytes], seed: int) -> None:
    """By several writers at once, each in an order of its own, half of the events by two of them."""
    chance = random.Random(seed)
    parts: list[list[bytes]] = [[] for _ in range(WRITERS)]
    for line in lines:
        for part in chance.sample(parts, k=chance.randint(1, 2)):
            part.append(line)

    async def write(part: list[bytes]) -> None:
        chance.shuffle(part)
        for line in part:
            await here.intake.receive(line)
            await asyncio.sleep(0)

    await asyncio.gather(*map(write, parts))


def hash_of_writers(data: Path, lines: list[bytes], seed: int) -> str:
    settings = Settings(data=data, admin_key="hw_test-key-0123456789")
    with open_headwater(settings, projector="inline") as here:
        asyncio.run(written(here, lines, seed))
        here.catch_up()
        return hash_of(here.catalog.export())


@pytest.mark.parametrize(("recording", "rounds"), cases(1, 5))
def test_four_writers_at_once_end_in_the_same_hash(
    catalog: SqlCatalog, tmp_path: Path, recording: str, rounds: int
) -> None:
    expected = hash_after(catalog, list(facts_of(recording)), 100)

    for seed in range(rounds):
        assert hash_of_writers(tmp_path / str(seed), lines_of(recording), seed) == expected, f"seed {seed}"
