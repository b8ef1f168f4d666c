"""The session's Neo4j, and one that may be killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lineage.stores.neo4j import Neo4jStore
from tests.servers import Neo4jServer, or_skip, running_neo4j


@pytest.fixture
def store(neo4j: Neo4jServer) -> Iterator[Neo4jStore]:
    made = Neo4jStore(neo4j.uri, auth=neo4j.auth)
    yield made
    made.close()


@pytest.fixture(scope="module")
def mortal_neo4j() -> Iterator[Neo4jServer]:
    """A Neo4j of this module alone, to be killed and started again."""
    context = running_neo4j(own=True)
    server = or_skip(context.__enter__)
    yield server
    context.__exit__(None, None, None)
