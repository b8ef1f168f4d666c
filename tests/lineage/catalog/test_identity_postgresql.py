"""Names on PostgreSQL: the same state as on SQLite, to the byte."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from lineage.database import open_engine, sqlite_url
from lineage.facts import Facts
from lineage.model import field
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from tests.lineage.catalog import namings as n

EVENTS: list[Facts] = [
    n.ran("load", 1, ["src"], ["path"], columns=True),
    n.joined("path", "orders", 2, **n.owners("ann"), **n.schema("a", "b")),
    n.spelled("orders", "ORDERS", 3),
    n.ran("use", 3, ["orders"], ["out"], columns=True),
    n.renamed("orders", "orders_old", 4),
    n.ran("use", 5, ["orders"], ["out"], columns=True),
    n.dropped("src", 6),
    n.decided("merge", "out", "result", 7, "result"),
    n.mention("result", 7, **n.owners("bob")),
    n.decided("split", "path", "orders", 8),
    n.judged("suppress", n.table("orders"), n.table("out"), 8),
    n.judged("suppress", field(n.NS, "src", "a"), field(n.NS, "path", "a"), 8),
]


@pytest.mark.live
def test_names_end_in_the_same_state_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:
    shuffled = random.Random(1).sample(EVENTS, len(EVENTS))
    states = []
    for url, events, batch in ((sqlite_url(tmp_path / "catalog.db"), EVENTS, 1), (postgresql_url, shuffled, 5)):
        engine = open_engine(url, durable=False)
        tables.metadata.create_all(engine)
        catalog = SqlCatalog(engine)
        states.append(n.state_after(catalog, events, batch))
        stands = catalog.find(n.table("ORDERS"))[0]
        told = catalog.identity(stands, None, 10), catalog.conflicts(None, None, 10).items, catalog.dataset(stands)
        assert told[0]["id"] == told[2]["id"] == stands.id
        engine.dispose()
    assert states[0] == states[1]
