"""PostgreSQL goes down under writers who live on: they send again what was refused until it is taken."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.live.crash.checker import Checker
from tests.live.crash.nemesis import Life, Tally
from tests.live.crash.stack import Place
from tests.live.crash.workload import History, Name
from tests.live.crash.writer import READY, Shift
from tests.servers import AnyPostgreSQL, new_database

LONGEST_CALM_S = 0.3
RESUME_S = 20.0


@dataclass(slots=True)
class Outages:
    """Crashes the server (`pg_ctl stop -m immediate`) under two processes of four writers; now and then kills one, too.

    era: crashes on one database, at whose end it is checked and replayed. slowest_s: longest time from the server's
    start to the next acknowledgement.
    """

    server: AnyPostgreSQL
    diaries: Path
    seed: int
    mutant: str = ""
    era: int = 20
    slowest_s: float = 0.0
    seeking: str = ""

    def run(self, cycles: int, *, until_s: float | None = None) -> Tally:
        tally, began, era = Tally(), time.monotonic(), 0
        while (
            tally.cycles < cycles and not tally.shows(self.seeking) and (until_s is None or time.monotonic() < until_s)
        ):
            with new_database(self.server) as url:
                self._era(era, url, min(self.era, cycles - tally.cycles), tally)
            era += 1
            tally.took_s = time.monotonic() - began
        return tally

    def _era(self, era: int, url: str, cycles: int, tally: Tally) -> None:
        chance = random.Random(f"{self.seed} {era}")
        folder = self.diaries / "era"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        place = Place.in_postgresql(url, self.mutant)
        checker = Checker(place, History(folder))
        crew = _Crew(place, folder, self.seed)
        try:
            for cycle in range(1, cycles + 1):
                time.sleep(chance.uniform(0.02, LONGEST_CALM_S))
                self.server.crash()
                if chance.random() < 0.3:
                    crew.replace(chance.randrange(2), checker.history, while_down=self.server.start)
                else:
                    self.server.start()
                self._resumes(checker.history, cycle, crew, tally)
        finally:
            words = crew.end()
        tally.violations += words
        checker.check(replay=True)
        tally.acknowledged += checker.history.acknowledgements
        tally.replays += checker.replays
        tally.violations += [f"seed {self.seed}, era {era}: {violation}" for violation in checker.violations]

    def _resumes(self, history: History, cycle: int, crew: _Crew, tally: Tally) -> None:
        began = time.monotonic()
        before = history.refresh().acknowledgements
        while history.refresh().acknowledgements == before:
            if time.monotonic() - began > RESUME_S:
                tally.violations.append(f"cycle {cycle}: no acknowledgement {RESUME_S:g} s after the server came back")
                return
            time.sleep(0.01)
        self.slowest_s = max(self.slowest_s, time.monotonic() - began)
        tally.cycles += 1


class _Crew:
    """Two processes that write; the first one projects."""

    def __init__(self, place: Place, folder: Path, seed: int) -> None:
        self._place, self._folder, self._seed = place, folder, seed
        self._number = 0
        self._lives = [self._life(0, ()), self._life(1, ())]
        self._words: list[str] = []

    def replace(self, which: int, history: History, while_down: Callable[[], None]) -> None:
        """kill -9 of one while the server is down; the next one begins with what it left unanswered."""
        self._kill(which)
        while_down()
        own = range(4 * which, 4 * which + 4)
        self._lives[which] = self._life(which, [one for one in history.refresh().unanswered() if one.writer in own])

    def end(self) -> list[str]:
        for which in range(2):
            self._kill(which)
        return self._words

    def _kill(self, which: int) -> None:
        while (word := self._lives[which].heard(0)) is not None:
            self._words.append(word)
        self._lives[which].kill()

    def _life(self, which: int, again: list[Name] | tuple[()]) -> Life:
        self._number += 1
        first, projects = 4 * which, which == 0
        shift = Shift(self._place, self._folder, self._number, self._seed, again, 4, projects, True, first)
        life = Life(shift)
        assert life.heard() == READY, f"a life didn't begin: {shift}"
        return life
