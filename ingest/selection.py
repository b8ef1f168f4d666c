"""Events of the journal by what they speak of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ingest.journal import Entry, Journal, subject_of
from ingest.openlineage.parse import event_of
from lineage.errors import InvalidNode
from lineage.model import Kind, Node, candidates
from lineage.naming import canonical

# Events that one request reads at most before it hands back a cursor: about a second's work.
SCAN = 20_000
CHUNK = 1_000
PAGE_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Found:
    """A page of events. next: position to go on after; None: the journal ends here."""

    entries: list[Entry]
    next: int | None


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are wanted: all that is given must be so. jobs, datasets: (namespace, name) an id could mean.

    Datasets go by canonical names, so that events are found however they spell one.
    """

    jobs: frozenset[tuple[str, str]] | None = None
    datasets: frozenset[tuple[str, str]] | None = None
    run_id: str | None = None

    @classmethod
    def of(cls, job: str | None, dataset: str | None, run: str | None) -> Selection:
        """Raises InvalidNode if an id is not that of a job, or of a dataset."""
        return cls(
            None if job is None else _named(job, Kind.JOB),
            None if dataset is None else frozenset(map(_canonical, _named(dataset, Kind.DATASET))),
            None if run is None else run.lower(),
        )

    @property
    def everything(self) -> bool:
        return self.jobs is None and self.datasets is None and self.run_id is None

    @property
    def subjects(self) -> list[int] | None:
        """Hashes by which the journal finds the job's events; None if no job is asked for."""
        if self.jobs is None:
            return None
        return [subject_of(Node(Kind.JOB, namespace, name).key) for namespace, name in self.jobs]

    def has(self, event: dict[str, Any]) -> bool:
        if self.jobs is not None and _name_of(event.get("job")) not in self.jobs:
            return False
        if self.run_id is not None and (event.get("run") or {}).get("runId") != self.run_id:
            return False
        return self.datasets is None or not self.datasets.isdisjoint(_datasets(event))


def selected(journal: Journal, wanted: Selection, after: int, limit: int) -> Found:
    """The next events after a position that are wanted. Reads at most 20,000, then gives what it has and a cursor."""
    entries: list[Entry] = []
    size, read, subjects = 0, 0, wanted.subjects
    while read < SCAN:
        count = min(CHUNK, limit - len(entries) + 1 if wanted.everything else CHUNK)
        chunk = journal.read(after, count) if subjects is None else journal.of_subjects(subjects, after, count)
        for entry in chunk:
            if not wanted.everything and not wanted.has(event_of(entry.body)):
                after = entry.position
                continue
            if len(entries) == limit or (entries and size + len(entry.body) > PAGE_BYTES):
                return Found(entries, after)
            entries.append(entry)
            size += len(entry.body)
            after = entry.position
        if not chunk:
            return Found(entries, None)
        read += len(chunk)
    return Found(entries, after)


def _named(id: str, kind: Kind) -> frozenset[tuple[str, str]]:
    nodes = list(candidates(id))
    if nodes[0].kind is not kind:
        raise InvalidNode(f"{id[:200]!r} is not the id of a {kind.word}; write {kind.word}:NAMESPACE:NAME")
    return frozenset((node.namespace, node.name) for node in nodes)


def _datasets(event: dict[str, Any]) -> Iterable[tuple[str, str]]:
    named = [event.get("dataset"), *(event.get("inputs") or ()), *(event.get("outputs") or ())]
    return [_canonical(pair) for pair in map(_name_of, named) if pair is not None]


def _canonical(pair: tuple[str, str]) -> tuple[str, str]:
    known = canonical(*pair)
    return known.namespace, known.name


def _name_of(value: Any) -> tuple[str, str] | None:
    return (value["namespace"], value["name"]) if isinstance(value, dict) else None
