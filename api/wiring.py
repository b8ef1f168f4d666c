"""The composition root: which parts one Headwater is made of. Only this module knows the stores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from anyio import to_thread
from sqlalchemy import Engine

from api import migrations
from api.auth import admin_key
from api.cursors import cursor_key
from api.errors import Invalid
from api.health import Vitals
from api.logs import configure_logging
from api.metrics import Metrics
from api.projecting import ProjectorProcess, run_child
from api.settings import Settings
from ingest.commit import Appended
from ingest.errors import NotStored
from ingest.intake import Intake
from ingest.journal import Journal, exclusively
from ingest.limits import Limits
from ingest.openlineage.facts import Reader
from ingest.projection import Projector
from lineage.database import make_folder, open_engine, sqlite_url
from lineage.errors import NotOwner, StoreBehind
from lineage.following import Follower
from lineage.ports import Catalog, GraphStore, History, Mark
from lineage.stores.catalog import SqlCatalog
from lineage.stores.history import SqlHistory

Projecting = Literal["inline", "process", "off"]
LOCK_FILE = "journal.lock"
STAND_BY_S = 2.0
BESIDE = "another process appends to this journal; send events to that, with --url"


@dataclass(slots=True)
class Headwater:
    """The parts of one running Headwater, opened by `open_headwater`.

    admin_key_is_new: it was made by this start, so whoever started it must be told. process: the projector, where it
    has a process of its own.
    """

    settings: Settings
    admin_key: str
    admin_key_is_new: bool
    journal: Journal
    intake: Intake
    catalog: Catalog
    history: History
    graph: GraphStore
    projector: Projector
    follower: Follower
    vitals: Vitals
    metrics: Metrics
    projecting: Projecting
    process: ProjectorProcess | None = None
    # Taken while the artifacts of a dbt project are in memory: those of one at a time.
    reading_dbt: asyncio.Lock = field(default_factory=asyncio.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cursor_key(self) -> bytes:
        return cursor_key(self.admin_key)

    def graph_is_loaded(self) -> bool:
        """Whether the graph holds this build of the catalog, however far it lags."""
        own = self.follower.status.mark
        return own is not None and own.generation == self.catalog.mark().generation

    def catch_up(self) -> int:
        """Applies all that the journal holds to the catalog, and the catalog to the graph; the number of events.

        For where nothing runs in the background: the command line and tests.
        """
        with self._turn:
            count = self.projector.catch_up() if self.projecting == "inline" else 0
            self.follower.catch_up()
        return count

    async def reached(self, position: int) -> None:
        """Returns once catalog and graph stand at `position` or beyond.

        Raises Invalid if the journal ends before it: whoever waits for a write of their own knows its position from
        the answer to it, so it is there. Raises StoreBehind after `min_position_wait_s`, StoreUnavailable.
        """
        loop, pause_s = asyncio.get_running_loop(), 0.002
        until = loop.time() + self.settings.min_position_wait_s
        if self.projecting != "process":
            await to_thread.run_sync(self.catch_up)
        if not position:
            return
        head = await to_thread.run_sync(self.journal.head)
        if position > head:
            raise Invalid(
                ("/query/min_position", f"no event has position {position:,} yet: the journal ends at {head:,}")
            )
        wanted: Mark | None = None
        while True:
            if wanted is None:
                wanted = await to_thread.run_sync(self._mark_at, position)
            if wanted is not None and self._graph_has(wanted):
                return
            if loop.time() >= until:
                raise StoreBehind(await to_thread.run_sync(self._behind, position))
            await asyncio.sleep(pause_s)
            pause_s = min(0.05, pause_s * 1.5)

    def _mark_at(self, position: int) -> Mark | None:
        """Where the feed stands once the catalog has reached a position; None: it hasn't."""
        return self.catalog.mark() if self.catalog.position() >= position else None

    def _graph_has(self, wanted: Mark) -> bool:
        own = self.follower.status.mark
        return own is not None and own.generation == wanted.generation and own.seq >= wanted.seq

    def _behind(self, position: int) -> str:
        reached = self.catalog.position()
        waited_s = self.settings.min_position_wait_s
        if reached < position:
            return (
                f"position {position:,} isn't reached in {waited_s:g} s: the catalog stands at {reached:,}; ask again"
            )
        return f"the {self.graph.name} graph is behind position {position:,} after {waited_s:g} s; ask again"


@contextmanager
def open_headwater(settings: Settings, *, projector: Projecting) -> Iterator[Headwater]:
    """Everything that answers a question or takes an event, opened in order and closed in reverse.

    projector: "inline": nothing runs by itself, reads and `catch_up` do the work; "process": a child process projects
    and a thread keeps the graph; "off": only reads, beside another process that does the rest.
    Raises StoreUnavailable, BadKey; JournalInUse unless "off", if another process works on the same SQLite files.
    """
    with ExitStack() as stack:
        make_folder(settings.data)
        key, is_new = admin_key(settings.data, _secret(settings.admin_key))
        if projector != "off" and _is_local(settings):
            stack.enter_context(exclusively(settings.data / LOCK_FILE))
        journal_engine, catalog_engine = _engines(settings, stack)
        migrations.upgrade(journal_engine, "journal")
        migrations.upgrade(catalog_engine, "catalog")
        metrics = Metrics()
        kind = _ReadableJournal if projector == "off" else Journal
        journal = kind(journal_engine, committed=metrics.committed)
        stack.callback(journal.close)
        catalog, graph = SqlCatalog(catalog_engine, window=settings.edge_window), _graph(settings)
        stack.callback(graph.close)
        headwater = _assembled(settings, key, is_new, journal, catalog, graph, metrics, projector)
        if projector == "process":
            _start_background(headwater, stack)
        yield headwater


@contextmanager
def empty_catalog(settings: Settings) -> Iterator[Catalog]:
    """A catalog that holds nothing, on SQLite in the data folder, gone afterwards: to replay the journal into."""
    with TemporaryDirectory(dir=settings.data, prefix="catalog-") as folder, ExitStack() as stack:
        engine = open_engine(sqlite_url(Path(folder) / "catalog.db"), durable=False)
        stack.callback(engine.dispose)
        migrations.upgrade(engine, "catalog")
        yield SqlCatalog(engine, window=settings.edge_window)


def limits_of(settings: Settings) -> Limits:
    return Limits(
        body=settings.limit_body_bytes,
        gzip_ratio=settings.limit_gzip_ratio,
        depth=settings.limit_depth,
        identifier=settings.limit_identifier_bytes,
        facet=settings.limit_facet_bytes,
        batch_events=settings.limit_batch_events,
        columns=settings.limit_columns,
    )


def project() -> None:
    """What the projector's process does: the journal into the catalog, until the parent is gone."""
    run_child(_project)


def _project(given: dict[str, Any], stop: threading.Event) -> None:
    settings = Settings(**given)
    configure_logging(settings.log_level)
    with ExitStack() as stack:
        journal_engine, catalog_engine = _engines(settings, stack)
        journal = Journal(journal_engine)
        stack.callback(journal.close)
        while not stop.is_set():
            try:
                catalog = SqlCatalog(catalog_engine, window=settings.edge_window)
                Projector(journal, Reader(), catalog).run(stop)
            except NotOwner:
                # On PostgreSQL several servers share one catalog: whoever comes second stands by.
                stop.wait(STAND_BY_S)


class _ReadableJournal(Journal):
    """The journal beside a process that appends to it."""

    async def append(self, *_: Any) -> list[Appended]:
        raise NotStored(BESIDE)

    def append_many(self, *_: Any) -> list[Appended]:
        raise NotStored(BESIDE)

    def replayed(self, *_: Any) -> None:
        raise NotStored(BESIDE)

    def prune_rejections(self, *_: Any) -> int:
        return 0


def _assembled(
    settings: Settings,
    key: str,
    is_new: bool,
    journal: Journal,
    catalog: SqlCatalog,
    graph: GraphStore,
    metrics: Metrics,
    projecting: Projecting,
) -> Headwater:
    follower = Follower(catalog, graph)
    vitals = Vitals(
        head=journal.head,
        broken=lambda: journal.broken,
        catalog=catalog,
        following=lambda: follower.status,
        lag_degraded=settings.lag_degraded,
    )
    intake = Intake(journal, limits_of(settings), folder=settings.data if _is_local(settings) else None)
    metrics.watch(vitals.read, lambda: intake.counts)
    return Headwater(
        settings=settings,
        admin_key=key,
        admin_key_is_new=is_new,
        journal=journal,
        intake=intake,
        catalog=catalog,
        history=SqlHistory(catalog),
        graph=graph,
        projector=Projector(journal, Reader(), catalog),
        follower=follower,
        vitals=vitals,
        metrics=metrics,
        projecting=projecting,
    )


def _is_local(settings: Settings) -> bool:
    """Whether journal and catalog are files, which one process at a time may work on."""
    return settings.database_url is None or settings.database_url.startswith("sqlite")


def _engines(settings: Settings, stack: ExitStack) -> tuple[Engine, Engine]:
    """Of the journal, whose commits are on stable storage, and of the catalog, which can be made again.

    Beside a graph that outlives a power loss the catalog must not fall back behind what that graph holds of it.
    """
    url = settings.database_url
    journal = open_engine(url or sqlite_url(settings.data / "journal.db"), durable=True)
    stack.callback(journal.dispose)
    catalog = open_engine(url or sqlite_url(settings.data / "catalog.db"), durable=settings.graph != "embedded")
    stack.callback(catalog.dispose)
    return journal, catalog


def _graph(settings: Settings) -> GraphStore:
    # Imported here, because half of the set-ups and the projector's process need neither: a third of a second each.
    if settings.graph == "embedded":
        from lineage.stores.embedded import EmbeddedStore

        return EmbeddedStore()
    from lineage.stores.neo4j import Neo4jStore

    password = _secret(settings.graph_password)
    auth = None if password is None else (settings.graph_user, password)
    return Neo4jStore(settings.graph, auth=auth, database=settings.graph_database)


def _secret(value: Any) -> str | None:
    return None if value is None else str(value.get_secret_value())


def _start_background(headwater: Headwater, stack: ExitStack) -> None:
    process = ProjectorProcess(headwater.settings.revealed())
    headwater.process = process
    headwater.vitals.projector_problem = lambda: process.problem
    process.start()
    stack.callback(process.stop)
    stop = threading.Event()
    for name, run in (("follower", headwater.follower.run), ("vitals", headwater.vitals.watch)):
        stack.callback(_thread(name, run, stop).join, 10)
    stack.callback(stop.set)


def _thread(name: str, run: Callable[[threading.Event], None], stop: threading.Event) -> threading.Thread:
    thread = threading.Thread(target=run, args=(stop,), name=name, daemon=True)
    thread.start()
    return thread
