"""`headwater ingest events`: files of events through the same intake as HTTP, in batches, resumable.

Sending an event twice changes nothing, so to start again is always safe; a bookmark only saves time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.progress import Progress, TaskID
from rich.table import Column, Table

from api.commands.doors import Door, Where, checked, open_door, reason_of
from api.commands.errors import CommandFailed
from api.commands.files import Item, Source, open_events
from api.commands.resuming import Bookmark, bookmark_of, digest_of
from api.commands.screens import advancing, notes, out, plain, progress, styled

if TYPE_CHECKING:
    from api.wiring import Headwater

BATCH_EVENTS = 500
BATCH_BYTES = 8 * 1024 * 1024
REFUSALS_SHOWN = 20
NAME_WIDTH = 32
JSON = {"Content-Type": "application/json"}
# Of the event itself; any other answer is about the sender or the address, and would be the same for every event.
REFUSALS = frozenset({400, 413, 422})


@dataclass(slots=True)
class Tally:
    """What became of one file. skipped: items that an earlier run had sent."""

    name: str
    read: int = 0
    new: int = 0
    known: int = 0
    skipped: int = 0
    refused: int = 0
    refusals: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def rate(self) -> float:
        return (self.read - self.skipped) / self.seconds if self.seconds else 0.0

    def refuse(self, item: Item, reason: str) -> None:
        self.refused += 1
        if len(self.refusals) < REFUSALS_SHOWN:
            self.refusals.append(f"{self.name}:{item.number}: {reason}")

    def take(self, *, known: bool) -> None:
        if known:
            self.known += 1
        else:
            self.new += 1


def ingest_events(files: Sequence[str], where: Where, *, from_start: bool = False) -> list[Tally]:
    """Sends every event of every file and reports it. Raises CommandFailed if one was refused.

    from_start: send what an interrupted run has sent already, too.
    """
    with open_door(where, appends=True) as door:
        tallies = []
        for name in files:
            with open_events(name) as source:
                tallies.append(_sent(door, source, from_start))
        if door.here is not None:
            catch_up(door.here)
    _report(tallies)
    refused = sum(tally.refused for tally in tallies)
    if refused:
        raise CommandFailed(f"{refused:,} refused; mend them and run the command again, the rest is known by then")
    return tallies


def catch_up(here: Headwater) -> None:
    """All that the local journal holds into its catalog and graph, with a progress bar."""
    from lineage.errors import NotOwner

    behind = here.journal.head() - here.catalog.position()
    with suppress(NotOwner):  # then a server is at it
        with progress("events") as bar:
            here.projector.catch_up(advancing(bar, "into the catalog", behind))
        here.catch_up()


def _sent(door: Door, source: Source, from_start: bool) -> Tally:
    mark = bookmark_of(source.name, door)
    if from_start or (mark.number and not _holds(door, mark)):
        mark = Bookmark(mark.path)
    tally = Tally(source.name, read=mark.read, skipped=mark.read, refused=mark.refused, refusals=mark.refusals)
    began = time.monotonic()
    with progress("events") as bar:
        task = bar.add_task(plain(source.name)[-40:], total=source.size_bytes, count=0, rate=0.0)
        for batch in _batches(_unsent(source, mark)):
            proof = _send(door, batch, tally)
            tally.read += len(batch)
            tally.seconds = time.monotonic() - began
            _move(mark, batch[-1], proof, tally)
            _advance(bar, task, batch[-1], tally)
    mark.remove()
    return tally


def _holds(door: Door, mark: Bookmark) -> bool:
    """Whether the target has the last event that it took from this file: it knows it again."""
    answer = door.send("POST", "/lineage", content=mark.proof.encode(), headers=JSON)
    return answer.is_success and bool(answer.json()["duplicate"])


def _unsent(source: Source, mark: Bookmark) -> Iterator[Item]:
    for item in source.items:
        if item.number > mark.number:
            yield item
        elif item.number == mark.number and not mark.is_at(item):
            raise CommandFailed(
                f"{source.name} was sent up to {source.unit} {mark.number:,} and has changed since; "
                "send all of it with --from-start"
            )


def _batches(items: Iterator[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size_bytes = 0
    for item in items:
        if batch and (len(batch) >= BATCH_EVENTS or size_bytes + len(item.body) > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(item)
        size_bytes += len(item.body)
    if batch:
        yield batch


def _send(door: Door, batch: list[Item], tally: Tally) -> bytes | None:
    """Sends a batch; returns the last body that was taken, None if all were refused."""
    # What is no JSON would spoil the array around it; alone it is refused, and kept as refused, for itself.
    sound = [item for item in batch if _is_json(item.body)]
    refused = _send_together(door, sound, tally)
    together = set() if refused is None else {item.number for item in sound}
    refused = refused or set()
    for item in batch:
        if item.number not in together and not _send_alone(door, item, tally):
            refused.add(item.number)
    return next((item.body for item in reversed(batch) if item.number not in refused), None)


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


def _send_together(door: Door, batch: list[Item], tally: Tally) -> set[int] | None:
    """Numbers of the items that were refused; None if the array as a whole was, so that each must go alone."""
    if not batch:
        return set()
    body = b"[" + b",".join(item.body for item in batch) + b"]"
    answer = door.send("POST", "/lineage/batch", content=body, headers=JSON)
    if answer.status_code in REFUSALS:
        return None
    told = checked(answer, door.name).json()
    failed = {entry["index"]: entry for entry in told["failed_events"]}
    for index, entry in failed.items():
        if entry["retriable"]:
            raise CommandFailed(f"{door.name} could not store an event: {entry['reason']}; run the command again")
        # Within the array a pointer begins with the event's place; in the file the event stands alone.
        tally.refuse(batch[index], entry["reason"].replace(f"/{index}/", "/"))
    known = int(told["summary"].get("duplicates", 0))
    tally.known += known
    tally.new += len(batch) - len(failed) - known
    return {batch[index].number for index in failed}


def _send_alone(door: Door, item: Item, tally: Tally) -> bool:
    """Whether it was taken."""
    answer = door.send("POST", "/lineage", content=item.body, headers=JSON)
    if answer.status_code in REFUSALS:
        tally.refuse(item, reason_of(answer))
        return False
    tally.take(known=bool(checked(answer, door.name).json()["duplicate"]))
    return True


def _move(mark: Bookmark, last: Item, proof: bytes | None, tally: Tally) -> None:
    mark.number, mark.digest, mark.read = last.number, digest_of(last.body), tally.read
    mark.refused, mark.refusals = tally.refused, tally.refusals
    if proof is not None:
        mark.proof = proof.decode("utf-8", "replace")
    mark.save()


def _advance(bar: Progress, task: TaskID, item: Item, tally: Tally) -> None:
    bar.update(task, completed=item.read_bytes, count=tally.read, rate=tally.rate)


def _report(tallies: Sequence[Tally]) -> None:
    table = Table("file", *(_number(name) for name in ("events", "new", "known before", "refused", "events/s")))
    for tally in tallies:
        known = tally.known + tally.skipped
        cells = (f"{count:,}" for count in (tally.read, tally.new, known, tally.refused, round(tally.rate)))
        table.add_row(styled(_short(tally.name)), *cells)
    out().print(table)
    for tally in tallies:
        for line in tally.refusals:
            notes().print(styled(line, "red"))
        if tally.refused > len(tally.refusals):
            notes().print(f"… and {tally.refused - len(tally.refusals):,} more in {plain(tally.name)}", style="red")


def _short(name: str) -> str:
    """A file's name; with its folders only where they fit."""
    return name if len(name) <= NAME_WIDTH else f"…/{Path(name).name}"


def _number(name: str) -> Column:
    return Column(name, justify="right")
