"""The one table that `make bench` prints: least, median and greatest of every figure, and what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True)
class Figures:
    """What several rounds gave. unit: behind each number."""

    values: tuple[float, ...]
    unit: str = ""

    @property
    def middle(self) -> float:
        return median(self.values)

    def __str__(self) -> str:
        if len(self.values) == 1:
            return f"{_short(self.values[0])} {self.unit}".strip()
        spread = " / ".join(_short(value) for value in (min(self.values), self.middle, max(self.values)))
        return f"{spread} {self.unit}".strip()


@dataclass(frozen=True)
class Row:
    """One line. ratio: ours to the peer's as the goal counts it; met None: nothing was promised."""

    work: str
    ours: Figures
    peer: str = ""
    peers: Figures | None = None
    ratio: str = ""
    goal: str = ""
    met: bool | None = None
    note: str = ""


def figures(values: Sequence[float], unit: str) -> Figures:
    return Figures(tuple(values), unit)


@dataclass
class Table:
    """Rows as they come, printed at the end."""

    rows: list[Row] = field(default_factory=list)

    def text(self) -> str:
        head = ("work", "Headwater (min / median / max)", "held against (min / median / max)", "ratio", "goal", "met")
        lines = [head, *(_cells(row) for row in self.rows)]
        widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
        ruler = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
        texts = [
            "| " + " | ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)) + " |" for line in lines
        ]
        notes = [f"{row.work}: {row.note}" for row in self.rows if row.note]
        return "\n".join([texts[0], ruler, *texts[1:], "", *notes])


def _cells(row: Row) -> tuple[str, ...]:
    peer = row.peer if row.peers is None else f"{row.peer}: {row.peers}"
    met = "" if row.met is None else "yes" if row.met else "NO"
    return row.work, str(row.ours), peer, row.ratio, row.goal, met


def _short(value: float) -> str:
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
