"""The power goes, and the file system forgets all that was not fsynced: nothing acknowledged is lost."""

from __future__ import annotations

import itertools
import multiprocessing
import random
from contextlib import suppress
from pathlib import Path

import pytest

from tests.live.crash.checker import Checker
from tests.live.crash.conftest import Soak
from tests.live.crash.deeds import Errand, perform
from tests.live.crash.first_start import FirstStart, start
from tests.live.crash.mount import Mount
from tests.live.crash.mutants import NORMAL
from tests.live.crash.nemesis import Life, Loop
from tests.live.crash.stack import Place, opened
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


def cut_at(mount: Mount, diaries: Path, n: int, seed: int) -> tuple[bool, list[str]]:
    """The power goes at the nth change to the file system during some appends: whether it came to that; violations."""
    folder = mount.fresh()
    diaries.mkdir()
    place = Place.in_folder(folder)
    with opened(place):
        pass
    ours, theirs = multiprocessing.Pipe()
    life = Life(Errand("append", place, diaries), perform, theirs)
    theirs.close()
    assert ours.recv() == "ready"
    mount.set(cut=n)
    ours.send("go")
    with suppress(EOFError):  # it ends at the failing call
        ours.recv()
    life.kill()
    ours.close()
    mount.torn = seed > 0
    was_cut = mount.lose(random.Random(seed))["cut"]
    return was_cut, [f"change {n}, seed {seed}: {one}" for one in Checker(place, History(diaries)).check()]


def test_a_power_loss_at_some_changes_of_the_file_system(mount: Mount, tmp_path: Path) -> None:
    violations = []
    for n in range(1, 100, 16):
        was_cut, found = cut_at(mount, tmp_path / str(n), n, seed=n % 2)
        assert was_cut
        violations += found
    assert violations == []


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_power_loss_at_every_change_of_the_file_system(mount: Mount, tmp_path: Path, soak: Soak) -> None:
    """Nothing survives, then three times a random part; until the appends come to their end before the cut."""
    violations: list[str] = []
    for n in itertools.count(1):
        for seed in (0, *range(soak.seed, soak.seed + 3)):
            was_cut, found = cut_at(mount, tmp_path / f"{n} {seed}", n, seed)
            violations += found
        if not was_cut:
            break
    print(f"power loss at each of {n - 1} changes, 4 times, seed {soak.seed}: {len(violations)} violations")
    assert violations == []


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_2000_power_losses_lose_nothing_acknowledged(mount: Mount, tmp_path: Path, soak: Soak) -> None:
    tally = Loop(mount, tmp_path, seed=soak.seed).run(soak.count(2_000), until_s=soak.until_s())
    print(f"power loss, seed {soak.seed}: {tally}; {mount.lost:,} sectors and names lost")
    assert tally.violations == []
