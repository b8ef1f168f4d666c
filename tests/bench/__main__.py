"""`make bench`: measures, prints one table, asserts no time. `make bench ONLY=ingest,reach` runs some parts."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import graph_rows, ingest_rows, marquez_rows, naming_rows, neo4j_rows, shape_rows, sql_rows, time_rows
from tests.bench.options import Options
from tests.bench.table import Row, Table

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
BEGIN, END = "<!-- made by make bench ARGS=--write -->", "<!-- end -->"
PARTS: dict[str, Callable[[Options], Iterator[Row]]] = {
    "ingest": ingest_rows.ingest,
    "applied": ingest_rows.applied,
    "reach": graph_rows.reach,
    "traces": graph_rows.traces,
    "start": graph_rows.start,
    "time": time_rows.times,
    "shape": shape_rows.shape,
    "naming": naming_rows.naming,
    "sql": sql_rows.sql,
    "marquez": marquez_rows.marquez,
    "neo4j": neo4j_rows.neo4j,
}


def main() -> int:
    given = _arguments()
    table, failed = Table(), False
    began = time.monotonic()
    for name in given.only or PARTS:
        try:
            for row in PARTS[name](Options(given.rounds, given.full, given.events)):
                table.rows.append(row)
                sys.stderr.write(f"{time.monotonic() - began:5.0f} s  {name}: {row.work}: {row.ours} {row.ratio}\n")
        except Exception as error:
            failed = True
            sys.stderr.write(f"{name} ended early: {type(error).__name__}: {error}\n")
    text = f"{_machine()}; {time.monotonic() - began:.0f} s\n\n{table.text()}\n"
    print(f"\n{text}")
    if given.write:
        _write(text)
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", type=_names, help=f"some of {', '.join(PARTS)}; separated by commas")
    parser.add_argument("--rounds", type=int, default=Options.rounds)
    parser.add_argument(
        "--events", type=int, default=Options.events, help="of the steady state; for a quick look fewer"
    )
    parser.add_argument("--write", action="store_true", help=f"also put the table into {DOCUMENT.name}")
    parser.add_argument("--full", action="store_true", help="the whole big graph into Neo4j; ten minutes more")
    return parser.parse_args()


def _write(text: str) -> None:
    """Puts the table where the document has the last one."""
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    DOCUMENT.write_text(f"{before}{BEGIN}\n{text}{END}{after}")


def _names(text: str) -> list[str]:
    names = [name for name in text.split(",") if name]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names


def _machine() -> str:
    memory_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"{now}; {os.cpu_count()} cores, {memory_gb:.0f} GB, Python {platform.python_version()}; load average {load}"


if __name__ == "__main__":
    sys.exit(main())
