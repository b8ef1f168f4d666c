"""A kill at the nth write-like system call, for every n: strace stops the process at the call, before it is done.

The idea is that of ALICE (Pillai et al., OSDI 2014) and CrashMonkey (Mohan et al., OSDI 2018): not at random, but all.
"""

from __future__ import annotations

import multiprocessing
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from lineage.database import open_engine, reading
from tests.live.crash.checker import Checker, scratch
from tests.live.crash.deeds import Errand, append_one, names, perform
from tests.live.crash.nemesis import Life
from tests.live.crash.stack import Place, opened
from tests.live.crash.workload import Diary, History
from tests.servers import Unavailable

CALLS = (
    "pwrite64,pwritev,write,fdatasync,fsync,ftruncate,truncate,fallocate,unlink,unlinkat,rename,renameat,renameat2,"
    "link,mkdir,openat"
)
FILES = ("journal.db", "catalog.db")
SUFFIXES = ("", "-wal", "-shm", "-journal")
START_S, DEED_S = 10.0, 60.0


@dataclass(slots=True)
class Swept:
    """What a sweep came to. points: kills; calls: write-like system calls of the whole deed."""

    deed: str
    points: int = 0
    calls: int = 0
    took_s: float = 0.0
    violations: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        rate = self.points / self.took_s if self.took_s else 0.0
        bad = len(self.violations)
        return f"{self.deed}: killed at {self.points} of {self.calls} calls, {bad} violations, {rate:.1f} kills/s"


class Sweep:
    """One deed, again and again from the same beginning, each time killed at another system call."""

    def __init__(self, deed: str, folder: Path) -> None:
        if shutil.which("strace") is None:
            raise Unavailable("a kill at every system call needs strace (apt install strace)")
        self.deed = deed
        self._begin = folder / "begin"
        self._begin.mkdir(parents=True)
        self._now = folder / "now"
        _lay(deed, self._begin)

    def run(self, *, sample: int | None = None) -> Swept:
        """At every call, or at about `sample` of them, evenly spread."""
        began = time.monotonic()
        every = self._calls()
        swept = Swept(self.deed, calls=len(every))
        for name, n in every if sample is None else every[:: max(1, len(every) // sample)]:
            self._fresh()
            said, seen = self._perform(f"inject={name}:signal=KILL:when={n}")
            if said == "done" or len(seen) != every.index((name, n)) + 1:
                swept.violations.append(f"{name} {n}: not killed there, but after {len(seen)} calls")
            swept.violations += [f"{name} {n}: {violation}" for violation in self._check()]
            swept.points += 1
        swept.took_s = time.monotonic() - began
        return swept

    def _calls(self) -> list[tuple[str, int]]:
        """The calls of the whole deed as strace counts them, the first openat, the first pwrite64, the second one, …"""
        self._fresh()
        said, seen = self._perform(None)
        assert said == "done", f"{self.deed} does not come to its end by itself"
        violations = self._check()
        assert not violations, violations
        return [(name, seen[: at + 1].count(name)) for at, name in enumerate(seen)]

    def _fresh(self) -> None:
        shutil.rmtree(self._now, ignore_errors=True)
        shutil.copytree(self._begin, self._now)

    def _perform(self, inject: str | None) -> tuple[str | None, list[str]]:
        """What the deed said last, and the calls it came to."""
        log = self._now.with_name("strace.log")
        ours, theirs = multiprocessing.Pipe()
        life = Life(Errand(self.deed, Place.in_folder(self._now), self._now), perform, theirs)
        theirs.close()
        assert ours.poll(START_S)
        assert ours.recv() == "ready"
        tracer = _traced(life.pid, self._paths(), inject, log)
        ours.send("go")
        try:
            said = ours.recv() if ours.poll(DEED_S) else None
        except EOFError:
            said = None
        life.kill()
        ours.close()
        tracer.communicate(timeout=START_S)
        return said, re.findall(r"^\d+ +(\w+)\(", log.read_text("utf-8", "replace"), re.MULTILINE)

    def _paths(self) -> Iterable[Path]:
        return [self._now / f"{name}{suffix}" for name in FILES for suffix in SUFFIXES] + [self._now]

    def _check(self) -> list[str]:
        """What must hold now, and once the deed is done again to its end."""
        place = Place.in_folder(self._now)
        if self.deed == "migrate":
            with opened(place, migrate=True):
                pass
            return [] if _schema(place) == _schema_by_one_go() else ["the schema is not that of a whole migration"]
        checker = Checker(place, History(self._now), migrate=False)
        checker.check()
        if self.deed == "append":
            diary = Diary(self._now / "1.diary")
            with opened(place, migrate=False) as stack:
                for name in sorted(set(names()) - checker.history.acknowledged.keys()):
                    append_one(stack, diary, name)
            checker.check()
            if sorted(checker.found) != names():
                checker.violations.append(f"the journal holds {len(checker.found)} of {len(names())} events")
        return checker.check(replay=True)


def _traced(pid: int, paths: Iterable[Path], inject: str | None, log: Path) -> subprocess.Popen[str]:
    """strace, once it holds the process."""
    command = [
        "strace",
        "-f",
        "-p",
        str(pid),
        "-e",
        f"trace={CALLS}",
        "-e",
        "signal=none",
        "-o",
        str(log or "/dev/null"),
    ]
    for path in paths:
        command += ["-P", str(path)]
    if inject:
        command += ["-e", inject]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    for line in tracer.stderr:
        if "attached" in line:
            return tracer
    raise Unavailable("strace may not attach here (kernel.yama.ptrace_scope, or a container without SYS_PTRACE)")


def _lay(deed: str, folder: Path) -> None:
    """How things lie before the deed."""
    if deed == "migrate":
        return
    with opened(Place.in_folder(folder)) as stack:
        if deed == "append":
            return
        diary = Diary(folder / "0.diary")
        for name in names():
            append_one(stack, diary, name)
        if deed == "rebuild":
            stack.projector().catch_up()


def _schema(place: Place) -> list[tuple[str, str]]:
    found = []
    for url in (place.journal, place.catalog):
        engine = open_engine(url)
        with reading(engine) as connection:
            rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name"))
            found += [(str(name), str(sql)) for name, sql in rows]
            found += [("row", str(row)) for row in connection.execute(text(f"SELECT * FROM {_version(url)}"))]
        engine.dispose()
    return found


def _version(url: str) -> str:
    return "journal_version" if "journal.db" in url else "catalog_version"


def _schema_by_one_go() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        place = Place.in_folder(Path(folder))
        with opened(place):
            pass
        return _schema(place)
