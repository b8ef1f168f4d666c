"""A file system in memory that forgets what was not fsynced: what a power loss does, on demand and by seed.

Every file has two contents: what is written and what is kept. fsync of a file makes its content and size kept, fsync of
a folder its entries; a loss throws the rest away. `torn`: of each file a random subset of the unsynced 512-byte
sectors survives, of each folder a random prefix of the unsynced changes; a size may be old or new. Stricter than ext4,
which keeps a new file's name once the file is fsynced: here only fsync of the folder does.

Also full (ENOSPC past a number of bytes, whatever statfs says), broken (EIO on every fsync) and cut off (after the nth
change to the file system nothing more happens and all is EIO: a power loss at that very system call).

Run as a process of its own: `python forgetful.py MOUNTPOINT`; commands come as lines on standard input, an answer in
JSON as a line on standard output. Needs /dev/fuse and fusermount3.
"""

from __future__ import annotations

import errno
import json
import os
import random
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import mfusepy

SECTOR, BLOCK = 512, 4096
PLENTY = 1 << 34


class File:
    """Contents: `now` as programs see it, `kept` as the platter has it; `dirty`: sectors that differ."""

    def __init__(self, mode: int, inode: int) -> None:
        self.mode = mode
        self.inode = inode
        self.now = bytearray()
        self.kept = bytearray()
        self.dirty: set[int] = set()

    def write(self, offset: int, data: bytes) -> None:
        start = min(offset, len(self.now))
        if len(self.now) < offset:
            self.now.extend(bytes(offset - len(self.now)))
        self.now[offset : offset + len(data)] = data
        self._soil(start, offset + len(data))

    def truncate(self, size: int) -> None:
        start = min(size, len(self.now))
        if size < len(self.now):
            self._soil(size, len(self.now))
            del self.now[size:]
        else:
            self.now.extend(bytes(size - len(self.now)))
            self._soil(start, size)

    def sync(self) -> None:
        self._carry(self.dirty, len(self.now))

    def lose(self, chance: random.Random | None) -> int:
        """Back to what is kept; how many sectors were lost. chance: which of them survive; None: none does."""
        survivors: set[int] = set()
        size = len(self.kept)
        pending = len(self.dirty)
        if chance is not None and self.dirty:
            share = chance.choice((0.0, 0.1, 0.5, 0.9, 1.0))
            survivors = {sector for sector in sorted(self.dirty) if chance.random() < share}
            size = chance.choice((len(self.kept), len(self.now)))
            if survivors and len(self.now) > size:
                size = max(size, min(len(self.now), (max(survivors) + 1) * SECTOR))
        self._carry(survivors, size)
        self.now = bytearray(self.kept)
        self.dirty.clear()
        return pending - len(survivors)

    def _soil(self, start: int, end: int) -> None:
        self.dirty.update(range(start // SECTOR, (max(end, start + 1) - 1) // SECTOR + 1))

    def _carry(self, sectors: set[int], size: int) -> None:
        """What is kept takes over these sectors and this size."""
        if len(self.kept) < size:
            self.kept.extend(bytes(size - len(self.kept)))
        for sector in sectors:
            at = sector * SECTOR
            piece = self.now[at : at + SECTOR]
            self.kept[at : at + len(piece)] = piece
        del self.kept[size:]
        if sectors is self.dirty:
            self.dirty = set()


class Folder:
    """Entries by name, `now` and `kept`; `pending`: unsynced changes in their order."""

    def __init__(self, mode: int, inode: int) -> None:
        self.mode = mode
        self.inode = inode
        self.now: dict[str, File | Folder] = {}
        self.kept: dict[str, File | Folder] = {}
        self.pending: list[dict[str, File | Folder | None]] = []

    def change(self, **entries: File | Folder | None) -> None:
        """One atomic change: entries set, or with None taken away."""
        _change(self.now, entries)
        self.pending.append(entries)

    def sync(self) -> None:
        self.kept = dict(self.now)
        self.pending.clear()

    def lose(self, chance: random.Random | None) -> int:
        survives = chance.randint(0, len(self.pending)) if chance is not None else 0
        lost = len(self.pending) - survives
        for entries in self.pending[:survives]:
            _change(self.kept, entries)
        self.now = dict(self.kept)
        self.pending.clear()
        for entry in self.now.values():
            lost += entry.lose(chance)
        return lost


def _change(entries: dict[str, File | Folder], by: dict[str, File | Folder | None]) -> None:
    for name, entry in by.items():
        if entry is None:
            entries.pop(name, None)
        else:
            entries[name] = entry


class Forgetful(mfusepy.Operations):
    """The operations that libfuse asks for. One lock: losses are atomic."""

    use_ns = True

    def __init__(self) -> None:
        self._turn = threading.RLock()
        self.next_inode = 1
        self.root = Folder(stat.S_IFDIR | 0o755, self._inode())
        self.room: int | None = None
        self.free = PLENTY
        self.broken = False
        self.changes = 0
        self.syncs = 0
        self.cut: int | None = None
        self.opened: dict[int, File] = {}
        self.next_handle = 1

    # What the rig commands

    def lose(self, seed: int | None) -> dict[str, Any]:
        with self._turn:
            lost = self.root.lose(None if seed is None else random.Random(seed))
            told = {"lost": lost, "changes": self.changes, "syncs": self.syncs, "cut": self._is_cut()}
            self.cut = None
            self.changes = self.syncs = 0
            return told

    def clear(self) -> dict[str, Any]:
        with self._turn:
            self.root = Folder(self.root.mode, self.root.inode)
            self.cut, self.room, self.free, self.broken = None, None, PLENTY, False
            self.changes = self.syncs = 0
            return {}

    def set(
        self, *, room: int | None = None, free: int | None = None, broken: bool = False, cut: int | None = None
    ) -> dict[str, Any]:
        """room: bytes that may be added from now; free: what statfs says; broken, cut: as above."""
        with self._turn:
            self.room = None if room is None else self._used() + room
            self.free = PLENTY if free is None else free
            self.broken = broken
            self.cut = None if cut is None else self.changes + cut
            return {"used": self._used(), "changes": self.changes}

    # Looking

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        with self._turn:
            entry = self.opened[fh] if fh else self._find(path)
            size = len(entry.now) if isinstance(entry, File) else 4096
            return {
                "st_mode": entry.mode, "st_ino": entry.inode, "st_size": size, "st_nlink": 1, "st_uid": os.getuid(),
                "st_gid": os.getgid(), "st_mtime": 0, "st_atime": 0, "st_ctime": 0,
            }  # fmt: skip

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        with self._turn:
            return iter([".", "..", *self._folder(path).now])

    def open(self, path: str, flags: int) -> int:
        with self._turn:
            self._alive()
            file = self._file(path)
            if flags & os.O_TRUNC:
                self._count()
                file.truncate(0)
            return self._handle(file)

    def opendir(self, path: str) -> int:
        self._folder(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with self._turn:
            self._alive()
            return bytes(self.opened[fh].now[offset : offset + size])

    def statfs(self, path: str) -> dict[str, int]:
        blocks = self.free // BLOCK
        sizes = {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_namemax": 255}
        return {**sizes, "f_blocks": PLENTY // BLOCK, "f_bfree": blocks, "f_bavail": blocks}

    # Changing

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        with self._turn:
            self._count()
            folder, name = self._place(path)
            file = File(stat.S_IFREG | (mode & 0o7777), self._inode())
            folder.change(**{name: file})
            return self._handle(file)

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        with self._turn:
            self._count()
            file = self.opened[fh]
            growth = offset + len(data) - len(file.now)
            if self.room is not None and growth > 0 and self._used() + growth > self.room:
                raise mfusepy.FuseOSError(errno.ENOSPC)
            file.write(offset, data)
            return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        with self._turn:
            self._count()
            file = self.opened[fh] if fh else self._file(path)
            growth = length - len(file.now)
            if self.room is not None and growth > 0 and self._used() + growth > self.room:
                raise mfusepy.FuseOSError(errno.ENOSPC)
            file.truncate(length)

    def unlink(self, path: str) -> None:
        self._remove(path)

    def rmdir(self, path: str) -> None:
        with self._turn:
            if self._folder(path).now:
                raise mfusepy.FuseOSError(errno.ENOTEMPTY)
            self._remove(path)

    def mkdir(self, path: str, mode: int) -> None:
        with self._turn:
            self._count()
            folder, name = self._place(path)
            folder.change(**{name: Folder(stat.S_IFDIR | (mode & 0o7777), self._inode())})

    def rename(self, old: str, new: str) -> None:
        with self._turn:
            self._count()
            source, name = self._place(old)
            target, wanted = self._place(new)
            moved = self._find(old)
            if source is target:
                source.change(**{wanted: moved, name: None})
            else:
                target.change(**{wanted: moved})
                source.change(**{name: None})

    def link(self, target: str, source: str) -> None:
        with self._turn:
            self._count()
            folder, name = self._place(target)
            folder.change(**{name: self._file(source)})

    def chmod(self, path: str, mode: int) -> None:
        with self._turn:
            entry = self._find(path)
            entry.mode = stat.S_IFMT(entry.mode) | (mode & 0o7777)

    def chown(self, path: str, uid: int, gid: int) -> None:
        return

    def utimens(self, path: str, times: Any = None) -> None:
        return

    # Making it last

    def fsync(self, path: str, datasync: int, fh: int) -> None:
        with self._turn:
            self._sync(self.opened[fh] if fh else self._file(path))

    def fsyncdir(self, path: str, datasync: int, fh: int) -> None:
        with self._turn:
            self._sync(self._folder(path))

    def flush(self, path: str, fh: int) -> None:
        return

    def release(self, path: str, fh: int) -> None:
        with self._turn:
            self.opened.pop(fh, None)

    # Helpers

    def _sync(self, entry: File | Folder) -> None:
        self._count()
        self.syncs += 1
        if self.broken:
            raise mfusepy.FuseOSError(errno.EIO)
        entry.sync()

    def _remove(self, path: str) -> None:
        with self._turn:
            self._count()
            self._find(path)
            folder, name = self._place(path)
            folder.change(**{name: None})

    def _count(self) -> None:
        """One more change to the file system; raises EIO once it is cut off."""
        self.changes += 1
        self._alive()

    def _alive(self) -> None:
        if self._is_cut():
            raise mfusepy.FuseOSError(errno.EIO)

    def _is_cut(self) -> bool:
        return self.cut is not None and self.changes >= self.cut

    def _inode(self) -> int:
        self.next_inode += 1
        return self.next_inode

    def _handle(self, file: File) -> int:
        handle, self.next_handle = self.next_handle, self.next_handle + 1
        self.opened[handle] = file
        return handle

    def _find(self, path: str) -> File | Folder:
        entry: File | Folder = self.root
        for name in path.split("/"):
            if not name:
                continue
            if not isinstance(entry, Folder) or name not in entry.now:
                raise mfusepy.FuseOSError(errno.ENOENT)
            entry = entry.now[name]
        return entry

    def _file(self, path: str) -> File:
        entry = self._find(path)
        if not isinstance(entry, File):
            raise mfusepy.FuseOSError(errno.EISDIR)
        return entry

    def _folder(self, path: str) -> Folder:
        entry = self._find(path)
        if not isinstance(entry, Folder):
            raise mfusepy.FuseOSError(errno.ENOTDIR)
        return entry

    def _place(self, path: str) -> tuple[Folder, str]:
        parent, _, name = path.rpartition("/")
        return self._folder(parent), name

    def _used(self) -> int:
        return sum(_sizes(self.root))


def _sizes(folder: Folder) -> Iterator[int]:
    for entry in folder.now.values():
        if isinstance(entry, File):
            yield len(entry.now)
        else:
            yield from _sizes(entry)


def _obey(system: Forgetful) -> None:
    commands: dict[str, Callable[..., dict[str, Any]]] = {"lose": system.lose, "clear": system.clear, "set": system.set}
    for line in sys.stdin:
        asked = json.loads(line)
        answer = commands[asked.pop("do")](**asked)
        print(json.dumps(answer), flush=True)


def main(mountpoint: str) -> None:
    system = Forgetful()
    threading.Thread(target=_obey, args=(system,), daemon=True).start()
    # No time-outs: after a loss the kernel must ask again. nothreads: Python's lock makes threads pointless.
    mfusepy.FUSE(
        system, mountpoint, foreground=True, nothreads=True, attr_timeout=0, entry_timeout=0, negative_timeout=0,
        fsname="forgetful",
    )  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1])
