"""The schema that migrations make is the schema that the code means."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, MetaData

from api.migrations import is_current, upgrade, version_table
from ingest import journal
from lineage.database import open_engine, reading, sqlite_url
from lineage.stores import tables

METADATA: dict[str, MetaData] = {"journal": journal.metadata, "catalog": tables.metadata}


def differences(engine: Engine, branch: str) -> list[object]:
    known = {table.name for table in METADATA[branch].tables.values()}
    options = {
        "compare_type": True,
        "include_object": lambda _object, name, type_, _reflected, _to: type_ != "table" or name in known,
        "version_table": version_table(branch),
    }
    with reading(engine) as connection:
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA[branch]))


@pytest.fixture
def sqlite(tmp_path: Path) -> Engine:
    return open_engine(sqlite_url(tmp_path / "some.db"))


@pytest.mark.parametrize("branch", ["journal", "catalog"])
def test_migrated_sqlite_is_what_the_tables_say(sqlite: Engine, branch: str) -> None:
    upgrade(sqlite, branch)
    assert differences(sqlite, branch) == []


@pytest.mark.parametrize("branch", ["journal", "catalog"])
def test_upgrading_twice_changes_nothing(sqlite: Engine, branch: str) -> None:
    assert not is_current(sqlite, branch)
    upgrade(sqlite, branch)
    upgrade(sqlite, branch)
    assert is_current(sqlite, branch)


def test_both_branches_live_in_one_database(sqlite: Engine) -> None:
    upgrade(sqlite, "journal")
    upgrade(sqlite, "catalog")
    assert differences(sqlite, "journal") == []
    assert differences(sqlite, "catalog") == []


@pytest.mark.live
def test_migrated_postgresql_is_what_the_tables_say(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    try:
        upgrade(engine, "journal")
        upgrade(engine, "catalog")
        assert differences(engine, "journal") == []
        assert differences(engine, "catalog") == []
    finally:
        engine.dispose()
