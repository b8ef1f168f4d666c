"""Cursors: what comes back is what went out, to the same list with the same filters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import cursor_key, opened, seal
from api.errors import BadCursor

KEY = cursor_key("hw_0123456789abcdef")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.dictionaries(st.text(), st.none() | st.text()))
def test_a_cursor_is_opened_to_what_was_sealed(inner: str, filters: dict[str, str | None]) -> None:
    assert opened(KEY, "datasets", filters, seal(KEY, "datasets", filters, inner)) == inner


@pytest.mark.parametrize(
    ("key", "path", "filters"),
    [
        (cursor_key("hw_another-admin-key"), "datasets", {"q": "a"}),
        (KEY, "jobs", {"q": "a"}),
        (KEY, "datasets", {"q": "b"}),
        (KEY, "datasets", {"q": None}),
    ],
)
def test_a_cursor_of_another_key_list_or_filter_is_refused(key: bytes, path: str, filters: dict[str, str]) -> None:
    with pytest.raises(BadCursor):
        opened(key, path, filters, seal(KEY, "datasets", {"q": "a"}, "7"))


@given(st.text(max_size=100))
def test_garbage_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        opened(KEY, "datasets", {}, text)


@given(st.integers(0, 200), st.integers(1, 255))
def test_a_cursor_with_one_byte_changed_is_refused(place: int, change: int) -> None:
    good = bytearray(seal(KEY, "datasets", {}, "123456").encode())
    place %= len(good) - 1  # of the last character some bits mean nothing
    good[place] ^= change
    with pytest.raises(BadCursor):
        opened(KEY, "datasets", {}, good.decode("latin-1"))
