"""Takes secrets out of events before they are stored: the journal is for ever.

A clean event is told by a search for the rules' literals in its canonical bytes (22 us for 5.6 KB); only what has one
of them is walked, and only the texts that hold it are matched. What is taken out becomes `***`, quotes stay, and every
change is named by its JSON pointer and rule.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import orjson

from ingest.errors import pointer
from ingest.secret_rules import ARGUMENT, BINDING, HARMLESS, NAME, PASS_NAME, PROSE, RULES, WORDS, Rule

MARK = "***"
LONG = 8_192  # characters; beyond, only what is near a rule's literal is searched
REACH = 600  # characters before its literal that a match may start
PASSES = 4  # over a text that changed: what one rule took out may have hidden what another finds

# Members whose value is a name of the lineage: only rules made for names apply, or two datasets could become one.
_NAMES = frozenset({"namespace", "name", "field"})
_SQL_MEMBERS = frozenset({"query", "sql", "statement", "compiled_code", "raw_code"})
_SQL = re.compile(
    r"(?:\s|--[^\n]*+\n|/\*(?:[^*]|\*(?!/))*+\*/|\()*+(?:select|insert|with|create|merge|update|delete|copy|alter|grant|drop"
    r"|call|begin|explain|set|truncate|declare|use|unload|load|attach|replace|refresh|analyze|vacuum)\b",
    re.IGNORECASE,
)
_LITERAL = re.compile(r"'(?P<text>(?:[^'\\]|\\.|'')*+)'|(?P<comment>--[^\n]*+|/\*(?:[^*]|\*(?!/))*+\*/)", re.DOTALL)
_FACETS = frozenset({"facets", "inputFacets", "outputFacets"})
# In these facets member names are names of columns: a column called `password` is lineage, not a setting.
_NAMED_BY_DATA = frozenset(
    {"schema", "columnLineage", "lineage", "symlinks", "dataQualityMetrics", "dataQualityAssertions", "subset", "tags",
     "ownership"}
)  # fmt: skip
_TO_LOWER = {upper: upper + 32 for upper in range(65, 91)}
_PREFIX = re.compile(r"[bBuUrRfFnNeE]{1,2}")
_REFERENCE = re.compile(r"[A-Za-z_][\w]*(?:\.[A-Za-z_]\w*)*")


class Change(NamedTuple):
    """One place that was changed, and by which rule."""

    pointer: str
    rule: str


class Scrubber:
    """Finds and takes out secrets. One may serve many threads."""

    def __init__(self, rules: Sequence[Rule] = RULES) -> None:
        self._rules = rules
        self._literals = _Literals({need for rule in rules for need in rule.needs} | set(WORDS))
        self._rules_of = functools.lru_cache(maxsize=1024)(self._select)

    def suspects(self, canonical: bytes) -> frozenset[str]:
        """The literals of rules that stand in a JSON text; without any of them nothing in it can be a secret."""
        return self._literals.within(canonical)

    def scrub(self, value: Any, suspects: frozenset[str]) -> list[Change]:
        """Takes the secrets out of an object or array, in place; where and by which rule, outer places first."""
        if not suspects:
            return []
        walk = _Walk(self, suspects)
        walk.run(value)
        return walk.changes

    def text(
        self, text: str, suspects: frozenset[str], *, name: bool = False, sql: bool = False
    ) -> tuple[str, list[str]]:
        """A text without its secrets, and the rules that found one."""
        found: list[str] = []
        for _ in range(PASSES):
            before = text
            lowered = _lowered(text)
            for rule in self._rules_of(suspects, name):
                if any(need in lowered for need in rule.needs):
                    changed = _applied(rule, text, lowered, sql, found)
                    if changed != text:
                        text, lowered = changed, _lowered(changed)
            if text == before:
                break
        return text, list(dict.fromkeys(found))

    def body(self, body: bytes) -> bytes:
        """A body that may be no JSON, as text, without its secrets."""
        text = body.decode("utf-8", "surrogateescape")
        suspects = self.suspects(body)
        if suspects:
            text, _ = self.text(text, suspects)
        return text.encode("utf-8", "surrogateescape")

    def _select(self, suspects: frozenset[str], name: bool) -> tuple[Rule, ...]:
        return tuple(rule for rule in self._rules if (rule.names or not name) and not suspects.isdisjoint(rule.needs))


def _applied(rule: Rule, text: str, lowered: str, sql: bool, found: list[str]) -> str:
    def replace(match: re.Match[str]) -> str:
        return _replaced(match, rule, sql, found)

    if not sql:
        return _substituted(rule, text, lowered, replace)
    inside = _LITERAL.sub(lambda match: _within(match, rule, found), text)
    if rule.bare:
        return inside
    return _substituted(rule, inside, lowered if inside == text else _lowered(inside), replace)


def _within(literal: re.Match[str], rule: Rule, found: list[str]) -> str:
    """A literal or comment of SQL, its inside searched as the plain text that it is."""
    whole, quoted = literal.group(), literal["comment"] is None
    plain = literal["text"].replace("''", "'") if quoted else whole
    lowered = _lowered(plain)
    if not any(need in lowered for need in rule.needs):
        return whole
    clean = _substituted(rule, plain, lowered, lambda match: _replaced(match, rule, False, found))
    if clean == plain:
        return whole
    return "'" + clean.replace("'", "''") + "'" if quoted else clean


def _substituted(rule: Rule, text: str, lowered: str, replace: Callable[[re.Match[str]], str]) -> str:
    """`pattern.sub`, but in a long text only near the literals that the rule needs.

    The search of a megabyte would keep every other thread waiting for seconds: a pattern gives the interpreter's lock
    back only when it is done.
    """
    if len(text) <= LONG:
        return rule.pattern.sub(replace, text)
    parts, done = [], 0
    for start, end in _near(rule.needs, lowered):
        at = max(start, done)
        while at < end:
            match = rule.pattern.match(text, at)
            if match is None or match.end() == at:
                at += 1
                continue
            parts += [text[done:at], replace(match)]
            done = at = match.end()
    return "".join(parts) + text[done:]


def _near(needs: Iterable[str], lowered: str) -> list[tuple[int, int]]:
    """Where a match could start: before and at every literal, in order, without overlaps."""
    hits = sorted({match.start() for need in needs for match in re.finditer(re.escape(need), lowered)})
    spans: list[tuple[int, int]] = []
    for hit in hits:
        start = max(0, hit - REACH)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], hit + 1)
        else:
            spans.append((start, hit + 1))
    return spans


def _lowered(text: str) -> str:
    """In lower case, character for character."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.translate(_TO_LOWER)


def _replaced(match: re.Match[str], rule: Rule, sql: bool, found: list[str]) -> str:
    whole, start = match.group(), match.start()
    groups = match.groupdict()
    for group in ("v", "w", "x", "word"):
        secret = groups.get(group)
        if secret is None or HARMLESS.fullmatch(secret):
            continue
        if rule.name == "assignment" and _is_no_secret(match, groups, group, secret, sql):
            continue
        found.append(rule.name)
        mark = f'"{MARK}"' if group == "word" else MARK
        return whole[: match.start(group) - start] + mark + whole[match.end(group) - start :]
    return whole


def _is_no_secret(match: re.Match[str], groups: dict[str, Any], group: str, value: str, sql: bool) -> bool:
    """Whether what stands after `password =` is a column, a variable, a type or prose."""
    if "name" in groups:
        if value.startswith(MARK):  # the rest of a URI whose password went before
            return True
        if BINDING.fullmatch(value):
            return True
        if _PREFIX.fullmatch(value) and match.string[match.end() : match.end() + 1] in ("'", '"'):
            return True  # b'…': the rule for quotes has been there
        spaced = match.string[match.start("sep") - 1].isspace()
        return group == "v" and _is_prose(groups["name"].lower(), groups["sep"], spaced, value)
    if sql and group == "w":
        # In SQL double quotes mostly hold identifiers: "a"."token" = "b"."token", password "Pass word".
        follows = match.string[match.end() : match.end() + 1]
        return groups["close"] is not None or follows == "." or not groups["sep"].strip()
    return False


def _is_prose(word: str, sep: str, spaced: bool, value: str) -> bool:
    lowered = value.lower().rstrip(".:!?")
    if lowered in PROSE or not lowered:
        return True
    if word == "pass":
        return value.isdigit()  # dbt: PASS=12 WARN=0
    if word == "pwd" and value[0] in "/~":
        return True  # the working directory
    if _REFERENCE.fullmatch(value) and NAME.search(value):
        return True  # password=self.password, on a.token=b.token
    if word.startswith(("pass", "pwd")):
        return False
    if sep == ":":
        # `Unexpected token: SELECT` is the message of every parser.
        return len(value) < 6 or (value.isalpha() and len(value) < 20)
    # token = value, in the source of a program
    return spaced and _REFERENCE.fullmatch(value) is not None and not any(map(str.isdigit, value))


@functools.lru_cache(maxsize=65_536)
def _is_secret_name(name: str) -> bool:
    return NAME.search(name) is not None


class _Walk:
    """One pass over a JSON value."""

    def __init__(self, scrubber: Scrubber, suspects: frozenset[str]) -> None:
        self._scrubber = scrubber
        self._suspects = suspects
        self._plain = tuple(suspects)
        self._by_name = not suspects.isdisjoint(WORDS)
        self.changes: list[Change] = []

    def run(self, root: Any) -> None:
        # Only arrays and objects wait here, and a pointer is made only for them: a body may hold millions of scalars.
        rest = [_Inside(root, "", "", False, False)] if isinstance(root, dict | list) else []
        while rest:
            inside = rest.pop()
            if type(inside.container) is list:
                rest.extend(reversed(self._items(inside)))
            else:
                rest.extend(reversed(self._members(inside)))

    def _members(self, inside: _Inside) -> list[_Inside]:
        value, member = inside.container, inside.member
        names = "\n".join(value).lower()
        if any(literal in names for literal in self._plain):
            self._rename(value, inside.where)
        judged = self._by_name and not inside.data and member not in _FACETS
        pair = judged and _is_pair(value)
        nested = []
        for name, inner in value.items():
            data = inside.data or (member in _FACETS and name in _NAMED_BY_DATA)
            secret = inside.secret and name not in ("_producer", "_schemaURL")
            if judged and not secret:
                secret = _is_secret_name(name) or (pair and name == "value")
            if type(inner) is dict or type(inner) is list:
                nested.append(_Inside(inner, inside.where + pointer(name), name, data, secret))
            else:
                self._scalar(value, name, inside.where, name, secret)
        return nested

    def _items(self, inside: _Inside) -> list[_Inside]:
        value, nested, argument = inside.container, [], False
        for at, item in enumerate(value):
            if type(item) is dict or type(item) is list:
                nested.append(_Inside(item, f"{inside.where}/{at}", inside.member, inside.data, inside.secret))
                argument = False
                continue
            # ["--password", "hunter2"]: the list of arguments of a process
            self._scalar(value, at, inside.where, inside.member, inside.secret or (argument and type(item) is str))
            argument = self._by_name and type(item) is str and len(item) < 100 and ARGUMENT.fullmatch(item) is not None
        return nested

    def _rename(self, value: dict[str, Any], where: str) -> None:
        """Member names may be names of columns or tables, and so may hold a URI; order is kept."""
        renamed: dict[str, str] = {}
        for name in value:
            clean, rules = self._scrubber.text(name, self._suspects, name=True)
            if rules:
                renamed[name] = clean
                self.changes.extend(Change(where + pointer(clean), rule) for rule in rules)
        if renamed:
            members = list(value.items())
            value.clear()
            for name, inner in members:
                value[_free(renamed.get(name, name), value)] = inner

    def _scalar(self, container: Any, key: str | int, where: str, member: str, secret: bool) -> None:
        value = container[key]
        if type(value) is str:
            if secret:
                if not HARMLESS.fullmatch(value) and not (member.lower() == "pwd" and value[0] in "/~"):
                    self._take(container, key, where)
            elif any(map(value.lower().__contains__, self._plain)):
                self._text(container, key, where, member)
        elif secret and type(value) in (int, float) and PASS_NAME.search(member):
            self._take(container, key, where)

    def _text(self, container: Any, key: str | int, where: str, member: str) -> None:
        text = container[key]
        name = member in _NAMES
        sql = not name and (member in _SQL_MEMBERS or _SQL.match(text) is not None)
        clean, rules = self._scrubber.text(text, self._suspects, name=name, sql=sql)
        if rules:
            container[key] = clean
            self.changes.extend(Change(where + pointer(key), rule) for rule in rules)

    def _take(self, container: Any, key: str | int, where: str) -> None:
        container[key] = MARK
        self.changes.append(Change(where + pointer(key), "name"))


class _Inside(NamedTuple):
    """An array or object yet to be walked. member: the name it stands under, for an array in an array the outer one's.

    data: its names are data of the lineage. secret: it stands under a secret name.
    """

    container: Any
    where: str
    member: str
    data: bool
    secret: bool


def _is_pair(value: dict[str, Any]) -> bool:
    """Whether an object is a variable {name: DB_PASSWORD, value: …}, as the environmentVariables facet has them."""
    inner = value.get("value")
    if inner is None or (
        type(inner) is str and inner[:1] in ("/", "~") and str(value.get("name")).lower().endswith("pwd")
    ):
        return False  # PWD is where the process ran
    return any(type(value.get(part)) is str and _is_secret_name(value[part]) for part in ("name", "key", "variable"))


def _free(name: str, taken: dict[str, Any]) -> str:
    """Two members that differed only in their password stay two."""
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}#{number}"
    return free


class _Literals:
    """Looks for many literals at once in a JSON text.

    Each literal is known by four of its bytes. All fours of the text are hashed by numpy into a table of flags; where
    one is set, the literal is compared. Cost: 4 us a KB, however many literals there are, where a search for each would
    take 0.5 us a KB and literal.
    """

    _BITS = 16  # 64 KiB, which leave the processor's cache to others: 22 us for 5.7 KB, against 20 with a mebibyte
    _PRIME = np.uint32(2_654_435_761)  # Knuth, TAOCP 6.4: 2**32 over the golden ratio
    _PIECE = 1 << 20

    def __init__(self, words: Iterable[str]) -> None:
        self._table = np.zeros(1 << self._BITS, dtype=np.uint8)
        self._shift = np.uint32(32 - self._BITS)
        self._known: dict[bytes, list[tuple[int, bytes, str]]] = {}
        for word in words:
            if len(word) > 3:
                self._learn(word, word)
            elif len(word) > 1:
                for after in _AFTER_NAME if word in WORDS else _AFTER_PREFIX:
                    self._learn(word + after, word)

    def within(self, text: bytes) -> frozenset[str]:
        lowered = text.lower()
        found = {"@"} if b"@" in lowered else set[str]()
        for start in range(0, len(lowered), self._PIECE):
            self._search(lowered, start, min(len(lowered), start + self._PIECE + 4), found)
        return frozenset(word for word in found if word not in _CONFIRMED or _CONFIRMED[word].search(lowered))

    def _learn(self, literal: str, word: str) -> None:
        at = max(range(len(literal) - 3), key=lambda start: _telling(literal[start : start + 4]))
        text = literal.encode()
        four = text[at : at + 4]
        self._known.setdefault(four, []).append((at, text, word))
        hashed = int.from_bytes(four, "little") * int(self._PRIME) & 0xFFFFFFFF
        self._table[hashed >> (32 - self._BITS)] = 1

    def _search(self, text: bytes, start: int, end: int, found: set[str]) -> None:
        for offset in range(start, start + 4):
            count = (end - offset) // 4
            if count <= 0:
                return
            hashes = np.frombuffer(text, "<u4", count, offset) * self._PRIME
            hashes >>= self._shift
            flags = self._table.take(hashes).tobytes()
            hit = flags.find(1)
            while hit >= 0:
                self._compare(text, offset + hit * 4, found)
                hit = flags.find(1, hit + 1)

    def _compare(self, text: bytes, start: int, found: set[str]) -> None:
        for at, literal, word in self._known.get(text[start : start + 4], ()):
            if word not in found and text.startswith(literal, start - at):
                found.add(word)


# Literals that clean events have too: what must stand around them, in lower-case JSON, before an event is walked.
_CONFIRMED = {
    "@": re.compile(rb"://[^\s/?#:@\\]*+:(?:[^\"\\@]|\\.)*+@|thin:"),  # owners have e-mail addresses
    "sk-": re.compile(rb"sk-[\w\-]{20}"),  # task-, disk-, risk-
    "hw_": re.compile(rb"hw_[\w\-]{24}"),
    "asia": re.compile(rb"asia[a-z0-9]{16}"),
    "pass": re.compile(rb"pass(?!enger|ion|ive|port|age|es\b|ed\b)"),
}
# What may follow a literal of three letters, so that it makes four: the end of a name, or the rest of a token.
_AFTER_NAME = "0123456789_-\"'`\\ =:!<>]."
_AFTER_PREFIX = "abcdefghijklmnopqrstuvwxyz0123456789_-"
# What every event is full of; four bytes of it tell nothing.
_TYPICAL = (
    "https://github.com/apache/airflow/tree/providers-openlineage/ https://openlineage.io/spec/facets/ $defs namespace"
    " columnlineage inputfields transformations direct identity datasource insert into select from create table"
    " partitioned by"
)


def _telling(four: str) -> tuple[bool, int]:
    """How much four characters tell: how seldom they are in lineage events, roughly."""
    return four not in _TYPICAL, sum('e_atosnirlcdm"/:pu.hfg-by0123456789wvkxzjq=@ '.find(char) for char in four)


def as_json(changes: Sequence[Change]) -> bytes | None:
    """Changes as the journal keeps them; None for none."""
    return orjson.dumps([change._asdict() for change in changes]) if changes else None
