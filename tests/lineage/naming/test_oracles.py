"""Held against others: the standard's own naming classes, and what must never be joined."""

from __future__ import annotations

import time
from typing import Any

import attr
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openlineage.client.naming import dataset as standard

from lineage.naming import Canonical, canonical, canonical_uri

GIVEN = {
    "port": "5432",
    "namenode_port": "8020",
    "resource_type": standard.PubSubResourceType.TOPIC,
    "path": "/data/orders",
    "cluster_identifier": "shop",
    "region": "eu-west-1",
    "region_name": "eu-west-1",
}
NAMING = [
    kind
    for kind in vars(standard).values()
    if isinstance(kind, type) and attr.has(kind) and kind.__module__ == standard.__name__
]


def _made(kind: type) -> Any:
    """With words in lower case, as an engine that folds to lower has them."""
    names = [field.name for field in attr.fields(kind)]
    return kind(**{name: GIVEN.get(name, name.replace("_", "")) for name in names})


def test_the_standard_has_classes() -> None:
    assert len(NAMING) >= 25


@pytest.mark.parametrize("kind", NAMING, ids=lambda kind: kind.__name__)
def test_names_as_the_standard_makes_them_are_canonical_but_for_case_and_the_slash_before_a_key(kind: type) -> None:
    made = _made(kind)

    done = canonical(made.get_namespace(), made.get_name())

    assert done.namespace == made.get_namespace()
    assert set(done.rules) <= {"case", "path-root"}
    assert done.name.lower().lstrip("/") == made.get_name().lower().lstrip("/")


@pytest.mark.parametrize("kind", NAMING, ids=lambda kind: kind.__name__)
def test_the_uri_of_a_name_means_that_name(kind: type) -> None:
    made = _made(kind)
    namespace, name = made.get_namespace(), made.get_name()
    between = ":" if namespace in ("bigquery", "pubsub", "file") else "/"

    found = canonical_uri(f"{namespace}{between}{name.removeprefix('/') if between == '/' else name}")

    assert found is not None
    assert _place(found) == _place(canonical(namespace, name))


ENVIRONMENTS = ["dev", "test", "stage", "prod", "uat", "qa"]
TEMPLATES = [
    ("postgres://db-{}:5432", "shop.public.orders"),
    ("postgresql://{}.db", "shop.public.orders"),
    ("postgres://db/shop_{}", "public.orders"),
    ("postgres://db", "{}.public.orders"),
    ("snowflake://shop-{}", "a.b.c"),
    ("snowflake://shop-eu", "{}.b.c"),
    ("snowflake://{}.eu-west-1", "a.b.c"),
    ("bigquery", "shop-{}:a.b$20260501"),
    ("s3a://lake-{}", "/orders/dt=2026-05-01/part-0.parquet"),
    ("s3://lake", "{}/orders/dt=2026-05-01"),
    ("s3://lake", "raw/env={}/orders/dt=2026-05-01/x.parquet"),
    ("abfs://{}@a.blob.core.windows.net", "orders"),
    ("abfss://c@shop{}.dfs.core.windows.net", "orders"),
    ("redshift://{}.abc.eu-west-1.redshift.amazonaws.com", "d.p.t"),
    ("kafka://{}-b:9092,b2", "orders"),
    ("file:///", "srv/{}/x.csv"),
    ("hdfs://{}", "/x"),
    ("sqlserver://h;databaseName={}", "dbo.t"),
    ("pubsub://{}", "topics/t"),
    ("azurecosmos://h/dbs/{}", "colls/t"),
    ("arn:aws:glue:eu-west-1:1", "table/{}/t"),
    ("duckdb:///srv/{}.duckdb", "main.t"),
    ("{}", "t"),
]


@given(st.sampled_from(TEMPLATES), st.permutations(ENVIRONMENTS))
def test_environments_never_meet(template: tuple[str, str], environments: list[str]) -> None:
    one, other = (canonical(*(text.format(word) for text in template)) for word in environments[:2])

    assert _place(one) != _place(other)


WORST = [
    "a",
    ".",
    "/",
    "=",
    "a=1/",
    "a=1/b.c/",
    '"',
    '""',
    '"."',
    ".$",
    "$20260501",
    "@",
    "u:p@",
    ":",
    ",",
    "a-",
    "[",
    "//a",
]


@pytest.mark.parametrize("piece", WORST)
@pytest.mark.parametrize("scheme", ["postgres", "mssql", "bigquery", "s3", "file", "kafka", "snowflake", "vendor", ""])
def test_the_longest_names_cost_little(scheme: str, piece: str) -> None:
    long = (piece * 4096)[:4096]
    began = time.process_time()

    canonical(f"{scheme}://{long}" if scheme else long, "shop.public.orders")
    canonical(f"{scheme}://db" if scheme else "ns", long)
    canonical_uri(f"{scheme}://{long}")

    assert time.process_time() - began < 1  # a few ms each; what grows with the square of the length is past that


def _place(known: Canonical) -> tuple[str, str]:
    return known.namespace, known.name
