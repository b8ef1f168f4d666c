"""Parts that break a promise on purpose: a checker that doesn't notice them proves nothing.

Each stands in for the sound part in the process that writes, chosen by its name; the product's own code is untouched.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine, event, update

from ingest.commit import Appended, Record, Refusal, _Postgresql, _Sqlite
from ingest.journal import Journal
from lineage.database import writing
from lineage.ports import Applied
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog

# A commit that isn't on stable storage: SQLite synchronous=NORMAL, PostgreSQL synchronous_commit=off.
NORMAL = "commit without fsync"
EARLY = "acknowledge before the commit"
APART = "position in another transaction"
TWICE = "no dedupe"
SERIAL = "positions from a sequence"
NOT_DURABLE = frozenset({NORMAL})


def loosen(mutant: str, engine: Engine) -> None:
    """PostgreSQL's half of NORMAL; SQLite's is `durable=False`."""
    if mutant == NORMAL and engine.dialect.name == "postgresql":

        @event.listens_for(engine, "connect")
        def loosened(connection: Any, _record: Any) -> None:
            connection.execute("SET synchronous_commit = off")
            connection.commit()


def journal(mutant: str, engine: Engine) -> Journal:
    made = Journal(engine)
    committers = {
        EARLY: _EarlySqlite if engine.dialect.name == "sqlite" else _EarlyPostgresql,
        TWICE: _TwiceSqlite if engine.dialect.name == "sqlite" else _TwicePostgresql,
        SERIAL: _Serial,
    }
    if mutant in committers:
        made._committer = committers[mutant](engine)
    return made


def catalog(mutant: str, engine: Engine) -> SqlCatalog:
    return _Apart(engine) if mutant == APART else SqlCatalog(engine)


class _Early:
    """Answers for a group whose COMMIT comes with the next group."""

    _open = False

    def commit(self, records: Sequence[Record], refusals: Sequence[Refusal]) -> list[Appended]:
        if self._open:
            super()._end(self._cursor())  # type: ignore[misc]
        return super().commit(records, refusals)  # type: ignore[misc, no-any-return]

    def _end(self, cursor: Any) -> None:
        self._open = True


class _EarlySqlite(_Early, _Sqlite):
    pass


class _EarlyPostgresql(_Early, _Postgresql):
    pass


class _Twice:
    """Knows no event again."""

    def _append(self, cursor: Any, records: Sequence[Record]) -> list[Appended]:
        salted = [
            Record(secrets.token_bytes(32), one.received_us, one.subject, one.body, one.scrubbed) for one in records
        ]
        return super()._append(cursor, salted)  # type: ignore[misc, no-any-return]


class _TwiceSqlite(_Twice, _Sqlite):
    pass


class _TwicePostgresql(_Twice, _Postgresql):
    pass


class _Serial(_Postgresql):
    """Positions as a bigserial gives them: in the order of INSERT, not of COMMIT, with gaps where one fails."""

    def _begin(self, cursor: Any) -> None:
        cursor.execute("CREATE SEQUENCE IF NOT EXISTS mutant_position")

    def _append(self, cursor: Any, records: Sequence[Record]) -> list[Appended]:
        known = self._known(cursor, [record.digest for record in records])
        answers, fresh = [], []
        for record in records:
            if record.digest in known:
                answers.append(Appended(known[record.digest], True))
                continue
            cursor.execute("SELECT nextval('mutant_position')")
            position = cursor.fetchone()[0]
            known[record.digest] = position
            fresh.append((position, record))
            answers.append(Appended(position, False))
        self._insert(cursor, fresh)
        # Now and then longer than the projector ever rests (50 ms), so that it passes by what isn't committed yet.
        time.sleep(secrets.choice((0.0, 0.005, 0.2)))
        return answers


class _Apart(SqlCatalog):
    """Moves its position first, takes the events in next."""

    def apply(self, batch: Sequence[Applied]) -> None:
        with writing(self.engine) as connection:
            connection.execute(update(t.projection).values(position=batch[-1].position))
        self._writer.forget()
        super().apply(batch)
