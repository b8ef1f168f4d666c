"""A SQLite that may corrupt files in WAL mode is never put into it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import text

from lineage import database
from lineage.database import open_engine, reading, sqlite_url, writing


@pytest.mark.parametrize(
    ("version", "mode"),
    [("3.40.1", "DELETE"), ("3.51.2", "DELETE"), ("3.7", "DELETE"), ("3.51.3", "WAL"), ("4.0.0", "WAL")],
)
def test_only_a_sqlite_without_the_bug_works_in_wal_mode(version: str, mode: str) -> None:
    assert database._journal_mode(version) == mode


@pytest.mark.skipif(sqlite3.sqlite_version_info >= database.SAFE_SQLITE, reason="the standard library's SQLite is safe")
def test_an_older_sqlite_reads_and_writes_without_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "_sqlite_module", lambda: sqlite3)  # what a machine without the wheel has
    engine = open_engine(sqlite_url(tmp_path / "some.db"))
    with writing(engine) as connection:
        connection.execute(text("CREATE TABLE one (n INTEGER)"))
        connection.execute(text("INSERT INTO one VALUES (1)"))
    with reading(engine) as connection:
        assert connection.execute(text("SELECT n FROM one")).scalar_one() == 1
        assert connection.execute(text("PRAGMA journal_mode")).scalar_one() == "delete"
    engine.dispose()
