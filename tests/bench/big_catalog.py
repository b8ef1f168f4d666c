"""The big graph as a real catalog on disk: what a server starts from after years of events.

Rows go straight into the tables, with keys, ids and digests as the projector would have given them after one batch of
events a job, so everything that reads a catalog reads this one. Left out: runs and their events, which no read of the
graph touches. Built once (about two minutes), kept under .cache/, built anew when the schema or CONTENT changes.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from pysqlite3 import dbapi2

from api import migrations
from lineage.canonical import canonical
from lineage.database import open_engine, sqlite_url
from lineage.model import Basis, EdgeKind, Kind, Node, Origin
from lineage.ports import OPEN
from lineage.stores.catalog import SqlCatalog
from lineage.stores.projecting.known import ALWAYS
from tests.bench import big_graph
from tests.bench.big_graph import DATASETS, JOBS, ROOT

CACHE = Path(__file__).resolve().parents[2] / ".cache" / "bench"
DAG_TASKS = 47
DAGS = JOBS // DAG_TASKS
DEPLOYMENTS = 127
FIRST_US = 1_735_689_600_000_000  # 2025-01-01
DAY_US = 86_400_000_000
WORDS = (
    "customer", "order", "payment", "session", "product", "invoice", "shipment", "refund",
    "event", "account", "campaign", "click", "stock", "price", "region", "ticket",
)  # fmt: skip
STAGES = ("stg", "int", "fct", "dim", "mart")
VERBS = ("load", "build", "merge", "clean", "score", "export")
SCHEMAS = 16
CONTENT = 3  # count up when what is written here changes
NODE = (
    "id", "key", "kind", "namespace_id", "name", "leaf", "known", "parent_id", "first_us",
    "name_id", "since_us", "same_id", "listed", "changed",
)  # fmt: skip
EDGE = (
    "id", "key", "kind", "source_id", "target_id", "owner_id", "origin", "basis", "type", "subtype", "masking",
    "flow_id", "tail_id", "head_id", "published", "suppressed", "changed",
)  # fmt: skip


def dataset_node(number: int) -> Node:
    """Dataset `number` of the big graph: a table of Snowflake or PostgreSQL, or a path of a lake."""
    word, stage = WORDS[number % 16], STAGES[number // 16 % 5]
    if number % 10 < 6:
        return Node(
            Kind.DATASET,
            f"snowflake://acme-eu{number % 3 + 1}",
            f"ANALYTICS.{stage.upper()}.{stage.upper()}_{word.upper()}_{number:06d}",
        )
    if number % 10 < 9:
        return Node(
            Kind.DATASET,
            f"postgres://pg-{number % 24:02d}.acme.internal:5432",
            f"shop.{stage}.{stage}_{word}_{number:06d}",
        )
    return Node(Kind.DATASET, f"s3://acme-lake-{number % 7}", f"raw/{stage}/{word}/part_{number:06d}")


def job_node(number: int) -> Node:
    """Task `number`: 47 that follow one another are one DAG."""
    dag = number // DAG_TASKS
    name = f"{dag_name(dag)}.{VERBS[number % 6]}_{WORDS[number % 16]}_{number % DAG_TASKS:02d}"
    return Node(Kind.JOB, f"airflow-{dag % DEPLOYMENTS:03d}", name)


def dag_node(number: int) -> Node:
    return Node(Kind.JOB, f"airflow-{number % DEPLOYMENTS:03d}", dag_name(number))


def dag_name(number: int) -> str:
    return f"{WORDS[number % 16]}_{STAGES[number % 5]}_daily_{number:05d}"


def root() -> Node:
    return dataset_node(ROOT)


def folder() -> Path:
    """The data folder of a Headwater that holds the big graph; made if it isn't there."""
    target = CACHE / f"big-{_version()}"
    if (target / "catalog.db").is_file():
        return target
    sys.stderr.write("building the catalog of the big graph; once, about two minutes\n")
    for old in CACHE.glob("big-*"):
        shutil.rmtree(old)
    partial = CACHE / "building"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    build(partial)
    partial.rename(target)
    return target


def _version() -> str:
    steps = sorted((Path(migrations.__file__).parent / "versions" / "catalog").glob("*.py"))
    schema = b"".join(path.read_bytes() for path in steps)
    return f"{CONTENT}-{hashlib.sha256(schema).hexdigest()[:12]}"


def build(data: Path) -> None:
    """Makes catalog.db in a folder."""
    path = data / "catalog.db"
    engine = open_engine(sqlite_url(path), durable=False)
    migrations.upgrade(engine, "catalog")
    SqlCatalog(engine)  # writes the row of the projection
    engine.dispose()
    connection = dbapi2.connect(str(path), isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    # Indexes are filled once at the end: sorted, ten times cheaper than kept while rows come.
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    connection.execute("BEGIN")
    _Loader(connection).load()
    connection.execute("COMMIT")
    for _, statement in indexes:
        connection.execute(statement)
    connection.execute("ANALYZE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.close()


class _Loader:
    """Ids: datasets 1 to 900,000, then tasks, then DAGs."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._started = time.monotonic()
        self._namespaces: dict[str, int] = {}

    def load(self) -> None:
        nodes = [dataset_node(n) for n in range(DATASETS)]
        nodes += [job_node(n) for n in range(JOBS)]
        nodes += [dag_node(n) for n in range(DAGS)]
        keys = [node.key for node in nodes]
        self._say("names and keys")
        self._put("node", self._node_rows(nodes, keys), NODE)
        names = ((i, hashlib.sha256(name.encode()).digest(), name) for name, i in self._namespaces.items())
        self._put("namespace", names)
        self._put("alias", [])
        self._load_facets()
        self._load_edges(keys, len(nodes))

    def _node_rows(self, nodes: list[Node], keys: list[bytes]) -> Iterator[tuple[Any, ...]]:
        for at, (node, key) in enumerate(zip(nodes, keys, strict=True)):
            namespace = self._namespaces.setdefault(node.namespace, len(self._namespaces) + 1)
            task = at - DATASETS
            parent = 1 + DATASETS + JOBS + task // DAG_TASKS if 0 <= task < JOBS else 0
            leaf = _leaf(node.name)
            number = at + 1
            said = (number, key, int(node.kind), namespace, node.name, leaf, True, parent, FIRST_US)
            yield (*said, number, ALWAYS, number, True, number)

    def _load_facets(self) -> None:
        """Sixteen schemas and one kind of job, shared; one observation a node, said once."""
        schemas = [
            ("schema", canonical({"fields": [{"name": f"{WORDS[s]}_{c:02d}", "type": "BIGINT"} for c in range(12)]}))
            for s in range(SCHEMAS)
        ]
        facets = [
            *schemas,
            ("jobType", canonical({"processingType": "BATCH", "integration": "AIRFLOW", "jobType": "TASK"})),
        ]
        digests = [hashlib.sha256(name.encode() + b"\x1f" + body).digest() for name, body in facets]
        self._put("facet", [(i + 1, digests[i], name, body) for i, (name, body) in enumerate(facets)])
        packed = [np.array([i + 1], "<i8").tobytes() for i in range(len(facets))]
        self._put("bundle", [(i + 1, hashlib.sha256(digests[i]).digest(), packed[i]) for i in range(len(facets))])
        last = FIRST_US + 300 * DAY_US
        datasets = ((n + 1, n % SCHEMAS + 1, FIRST_US, last) for n in range(DATASETS))
        self._put("observation", datasets)
        self._put("observation", ((DATASETS + n + 1, SCHEMAS + 1, FIRST_US, last) for n in range(JOBS)))
        self._put("said", ((n + 1, n + 1, FIRST_US, n % SCHEMAS + 1, True) for n in range(DATASETS)))
        at = DATASETS + 1
        self._put("said", ((at + n, at + n, FIRST_US, SCHEMAS + 1, True) for n in range(JOBS)))

    def _load_edges(self, keys: list[bytes], changed: int) -> None:
        source, target, kind, job = _sorted_edges()
        count = len(job)
        prefixes = [f"{int(Origin.OBSERVED)}\x1f{k}\x1f\x1f\x1fFalse\x1f\x1f".encode() for k in (0, 1)]
        columns = list(zip(source.tolist(), target.tolist(), kind.tolist(), job.tolist(), strict=True))
        single = np.bincount(job)[job] == 2
        basis = np.where(single, int(Basis.IMPLICIT_SINGLE), int(Basis.IMPLICIT_PRODUCT)).tolist()
        observed = int(Origin.OBSERVED)
        self._put(
            "edge",
            (
                (
                    at + 1,
                    hashlib.sha256(prefixes[k] + keys[j - 1] + keys[s - 1] + keys[t - 1]).digest(),
                    k, s, t, j, observed, basis[at], "", "", False, 0, s, t, True, False, changed + at + 1,
                )
                for at, (s, t, k, j) in enumerate(columns)
            ),
            EDGE,
        )  # fmt: skip
        opened = (FIRST_US + (job - DATASETS) % 300 * DAY_US).tolist()
        self._put("life", zip(range(1, count + 1), opened, [OPEN] * count, strict=True))
        self._load_sets(job, count)
        self._connection.execute("UPDATE projection SET changed = ?", (changed + count,))

    def _load_sets(self, job: Any, count: int) -> None:
        owners, first = np.unique(job, return_index=True)
        ends = np.append(first[1:], count)
        ids = np.arange(1, count + 1, dtype="<i8")
        packed = [ids[a:b].tobytes() for a, b in zip(first.tolist(), ends.tolist(), strict=True)]
        self._put("edge_set", ((i + 1, hashlib.sha256(blob).digest(), blob) for i, blob in enumerate(packed)))
        rows = ((owner, 0, i + 1, 300, FIRST_US + 600 * DAY_US) for i, owner in enumerate(owners.tolist()))
        self._put("series", rows)

    def _put(self, table: str, rows: Iterable[tuple[Any, ...]], columns: Iterable[str] = ()) -> None:
        """columns: those that rows have; without, all of the table."""
        names = list(columns) or [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        values = f"({', '.join(names)}) VALUES ({','.join('?' * len(names))})"
        self._connection.executemany(f"INSERT INTO {table} {values}", rows)
        self._say(table)

    def _say(self, what: str) -> None:
        sys.stderr.write(f"  {time.monotonic() - self._started:5.0f} s  {what}\n")


def _leaf(name: str) -> str:
    return name.replace("/", ".").rsplit(".", 1)[-1].lower()


def _sorted_edges() -> tuple[Any, Any, Any, Any]:
    """Source and target as ids of the catalog, kind, and the job; by job, each edge once."""
    pairs = np.unique(big_graph.edges().astype(np.int64) + 1, axis=0)
    source, target = pairs[:, 0], pairs[:, 1]
    wrote = source > DATASETS
    job = np.where(wrote, source, target)
    kind = np.where(wrote, int(EdgeKind.WROTE), int(EdgeKind.READ))
    order = np.lexsort((source, kind, job))
    return source[order], target[order], kind[order], job[order]
