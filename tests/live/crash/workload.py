"""The events that writers send, each known by its name, and the history of what was sent and what was acknowledged.

An event is a function of its name, so whoever reads the journal can tell whose it is, and whoever restarts can send it
again byte for byte.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

BEGIN_S = 1_767_225_600  # 2026-01-01T00:00:00Z
JOBS, TABLES, COLUMNS = 12, 20, 4


class Name(NamedTuple):
    """Which event: the nth of a writer in a cycle. Two in a row are START and COMPLETE of one run."""

    cycle: int
    writer: int
    n: int

    @property
    def run_id(self) -> str:
        return str(uuid.UUID(int=(self.cycle << 64) | (self.writer << 48) | (self.n // 2)))

    @property
    def text(self) -> str:
        return f"{self.cycle}.{self.writer}.{self.n}"

    @classmethod
    def of(cls, text: str) -> Name:
        return cls(*(int(part) for part in text.split(".")))


def body_of(name: Name) -> bytes:
    """A RunEvent with a schema and column lineage; edges come and go with the names."""
    spread = name.cycle * 31 + name.writer * 7 + name.n // 2
    job, source, target = spread % JOBS, spread % TABLES, (spread * 3 + 1) % TABLES
    columns = [f"c{n}" for n in range(COLUMNS)]
    at_s = BEGIN_S + name.cycle * 60 + (name.n // 2) % 60
    return orjson.dumps(
        {
            "eventType": "COMPLETE" if name.n % 2 else "START",
            "eventTime": _time(at_s, name.n % 2),
            "run": {"runId": name.run_id, "facets": {"crash_name": _facet({"name": name.text})}},
            "job": {"namespace": "crash", "name": f"job_{job}"},
            "inputs": [{"namespace": "db", "name": f"s.t{source}", "facets": {"schema": _schema(columns)}}],
            "outputs": [
                {
                    "namespace": "db",
                    "name": f"s.t{target}",
                    "facets": {
                        "schema": _schema(columns),
                        "columnLineage": _facet(
                            {
                                "fields": {
                                    column: {
                                        "inputFields": [
                                            {"namespace": "db", "name": f"s.t{source}", "field": columns[spread % 4]}
                                        ]
                                    }
                                    for column in columns[: 1 + spread % COLUMNS]
                                }
                            }
                        ),
                    },
                }
            ],
            "producer": "https://example.com/crash",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
    )


def name_in(body: bytes) -> Name:
    """The name of the event in a body of the journal."""
    return Name.of(orjson.loads(body)["run"]["facets"]["crash_name"]["name"])


def _facet(content: dict[str, Any]) -> dict[str, Any]:
    return {"_producer": "https://example.com/crash", "_schemaURL": "https://example.com/facet.json", **content}


def _schema(columns: list[str]) -> dict[str, Any]:
    return _facet({"fields": [{"name": column, "type": "INT"} for column in columns]})


def _time(at_s: int, millis: int) -> str:
    minutes, second = divmod(at_s - BEGIN_S, 60)
    day, minutes = divmod(minutes, 1440)
    return (
        f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{millis:03d}Z"
    )


class Diary:
    """One writer's file, outside of what is killed: what it is about to send, then what was acknowledged.

    Acknowledgements are fsynced before the writer goes on, as a producer's own commit of its offset would be.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    def sending(self, name: Name) -> None:
        os.write(self._file, f"s {name.text}\n".encode())

    def acknowledged(self, name: Name, position: int) -> None:
        os.write(self._file, f"a {name.text} {position}\n".encode())
        os.fdatasync(self._file)

    def refused(self, reason: str) -> None:
        os.write(self._file, f"r {' '.join(reason.split())}\n".encode())


@dataclass(slots=True)
class History:
    """What all diaries of a folder say, read on from where it was read before.

    acknowledged: name to every position that was given for it. refused: the reasons of every 503.
    """

    folder: Path
    sent: set[Name] = field(default_factory=set)
    acknowledged: dict[Name, set[int]] = field(default_factory=dict)
    acknowledgements: int = 0
    refused: list[str] = field(default_factory=list)
    _read: dict[Path, int] = field(default_factory=dict)

    def refresh(self) -> History:
        for path in sorted(self.folder.glob("*.diary")):
            for line in self._lines(path):
                kind, said = line.split(" ", 1)
                if kind == "s":
                    self.sent.add(Name.of(said))
                elif kind == "a":
                    name, position = said.split(" ")
                    self.acknowledged.setdefault(Name.of(name), set()).add(int(position))
                    self.acknowledgements += 1
                else:
                    self.refused.append(said)
        return self

    def unanswered(self) -> list[Name]:
        """What a producer sends again: sent, and never acknowledged."""
        return sorted(self.sent - self.acknowledged.keys())

    def _lines(self, path: Path) -> Iterator[str]:
        with path.open("rb") as file:
            file.seek(self._read.get(path, 0))
            text = file.read()
        whole = text.rfind(b"\n") + 1  # a line that the kill cut short says nothing
        self._read[path] = self._read.get(path, 0) + whole
        yield from text[:whole].decode().splitlines()
