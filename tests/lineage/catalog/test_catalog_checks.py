"""Checks and measurements: the newest of each, none lost to another."""

from __future__ import annotations

import uuid
from pathlib import Path

from lineage.database import open_engine, sqlite_url
from lineage.facts import Asserted, Facts, Ran, describe, edge_set
from lineage.model import Origin, dataset, job
from lineage.ports import Applied
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog

ORDERS = dataset("db", "orders")
CHECK = job("air", "check")


def test_two_checks_of_one_column_under_two_names_are_both_kept(tmp_path: Path) -> None:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    catalog = SqlCatalog(engine)
    checks = tuple(
        Asserted(ORDERS, "range", "amount", success, None, {"name": name})
        for name, success in (("amount.min", True), ("amount.max", False))
    )
    ran = Ran(str(uuid.UUID(int=1)), CHECK, "COMPLETE")
    facts = Facts(1, Origin.OBSERVED, CHECK, (describe(ORDERS), describe(CHECK)), edge_set([]), ran, asserted=checks)

    catalog.apply([Applied(1, facts)])

    kept = catalog.dataset(ORDERS)["assertions"]
    assert sorted((check["name"], check["success"]) for check in kept) == [("amount.max", False), ("amount.min", True)]
    engine.dispose()
