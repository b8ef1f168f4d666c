"""The admin key: made once, kept to its owner, compared in constant time."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.auth import AdminKey, admin_key
from api.errors import BadKey

KEY = "hw_0123456789abcdef"


def test_the_first_start_makes_a_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    key, is_new = admin_key(tmp_path, None)
    assert is_new
    assert key.startswith("hw_")
    assert (tmp_path / "admin.key").read_text().strip() == key
    assert (tmp_path / "admin.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["admin.key"]


def test_the_second_start_finds_the_same_key(tmp_path: Path) -> None:
    key, _ = admin_key(tmp_path, None)
    assert admin_key(tmp_path, None) == (key, False)


def test_a_key_from_the_settings_wins_and_is_not_written_down(tmp_path: Path) -> None:
    assert admin_key(tmp_path, KEY) == (KEY, False)
    assert list(tmp_path.iterdir()) == []


def test_a_key_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    admin_key(tmp_path, None)
    (tmp_path / "admin.key").chmod(0o644)
    with pytest.raises(BadKey, match="0644"):
        admin_key(tmp_path, None)


def test_an_empty_key_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "admin.key").touch(mode=0o600)
    with pytest.raises(BadKey, match="holds no key"):
        admin_key(tmp_path, None)


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER"])
def test_the_key_passes_whatever_the_case_of_its_scheme(scheme: bytes) -> None:
    assert AdminKey(KEY).refusal([(b"authorization", scheme + b" " + KEY.encode())], b"") is None


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [(b"authorization", b"Bearer")],
        [(b"authorization", b"Bearer ")],
        [(b"authorization", b"Bearer hw_0123456789abcde")],
        [(b"authorization", b"Bearer hw_0123456789abcdefg")],
        [(b"authorization", b"Basic " + KEY.encode())],
        [(b"authorization", KEY.encode())],
        [(b"authorization", b"Bearer  " + KEY.encode())],
        [(b"authorization", b"Bearer \xff\xfe")],
        [(b"x-api-key", KEY.encode())],
        [(b"authorization", b"Bearer " + KEY.encode())] * 2,
    ],
)
def test_anything_else_is_refused_without_repeating_it(headers: list[tuple[bytes, bytes]]) -> None:
    reason = AdminKey(KEY).refusal(headers, b"")
    assert reason
    assert KEY not in reason


@pytest.mark.parametrize("query", [b"api_key=abc", b"x=1&access_token=a", b"API_KEY", b"api%5fkey=a"])
def test_a_key_in_the_address_is_refused_even_beside_a_good_one(query: bytes) -> None:
    assert AdminKey(KEY).refusal([(b"authorization", b"Bearer " + KEY.encode())], query)
