"""What dbt's nodes are called in events: the very names that openlineage-dbt gives, so that both meet.

Source: openlineage.common.provider.dbt.processor of openlineage-integration-common 1.54, and what it sent in
tests/golden/recordings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from ingest.dbt.artifacts import text

# Of the ids of runs: dbt-ol takes random ones, these are the same each time an invocation is read.
RUNS = UUID("7c4f6f0e-8d0a-5c63-9f1b-3a1d4f2b6e57")
# dbt-ol's own default for OPENLINEAGE_NAMESPACE.
JOB_NAMESPACE = "dbt"


@dataclass(frozen=True, slots=True)
class Names:
    """namespace: of the warehouse's tables. jobs: of dbt's jobs, what OPENLINEAGE_NAMESPACE is for dbt-ol."""

    namespace: str
    jobs: str = JOB_NAMESPACE

    def table(self, node: Mapping[str, Any]) -> dict[str, str]:
        """The dataset that a model, seed, snapshot or source is."""
        return {"namespace": self.namespace, "name": relation(node)}

    def concept(self, uid: str) -> dict[str, str]:
        """The dataset that stands for what has no table: a metric, a semantic model."""
        return {"namespace": self.jobs, "name": uid}

    def job(self, uid: str, node: Mapping[str, Any]) -> str:
        """The job that fills a node's table."""
        return f"{place(node)}.{without_kind(uid)}" + (".snapshot" if uid.startswith("snapshot.") else "")

    def tests(self, uid: str, node: Mapping[str, Any]) -> str:
        """The job that runs the tests of a node. dbt-ol leaves out the word `model.` only."""
        return f"{place(node)}.{uid.removeprefix('model.')}.test"

    def command(self, project: str) -> str:
        """The job that contains the others. dbt-ol says `run` whatever the command is."""
        return f"dbt-run-{project}"


def relation(node: Mapping[str, Any]) -> str:
    """DATABASE.SCHEMA.TABLE, where the engine has databases.

    >>> relation({"database": "shop", "schema": "marts", "name": "orders", "alias": "orders_v2"})
    'shop.marts.orders_v2'
    >>> relation({"database": None, "schema": "marts", "name": "orders"})
    'marts.orders'
    """
    table = text(node.get("alias")) or text(node.get("identifier")) or text(node.get("name"))
    return f"{place(node)}.{table}"


def place(node: Mapping[str, Any]) -> str:
    """DATABASE.SCHEMA, where the engine has databases."""
    return ".".join(part for part in (text(node.get("database")), text(node.get("schema"))) if part)


def without_kind(uid: str) -> str:
    """A node's id without what it is.

    >>> without_kind("model.shop.customer_orders.v1")
    'shop.customer_orders.v1'
    """
    return uid.partition(".")[2]


def run_id(invocation: str, uid: str) -> str:
    """The id of a run, the same whenever this invocation is read again."""
    return str(uuid5(RUNS, f"{invocation} {uid}"))
