"""Artifacts to events, judged as a whole before the first event goes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

import orjson

from ingest.dbt.artifacts import RUN_RESULTS, read
from ingest.dbt.declared import declared
from ingest.dbt.names import JOB_NAMESPACE, Names
from ingest.dbt.profiles import namespace_without_connection
from ingest.dbt.project import Project, project_of
from ingest.dbt.runs import Invocation, invocation_of, ran

BATCH_EVENTS = 500


@dataclass(slots=True)
class Counts:
    """What the events of a project speak of."""

    events: int = 0
    datasets: set[tuple[str, str]] = field(default_factory=set)
    jobs: set[tuple[str, str]] = field(default_factory=set)
    fields: set[tuple[str, str, str]] = field(default_factory=set)

    def take(self, event: Mapping[str, Any]) -> None:
        self.events += 1
        if "job" in event:
            self.jobs.add((event["job"]["namespace"], event["job"]["name"]))
        here = [event["dataset"]] if "dataset" in event else [*event["inputs"], *event["outputs"]]
        for dataset in here:
            table = (dataset["namespace"], dataset["name"])
            self.datasets.add(table)
            schema = dataset.get("facets", {}).get("schema")
            self.fields.update((*table, column["name"]) for column in (schema["fields"] if schema else ()))

    def wire(self) -> dict[str, int]:
        return {
            "events": self.events,
            "datasets": len(self.datasets),
            "jobs": len(self.jobs),
            "fields": len(self.fields),
        }


@dataclass(slots=True)
class Reading:
    """A project that was found sound. size: about how many events it gives, for a progress bar."""

    project: Project
    invocation: Invocation | None
    counts: Counts = field(default_factory=Counts)

    @property
    def warnings(self) -> list[str]:
        return self.project.warnings

    @property
    def size(self) -> int:
        return len(self.project.nodes) + (len(self.invocation.results) if self.invocation else 0)

    def events(self) -> Iterator[dict[str, Any]]:
        """All events, the same ones in the same order each time."""
        done = self.invocation.succeeded if self.invocation else frozenset[str]()
        runs = ran(self.invocation) if self.invocation else iter(())
        for event in chain(declared(self.project, done), runs):
            self.counts.take(event)
            yield event

    def batches(self) -> Iterator[tuple[int, list[bytes]]]:
        """Events as bodies, BATCH_EVENTS at a time."""
        events = self.events()
        while batch := [orjson.dumps(event) for event in islice(events, BATCH_EVENTS)]:
            yield len(batch), batch


def reading(files: Mapping[str, bytes], namespace: str | None, jobs: str | None = None) -> Reading:
    """What artifacts say, once it is sure that they belong together.

    files: by artifacts.FILES. namespace: of the warehouse's tables; None where the adapter alone tells it. jobs: the
    namespace of dbt's jobs; None: dbt-ol's default. Raises Refused.
    """
    artifacts = read(files)
    tables = namespace or namespace_without_connection(artifacts.adapter)
    project = project_of(artifacts, Names(tables, jobs or JOB_NAMESPACE))
    invocation = invocation_of(project) if RUN_RESULTS in files else None
    return Reading(project, invocation)
