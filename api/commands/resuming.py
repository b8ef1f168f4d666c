"""Where an interrupted sending of a file goes on.

A bookmark is believed only if the target proves that it holds the last event of the earlier run: that event is sent
again, and known by its content. So a folder that was emptied, or another server behind the same address, gets the whole
file.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import orjson

from api.commands.doors import Door
from api.commands.files import STDIN, Item

SUFFIX = ".bookmark.json"


@dataclass(slots=True)
class Bookmark:
    """number, digest: the last item that was sent, and its SHA-256. proof: the last body that was taken.

    path None: nothing is remembered, for standard input can't be read again.
    """

    path: Path | None
    number: int = 0
    digest: str = ""
    proof: str = ""
    read: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)

    def save(self) -> None:
        """Replaces the file at once. Where it can't be written the command works, and starts over next time."""
        if self.path is None:
            return
        with suppress(OSError):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            beside = self.path.with_suffix(f".{os.getpid()}")
            beside.write_bytes(orjson.dumps({**asdict(self), "path": None}))
            beside.replace(self.path)

    def remove(self) -> None:
        if self.path is not None:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def is_at(self, item: Item) -> bool:
        """Whether the file still has what was sent from this place."""
        return digest_of(item.body) == self.digest


def bookmark_of(name: str, door: Door) -> Bookmark:
    """The bookmark of a file and a target; at the start where there is none."""
    if name == STDIN:
        return Bookmark(None)
    key = hashlib.sha256(f"{Path(name).resolve()}\n{door.name}".encode("utf-8", "surrogateescape")).hexdigest()[:24]
    path = _folder(door) / f"{key}{SUFFIX}"
    try:
        kept: dict[str, Any] = orjson.loads(path.read_bytes())
        return Bookmark(**{**kept, "path": path})
    except (OSError, orjson.JSONDecodeError, TypeError):
        return Bookmark(path)


def digest_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _folder(door: Door) -> Path:
    if door.here is not None:
        return door.here.settings.data / "ingest"
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "headwater"
