"""Schemas of the databases, as numbered steps: one branch for the journal, one for the catalog.

They are apart because the catalog may be thrown away and rebuilt, the journal never, and because on SQLite they are two
files. Each branch notes in a table of its own how far it has come, so on PostgreSQL both live in one database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from lineage.database import writing

Branch = Literal["journal", "catalog"]
LOCK = 0x6865616477617474  # an advisory lock of PostgreSQL: two servers that start at once migrate one after the other


def upgrade(engine: Engine, branch: Branch) -> None:
    """Brings a database to the newest schema of a branch, in one transaction: all steps or none.

    Raises StoreUnavailable; alembic.util.CommandError if the database is ahead of this version of Headwater.
    """
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})
        command.upgrade(_config(connection, branch), "head")


def is_current(engine: Engine, branch: Branch) -> bool:
    """Whether nothing is left to do."""
    with engine.connect() as connection:
        script = ScriptDirectory.from_config(_config(connection, branch))
        context = MigrationContext.configure(connection, opts={"version_table": version_table(branch)})
        return set(context.get_current_heads()) == set(script.get_heads())


def version_table(branch: Branch) -> str:
    return f"{branch}_version"


def _config(connection: Connection, branch: Branch) -> Config:
    here = Path(__file__).parent
    config = Config()
    config.set_main_option("script_location", _escaped(here))
    config.set_main_option("version_locations", _escaped(here / "versions" / branch))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, branch=branch)
    return config


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")
