"""Columns out of SQL text: the recordings' statements, against sqlglot.lineage called for each column."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import median

import orjson
from sqlglot import exp, parse
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage

from ingest.sql.model import Statement
from ingest.sql.statements import columns_of
from ingest.sql.worker import Worker
from tests.bench.options import Options
from tests.bench.table import Row, figures
from tests.golden.rendering import HERE, recordings

GOAL = 200
Text = tuple[str, str]


def sql(options: Options) -> Iterator[Row]:
    """In one thread, so on one core; the goal is for two. Of the median text, since most are a dozen lines."""
    texts = [text for text in _texts() if any(one.sources for one in _ours(text))]
    worker = Worker()
    times: dict[str, list[float]] = {"function": [], "worker": [], "bare": []}
    for _ in range(options.rounds):
        times["function"].append(_median_s(texts, _ours))
        times["worker"].append(_median_s(texts, lambda text: worker.columns_of(text[0], dialect=text[1])))
        times["bare"].append(_median_s(texts, _bare))
    worker.close()
    ours, bare = ([1 / s for s in times[name]] for name in ("worker", "bare"))
    share = median(ours) / median(bare)
    function = median(1 / s for s in times["function"])
    yield Row(
        f"columns of the median SQL text of {len(texts)} recorded ones that read tables, in the worker process",
        figures(ours, "texts/s"),
        "sqlglot.lineage for each column",
        figures(bare, "texts/s"),
        f"{share:.1f}x",
        f">= {GOAL}/s",
        median(ours) >= GOAL,
        f"{function:,.0f}/s without the way to the process and back",
    )
    yield from _large(options)


def _large(options: Options) -> Iterator[Row]:
    """The slowest that the limits let through: some 50,000 tokens."""
    columns = ", ".join(f"a.c{n} + b.c{n}" for n in range(4_000))
    wide = (f"SELECT {columns} FROM a JOIN b ON a.i = b.i", "postgres")
    chain = ("SELECT 1 FROM t WHERE " + " OR ".join(f"a = {n}" for n in range(12_000)), "postgres")
    for name, text in (("4,000 columns of a join", wide), ("12,000 conditions", chain)):
        worker = Worker()
        ask = partial(worker.columns_of, text[0], dialect=text[1])
        seconds = [_seconds(ask) for _ in range(options.rounds)]
        worker.close()
        yield Row(f"one SQL text with {name}", figures(seconds, "s"), goal="<= 10 s", met=max(seconds) <= 10)


def _texts() -> Iterator[Text]:
    seen: set[str] = set()
    for name in recordings():
        with gzip.open(HERE / "recordings" / f"{name}.ndjson.gz") as lines:
            for line in lines:
                facet = orjson.loads(line)["job"].get("facets", {}).get("sql")
                if facet and facet["query"] not in seen:
                    seen.add(facet["query"])
                    yield facet["query"], facet.get("dialect") or "postgres"


def _ours(text: Text) -> list[Statement]:
    return columns_of(text[0], dialect=text[1])


def _bare(text: Text) -> None:
    """As its documentation shows it: one call for each column of each query; what it can't do costs what it costs."""
    try:
        for tree in parse(text[0], read=text[1]):
            query = tree.find(exp.Query) if tree is not None else None
            for name in query.named_selects if query is not None else ():
                lineage(name, query, {}, dialect=text[1])
    except (SqlglotError, ValueError, KeyError, AttributeError):
        pass


def _median_s(texts: Sequence[Text], work: Callable[[Text], object]) -> float:
    return median(_seconds(partial(work, text)) for text in texts)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
