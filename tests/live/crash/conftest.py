"""What the crash tests share: the forgetful file system, and how long the long ones take."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.live.crash.mount import Mount, forgetful
from tests.servers import AnyPostgreSQL, or_skip, running_postgresql


@pytest.fixture
def mount() -> Iterator[Mount]:
    """The forgetful file system, empty."""
    with forgetful() as mounted:
        yield mounted


@pytest.fixture(scope="module")
def mortal_postgresql() -> Iterator[AnyPostgreSQL]:
    """A PostgreSQL of these tests alone, to be crashed."""
    context = running_postgresql(own=True)
    server = or_skip(context.__enter__)
    yield server
    context.__exit__(None, None, None)


@dataclass(frozen=True, slots=True)
class Soak:
    """How much a long run does, from the environment, so that it can be done in slices.

    SOAK_CYCLES: cycles of each long test, instead of its goal. SOAK_SEED: where its seeds begin, so that no slice
    repeats another. SOAK_MINUTES: when a test stops, done or not.
    """

    cycles: int | None
    seed: int
    minutes: float | None

    def count(self, goal: int) -> int:
        return self.cycles or goal

    def until_s(self) -> float | None:
        return None if self.minutes is None else time.monotonic() + self.minutes * 60


@pytest.fixture
def soak() -> Soak:
    cycles, minutes = os.environ.get("SOAK_CYCLES"), os.environ.get("SOAK_MINUTES")
    return Soak(
        int(cycles) if cycles else None,
        int(os.environ.get("SOAK_SEED", "1000")),
        float(minutes) if minutes else None,
    )
