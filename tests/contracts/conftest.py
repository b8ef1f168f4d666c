"""Every graph store, each as new: the suite beside it asks nothing but the port."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from lineage.ports import GraphStore
from lineage.stores.embedded import EmbeddedStore
from lineage.stores.memory import MemoryStore
from lineage.stores.neo4j import Neo4jStore
from tests.servers import Neo4jServer

STORES = [
    "memory",
    "embedded",
    "compacting",
    pytest.param("neo4j", marks=[pytest.mark.live, pytest.mark.xdist_group("neo4j")]),
]
MAKERS: dict[str, Callable[[], GraphStore]] = {
    "memory": MemoryStore,
    "embedded": EmbeddedStore,
    "compacting": lambda: EmbeddedStore(overlay_rows=2),
}


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest) -> Iterator[GraphStore]:
    """A store that may hold what an earlier test left: load() replaces it."""
    if request.param in MAKERS:
        made = MAKERS[request.param]()
    else:
        server: Neo4jServer = request.getfixturevalue("neo4j")
        made = Neo4jStore(server.uri, auth=server.auth)
    yield made
    made.close()
