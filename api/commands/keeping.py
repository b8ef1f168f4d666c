"""Looking after a local folder: migrate, rebuild, check, export."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING

from rich.table import Table

from api.commands.doors import Where, open_folder
from api.commands.errors import CommandFailed, Differs
from api.commands.screens import advancing, notes, out, progress, styled

if TYPE_CHECKING:
    from api.wiring import Headwater
    from ingest.comparison import Comparison

FLUSH_LINES = 1_000


def migrate(where: Where) -> None:
    """Brings the databases to this version's schema; opening a folder does the same."""
    with open_folder(where, writes=True) as here:
        place = "the database" if here.settings.database_url else str(here.settings.data)
        out().print(f"{place} has the newest schema; the journal stands at position {here.journal.head():,}")


def rebuild(where: Where, *, graph: bool, catalog: bool) -> None:
    """Throws a projection away and makes it again: the catalog from the journal, the graph from the catalog."""
    with open_folder(where, writes=True) as here:
        if catalog:
            count = _rebuild_catalog(here)
            out().print(f"catalog rebuilt from {count:,} events")
        if graph or catalog:
            _rebuild_graph(here)
            out().print(f"{here.graph.name} graph rebuilt from the catalog")


def _rebuild_catalog(here: Headwater) -> int:
    head = here.journal.head()
    here.catalog.reset()
    with progress("events") as bar:
        return here.projector.catch_up(advancing(bar, "catalog", head))


def _rebuild_graph(here: Headwater) -> None:
    snapshot = here.catalog.snapshot()
    try:
        with notes().status(f"loading {snapshot.counts()['edges']:,} edges into {here.graph.name}"):
            here.graph.load(snapshot)
    finally:
        snapshot.close()


def check(where: Where) -> None:
    """Compares journal, catalog and graph. Raises Differs with what was found, after a table of it."""
    from api.wiring import empty_catalog
    from ingest.comparison import Comparison, compare_catalog, compare_graph

    result = Comparison()
    with open_folder(where) as here:
        here.follower.catch_up()
        began = here.catalog.position()
        with empty_catalog(here.settings) as fresh, progress("events") as bar:
            compare_catalog(result, here.journal, here.catalog, fresh, advancing(bar, "replaying", began))
        compare_graph(result, here.catalog, here.graph)
        behind = here.journal.head() - began
        if not result.agrees and here.catalog.position() != began:
            raise CommandFailed(
                f"the catalog moved from position {began:,} to {here.catalog.position():,} while it was compared; "
                "stop the server, or check again when no events come in"
            )
    _show(result, behind, here.graph.name)
    if not result.agrees:
        raise Differs(f"{result.count:,} differences; `headwater rebuild --catalog` makes catalog and graph anew")


def _show(result: Comparison, behind: int, store: str) -> None:
    screen = out()
    if behind:
        screen.print(f"{behind:,} events of the journal are not in the catalog yet and were not compared")
    compared = result.compared
    screen.print(
        f"compared {result.events:,} events of the journal, {compared.get('catalog', 0):,} rows of the catalog, "
        f"{compared.get('graph', 0):,} edges of the {store} graph"
    )
    if result.agrees:
        screen.print("journal, catalog and graph agree")
        return
    table = Table("where", "what", "should be", "is")
    for found in result.differences:
        cells = (found.where, found.what, found.expected or "absent", found.found or "absent")
        table.add_row(*(styled(cell) for cell in cells))
    screen.print(table)
    hidden = result.count - len(result.differences)
    if hidden:
        screen.print(f"… and {hidden:,} more")


def export(where: Where, *, only_hash: bool) -> None:
    """The catalog with its edges as NDJSON in canonical order, or the SHA-256 of that."""
    from lineage.canonical import canonical

    digest = hashlib.sha256()
    with open_folder(where) as here:
        here.catch_up()
        for row in here.catalog.export():
            line = canonical(row) + b"\n"
            digest.update(line)
            if not only_hash:
                sys.stdout.buffer.write(line)
    sys.stdout.flush()
    if only_hash:
        out().print(digest.hexdigest())
