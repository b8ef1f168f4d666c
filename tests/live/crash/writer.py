"""The process that is killed: writers at the intake, and the projector behind them."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from ingest.errors import NotStored, Overloaded
from tests.live.crash.stack import Place, Stack, opened
from tests.live.crash.workload import Diary, Name, body_of

READY, DONE = "ready", "done"
PAUSE_S = 0.05
# Between two events of a writer: enough events to be hit in the middle of something, few enough to be replayed.
LONGEST_PAUSE_S = 0.01


@dataclass(frozen=True, slots=True)
class Shift:
    """One life of the process. again: what earlier lives sent and got no answer for; it is sent first.

    first: number of its first writer, where several processes write. stop_after: events a writer sends before it goes
    home.
    """

    place: Place
    diaries: Path
    cycle: int
    seed: int
    again: Sequence[Name] = ()
    writers: int = 8
    project: bool = True
    migrate: bool = False
    first: int = 0
    stop_after: int | None = None


def work(shift: Shift, tell: Connection) -> None:
    """Writes until it is killed, or all writers have gone home."""
    with opened(shift.place, migrate=shift.migrate) as stack:
        stop = threading.Event()
        if shift.project:
            threading.Thread(target=_project, args=(stack, stop, tell), daemon=True).start()
        threads = [
            threading.Thread(target=asyncio.run, args=(_Writer(shift, number, stack).run(),), daemon=True)
            for number in range(shift.first, shift.first + shift.writers)
        ]
        for thread in threads:
            thread.start()
        tell.send(READY)
        for thread in threads:
            thread.join()
        stop.set()
        tell.send(DONE)


def _project(stack: Stack, stop: threading.Event, tell: Connection) -> None:
    try:
        stack.projector(batch=20).run(stop)
    except BaseException as error:
        tell.send(f"the projector died: {error!r}")
        raise


class _Writer:
    """A producer: sends one event after the other, and what was refused with 503 again until it is taken."""

    def __init__(self, shift: Shift, number: int, stack: Stack) -> None:
        self._shift = shift
        self._number = number
        self._intake = stack.intake()
        self._chance = random.Random(f"{shift.seed} {shift.cycle} {number}")
        self._diary = Diary(shift.diaries / f"{number}.diary")
        self._taken: list[Name] = []

    async def run(self) -> None:
        for name in self._shift.again[self._number - self._shift.first :: self._shift.writers]:
            await self._deliver([name])
        n = 0
        while self._shift.stop_after is None or n < self._shift.stop_after:
            count = self._chance.choice((1, 1, 1, 1, 1, 1, 1, 4))
            await self._deliver([Name(self._shift.cycle, self._number, n + k) for k in range(count)])
            n += count
            await asyncio.sleep(self._chance.uniform(0.0, LONGEST_PAUSE_S))
            if self._chance.random() < 0.1:
                await self._deliver([self._chance.choice(self._taken)])

    async def _deliver(self, names: Sequence[Name]) -> None:
        """One event as one request, several as one batch."""
        for name in names:
            self._diary.sending(name)
        positions = await self._positions([body_of(name) for name in names])
        for name, position in zip(names, positions, strict=True):
            self._diary.acknowledged(name, position)
        self._taken += names

    async def _positions(self, bodies: Sequence[bytes]) -> Sequence[int]:
        while True:
            try:
                if len(bodies) == 1:
                    return [(await self._intake.receive(bodies[0])).position]
                return (await self._intake.receive_batch(b"[" + b",".join(bodies) + b"]")).positions
            except (NotStored, Overloaded) as error:
                self._diary.refused(str(error))
                await asyncio.sleep(PAUSE_S)
