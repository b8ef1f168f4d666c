"""The first start of a whole Headwater on a machine: the folder, the databases, the key, one event."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from api.settings import load
from api.wiring import open_headwater
from tests.live.crash.workload import Diary, Name, body_of


@dataclass(frozen=True, slots=True)
class FirstStart:
    data: Path
    diaries: Path
    name: Name


def start(first: FirstStart, tell: Connection) -> None:
    """Takes one event in and says so; then waits for its end."""
    diary = Diary(first.diaries / "0.diary")
    with open_headwater(load(data=first.data), projector="inline") as headwater:
        diary.sending(first.name)
        receipt = asyncio.run(headwater.intake.receive(body_of(first.name)))
        diary.acknowledged(first.name, receipt.position)
        tell.send("acknowledged")
        tell.recv()
