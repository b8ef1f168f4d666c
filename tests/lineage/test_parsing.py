"""How selections are read: what is written reads back as the same, and any other text is refused with its place."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage import parsing
from lineage.errors import InvalidSelection
from lineage.expressions import (
    FILTERS,
    ID,
    WORD,
    Around,
    Expression,
    Not,
    Pattern,
    Term,
    intersection,
    union,
    written,
)
from lineage.parsing import parse

LETTERS = st.text(alphabet='ab1 +*"\\(),:@é😀\n/.', max_size=6) | st.sampled_from(["and", "or", "not", "tag:x", "12"])


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    """Parts as the parser makes them: two stars never meet, and a pattern of nothing at all is none."""
    parts = draw(st.lists(LETTERS, min_size=1, max_size=3))
    return Pattern((parts[0], *(part or "x" for part in parts[1:-1]), *parts[1:][-1:]))


@st.composite
def terms(draw: st.DrawFn) -> Term:
    name = draw(st.sampled_from([WORD, *FILTERS]))
    pattern = draw(patterns().filter(lambda found: found.parts != ("",)))
    if name == "kind":
        pattern = Pattern((draw(st.sampled_from(["dataset", "job"])),))
    if name == WORD and draw(st.booleans()):
        prefix = draw(st.sampled_from(["dataset:n:", "job:n:", "datasetField:n:d:"]))
        return Term(ID, Pattern((prefix + pattern.parts[0], *pattern.parts[1:])))
    return Term(name, pattern)


HOPS = st.none() | st.integers(0, parsing.MAX_HOPS)


def bigger(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=4)
    around = st.builds(Around, parts, HOPS, HOPS).filter(lambda found: found.up != 0 or found.down != 0)
    return several.map(union) | several.map(intersection) | parts.map(Not) | around


EXPRESSIONS = st.recursive(terms(), bigger, max_leaves=8)


@given(EXPRESSIONS)
@settings(max_examples=500, deadline=None)
def test_what_is_written_reads_back_as_the_same(expression: Expression) -> None:
    assert parse(written(expression)) == expression, written(expression)


@given(st.text(max_size=40) | st.text(alphabet='ab+ ,()"*:\\not', max_size=40))
@settings(max_examples=1000, deadline=None)
@example("\0")
@example("\ud800")
@example('"\\')
def test_any_text_is_read_or_refused_with_its_column(text: str) -> None:
    found = read(text)

    if isinstance(found, InvalidSelection):
        assert 1 <= found.column <= len(text) + 1
        assert f"column {found.column:,}: " in str(found)
    else:
        assert parse(written(found)) == found


def read(text: str) -> Expression | InvalidSelection:
    try:
        return parse(text)
    except InvalidSelection as error:
        return error


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a b", "a or b"),
        ("a,b", "a and b"),
        (" a , b\n c ", "a and b or c"),
        ("a or b and c", "a or (b and c)"),
        ("a AND b Or NOT c", "a and b or not c"),
        ("not a and b", "(not a) and b"),
        ("not +a", "not (+a)"),
        ("a b,c d", "a or b and c or d"),
        ("(a (b c))", "a b c"),
        ("+a+2", "+(a)+2"),
        ("002+a", "2+a"),
        ("0+a+0", "a"),
        ('"a"', "a"),
        ('a" "b', '"a b"'),
        ("a**b", "a*b"),
        ('"dataset:n:a"', "dataset:n:a"),
        ("tag:a:b", 'tag:"a:b"'),
    ],
)
def test_two_spellings_of_one_selection(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected a name, a filter"),
        ("   ", 4, "expected a name, a filter"),
        ("(a", 1, "never closed"),
        ("a and (b or (c)", 7, "never closed"),
        ("a)", 2, "closes nothing"),
        ("()", 2, "found ')'"),
        ("a and", 6, "found the end"),
        ("a,,b", 3, "found ','"),
        ("or a", 1, "not the word or"),
        ("a or and", 6, "not the word and"),
        ("a not b", 3, "write `and not`"),
        ("a(b)", 2, "expected a blank, a comma"),
        ("a+b", 3, "after + expected"),
        ("a+2b", 4, "after + expected"),
        ("++a", 2, "found '+'"),
        ("+ a", 2, "found ' '"),
        ("a+501", 3, "more than 500 hops"),
        (f"{'9' * 5000}+a", 1, "more than 500 hops"),
        ("a 2", 3, "a number alone is no name"),
        ("@a", 1, "write +(name+)"),
        ('tag:"a', 5, "quote is never closed"),
        ("tag: a", 5, "expected a value after tag:"),
        ('name:""', 6, "expected a value after name:"),
        ("a or foo:bar", 6, "no filter is called foo; there are tag:, owner:, namespace:, kind:, name:, column:"),
        ("s3://lake/x", 1, "no filter is called s3"),
        ("kind:table", 1, "write kind:dataset or kind:job"),
        ("dataset:orders", 1, "an id is dataset:NAMESPACE:NAME"),
        ("datasetField:n:d", 1, "an id is datasetField:NAMESPACE:NAME:FIELD"),
        ("a\0b", 2, "U+0000"),
        ("a \udcff", 3, "lone surrogates"),
        ("+" * 5000, 2, "found '+'"),
        ("(" * 5000, 51, "more than 50 parentheses"),
        ("not " * 2000 + "a", 201, "more than 50 parentheses and nots"),
        ("a " * 2000, 1001, "more than 500 names and filters"),
        ("+a " * 60, 151, "more than 50 names with +"),
        ("a*b " * 30, 81, "more than 20 columns and names with a *"),
        ("column:a " * 30, 181, "more than 20 columns and names with a *"),
        ("a" * 1_000_000, 8_193, "it has 1,000,000 characters, more than 8,192"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_is_no_selection_is_refused_where_it_stops_making_sense(text: str, column: int, words: str) -> None:
    with pytest.raises(InvalidSelection) as refused:
        parse(text)

    assert refused.value.column == column
    assert words in str(refused.value)


def test_the_longest_selection_is_read_at_once() -> None:
    started = time.perf_counter()
    for text in ("a " * 499 + "a", '"' + "\\" * 8_190 + '"', "*" * 8_192, "((((" * 2000, "," * 8_000):
        read(text)

    assert time.perf_counter() - started < 1


def test_a_pattern_of_many_stars_is_matched_in_a_moment() -> None:
    started = time.perf_counter()

    assert not Pattern(("", *["a"] * 2_000, "b")).matches("a" * 4_096)
    assert time.perf_counter() - started < 0.5


@given(patterns(), st.text(alphabet='ab1 +*"\\(),:@', max_size=8))
@settings(max_examples=300, deadline=None)
def test_a_star_stands_for_any_text(pattern: Pattern, text: str) -> None:
    assert pattern.matches(text) == _matches(pattern.parts, text)


def _matches(parts: tuple[str, ...], text: str) -> bool:
    """By every place that the first star could end at."""
    first, *rest = parts
    if not rest:
        return text == first
    if not text.startswith(first):
        return False
    return any(_matches(tuple(rest), text[at:]) for at in range(len(first), len(text) + 1))
