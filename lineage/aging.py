"""Edges that nobody has confirmed for long: first stale, then gone.

An observed edge lives until a run of its job shows otherwise; a job that no longer runs never does. Its edges grow old
by the last run that showed them. Declared edges don't: nobody is expected to declare anything twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

DAY_US = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Aging:
    """Seen last before stale_us, an edge is stale, before gone_us it is gone. None: never."""

    stale_us: int | None = None
    gone_us: int | None = None

    def is_stale(self, observed: NDArray[np.bool_], last_us: NDArray[Any]) -> NDArray[np.bool_]:
        return _before(self.stale_us, observed, last_us)

    def is_gone(self, observed: NDArray[np.bool_], last_us: NDArray[Any]) -> NDArray[np.bool_]:
        return _before(self.gone_us, observed, last_us)


def aging(at_us: int, stale_after_days: float | None, gone_after_days: float | None) -> Aging:
    """Ages as seen at a time: now, or the time that is asked about."""
    ages = (stale_after_days, gone_after_days)
    return Aging(*(None if days is None else at_us - int(days * DAY_US) for days in ages))


def _before(limit_us: int | None, observed: NDArray[np.bool_], last_us: NDArray[Any]) -> NDArray[np.bool_]:
    if limit_us is None:
        return np.zeros(len(last_us), dtype=np.bool_)
    return observed & (last_us < limit_us)
