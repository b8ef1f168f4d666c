"""A diff is what turns one state into another, no more and no less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.diff import OF_RUNS, SECTIONS, Rows, apply, diff, document

words = st.sampled_from(["a", "b", "c"])


@st.composite
def states(draw: st.DrawFn) -> Rows:
    return {
        section: draw(
            st.dictionaries(st.tuples(*[words] * len(names)), st.fixed_dictionaries({"v": words, "w": words}))
        )
        for section, names in SECTIONS.items()
    }


@given(one=states(), other=states())
def test_a_diff_applied_to_the_one_gives_the_other(one: Rows, other: Rows) -> None:
    assert apply(diff(one, other), one) == other


@given(one=states(), other=states())
def test_the_inverse_of_a_diff_leads_back(one: Rows, other: Rows) -> None:
    assert diff(one, other).inverse() == diff(other, one)
    assert apply(diff(one, other).inverse(), other) == one


@given(one=states(), other=states(), limit=st.integers(1, 3))
def test_lists_are_bounded_and_totals_exact(one: Rows, other: Rows, limit: int) -> None:
    change = diff(one, other)
    found = document(change, limit, OF_RUNS)
    longest = max(total for totals in found["totals"].values() for total in totals.values())
    assert all(
        len(found[part][s]) == min(limit, found["totals"][part][s]) for part in found["totals"] for s in SECTIONS
    )
    assert found["truncated"] == (longest > limit)


def test_equal_states_differ_in_nothing() -> None:
    state: Rows = {"nodes": {("a",): {"description": "x"}}}
    assert not any(document(diff(state, state), 10)["totals"]["added"].values())


def test_a_diff_is_refused_by_a_state_it_was_not_made_from() -> None:
    change = diff({}, {"nodes": {("a",): {}}})
    with pytest.raises(ValueError, match=r"nodes \('a',\)"):
        apply(change, {"nodes": {("a",): {}}})


def test_a_change_shows_only_what_differs() -> None:
    before, after = {"type": "int", "note": "x"}, {"type": "text", "note": "x"}
    change = diff({"fields": {("d", "c"): before}}, {"fields": {("d", "c"): after}})
    assert document(change, 10)["changed"]["fields"] == [
        {"dataset": "d", "field": "c", "before": {"type": "int"}, "after": {"type": "text"}}
    ]
