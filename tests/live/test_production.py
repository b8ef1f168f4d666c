"""The two ways to run Headwater give the same answers: SQLite with the embedded graph, PostgreSQL with Neo4j."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from api.demo import tour
from api.settings import Settings
from api.wiring import Headwater, open_headwater
from lineage.model import Direction, Granularity
from lineage.ports import Filter
from lineage.traces import trace
from tests.servers import AnyPostgreSQL, Neo4jServer, new_database

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("neo4j")]

EVENTS = sorted(Path(tour.__file__).parent.glob("*.ndjson.gz"))
ROOTS = [
    "dataset:postgres://127.0.0.1:5499:warehouse.raw.customers",
    "dataset:postgres://127.0.0.1:5499:warehouse.core.fct_orders",
    "job:prod-airflow:ingest_orders.build_fct_orders",
]
ADMIN_KEY = "hw_" + "k" * 40


def filled(settings: Settings) -> Iterator[Headwater]:
    with open_headwater(settings, projector="inline") as headwater:
        for path in EVENTS:
            lines = gzip.decompress(path.read_bytes()).splitlines()
            headwater.journal.append_many([headwater.intake.prepared(line)[0] for line in lines])
        headwater.catch_up()
        yield headwater


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headwater]:
    yield from filled(Settings(data=tmp_path_factory.mktemp("small"), admin_key=ADMIN_KEY))


@pytest.fixture(scope="module")
def large(
    tmp_path_factory: pytest.TempPathFactory,
    postgresql: AnyPostgreSQL,
    neo4j: Neo4jServer,
) -> Iterator[Headwater]:
    with new_database(postgresql) as url:
        yield from filled(production(tmp_path_factory.mktemp("large"), url, neo4j))


def production(folder: Path, url: str, server: Neo4jServer) -> Settings:
    user, password = server.auth or ("neo4j", None)
    return Settings(
        data=folder,
        database_url=url,
        graph=server.uri,
        graph_user=user,
        graph_password=password,
        admin_key=ADMIN_KEY,
    )


def test_both_ways_to_run_end_in_the_same_catalog_and_the_same_answers(small: Headwater, large: Headwater) -> None:
    assert list(large.catalog.export()) == list(small.catalog.export())
    for root in ROOTS:
        for granularity in Granularity:
            for direction in Direction:
                asked: dict[str, Any] = {"direction": direction, "granularity": granularity, "depth": 10}
                answer = trace(small.catalog, small.graph, root, **asked).document()
                assert trace(large.catalog, large.graph, root, **asked).document() == answer
                assert answer["nodes"]


def test_both_ways_to_run_list_search_and_describe_alike(small: Headwater, large: Headwater) -> None:
    names = [item["id"] for item in small.catalog.datasets(Filter(limit=1000)).items]
    assert sorted(names) == sorted(item["id"] for item in large.catalog.datasets(Filter(limit=1000)).items)
    assert small.catalog.search("orders", None, 20) == large.catalog.search("orders", None, 20)
    for root in names:
        node, _ = small.catalog.find(root)
        assert small.catalog.dataset(node) == large.catalog.dataset(node)
