"""kill -9: nothing acknowledged is lost, nothing is there twice, and the catalog is what a fresh replay gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.crash.conftest import Soak
from tests.live.crash.mutants import APART, EARLY, TWICE
from tests.live.crash.nemesis import Disk, Loop

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("crash")]


def test_kill_9_under_eight_writers_loses_nothing(tmp_path: Path) -> None:
    tally = Loop(Disk(tmp_path / "disk"), tmp_path / "diaries", seed=1, era=40).run(40)
    print(tally)
    assert tally.violations == []


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [(EARLY, "acknowledged and lost"), (TWICE, "in the journal twice"), (APART, "a fresh replay")],
)
def test_the_checker_sees_a_broken_part(tmp_path: Path, mutant: str, seen: str) -> None:
    loop = Loop(
        Disk(tmp_path / "disk"), tmp_path / "diaries", seed=4, mutant=mutant, era=8, check_every=1, seeking=seen
    )
    tally = loop.run(80)
    print(tally)
    assert tally.shows(seen)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_10000_kills_under_eight_writers_lose_nothing(tmp_path: Path, soak: Soak) -> None:
    loop = Loop(Disk(tmp_path / "disk"), tmp_path / "diaries", seed=soak.seed)
    tally = loop.run(soak.count(10_000), until_s=soak.until_s())
    print(f"kill -9 on SQLite, seed {soak.seed}: {tally}")
    assert tally.violations == []
