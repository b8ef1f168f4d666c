"""When edges open and close."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lineage.history import Lives, Shown, lives
from lineage.ports import OPEN

A, B = 1, 2


def run(start: int, edges: dict[int, int], *, closes: bool = True, end: int | None = None, sibling: str = "") -> Shown:
    return Shown(start, f"r{start}", end if end is not None else start + 5, closes, edges, sibling)


def test_an_edge_opens_with_the_event_that_shows_it_and_not_with_its_run() -> None:
    assert lives([run(10, {A: 12})]) == {A: [(12, OPEN)]}


def test_a_later_successful_run_without_it_closes_an_edge_when_it_ends() -> None:
    assert lives([run(10, {A: 10, B: 10}), run(20, {B: 20}, end=29)]) == {A: [(10, 29)], B: [(10, OPEN)]}


def test_a_failed_or_unfinished_run_closes_nothing() -> None:
    assert lives([run(10, {A: 10}), run(20, {B: 20}, closes=False)]) == {A: [(10, OPEN)], B: [(20, OPEN)]}


def test_an_edge_that_comes_back_has_two_lives() -> None:
    history = [run(10, {A: 10}), run(20, {B: 20}, end=25), run(30, {A: 30, B: 30})]
    assert lives(history)[A] == [(10, 25), (30, OPEN)]


def test_siblings_close_only_what_none_of_them_shows() -> None:
    mapped = [run(20, {A: 20}, sibling="dag-run-2"), run(21, {B: 21}, sibling="dag-run-2")]
    assert lives([run(10, {A: 10, B: 10}), *mapped]) == {A: [(10, OPEN)], B: [(10, OPEN)]}


def test_one_failed_sibling_keeps_the_others_from_closing() -> None:
    mapped = [run(20, {}, sibling="s"), run(21, {}, closes=False, sibling="s")]
    assert lives([run(10, {A: 10}), *mapped]) == {A: [(10, OPEN)]}


@st.composite
def histories(draw: st.DrawFn) -> list[Shown]:
    count = draw(st.integers(1, 6))
    found = []
    for n in range(count):
        start = draw(st.integers(0, 8)) * 10
        edges = draw(st.dictionaries(st.integers(1, 3), st.integers(start, start + 9), max_size=3))
        end = start + draw(st.integers(0, 30))
        found.append(Shown(start, f"r{n}", end, draw(st.booleans()), edges, draw(st.sampled_from(["", "", "s"]))))
    return found


@given(histories(), st.integers(0, 1000))
def test_the_order_in_which_runs_are_given_changes_nothing(history: list[Shown], seed: int) -> None:
    shuffled = list(history)
    random.Random(seed).shuffle(shuffled)
    assert lives(shuffled) == lives(history)


@given(histories())
def test_lives_of_an_edge_follow_each_other_and_hold_every_time_it_was_shown_while_open(history: list[Shown]) -> None:
    found: Lives = lives(history)
    assert found.keys() == {edge for one in history for edge in one.edges}
    for spans in found.values():
        assert all(opened < closed for opened, closed in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
