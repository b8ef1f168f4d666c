"""Names: how fast a known one resolves, how fast a new one is worked out, and suggestions among 10,000."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

from lineage.model import dataset
from lineage.naming import canonical
from lineage.suggestions import Known, suggest
from tests.bench.options import Options
from tests.bench.reading import ms
from tests.bench.table import Row, figures

NAMES = 100_000  # fewer than the memo holds
CANDIDATES = 10_000


def naming(options: Options) -> Iterator[Row]:
    """In one thread; every tenth name has a partition folder, every third needs a rule."""
    known = [_name(at) for at in range(NAMES)]
    _resolve(known)
    rates = [_rate(partial(_resolve, known), NAMES) for _ in range(3 * options.rounds)]
    yield Row(
        f"canonical name of {NAMES:,} known datasets",
        figures(rates, "names/s"),
        goal=">= 500,000/s",
        met=median(rates) >= 500_000,
    )
    rates = []
    for turn in range(1, 1 + options.rounds):
        new = [_name(at) for at in range(turn * NAMES, turn * NAMES + NAMES // 5)]
        rates.append(_rate(partial(_resolve, new), len(new)))
    yield Row("the same, names never seen", figures(rates, "names/s"))
    one, others = _known(7), [_known(at) for at in range(CANDIDATES)]
    times = [ms(lambda: suggest(one, others)) for _ in range(3 * options.rounds)]
    yield Row(f"suggestions for one name among {CANDIDATES:,}", figures(times, "ms"))


def _resolve(names: list[tuple[str, str]]) -> None:
    for namespace, name in names:
        canonical(namespace, name)


def _name(at: int) -> tuple[str, str]:
    if at % 10 == 0:
        return f"s3a://lake{at % 7}", f"/raw/orders_{at}/dt=2026-05-01/part-0.parquet"
    if at % 3 == 0:
        return f"postgresql://DB{at % 7}", f"shop.public.orders_{at}"
    return f"postgres://db{at % 7}:5432", f"shop.public.orders_{at}"


def _known(at: int) -> Known:
    columns = frozenset(f"column_{at % 5}_{number}" for number in range(20))
    return Known(dataset(f"postgres://db{at % 50}:5432", f"shop.public.orders_{at % 3000}"), columns)


def _rate(work: Callable[[], object], count: int) -> float:
    began = time.perf_counter()
    work()
    return count / (time.perf_counter() - began)
