"""When edges open and close."""

from __future__ import annotations

import random
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.history import Lives, Rules, Shown, Told, lives, shown_by
from lineage.ports import OPEN
from tests.lineage.living import brute_lives

A, B, C = 1, 2, 3
FLOW, OTHER_FLOW = 100, 200


def run(start: int, edges: dict[int, int], *, closes: bool = True, end: int | None = None, sibling: str = "") -> Shown:
    shows = tuple(sorted((at, frozenset([edge])) for edge, at in edges.items()))
    return Shown(start, f"r{start}", end if end is not None else start + 5, closes, shows, sibling)


def told(*events: tuple[int, str, set[int]], incomplete: bool = False, snapshot: bool = False) -> list[Shown]:
    """One run by its events: time, word, edges."""
    first = min(at for at, _, _ in events)
    return shown_by(
        f"r{first}",
        [Told(at, word, frozenset(edges), incomplete, snapshot=snapshot) for at, word, edges in events],
    )


def finished(start: int, edges: set[int], end: int | None = None) -> list[Shown]:
    return told((start, "START", set()), (start + 5 if end is None else end, "COMPLETE", edges))


# ------------------------------------------------------------------------------------------------- opening and closing


def test_an_edge_opens_with_the_event_that_shows_it_and_not_with_its_run() -> None:
    assert lives([run(10, {A: 12})]) == {A: [(12, OPEN)]}


def test_a_later_successful_run_without_it_closes_an_edge_when_it_ends() -> None:
    assert lives([run(10, {A: 10, B: 10}), run(20, {B: 20}, end=29)]) == {A: [(10, 29)], B: [(10, OPEN)]}


def test_a_failed_or_unfinished_run_closes_nothing() -> None:
    assert lives([run(10, {A: 10}), run(20, {B: 20}, closes=False)]) == {A: [(10, OPEN)], B: [(20, OPEN)]}


def test_an_edge_that_comes_back_has_two_lives() -> None:
    history = [run(10, {A: 10}), run(20, {B: 20}, end=25), run(30, {A: 30, B: 30})]
    assert lives(history)[A] == [(10, 25), (30, OPEN)]


def test_a_run_that_failed_closes_nothing_though_it_told_its_lineage() -> None:
    assert lives([*finished(10, {A}), *told((20, "START", set()), (25, "FAIL", {B}))])[A] == [(15, OPEN)]


def test_a_run_that_was_aborted_closes_nothing() -> None:
    assert lives([*finished(10, {A}), *told((20, "START", set()), (25, "ABORT", {B}))])[A] == [(15, OPEN)]


def test_a_run_that_has_not_ended_closes_nothing() -> None:
    assert lives([*finished(10, {A}), *told((20, "START", {B}), (25, "RUNNING", {B}))])[A] == [(15, OPEN)]


def test_a_run_whose_producer_could_not_read_all_its_lineage_closes_nothing() -> None:
    history = [*finished(10, {A}), *told((20, "START", set()), (25, "COMPLETE", {B}), incomplete=True)]
    assert lives(history)[A] == [(15, OPEN)]


def test_a_run_that_names_neither_inputs_nor_outputs_closes_nothing() -> None:
    assert lives([*finished(10, {A}), *finished(20, set())])[A] == [(15, OPEN)]


def test_a_complete_that_arrives_late_for_an_older_run_closes_nothing_that_newer_ones_show() -> None:
    newer = finished(30, {B})
    assert lives([*newer, *finished(20, {A})]) == {A: [(25, 35)], B: [(35, OPEN)]}


def test_the_order_of_runs_is_that_of_events_and_not_that_of_the_intervals_they_work_on() -> None:
    today, backfill_of_last_year = finished(10, {A, B}), finished(20, {A})
    assert lives([*today, *backfill_of_last_year])[B] == [(15, 25)]


def test_a_task_that_was_cleared_closes_nothing_until_it_has_succeeded_again() -> None:
    cleared = [(20, "START", set[int]()), (25, "COMPLETE", {B}), (40, "START", set[int]())]
    assert lives([*finished(10, {A}), *told(*cleared)])[A] == [(15, OPEN)]
    assert lives([*finished(10, {A}), *told(*cleared, (45, "COMPLETE", {B}))])[A] == [(15, 45)]


# ----------------------------------------------------------------------------------------------------------- siblings


def test_siblings_close_only_what_none_of_them_shows() -> None:
    mapped = [run(20, {A: 20}, sibling="dag-run-2"), run(21, {B: 21}, sibling="dag-run-2")]
    assert lives([run(10, {A: 10, B: 10}), *mapped]) == {A: [(10, OPEN)], B: [(10, OPEN)]}


def test_one_failed_sibling_keeps_the_others_from_closing() -> None:
    mapped = [run(20, {}, sibling="s"), run(21, {}, closes=False, sibling="s")]
    assert lives([run(10, {A: 10}), *mapped]) == {A: [(10, OPEN)]}


# --------------------------------------------------------------------------------------------------- guesses replaced

GUESSED = Rules(guesses={B: FLOW, C: OTHER_FLOW}, stronger={A: FLOW})


def test_the_guess_that_a_run_began_with_never_lived_once_it_has_ended_with_columns() -> None:
    history = told((10, "START", {A, B}), (15, "COMPLETE", {A}))
    assert lives(history, GUESSED) == {A: [(10, OPEN)]}


def test_a_guess_about_another_output_stays() -> None:
    assert lives(told((10, "START", {A, B, C}), (15, "COMPLETE", {A})), GUESSED)[C] == [(10, OPEN)]


def test_without_a_stronger_word_a_guess_is_all_there_is() -> None:
    assert lives(told((10, "START", {B}), (15, "COMPLETE", {B})), GUESSED) == {B: [(10, OPEN)]}


def test_a_run_under_way_shows_no_guess_where_columns_are_known() -> None:
    assert B not in lives([*finished(10, {A}), *told((20, "START", {B}))], GUESSED)


def test_a_failed_run_shows_its_guesses_where_nothing_better_is_known() -> None:
    assert lives(told((10, "START", {B}), (15, "FAIL", set())), GUESSED) == {B: [(10, OPEN)]}


def test_the_guess_of_a_failed_run_ends_when_a_later_one_has_told_columns_whatever_the_window() -> None:
    rules = Rules(window=5, guesses={B: FLOW}, stronger={A: FLOW})
    history = [*told((10, "START", {B}), (15, "FAIL", set())), *finished(20, {A})]
    assert lives(history, rules)[B] == [(10, 25)]


def test_a_guess_counts_again_after_the_stronger_read_has_closed() -> None:
    history = [*finished(10, {A}), *finished(20, {C}), *told((30, "START", {B}))]
    assert lives(history, GUESSED)[B] == [(30, OPEN)]


# -------------------------------------------------------------------------------------------------------------- window


def test_with_a_window_of_three_an_edge_closes_at_the_end_of_the_third_run_in_a_row_that_lacks_it() -> None:
    history = [unit for start in (10, 20, 30) for unit in finished(start, {B} if start > 10 else {A, B})]
    assert lives(history, Rules(window=3))[A] == [(15, OPEN)]
    assert lives([*history, *finished(40, {B})], Rules(window=3))[A] == [(15, 45)]


def test_a_run_that_shows_it_begins_the_count_anew() -> None:
    shown = {10: {A, B}, 20: {B}, 30: {A, B}, 40: {B}}
    history = [unit for start, edges in shown.items() for unit in finished(start, edges)]
    assert lives(history, Rules(window=2))[A] == [(15, OPEN)]


def test_failed_runs_do_not_count_in_a_window() -> None:
    failed = [unit for start in (20, 30, 40) for unit in told((start, "START", set()), (start + 1, "FAIL", {B}))]
    assert lives([*finished(10, {A, B}), *failed, *finished(50, {B})], Rules(window=2))[A] == [(15, OPEN)]


def test_a_job_that_reads_one_of_many_inputs_each_time_keeps_those_of_the_last_ten_runs() -> None:
    history = [unit for n in range(30) for unit in finished(n * 10, {n % 5 + 1})]
    found = lives(history, Rules(window=10))
    assert all(spans == [(n * 10 + 5, OPEN)] for n, spans in ((edge - 1, found[edge]) for edge in range(1, 6)))


# -------------------------------------------------------------------------------------------------------------- streams


def test_each_event_of_a_stream_tells_its_whole_state() -> None:
    stream = told((10, "START", {A, B}), (20, "RUNNING", {B}), (30, "RUNNING", {B, C}), snapshot=True)
    assert lives(stream) == {A: [(10, 20)], B: [(10, OPEN)], C: [(30, OPEN)]}


def test_an_event_of_a_stream_that_names_nothing_closes_nothing() -> None:
    assert lives(told((10, "START", {A}), (20, "RUNNING", set()), snapshot=True)) == {A: [(10, OPEN)]}


def test_a_stream_that_breaks_down_closes_nothing() -> None:
    assert lives(told((10, "START", {A, B}), (20, "FAIL", {A}), snapshot=True)) == {A: [(10, OPEN)], B: [(10, OPEN)]}


# ---------------------------------------------------------------------------------------------------------------- drops


def test_a_drop_closes_an_edge_though_runs_still_showed_it_before() -> None:
    assert lives(finished(10, {A}), Rules(drops={A: [30]})) == {A: [(15, 30)]}


def test_only_what_is_told_later_than_the_drop_opens_an_edge_again() -> None:
    rules = Rules(drops={A: [30]})
    assert lives([*finished(10, {A}), *finished(20, {A}, end=30)], rules) == {A: [(15, 30)]}
    assert lives([*finished(10, {A}), *finished(40, {A})], rules) == {A: [(15, 30), (45, OPEN)]}


def test_a_run_that_goes_on_after_the_drop_opens_the_edge_when_it_shows_it_again() -> None:
    history = shown_by("r", [Told(10, "START", frozenset([A])), Told(40, "RUNNING", frozenset([A]))], every=True)
    assert lives(history, Rules(drops={A: [30]})) == {A: [(10, 30), (40, OPEN)]}


def test_an_edge_that_was_shown_only_as_its_end_was_dropped_never_lived() -> None:
    assert lives(finished(10, {A}), Rules(drops={A: [15]})) == {}


# ---------------------------------------------------------------------------------------------------------- any history

WORDS = ["START", "RUNNING", "COMPLETE", "COMPLETE", "ABORT", "FAIL", "OTHER"]


@st.composite
def an_event(draw: st.DrawFn) -> Told:
    return Told(
        draw(st.integers(0, 9)),
        draw(st.sampled_from(WORDS)),
        frozenset(draw(st.sets(st.integers(1, 4), max_size=4))),
        draw(st.integers(0, 9)) == 0,
        draw(st.sampled_from(["", "", "", "s"])),
        draw(st.integers(0, 9)) == 0,
    )


histories = st.dictionaries(
    st.sampled_from(["r1", "r2", "r3", "r4"]), st.lists(an_event(), min_size=1, max_size=4), min_size=1
)


@st.composite
def some_rules(draw: st.DrawFn) -> Rules:
    kinds = [draw(st.sampled_from(["guess", "stronger", "plain"])) for _ in range(4)]
    flows = [draw(st.sampled_from([FLOW, OTHER_FLOW])) for _ in range(4)]
    every = draw(st.dictionaries(st.integers(1, 4), st.sets(st.integers(0, 10), max_size=2), max_size=2))
    return Rules(
        window=draw(st.integers(1, 3)),
        guesses={n: flow for n, (kind, flow) in enumerate(zip(kinds, flows, strict=True), 1) if kind == "guess"},
        stronger={n: flow for n, (kind, flow) in enumerate(zip(kinds, flows, strict=True), 1) if kind == "stronger"},
        drops={edge: sorted(times) for edge, times in every.items()},
    )


@given(histories, some_rules())
@settings(max_examples=400, deadline=None)
def test_lives_are_what_going_through_every_run_for_every_edge_finds(
    history: dict[str, list[Told]], rules: Rules
) -> None:
    runs = [unit for tie, events in history.items() for unit in shown_by(tie, events, every=bool(rules.drops))]
    assert lives(runs, rules) == brute_lives(history, rules)


@given(histories, some_rules(), st.integers(0, 1000))
@settings(max_examples=150, deadline=None)
def test_order_and_repetition_change_nothing(history: dict[str, list[Told]], rules: Rules, seed: int) -> None:
    chance = random.Random(seed)
    shuffled = [(tie, events + chance.choices(events, k=2)) for tie, events in history.items()]
    chance.shuffle(shuffled)
    runs = [
        unit
        for tie, events in shuffled
        for unit in shown_by(tie, chance.sample(events, len(events)), every=bool(rules.drops))
    ]
    assert lives(runs, rules) == brute_lives(history, rules)


@given(histories, some_rules())
@settings(max_examples=150, deadline=None)
def test_lives_of_an_edge_follow_each_other(history: dict[str, list[Told]], rules: Rules) -> None:
    runs = [unit for tie, events in history.items() for unit in shown_by(tie, events, every=True)]
    found: Lives = lives(runs, rules)
    for spans in found.values():
        assert all(opened < closed for opened, closed in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
