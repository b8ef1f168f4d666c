"""Artifacts for tests: the recorded ones, and small manifests made by hand."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "artifacts"
POSTGRES, DUCKDB = "postgres://127.0.0.1:5499", "duckdb:///srv/demo/data/shop.duckdb"
JOBS = "dbt-prod"
AT = "2026-05-01T10:00:00Z"


def recorded(target: str, runs: str | None = None, *, catalog: bool = True, sources: bool = True) -> dict[str, bytes]:
    """Files of one target folder, as dbt wrote them. runs: the command whose run_results.json is among them."""
    names = {"manifest": "manifest"}
    names |= {"catalog": "catalog"} if catalog else {}
    names |= {"sources": "sources"} if sources else {}
    names |= {"run_results": f"run_results_{runs}"} if runs else {}
    return {kind: gzip.decompress((HERE / target / f"{name}.json.gz").read_bytes()) for kind, name in names.items()}


def changed(body: bytes, change: Any) -> bytes:
    """An artifact after `change` was done to it."""
    value = json.loads(body)
    change(value)
    return json.dumps(value).encode()


def node(uid: str, *reads: str, **stated: Any) -> dict[str, Any]:
    """A node as a manifest has it."""
    kind, _, name = uid.split(".", 2)
    known = {
        "unique_id": uid, "resource_type": kind, "package_name": "shop", "name": name, "alias": name, "database": "wh",
        "schema": "main", "relation_name": f'"wh"."main"."{name}"', "config": {"materialized": "table"}, "columns": {},
        "depends_on": {"nodes": list(reads)},
    }  # fmt: skip
    return {**known, **stated}


def manifest(*nodes: Mapping[str, Any], version: int = 12, adapter: str = "postgres", **members: Any) -> bytes:
    """A manifest of these nodes; others go in by the name of their member, as `metrics=[…]`."""
    metadata = {
        "dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/v{version}.json",
        "generated_at": AT, "invocation_id": "m", "project_name": "shop", "adapter_type": adapter,
        "dbt_version": "1.12.6",
    }  # fmt: skip
    groups: dict[str, Any] = {"nodes": {}, "sources": {}}
    for one in nodes:
        groups["sources" if one["unique_id"].startswith("source.") else "nodes"][one["unique_id"]] = one
    groups |= {name: {one["unique_id"]: one for one in every} for name, every in members.items()}
    return json.dumps({"metadata": metadata, **groups}).encode()


def run_results(*results: Mapping[str, Any], which: str = "run", invocation: str = "i") -> bytes:
    metadata = {
        "dbt_schema_version": "https://schemas.getdbt.com/dbt/run-results/v6.json",
        "generated_at": AT, "invocation_id": invocation, "dbt_version": "1.12.6",
    }  # fmt: skip
    return json.dumps({"metadata": metadata, "args": {"which": which}, "results": list(results)}).encode()


def result(uid: str, status: str, **stated: Any) -> dict[str, Any]:
    timing = [{"name": "execute", "started_at": "2026-05-01T09:59:00Z", "completed_at": "2026-05-01T09:59:30Z"}]
    return {"unique_id": uid, "status": status, "timing": timing if status != "skipped" else [], **stated}
