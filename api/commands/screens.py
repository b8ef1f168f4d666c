"""What commands show on a terminal: answers on stdout, everything about the work itself on stderr."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

# C0, DEL, C1 and the overrides of direction: what a name may hold and a terminal would obey.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def out() -> Console:
    """For answers."""
    return Console(highlight=False, soft_wrap=True)


def notes() -> Console:
    """For all else."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


def plain(text: str) -> str:
    """A name as it can be shown: nothing in it moves the cursor, hides itself or turns the line around.

    >>> plain("a\\x1b[2Jb")
    'a�[2Jb'
    """
    return _CONTROL.sub("\ufffd", text)


def styled(text: str, style: str = "") -> Text:
    """A name as a piece of a line, its brackets no markup."""
    return Text(plain(text), style)


def progress(unit: str) -> Progress:
    """A bar with rate and time left, on stderr; silent where that is no terminal."""
    console = notes()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[count]:,} " + unit),
        TextColumn("{task.fields[rate]:,.0f}/s"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def advancing(bar: Progress, what: str, total: int) -> Callable[[int], None]:
    """A new line of a bar; the function that moves it on."""
    task = bar.add_task(what, total=total, count=0, rate=0.0)

    def advance(count: int) -> None:
        shown = bar.tasks[task]
        done = int(shown.completed) + count
        bar.update(task, advance=count, count=done, rate=done / (shown.elapsed or 1.0))

    return advance
