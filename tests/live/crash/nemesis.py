"""The loops: start a life, let it work, end it at a random moment, check what is left.

Lives are forked from a process that has imported everything (multiprocessing's forkserver), which makes a life cost
milliseconds, not a second.
"""

from __future__ import annotations

import multiprocessing
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, Protocol

from tests.live.crash.checker import Checker
from tests.live.crash.stack import Place
from tests.live.crash.workload import History
from tests.live.crash.writer import READY, Shift, work

READY_S = 60.0
LONGEST_LIFE_S = 0.08


class Life:
    """One process that works a shift, or runs another errand."""

    _context: ForkServerContext | None = None

    def __init__(
        self, errand: Any, task: Callable[[Any, Connection], None] = work, mouth: Connection | None = None
    ) -> None:
        """mouth: what the task speaks through, if not into the ear of this object."""
        self._ear, own = self._forkserver().Pipe(duplex=False)
        self._process = self._forkserver().Process(target=task, args=(errand, mouth or own), daemon=True)
        self._process.start()
        own.close()

    @classmethod
    def _forkserver(cls) -> ForkServerContext:
        if cls._context is None:
            cls._context = multiprocessing.get_context("forkserver")
            cls._context.set_forkserver_preload(
                ["pytest", *(f"tests.live.crash.{name}" for name in ("writer", "checker", "deeds"))]
            )
        return cls._context

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def heard(self, timeout_s: float = READY_S) -> str | None:
        """The next word of the process; None: it ended without one, or said nothing in time."""
        try:
            return str(self._ear.recv()) if self._ear.poll(timeout_s) else None
        except EOFError:
            return None

    def kill(self) -> None:
        """SIGKILL; returns when the kernel has closed all it had open."""
        self._process.kill()
        self.join()

    def join(self) -> None:
        self._process.join()
        self._process.close()
        self._ear.close()


@dataclass(slots=True)
class Tally:
    """What a slice of cycles came to."""

    cycles: int = 0
    acknowledged: int = 0
    replays: int = 0
    took_s: float = 0.0
    violations: list[str] = field(default_factory=list)

    def shows(self, violation: str) -> bool:
        """Whether a violation of this kind was found; "": of any kind."""
        return any(violation in one for one in self.violations)

    def __str__(self) -> str:
        rate = self.cycles / self.took_s if self.took_s else 0.0
        return (
            f"{self.cycles:,} cycles, {self.acknowledged:,} acknowledgements, {self.replays} fresh replays, "
            f"{len(self.violations)} violations, {rate:.1f} cycles/s"
        )


class Medium(Protocol):
    """Where the files lie, and what happens to them when a life ends. forgets: even a catalog's schema may go."""

    forgets: bool

    def fresh(self) -> Path:
        """A new, empty folder that outlives everything that follows."""
        ...

    def strike(self, chance: random.Random) -> None:
        """After a kill: what the fault does to the files."""
        ...


class Disk:
    """A plain folder: kill -9 loses nothing of what was written."""

    forgets = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fresh(self) -> Path:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        return self._folder

    def strike(self, chance: random.Random) -> None:
        return


@dataclass(slots=True)
class Loop:
    """Kills, cycle after cycle. era: cycles on one journal, at whose end it is replayed; check_every: cycles.

    seeking: the violation that a mutant is to cause; the loop ends at it, or without one at the first of any kind.
    """

    medium: Medium
    diaries: Path
    seed: int
    mutant: str = ""
    era: int = 50
    check_every: int = 5
    writers: int = 8
    longest_life_s: float = LONGEST_LIFE_S
    seeking: str = ""

    def run(self, cycles: int, *, until_s: float | None = None) -> Tally:
        """That many cycles, or fewer if a violation is found or the time (of the monotonic clock) is over."""
        tally, began, era = Tally(), time.monotonic(), 0
        while (
            tally.cycles < cycles and not tally.shows(self.seeking) and (until_s is None or time.monotonic() < until_s)
        ):
            self._era(era, min(self.era, cycles - tally.cycles), tally)
            era += 1
            tally.took_s = time.monotonic() - began
        return tally

    def _era(self, era: int, cycles: int, tally: Tally) -> None:
        chance = random.Random(f"{self.seed} {era}")
        place = Place.in_folder(self.medium.fresh(), self.mutant)
        folder = self.diaries / "era"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        checker = Checker(place, History(folder))
        for cycle in range(1, cycles + 1):
            again = checker.history.refresh().unanswered()
            shift = Shift(
                place, folder, cycle, self.seed, again, self.writers, migrate=self.medium.forgets or cycle == 1
            )
            self._cycle(shift, chance)
            tally.cycles += 1
            if (cycle % self.check_every == 0 or cycle == cycles) and checker.check(replay=cycle == cycles):
                break
        tally.acknowledged += checker.history.acknowledgements
        tally.replays += checker.replays
        tally.violations += [f"seed {self.seed}, era {era}: {violation}" for violation in checker.violations]

    def _cycle(self, shift: Shift, chance: random.Random) -> None:
        life = Life(shift)
        if life.heard() != READY:
            life.kill()
            raise AssertionError(f"a life didn't begin: {shift}")
        time.sleep(chance.uniform(0.0, self.longest_life_s))
        life.kill()
        self.medium.strike(chance)


def over(until_s: float | None) -> bool:
    """Whether a time of the monotonic clock is past; None never is."""
    return until_s is not None and time.monotonic() >= until_s
