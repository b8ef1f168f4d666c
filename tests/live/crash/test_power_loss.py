"""The power goes, and the file system forgets all that was not fsynced: nothing acknowledged is lost."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.live.crash.checker import Checker
from tests.live.crash.conftest import Soak
from tests.live.crash.first_start import FirstStart, start
from tests.live.crash.mount import Mount
from tests.live.crash.mutants import NORMAL
from tests.live.crash.nemesis import Life, Loop
from tests.live.crash.stack import Place
from tests.live.crash.workload import History, Name

LOST = "acknowledged and lost"
pytestmark = [pytest.mark.live, pytest.mark.xdist_group("crash")]


def test_a_power_loss_loses_nothing_acknowledged(mount: Mount, tmp_path: Path) -> None:
    tally = Loop(mount, tmp_path, seed=2, era=30).run(30)
    print(tally)
    assert tally.violations == []
    assert mount.lost > 0, "nothing was lost: the rig proves nothing"


def test_the_rig_sees_a_commit_that_is_not_on_stable_storage(mount: Mount, tmp_path: Path) -> None:
    tally = Loop(mount, tmp_path, seed=3, mutant=NORMAL, check_every=1, seeking=LOST).run(30)
    print(tally)
    assert tally.shows(LOST)


def test_what_a_first_start_acknowledged_outlives_a_power_loss(mount: Mount, tmp_path: Path) -> None:
    data = mount.folder / "srv" / "headwater-data"
    life = Life(FirstStart(data, tmp_path, Name(1, 0, 0)), start)
    assert life.heard() == "acknowledged"
    life.kill()
    mount.torn = False
    mount.lose(random.Random(1))
    assert data.is_dir(), "the folder's own name was never synced"
    assert Checker(Place.in_folder(data), History(tmp_path)).check() == []


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_2000_power_losses_lose_nothing_acknowledged(mount: Mount, tmp_path: Path, soak: Soak) -> None:
    tally = Loop(mount, tmp_path, seed=soak.seed).run(soak.count(2_000), until_s=soak.until_s())
    print(f"power loss, seed {soak.seed}: {tally}; {mount.lost:,} sectors and names lost")
    assert tally.violations == []
