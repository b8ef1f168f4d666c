"""A snapshot streams every row, the first one too."""

from __future__ import annotations

from pathlib import Path

import pytest

from lineage.database import open_engine, sqlite_url, writing
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_first_node_of_a_catalog_reaches_a_store_that_is_loaded(tmp_path: Path, batch: int) -> None:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    t.metadata.create_all(engine)
    catalog = SqlCatalog(engine)
    with writing(engine) as connection:
        connection.execute(t.namespace.insert(), {"id": 1, "key": b"n", "name": "db"})
        fixed = {"kind": 0, "namespace_id": 1, "known": True, "parent_id": 0, "first_us": 0, "changed": 1}
        fixed |= {"since_us": 0, "listed": True}
        rows = [
            {**fixed, "id": at, "name_id": at, "same_id": at, "key": b"%d" % at, "name": f"t{at}", "leaf": f"t{at}"}
            for at in range(1, 6)
        ]
        connection.execute(t.node.insert(), rows)
    snapshot = catalog.snapshot()
    assert [row.id for rows in snapshot.nodes(batch) for row in rows] == [1, 2, 3, 4, 5]
    snapshot.close()
    engine.dispose()
