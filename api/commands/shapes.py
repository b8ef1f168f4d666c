"""`headwater paths` and `headwater report lineage`: how the graph hangs together, for a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from api.commands.doors import Where, open_door
from api.commands.screens import out, plain, styled

Row = Mapping[str, Any]

STYLES = {"dataset": "bold cyan", "job": "bold magenta", "datasetField": "bold green"}
SHOWN = 40  # nodes of one path on a terminal
GUESS = "implicit_product"
JOBS = 3


def paths(where: Where, source: str, target: str, *, form: str, **query: Any) -> None:
    """Prints how one node leads to another."""
    with open_door(where) as door:
        if door.here is not None:
            door.here.catch_up()
        answer = door.get("/paths", source=source, target=target, **query)
    if form == "json":
        sys.stdout.write(answer.text + "\n")
        return
    screen = out()
    for line in path_lines(answer.json()):
        screen.print(line)


def path_lines(found: Row) -> Iterator[Text]:
    """Each path with a node a line, then what is true of all of them."""
    for number, path in enumerate(found["paths"], 1):
        yield Text(f"path {number}, {_hops(path['length'])}", "bold")
        yield from _steps(path)
    yield from _summary(found)


def _hops(count: int) -> str:
    return f"{count:,} hop" if count == 1 else f"{count:,} hops"


def _steps(path: Row) -> Iterator[Text]:
    nodes = path["nodes"]
    yield Text("  ").append_text(_named(nodes[0]))
    for at, step in enumerate(path["steps"]):
        if len(nodes) > SHOWN and SHOWN // 2 <= at < len(nodes) - SHOWN // 2:
            if at == SHOWN // 2:
                yield Text(f"  … {len(nodes) - SHOWN:,} more; --format json shows all", "dim")
            continue
        arrow = "  ╌╌▶ " if step["basis"] == GUESS else "  ──▶ "
        line = Text(arrow, "yellow" if step["basis"] == GUESS else "").append_text(_named(step["target"]))
        yield line.append(plain(_by(step)), "dim")


def _by(step: Row) -> str:
    """The jobs of a step, and whether it is a guess."""
    jobs = [job.removeprefix("job:") for job in step.get("jobs", ())]
    more = f" and {len(jobs) - JOBS:,} more" if len(jobs) > JOBS else ""
    by = f"  by {', '.join(jobs[:JOBS])}{more}" if jobs else ""
    return by + ("  a guess" if step["basis"] == GUESS else "")


def _named(node: str) -> Text:
    return styled(node, STYLES.get(node.partition(":")[0], ""))


def _summary(found: Row) -> Iterator[Text]:
    if found["reason"]:
        yield Text(plain(found["reason"]))
    if found["paths"]:
        totals = found["totals"]
        least = "at least " if totals["at_least"] else ""
        yield Text(f"{least}{_count(totals['all'])} in all, {_count(totals['shortest'])} of the shortest length")
    if found["dominators"]:
        yield Text("every path goes through ").append_text(_list(found["dominators"]))
    cut = found["min_cut"]
    if cut is not None and cut["size"] > 1:
        yield Text(f"{cut['size']:,} nodes cut every path: ").append_text(_list(cut["nodes"]))


def _count(number: int | str) -> str:
    """A count to be read: of long ones the first digits.

    >>> _count(1), _count(1234), _count("18446744073709551616")
    ('1 path', '1,234 paths', '1.8e19 paths')
    """
    if isinstance(number, str):
        return f"{number[0]}.{number[1]}e{len(number) - 1} paths"
    return f"{number:,} path{'' if number == 1 else 's'}"


def _list(nodes: list[str]) -> Text:
    shown = Text(", ").join(_named(node) for node in nodes[:SHOWN])
    return shown.append(f" and {len(nodes) - SHOWN:,} more") if len(nodes) > SHOWN else shown


def report(where: Where, *, form: str, **query: Any) -> None:
    """Prints the lineage report."""
    with open_door(where) as door:
        if door.here is not None:
            door.here.catch_up()
        answer = door.get("/reports/lineage", **query)
    if form == "json":
        sys.stdout.write(answer.text + "\n")
    elif form == "md":
        sys.stdout.write(markdown(answer.json()))
    else:
        screen = out()
        for line in report_lines(answer.json()):
            screen.print(line)


def report_lines(found: Row) -> Iterator[Text]:
    """The report with a heading for each part."""
    for title, rows in sections(found):
        yield Text(title, "bold")
        width = max((len(row[0]) for row in rows), default=0)
        for name, value in rows:
            yield Text(f"  {plain(name):<{width}}  {value}")
        if not rows:
            yield Text("  none", "dim")


def markdown(found: Row) -> str:
    """The report as Markdown, a table a part."""
    lines = ["# Lineage report", ""]
    for title, rows in sections(found):
        lines += [f"## {title}", "", "| | |", "| --- | ---: |", *(f"| {_cell(n)} | {v} |" for n, v in rows), ""]
    return "\n".join(lines)


def _cell(name: str) -> str:
    return f"`{plain(name).replace('|', chr(92) + '|').replace('`', chr(39))}`" if ":" in name else name


def sections(found: Row) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Titles of parts, and what stands in them: a name and a value a row."""
    yield "Summary", [(_words(name), _value(value)) for name, value in found["summary"].items()]
    shape = found["complexity_metrics"]
    yield "Shape", [(_words(n), _value(v)) for n, v in shape.items() if not isinstance(v, list)]
    critical = found["critical_paths"]
    yield "Critical: more than five depend on it", [(row["id"], f"{row['out_degree']:,} depend") for row in critical]
    yield "Largest cycles", [(row["nodes"][0], f"{row['size']:,} nodes") for row in shape["largest_cycles"]]
    orphans = found["orphaned_datasets"]
    yield f"Orphaned datasets, {orphans['total']:,} in all", [(name, "") for name in orphans["datasets"]]
    spaces = found["coverage"]["namespaces"]
    yield "Columns whose lineage is known", [(row["namespace"], _covered(row)) for row in spaces]


def _covered(row: Row) -> str:
    return f"{row['ratio']:.0%} of {row['fields']:,}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else str(value)
