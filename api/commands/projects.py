"""`headwater ingest dbt`: a target folder through the same intake as any event, its namespace from profiles.yml."""

from __future__ import annotations

import time
from pathlib import Path

from rich.table import Column, Table

from api.commands.doors import Door, Where, checked, open_door, reason_of
from api.commands.errors import CommandFailed
from api.commands.ingesting import JSON, REFUSALS, catch_up
from api.commands.screens import notes, out, progress, styled
from ingest.dbt.artifacts import FILES, MANIFEST, mapping, read, text
from ingest.dbt.names import JOB_NAMESPACE
from ingest.dbt.profiles import namespace_of
from ingest.dbt.reading import Reading, reading

MEMBERS = ("events", "datasets", "jobs", "fields")


def ingest_dbt(target: Path, where: Where, namespace: str | None, job_namespace: str | None) -> None:
    """Reads the artifacts in `target`, and sends their events if all of it is sound.

    Raises CommandFailed without a manifest or if an event was refused, Refused if the artifacts don't belong together.
    """
    found = reading_of(target, namespace, job_namespace)
    for warning in found.warnings:
        notes().print(styled(warning, "yellow"))
    with open_door(where, appends=True) as door:
        known = _send(door, found, target.resolve().name)
        if door.here is not None:
            catch_up(door.here)
    _report(found, known)


def reading_of(target: Path, namespace: str | None, job_namespace: str | None) -> Reading:
    """What a target folder says. Raises CommandFailed, Refused."""
    files = {kind: path.read_bytes() for kind in FILES if (path := target / f"{kind}.json").is_file()}
    if MANIFEST not in files:
        raise CommandFailed(f"{target} has no manifest.json; run dbt, and give its target folder")
    if namespace is None:
        artifacts = read({kind: body for kind, body in files.items() if kind != "catalog"})
        wanted = text(mapping(artifacts.run_results.get("args")).get("target"))
        namespace = namespace_of(target, artifacts.adapter, wanted)
        del artifacts  # before all of it is read once more: a large manifest takes a gigabyte
    return reading(files, namespace, job_namespace or JOB_NAMESPACE)


def _send(door: Door, found: Reading, name: str) -> int:
    """How many events were known before."""
    known, began = 0, time.monotonic()
    with progress("events") as bar:
        task = bar.add_task(name, total=found.size, count=0, rate=0.0)
        for count, bodies in found.batches():
            answer = door.send("POST", "/lineage/batch", content=b"[" + b",".join(bodies) + b"]", headers=JSON)
            if answer.status_code in REFUSALS:
                raise CommandFailed(f"{door.name} refuses events: {reason_of(answer)}")
            told = checked(answer, door.name).json()
            if told["failed_events"]:
                first = told["failed_events"][0]["reason"]
                raise CommandFailed(f"{len(told['failed_events']):,} events were refused: {first}")
            known += int(told["summary"].get("duplicates", 0))
            sent = found.counts.events
            rate = sent / max(time.monotonic() - began, 1e-6)
            bar.update(task, total=max(found.size, sent), advance=count, count=sent, rate=rate)
    return known


def _report(found: Reading, known: int) -> None:
    counts = found.counts.wire()
    table = Table("project", *(Column(name, justify="right") for name in (*MEMBERS, "known before")))
    cells = [f"{counts[name]:,}" for name in MEMBERS]
    table.add_row(styled(found.project.artifacts.project), *cells, f"{known:,}")
    out().print(table)
