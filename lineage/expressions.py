"""What a selection says: terms, and how they are put together. `lineage.parsing` reads it, `written` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

WORD, ID = "word", "id"  # terms without a filter in front
FILTERS = ("tag", "owner", "namespace", "kind", "name", "column", "parent", "dag")
KEYWORDS = frozenset({"and", "or", "not"})
KINDS = ("dataset", "job")
STAR = "*"

_SPECIAL = re.compile(r'[ \t\r\n()+,"*]')


@dataclass(frozen=True, slots=True)
class Pattern:
    """Text in which a star stands for any text, none too. parts: what stands between the stars, each as it is.

    >>> Pattern(("stg_", "")).matches("stg_orders"), Pattern(("orders",)).matches("stg_orders")
    (True, False)
    """

    parts: tuple[str, ...]

    @property
    def is_exact(self) -> bool:
        return len(self.parts) == 1

    @property
    def text(self) -> str:
        """As it was meant, if it is exact."""
        return STAR.join(self.parts)

    def matches(self, text: str) -> bool:
        """Case counts. Takes each part at its first place, so many stars cost no more than one."""
        first, *rest = self.parts
        if not rest:
            return text == first
        *middle, last = rest
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return False
        for part in middle:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class Term:
    """Nodes by one property. filter: one of FILTERS, or ID (`dataset:…`, `job:…`), or WORD: the name or its end."""

    filter: str
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Union:
    """What any part selects. Two parts or more, none of them a Union: `union` makes it."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Intersection:
    """What every part selects. Two parts or more, none of them an Intersection: `intersection` makes it."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """What `part` doesn't select."""

    part: Expression


@dataclass(frozen=True, slots=True)
class Around:
    """What `part` selects and what lies so many hops up and down of it. None: however far; 0: not that way."""

    part: Expression
    up: int | None = 0
    down: int | None = 0


Expression: TypeAlias = Term | Union | Intersection | Not | Around


def union(parts: Iterable[Expression]) -> Expression:
    """One part stays as it is."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Union) else (part,))]
    return flat[0] if len(flat) == 1 else Union(tuple(flat))


def intersection(parts: Iterable[Expression]) -> Expression:
    """One part stays as it is."""
    flat = [inner for part in parts for inner in (part.parts if isinstance(part, Intersection) else (part,))]
    return flat[0] if len(flat) == 1 else Intersection(tuple(flat))


def written(expression: Expression) -> str:
    """The selection as text that reads back as the same, in words: `and`, `or`, no commas, few parentheses.

    >>> written(Around(Term("tag", Pattern(("per sonal",))), up=2, down=None))
    '2+tag:"per sonal"+'
    """
    match expression:
        case Term():
            return _term(expression)
        case Union(parts):
            return " or ".join(map(written, parts))
        case Intersection(parts):
            return " and ".join(_within(part, Union) for part in parts)
        case Not(part):
            return f"not {_within(part, Union, Intersection)}"
        case Around(part, up, down):
            before = "" if up == 0 else f"{'' if up is None else up}+"
            after = "" if down == 0 else f"+{'' if down is None else down}"
            return f"{before}{_within(part, Union, Intersection, Not, Around)}{after}"


def _within(part: Expression, *loose: type) -> str:
    return f"({written(part)})" if isinstance(part, loose) else written(part)


def _term(term: Term) -> str:
    parts = term.pattern.parts
    if term.filter in FILTERS:
        return f"{term.filter}:{STAR.join(map(_piece, parts))}"
    if term.filter == ID:
        prefix, _, rest = parts[0].partition(":")
        return f"{prefix}:{STAR.join(map(_piece, (rest, *parts[1:])))}"
    if parts[0].startswith("@") or (len(parts) == 1 and _is_taken(parts[0])):
        return STAR.join([_quoted(parts[0]), *map(_word_piece, parts[1:])])
    return STAR.join(map(_word_piece, parts))


def _word_piece(text: str) -> str:
    """What stands before a colon would be read as a filter."""
    return _quoted(text) if ":" in text else _piece(text)


def _is_taken(word: str) -> bool:
    """Whether a whole word would be read as something else: a keyword, a number of hops, nothing."""
    return not word or word.lower() in KEYWORDS or (word.isascii() and word.isdigit())


def _piece(text: str) -> str:
    return _quoted(text) if _SPECIAL.search(text) else text


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
