"""What runs measured and checked: for each key the newest."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import Table

from lineage.canonical import canonical
from lineage.facts import Asserted, Measured
from lineage.stores import tables as t
from lineage.stores.projecting.known import Batch
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.rows import by_values, upsert


class Latest:
    """The statistics and assertions of one batch."""

    def __init__(self, batch: Batch, nodes: Nodes) -> None:
        self.batch = batch
        self.nodes = nodes
        self._statistics: dict[tuple[int, int, str, str], dict[str, Any]] = {}
        self._assertions: dict[tuple[int, int, bytes], dict[str, Any]] = {}

    def measure(self, measured: Measured, run_pk: int, at_us: int) -> None:
        dataset = self.nodes.id(measured.dataset)
        for name, content in measured.body.items():
            row = {"dataset_id": dataset, "run_pk": run_pk, "role": measured.role, "facet": name, "at_us": at_us}
            row["body"] = canonical(content)
            key = (dataset, run_pk, measured.role, name)
            present = self._statistics.get(key)
            if present is None or (at_us, row["body"]) > (present["at_us"], present["body"]):
                self._statistics[key] = row

    def check(self, asserted: Asserted, run_pk: int, at_us: int) -> None:
        dataset = self.nodes.id(asserted.dataset)
        # One run may check the same thing of a column twice, under two names: amount.min and amount.max.
        which = canonical([asserted.assertion, asserted.column, asserted.detail.get("name")])
        digest = hashlib.sha256(which).digest()
        row = {
            "dataset_id": dataset,
            "run_pk": run_pk,
            "key": digest,
            "assertion": asserted.assertion,
            "column": asserted.column,
            "success": asserted.success,
            "severity": asserted.severity,
            "at_us": at_us,
            "detail": canonical(asserted.detail),
        }
        key = (dataset, run_pk, digest)
        present = self._assertions.get(key)
        if present is None or _asserted_order(row) > _asserted_order(present):
            self._assertions[key] = row

    def write(self, new_runs: set[int]) -> None:
        """new_runs: ids of runs that have no rows yet."""
        self._write(t.statistic, self._statistics, new_runs)
        self._write(t.assertion, self._assertions, new_runs)

    def _write(self, table: Table, rows: dict[Any, dict[str, Any]], new_runs: set[int]) -> None:
        """Keeps, for each key, the newest of what is stored and what came."""
        if not rows:
            return
        keys = [column.name for column in table.primary_key.columns]
        old_runs = {row["run_pk"] for row in rows.values()} - new_runs - {0}
        loose = {row["dataset_id"] for row in rows.values() if not row["run_pk"]}
        found = list(by_values(self.batch.connection, list(table.c), table.c.run_pk, old_runs))
        found += by_values(self.batch.connection, list(table.c), table.c.dataset_id, loose, table.c.run_pk == 0)
        for stored in found:
            key = tuple(bytes(v) if isinstance(v, memoryview) else v for v in (getattr(stored, name) for name in keys))
            came = rows.get(key)
            if came is not None and _order(table, dict(stored._mapping)) >= _order(table, came):
                del rows[key]
        upsert(self.batch.connection, table, list(rows.values()))


def _asserted_order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["at_us"], str(row["success"]), row["severity"] or "", bytes(row["detail"]))


def _order(table: Table, row: dict[str, Any]) -> tuple[Any, ...]:
    return _asserted_order(row) if table is t.assertion else (row["at_us"], bytes(row["body"]))
