"""Headwater's own parts as the crash rigs put them together, whole or with one part broken on purpose."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine

from api import migrations
from ingest.intake import Intake
from ingest.journal import Journal
from ingest.openlineage.facts import Reader
from ingest.projection import Projector
from lineage.canonical import canonical
from lineage.database import open_engine, sqlite_url
from lineage.stores.catalog import SqlCatalog
from tests.live.crash import mutants


@dataclass(frozen=True, slots=True)
class Place:
    """Where one journal and its catalog lie. mutant: which part of the stack that writes is broken; "" for none."""

    journal: str
    catalog: str
    mutant: str = ""

    @classmethod
    def in_folder(cls, folder: Path, mutant: str = "") -> Place:
        return cls(sqlite_url(folder / "journal.db"), sqlite_url(folder / "catalog.db"), mutant)

    @classmethod
    def in_postgresql(cls, url: str, mutant: str = "") -> Place:
        return cls(url, url, mutant)


@dataclass(slots=True)
class Stack:
    """The parts that take events in and project them."""

    journal: Journal
    catalog: SqlCatalog
    engines: tuple[Engine, Engine]

    def intake(self) -> Intake:
        return Intake(self.journal)

    def projector(self, batch: int = 500) -> Projector:
        return Projector(self.journal, Reader(), self.catalog, batch)


@contextmanager
def opened(place: Place, *, migrate: bool = True, broken: bool = True) -> Iterator[Stack]:
    """The stack on a place, closed in order. broken: with the place's mutant, as for those who write."""
    mutant = place.mutant if broken else ""
    with ExitStack() as stack:
        journal_engine = open_engine(place.journal, durable=mutant not in mutants.NOT_DURABLE)
        stack.callback(journal_engine.dispose)
        catalog_engine = open_engine(place.catalog, durable=False)
        stack.callback(catalog_engine.dispose)
        mutants.loosen(mutant, journal_engine)
        if migrate:
            migrations.upgrade(journal_engine, "journal")
            migrations.upgrade(catalog_engine, "catalog")
        journal = mutants.journal(mutant, journal_engine)
        stack.callback(journal.close)
        yield Stack(journal, mutants.catalog(mutant, catalog_engine), (journal_engine, catalog_engine))


def digest_of(catalog: SqlCatalog) -> str:
    """The canonical hash: equal sets of events, equal hashes."""
    found = hashlib.sha256()
    for line in catalog.export():
        found.update(canonical(line) + b"\n")
    return found.hexdigest()
