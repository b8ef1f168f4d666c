"""How much SQL is read. All measures are of the text: the same text gives the same answer on every machine.

Time is none of them. What these let through took at most some seconds (tests/bench/sql_rows.py); the worker process
has a limit of processor time and memory all the same, for the statement that nobody thought of.
"""

from __future__ import annotations

from dataclasses import dataclass


class TooMuch(Exception):
    """A text or statement is larger than what is read; the message says what of it, and the limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """characters, tokens: of a text. nesting: brackets and CASEs inside each other. statements: of a text.

    columns: of one relation. work: origins of columns looked at for one statement, each where it is used; a million
    takes about a second.
    """

    characters: int = 400_000
    tokens: int = 50_000
    nesting: int = 100
    statements: int = 1_000
    columns: int = 5_000
    work: int = 1_000_000


LIMITS = Limits()


class Work:
    """Counts the work of one statement."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.work

    def spend(self, count: int) -> None:
        """Raises TooMuch."""
        self._left -= count
        if self._left < 0:
            raise TooMuch(f"it takes more than {self._limits.work:,} origins of columns to work out")

    def columns(self, count: int) -> None:
        """Raises TooMuch."""
        if count > self._limits.columns:
            raise TooMuch(f"a query in it has more than {self._limits.columns:,} columns")
        self.spend(count)
