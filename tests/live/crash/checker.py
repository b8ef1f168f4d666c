"""What must hold after every restart, whatever happened before: violations as text, none if all is well."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from ingest.openlineage.facts import Reader
from ingest.projection import Projector
from lineage.database import open_engine, reading, sqlite_url
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from tests.live.crash.stack import Place, Stack, digest_of, opened
from tests.live.crash.workload import History, Name, name_in

PAGE = 2_000
SHOWN = 5


@dataclass(slots=True)
class Checker:
    """Reads the journal on from where it stopped, and holds it against the history.

    found: positions by name. head: the last position that was read. migrate: the schema may be lost, too.
    """

    place: Place
    history: History
    head: int = 0
    found: dict[Name, list[int]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    replays: int = 0
    migrate: bool = True

    def check(self, *, replay: bool = False) -> list[str]:
        """All violations so far. replay: compare the catalog with a fresh replay and the files with themselves, too."""
        with opened(self.place, migrate=self.migrate, broken=False) as stack:
            self._read(stack)
            self.history.refresh()
            self._hold_against_history()
            self._stands_within(stack)
            if replay:
                self._is_sound(stack)
                self._replay(stack)
        return self.violations

    def _read(self, stack: Stack) -> None:
        if stack.journal.head() < self.head:
            self._say(f"the journal ends at {stack.journal.head()}, it reached {self.head} before")
        while entries := stack.journal.read(self.head, PAGE):
            for entry in entries:
                if entry.position != self.head + 1:
                    self._say(f"position {entry.position} follows {self.head}")
                self.head = entry.position
                self.found.setdefault(name_in(entry.body), []).append(entry.position)

    def _hold_against_history(self) -> None:
        lost = [name for name in self.history.acknowledged if name not in self.found]
        twice = [(name, at) for name, at in self.found.items() if len(at) > 1]
        moved = [
            (name, given, self.found[name])
            for name, given in self.history.acknowledged.items()
            if name in self.found and not given <= set(self.found[name])
        ]
        unknown = [name for name in self.found if name not in self.history.sent]
        for what, which in (
            ("acknowledged and lost", lost),
            ("in the journal twice", twice),
            ("acknowledged at another position", moved),
            ("in the journal and never sent", unknown),
        ):
            if which:
                self._say(f"{len(which)} events {what}: {which[:SHOWN]}")

    def _stands_within(self, stack: Stack) -> None:
        if stack.catalog.position() > self.head:
            self._say(f"the catalog stands at {stack.catalog.position()}, the journal ends at {self.head}")

    def _is_sound(self, stack: Stack) -> None:
        for engine in stack.engines:
            if engine.dialect.name == "sqlite":
                with reading(engine) as connection:
                    told = connection.execute(text("PRAGMA integrity_check")).scalars().all()
                if told != ["ok"]:
                    self._say(f"{engine.url.database} is corrupt: {told[:SHOWN]}")

    def _replay(self, stack: Stack) -> None:
        stack.projector().catch_up()
        self.replays += 1
        kept, fresh = digest_of(stack.catalog), replayed(stack)
        if stack.catalog.position() != self.head:
            self._say(f"caught up, the catalog stands at {stack.catalog.position()}, the journal ends at {self.head}")
        if kept != fresh:
            self._say(f"the catalog has hash {kept[:12]}, a fresh replay of {self.head} events {fresh[:12]}")

    def _say(self, violation: str) -> None:
        self.violations.append(violation)


def replayed(stack: Stack) -> str:
    """The hash of a catalog made anew from the whole journal."""
    with tempfile.TemporaryDirectory(dir=scratch()) as folder:
        engine = open_engine(sqlite_url(Path(folder) / "fresh.db"), durable=False)
        try:
            tables.metadata.create_all(engine)
            fresh = SqlCatalog(engine)
            Projector(stack.journal, Reader(), fresh, batch=500).catch_up()
            return digest_of(fresh)
        finally:
            engine.dispose()


def scratch() -> Path | None:
    """Where files that no crash must outlive are made: in memory, if the machine has such a folder."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() else None
