"""The forgetful file system, mounted in a folder, with its commands as methods."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import Unavailable, or_skip

PROGRAM = Path(__file__).with_name("forgetful.py")
START_S = 20.0


class Mount:
    """A running forgetful file system. torn: a loss spares a random part of what was not synced, else nothing."""

    forgets = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.torn = True
        self.losses = 0
        self.lost = 0
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        until = time.monotonic() + START_S
        while not os.path.ismount(folder):
            if self._process.poll() is not None or time.monotonic() > until:
                raise Unavailable("power-loss tests need a kernel with FUSE that lets this user mount (see fuse(4))")
            time.sleep(0.01)

    def lose(self, chance: random.Random) -> dict[str, Any]:
        """The power goes."""
        told = self._do("lose", seed=chance.getrandbits(32) if self.torn else None)
        self.losses += 1
        self.lost += told["lost"]
        return told

    def clear(self) -> None:
        """Empty and sound again."""
        self._do("clear")

    def set(
        self, *, room: int | None = None, free: int | None = None, broken: bool = False, cut: int | None = None
    ) -> dict[str, Any]:
        """room: bytes that may be added from now on; free: bytes that it claims to have; broken: every fsync fails;
        cut: changes from now until all is EIO. What isn't given is as it should be.
        """
        return self._do("set", room=room, free=free, broken=broken, cut=cut)

    def close(self) -> None:
        subprocess.run(["fusermount3", "-u", "-z", str(self.folder)], check=False)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=20)
        assert self._process.stdout is not None
        self._process.stdout.close()

    # As a Medium of the loops

    def fresh(self) -> Path:
        self.clear()
        folder = self.folder / "headwater-data"
        folder.mkdir()
        synced(self.folder)
        return folder

    def strike(self, chance: random.Random) -> None:
        self.torn = chance.random() < 0.7
        self.lose(chance)

    def _do(self, command: str, **given: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **given}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, "the forgetful file system has died"
        return dict(json.loads(answer))


def synced(folder: Path) -> None:
    """Makes the entries of a folder last."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _mounted() -> Mount:
    if not Path("/dev/fuse").exists():
        raise Unavailable("power-loss tests need /dev/fuse (as root: mknod -m 666 /dev/fuse c 10 229)")
    if shutil.which("fusermount3") is None:
        raise Unavailable("power-loss tests need fusermount3 (apt install fuse3)")
    return Mount(Path(tempfile.mkdtemp(prefix="headwater-forgetful-")))


@contextmanager
def forgetful() -> Iterator[Mount]:
    """A mounted one, taken down on leaving; the test is skipped, or under CI=true fails, where there can't be one."""
    mount = or_skip(_mounted)
    try:
        yield mount
    finally:
        mount.close()
        mount.folder.rmdir()
