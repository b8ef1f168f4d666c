"""A kill at every write-like system call of an append, a projection, a rebuild, a migration: all is as promised."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.live.crash.conftest import Soak
from tests.live.crash.sweep import Sweep
from tests.servers import or_skip

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("crash")]
EVERY = ["append", "project", "rebuild", "migrate"]


@pytest.mark.parametrize("deed", EVERY)
def test_a_kill_at_some_system_calls(deed: str, tmp_path: Path) -> None:
    swept = or_skip(lambda: Sweep(deed, tmp_path).run(sample=8))
    print(swept)
    assert swept.violations == []
    assert swept.points >= 8


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("deed", EVERY)
def test_a_kill_at_every_system_call(deed: str, tmp_path: Path, soak: Soak) -> None:
    swept = or_skip(lambda: Sweep(deed, tmp_path).run(sample=soak.cycles))
    print(swept)
    assert swept.violations == []
