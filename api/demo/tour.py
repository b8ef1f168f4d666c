"""`headwater demo`: take in the sample events, show a trace, tell what a change would touch, serve."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from api.commands.doors import Door, Where, open_door
from api.commands.ingesting import ingest_events
from api.commands.screens import out, styled
from api.commands.serving import require_free
from api.commands.serving import serve as serve_settings
from api.commands.tracing import TREE, ask, show
from api.settings import load

FOLDER = Path("headwater-demo")
HOST = "127.0.0.1"
# Airflow lands this table; a mart that dbt builds rests on it three hops further on.
TABLE = "dataset:postgres://127.0.0.1:5499:warehouse.raw.customers"
Row = Mapping[str, Any]


def run(*, data: Path | None, port: int, serve: bool) -> None:
    """The whole tour. Raises CommandFailed if the port is taken, before anything is done."""
    folder = data or FOLDER
    port = port or _free_port()
    screen = out()
    settings = load(host=HOST, port=port, data=folder)
    if serve:
        require_free(settings)
    screen.print(Text("Sample events, recorded from real Airflow and dbt runs", "bold"))
    with recordings() as events:
        ingest_events(events, Where(folder), from_start=True)
    with open_door(Where(folder)) as door:
        document = ask(door, TABLE, TREE, direction="downstream")
        key = door.here.admin_key if door.here is not None else ""
        report = _report(door, document)
    screen.print(Text("\nWhat rests on one table: a trace", "bold"))
    show(document, siblings=8)
    screen.print(Text("\nIf that table changes: who is touched", "bold"))
    screen.print(_table(report))
    screen.print(_whom_to_tell(report))
    screen.print(Text("\nNext", "bold"))
    for line in _next(folder, f"http://{HOST}:{port}", key, serve):
        screen.print(line, markup=False)
    if serve:
        screen.print()
        serve_settings(settings)


@contextmanager
def recordings() -> Iterator[list[str]]:
    """The files of sample events, in the order in which they happened."""
    with as_file(files("api.demo")) as folder:
        yield sorted(str(path) for path in Path(folder).glob("*.ndjson.gz"))


@dataclass(frozen=True, slots=True)
class Report:
    """What lies downstream. rows: datasets by distance, each with the jobs that write it."""

    rows: Sequence[tuple[Row, list[str]]]
    jobs: int
    dags: Sequence[str]
    owners: Sequence[str]


def _report(door: Door, document: Row) -> Report:
    writers: dict[str, list[str]] = {}
    names = {row["id"]: row["name"] for row in document["nodes"]}
    for edge in document["edges"]:
        if edge["kind"] == "wrote":
            writers.setdefault(edge["target"], []).append(names[edge["source"]])
    touched = [row for row in document["nodes"] if row["distance"]]
    jobs = [row for row in touched if row["kind"] == "job"]
    return Report(
        rows=[(row, writers.get(row["id"], [])) for row in touched if row["kind"] == "dataset"],
        jobs=len(jobs),
        dags=sorted({dag for row in jobs for dag in _above(door, row)}),
        owners=sorted({owner["name"] for row in touched for owner in row["owners"]}),
    )


def _above(door: Door, job: Row) -> list[str]:
    """The outermost job that contains this one: its DAG, or the dbt command; none if it stands alone."""
    seen, parent, top = {job["id"]}, door.get("/jobs/one", node=job["id"]).json()["parent"], None
    while parent is not None and parent not in seen:
        seen.add(parent)
        top = door.get("/jobs/one", node=parent).json()
        parent = top["parent"]
    return [top["name"]] if top is not None else []


def _table(report: Report) -> Table:
    table = Table("hops", "dataset", "written by", "owners", "tags")
    for row, writers in report.rows:
        table.add_row(
            str(row["distance"]),
            styled(row["name"], "cyan"),
            styled("\n".join(sorted(writers)), "magenta"),
            styled(", ".join(owner["name"] for owner in row["owners"]), "blue"),
            styled(", ".join(tag["key"] for tag in row["tags"]), "red"),
        )
    return table


def _whom_to_tell(report: Report) -> Text:
    line = Text(f"{len(report.rows)} datasets, {report.jobs} jobs")
    line.append(f"; they run in {', '.join(report.dags) or 'no DAG'}")
    line.append(f"; to be told: {', '.join(report.owners) or 'nobody is named as owner'}", "bold")
    return line


def _next(folder: Path, url: str, key: str, serve: bool) -> Iterator[str]:
    trace = f"headwater trace {shlex.quote(TABLE)} --downstream"
    if not serve:
        yield f"  {trace} --data {shlex.quote(str(folder))}"
        yield f"  headwater serve --data {shlex.quote(str(folder))}"
        return
    ask = f"curl -sG -H 'Authorization: Bearer {key}'"
    yield f"  curl -s {url}/api/v1/health"
    yield f"  {ask} {url}/api/v1/trace -d direction=downstream --data-urlencode 'node={TABLE}'"
    yield f"  {ask} {url}/api/v1/trace.mermaid -d granularity=dataset --data-urlencode 'node={TABLE}'"
    yield f"  {ask} {url}/api/v1/search -d q=customer"
    yield f"  HEADWATER_TOKEN={key} {trace} --url {url}"
    yield f"  the events are kept in {folder}; delete it when you are done; Ctrl-C stops the server"


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind((HOST, 0))
        return int(listening.getsockname()[1])
