"""Reading a selection: a function for each level of precedence, from `or` down to a word (docs/selection.md)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from lineage.errors import InvalidSelection
from lineage.expressions import (
    FILTERS,
    ID,
    KEYWORDS,
    KINDS,
    WORD,
    Around,
    Expression,
    Not,
    Pattern,
    Term,
    intersection,
    union,
)
from lineage.model import KIND_OF_PREFIX, PREFIX, Kind

MAX_LENGTH = 8_192  # characters; as bytes, stars escaped, less than SQLite takes for a pattern (50,000)
MAX_DEPTH = 50  # parentheses and `not` within one another: the parser calls itself for each
MAX_TERMS = 500
MAX_SCANS = 20  # each looks at every name there is
MAX_WALKS = 50
MAX_HOPS = 500

_BLANKS = re.compile(r"[ \t\r\n]*")
_BARE = re.compile(r'[^ \t\r\n()+,"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_DEPTH = re.compile(r"([0-9]*)\+")
_HOPS = re.compile(r"[0-9]*")
_NEVER = re.compile("[\x00\ud800-\udfff]")
_ID_PREFIXES = tuple(PREFIX[kind] for kind in (Kind.DATASET, Kind.JOB, Kind.FIELD))
_ID_STARTS = tuple(f"{prefix}:" for prefix in _ID_PREFIXES)
_OPERAND = 'a name, a filter such as tag:, +, not or "("'
_NAMES = frozenset({WORD, ID, "name", "parent", "dag"})


def parse(text: str) -> Expression:
    """What a selection says. Raises InvalidSelection for any text that is none, with the column."""
    if len(text) > MAX_LENGTH:
        raise InvalidSelection(
            MAX_LENGTH + 1, f"it has {len(text):,} characters, more than {MAX_LENGTH:,}; select less at once"
        )
    if (never := _NEVER.search(text)) is not None:
        raise InvalidSelection(never.start() + 1, "U+0000 and lone surrogates stand in no name; leave them out")
    return _Parser(text).whole()


@dataclass(slots=True)
class _Parser:
    """Where it is in the text, and how much it has read."""

    text: str
    at: int = 0
    depth: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    # ------------------------------------------------------------------ levels of precedence

    def whole(self) -> Expression:
        self._blanks()
        found = self._union()
        if self.at < len(self.text):
            raise self._wrong('this ")" closes nothing; take it away, or add the "(" it belongs to')
        return found

    def _union(self) -> Expression:
        """`a or b`, `a b`"""
        parts = [self._intersection()]
        while True:
            apart = self._blanks()
            if self.at >= len(self.text) or self._is_at(")"):
                return union(parts)
            if self._took("or"):
                self._blanks()
            elif not apart:
                raise self._wrong("expected a blank, a comma, and, or, or the end; put a name that goes on in quotes")
            elif self._keyword() == "not":
                raise self._wrong("a blank means or, so this would select nearly everything; write `and not`")
            parts.append(self._intersection())

    def _intersection(self) -> Expression:
        """`a and b`, `a,b`"""
        parts = [self._negation()]
        while True:
            before = self.at
            self._blanks()
            if self._is_at(","):
                self.at += 1
            elif not self._took("and"):
                self.at = before  # a blank here may mean `or`
                return intersection(parts)
            self._blanks()
            parts.append(self._negation())

    def _negation(self) -> Expression:
        """`not a`"""
        start = self.at
        if not self._took("not"):
            return self._around()
        self._blanks()
        self._deeper(start)
        found = Not(self._negation())
        self.depth -= 1
        return found

    def _around(self) -> Expression:
        """`+a`, `2+a`, `a+`, `a+2`, `2+a+3`"""
        start, up = self.at, self._up()
        part = self._primary()
        down = self._down()
        if up == 0 and down == 0:
            return part
        self._count("walks", MAX_WALKS, "names with + around them", start)
        return Around(part, up, down)

    def _primary(self) -> Expression:
        """`(…)` or a term"""
        if not self._is_at("("):
            return self._term()
        start = self.at
        self._deeper(start)
        self.at += 1
        self._blanks()
        found = self._union()
        if not self._is_at(")"):
            self.at = start
            raise self._wrong('this "(" is never closed; add the ")"')
        self.at += 1
        self.depth -= 1
        return found

    # ------------------------------------------------------------------ hops

    def _up(self) -> int | None:
        sign = _DEPTH.match(self.text, self.at)
        if sign is None:
            return 0
        hops = self._hops(sign[1])
        self.at = sign.end()
        return hops

    def _down(self) -> int | None:
        if not self._is_at("+"):
            return 0
        self.at += 1
        digits = _HOPS.match(self.text, self.at)
        assert digits is not None
        hops = self._hops(digits[0])
        self.at = digits.end()
        if self.at < len(self.text) and self.text[self.at] not in " \t\r\n),":
            raise self._wrong("after + expected a number of hops, a blank, a comma or the end; put a name in quotes")
        return hops

    def _hops(self, digits: str) -> int | None:
        if len(digits.lstrip("0")) > 3 or int(digits or 0) > MAX_HOPS:
            raise self._wrong(f"more than {MAX_HOPS} hops; write + alone for all")
        return int(digits) if digits else None

    # ------------------------------------------------------------------ terms

    def _term(self) -> Expression:
        start = self.at
        if (keyword := self._keyword()) is not None:
            raise self._wrong(f"expected {_OPERAND}, not the word {keyword}; a thing called so stands in quotes")
        first = _BARE.match(self.text, start)
        if first is not None and _HOPS.fullmatch(first[0]) and not self.text.startswith('"', first.end()):
            raise self._wrong("a number alone is no name; put it in quotes; in a URL, + is written %2B")
        prefix, colon, _ = first[0].partition(":") if first is not None else ("", "", "")
        if first is not None and first[0].startswith("@"):
            raise self._wrong("@ is dbt's; write +(name+), or put the name in quotes")
        word = WORD
        if colon:
            word = self._filter(prefix)
            self.at += 0 if word == ID else len(prefix) + 1
        pattern = self._pattern(word)
        if word == WORD and pattern.parts[0].startswith(_ID_STARTS):
            word = ID  # all of it in quotes
        self._check(word, pattern, start)
        return Term(word, pattern)

    def _filter(self, prefix: str) -> str:
        if prefix in FILTERS:
            return prefix
        if prefix in _ID_PREFIXES:
            return ID
        known = ", ".join(f"{name}:" for name in (*FILTERS, *_ID_PREFIXES))
        raise self._wrong(f"no filter is called {prefix[:80]}; there are {known}; a name with a colon stands in quotes")

    def _pattern(self, word: str) -> Pattern:
        """Bare and quoted pieces that follow each other without a blank; a star is one only in a bare piece."""
        start, parts = self.at, [""]
        while True:
            if (bare := _BARE.match(self.text, self.at)) is not None:
                head, *tail = bare[0].split("*")
                parts[-1] += head
                for piece in tail:
                    # Two stars are one.
                    parts[len(parts) - (len(parts) > 1 and not parts[-1]) :] = [piece]
                self.at = bare.end()
            elif self._is_at('"'):
                parts[-1] += self._quoted()
            else:
                break
        if parts == [""]:
            raise self._empty(start, word)
        return Pattern(tuple(parts))

    def _quoted(self) -> str:
        quoted = _QUOTED.match(self.text, self.at)
        if quoted is None:
            raise self._wrong("this quote is never closed; add the other one")
        self.at = quoted.end()
        return _ESCAPED.sub(r"\1", quoted[1])

    def _empty(self, start: int, word: str) -> InvalidSelection:
        self.at = start
        if word != WORD:
            return self._wrong(f"expected a value after {word}:; {word}:* takes any")
        found = "the end" if start >= len(self.text) else repr(self.text[start])
        return self._wrong(f"expected {_OPERAND}, found {found}")

    def _check(self, word: str, pattern: Pattern, start: int) -> None:
        self._count("terms", MAX_TERMS, "names and filters", start)
        if word == "column" or (word in _NAMES and not pattern.is_exact and any(pattern.parts)):
            self._count("scans", MAX_SCANS, "columns and names with a *", start)
        if word == "kind" and not any(map(pattern.matches, KINDS)):
            raise self._wrong(f"there is no such kind; write {' or '.join(f'kind:{kind}' for kind in KINDS)}", start)
        if word == ID:
            self._check_id(pattern, start)

    def _check_id(self, pattern: Pattern, start: int) -> None:
        prefix, _, rest = pattern.text.partition(":")
        lacks = 2 if KIND_OF_PREFIX[prefix] is Kind.FIELD else 1
        if rest.count(":") < lacks and pattern.is_exact:
            shape = ":NAMESPACE:NAME" + (":FIELD" if lacks == 2 else "")
            raise self._wrong(f"an id is {prefix}{shape}; for a name alone write name:, for a kind kind:", start)

    # ------------------------------------------------------------------ characters

    def _blanks(self) -> bool:
        """Passes over blanks; whether there were any."""
        start = self.at
        found = _BLANKS.match(self.text, start)
        assert found is not None
        self.at = found.end()
        return self.at > start

    def _is_at(self, character: str) -> bool:
        return self.text.startswith(character, self.at)

    def _keyword(self) -> str | None:
        """The keyword that stands here, in any case; one that goes on in quotes is a name."""
        bare = _BARE.match(self.text, self.at)
        if bare is None or bare[0].lower() not in KEYWORDS or self.text.startswith('"', bare.end()):
            return None
        return bare[0].lower()

    def _took(self, keyword: str) -> bool:
        if self._keyword() != keyword:
            return False
        self.at += len(keyword)
        return True

    def _deeper(self, start: int) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong(f"more than {MAX_DEPTH} parentheses and nots within one another; write it flatter", start)

    def _count(self, what: str, most: int, words: str, start: int) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.counts[what] > most:
            raise self._wrong(f"more than {most} {words}; select less at once", start)

    def _wrong(self, reason: str, at: int | None = None) -> InvalidSelection:
        return InvalidSelection((self.at if at is None else at) + 1, reason)
