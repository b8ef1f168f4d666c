"""PostgreSQL is stopped in the middle of everything: nothing acknowledged is lost, what was refused comes later."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.crash.conftest import Soak
from tests.live.crash.mutants import EARLY, NORMAL, SERIAL, TWICE
from tests.live.crash.outage import Outages
from tests.servers import AnyPostgreSQL

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("faults")]


def test_an_immediate_stop_loses_nothing(mortal_postgresql: AnyPostgreSQL, tmp_path: Path) -> None:
    outages = Outages(mortal_postgresql, tmp_path, seed=1)
    tally = outages.run(6)
    print(f"{tally}; back within {outages.slowest_s:.1f} s")
    assert tally.violations == []
    assert outages.slowest_s <= 3.0


@pytest.mark.parametrize(
    ("mutant", "seen"),
    [
        (NORMAL, "acknowledged and lost"),
        (EARLY, "acknowledged and lost"),
        (TWICE, "in the journal twice"),
        (SERIAL, "a fresh replay"),
    ],
)
def test_the_checker_sees_a_broken_part(
    mortal_postgresql: AnyPostgreSQL, tmp_path: Path, mutant: str, seen: str
) -> None:
    tally = Outages(mortal_postgresql, tmp_path, seed=2, mutant=mutant, era=2, seeking=seen).run(20)
    print(tally)
    assert tally.shows(seen)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_1000_immediate_stops_lose_nothing(mortal_postgresql: AnyPostgreSQL, tmp_path: Path, soak: Soak) -> None:
    outages = Outages(mortal_postgresql, tmp_path, seed=soak.seed)
    tally = outages.run(soak.count(1_000), until_s=soak.until_s())
    print(f"PostgreSQL immediate stop, seed {soak.seed}: {tally}; back within {outages.slowest_s:.1f} s")
    assert tally.violations == []
