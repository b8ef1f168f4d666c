"""One way to open a database: SQLite for one machine, PostgreSQL for many.

Refuses to run on settings under which "committed" would not mean "on stable storage".
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import QueuePool

from lineage.errors import StoreUnavailable

# Below 3.51.3 a checkpoint beside a commit can corrupt the file (the WAL-reset bug).
SAFE_SQLITE = (3, 51, 3)


def _sqlite_module() -> Any:
    try:
        from pysqlite3 import dbapi2
    except ImportError:
        return sqlite3
    return dbapi2


def sqlite_url(path: Path) -> str:
    return f"sqlite:///{path}"


def make_folder(path: Path) -> None:
    """A folder for databases, mode 0700, whose name is on stable storage: a synced file in a lost folder is lost."""
    made = [each for each in (path, *path.parents) if not each.exists()]
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for each in made:
        parent = os.open(each.parent, os.O_RDONLY)
        try:
            os.fsync(parent)
        finally:
            os.close(parent)


def open_engine(url: str, *, durable: bool = True) -> Engine:
    """An engine for `sqlite:///PATH` or `postgresql://…`.

    durable: a commit is on stable storage before it returns. Without it a power loss may take the newest commits of a
    SQLite file, never its consistency: right for projections, which are rebuilt from the journal.
    Raises StoreUnavailable if the server breaks the promise or is away.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return _open_sqlite(url, durable)
    engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, pool_size=8, max_overflow=8)
    if durable:
        with reading(engine) as connection:
            _require_durable_postgresql(connection)
    return engine


def _open_sqlite(url: str, durable: bool) -> Engine:
    # QueuePool: SQLAlchemy's default for files; threads each take a connection of their own from it.
    engine = create_engine(
        url,
        module=_sqlite_module(),
        poolclass=QueuePool,
        pool_size=8,
        max_overflow=24,
        connect_args={"timeout": 30, "check_same_thread": False},
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late; ours is below
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA journal_mode={_journal_mode(_sqlite_module().sqlite_version)}")
        cursor.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA temp_store=MEMORY")
        cursor.execute("PRAGMA cache_size=-65536")
        cursor.execute("PRAGMA mmap_size=268435456")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _journal_mode(version: str) -> str:
    """WAL, or, for a SQLite that has the WAL-reset bug, the older way: slower, for readers and the writer take turns.

    >>> _journal_mode("3.51.3"), _journal_mode("3.40.1")
    ('WAL', 'DELETE')
    """
    return "WAL" if tuple(int(part) for part in version.split(".")) >= SAFE_SQLITE else "DELETE"


def _require_durable_postgresql(connection: Connection) -> None:
    wanted = {"fsync": {"on"}, "full_page_writes": {"on"}, "synchronous_commit": {"on", "remote_write", "remote_apply"}}
    for name, allowed in wanted.items():
        value = connection.execute(text(f"SHOW {name}")).scalar_one()
        if value not in allowed:
            raise StoreUnavailable(
                f"PostgreSQL runs with {name}={value}: an acknowledged event could be lost; set it to on"
            )


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; takes SQLite's write lock at once. Raises StoreUnavailable for the driver's errors."""
    with _translated(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine | Connection) -> Iterator[Connection]:
    """A transaction that reads one consistent state; a connection that is in one already is given as it is."""
    if isinstance(engine, Connection):
        yield engine
        return
    level = {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}
    with _translated(), engine.connect().execution_options(**level) as connection, connection.begin():
        yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise StoreUnavailable(f"the database can't be used now: {error.orig}; it is asked again") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise StoreUnavailable(f"the database closed the connection: {error.orig}; it is asked again") from error
        raise
