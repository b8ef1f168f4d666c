"""What is done while the sweep counts system calls: one deed a process, in one thread, so that counts repeat."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from api import migrations
from tests.live.crash.stack import Place, Stack, opened
from tests.live.crash.workload import Diary, Name, body_of

EVENTS = 8


@dataclass(frozen=True, slots=True)
class Errand:
    """A deed and where it is done."""

    deed: str
    place: Place
    diaries: Path
    again: Sequence[Name] = ()


def perform(errand: Errand, line: Connection) -> None:
    """Waits for the word, then does the deed; what it says last is `done`."""
    line.send("ready")
    line.recv()
    DEEDS[errand.deed](errand)
    line.send("done")


def names() -> list[Name]:
    return [Name(1, 0, n) for n in range(EVENTS)]


def append(errand: Errand) -> None:
    """Some events, one commit each; the journal closed and opened again in the middle, which empties its log."""
    diary = Diary(errand.diaries / "0.diary")
    wanted = errand.again or names()
    for part in (wanted[: len(wanted) // 2], wanted[len(wanted) // 2 :]):
        with opened(errand.place, migrate=False) as stack:
            for name in part:
                append_one(stack, diary, name)


def append_one(stack: Stack, diary: Diary, name: Name) -> None:
    record, _ = stack.intake().prepared(body_of(name))
    diary.sending(name)
    diary.acknowledged(name, stack.journal.append_many([record])[0].position)


def project(errand: Errand) -> None:
    with opened(errand.place, migrate=False) as stack:
        stack.projector(batch=3).catch_up()


def rebuild(errand: Errand) -> None:
    with opened(errand.place, migrate=False) as stack:
        stack.catalog.reset()
        stack.projector(batch=5).catch_up()


def migrate(errand: Errand) -> None:
    with opened(errand.place, migrate=True) as stack:
        assert all(
            migrations.is_current(engine, branch) for engine, branch in zip(stack.engines, BRANCHES, strict=True)
        )


BRANCHES: tuple[migrations.Branch, migrations.Branch] = ("journal", "catalog")
DEEDS: dict[str, Callable[[Errand], None]] = {
    "append": append,
    "project": project,
    "rebuild": rebuild,
    "migrate": migrate,
}
