"""From events to a real Neo4j over a connection that is cut around COMMIT: every effect once, and it catches up.

Neo4j down, killed, killed inside a load: tests/lineage/stores/test_neo4j_faults.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from lineage.errors import StoreUnavailable
from lineage.following import Follower
from lineage.ports import EdgeRow, GraphStore
from lineage.stores.embedded import EmbeddedStore
from lineage.stores.neo4j import Neo4jStore
from tests.lineage.stores.bolt_proxy import BoltProxy, Cut, bolt_proxy
from tests.live.crash.conftest import Soak
from tests.live.crash.stack import Place, Stack, opened
from tests.live.crash.workload import Name
from tests.servers import Neo4jServer

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("neo4j")]
EVENTS_A_TURN = 3
JOBS = 40


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    with opened(Place.in_folder(tmp_path)) as made:
        yield made


def test_cut_around_commit_every_effect_is_there_once(stack: Stack, neo4j: Neo4jServer) -> None:
    follow_through(stack, neo4j, cuts=5, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_1000_cuts_around_commit(stack: Stack, neo4j: Neo4jServer, soak: Soak) -> None:
    cuts = soak.count(1_000)
    follow_through(stack, neo4j, cuts, soak.seed)
    print(f"Neo4j cut around COMMIT, seed {soak.seed}: {cuts} cuts, graph as loaded from the catalog")


def follow_through(stack: Stack, server: Neo4jServer, cuts: int, seed: int) -> None:
    chance = random.Random(seed)
    with bolt_proxy(server.uri) as proxy:
        # Two edges a transaction: a change takes several, and any of them may be the one that is cut.
        store = Neo4jStore(proxy.uri, auth=server.auth, batch=2)
        follower = Follower(stack.catalog, store)
        follower.catch_up()
        turn = 0
        while proxy.cuts < cuts:
            happens(stack, turn)
            proxy.cut(chance.choice(list(Cut)), after=chance.randrange(4))
            catches_up(follower, proxy)
            turn += 1
        assert held(store) == as_loaded(stack)
        store.close()


def happens(stack: Stack, turn: int) -> None:
    """Runs that read and write what none did before, journalled and projected."""
    intake = stack.intake()
    bodies = [_body(turn * EVENTS_A_TURN + n) for n in range(EVENTS_A_TURN)]
    stack.journal.append_many([intake.prepared(body)[0] for body in bodies])
    stack.projector().catch_up()


def _body(n: int) -> bytes:
    return orjson.dumps(
        {
            "eventType": "COMPLETE",
            "eventTime": f"2026-01-{1 + n // 86_400:02d}T{n // 3600 % 24:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z",
            "run": {"runId": Name(4, 0, 2 * n).run_id},
            "job": {"namespace": "cut", "name": f"job_{n % JOBS}"},
            "inputs": [{"namespace": "db", "name": f"t{n}"}],
            "outputs": [{"namespace": "db", "name": f"t{n + 1}"}],
            "producer": "https://example.com/cut",
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        }
    )


def catches_up(follower: Follower, proxy: BoltProxy) -> None:
    """Asks until it stands at the end of the feed: a cut is one failure, not two."""
    for _ in range(20):
        before = proxy.cuts
        try:
            follower.catch_up()
        except StoreUnavailable:
            assert proxy.cuts > before, "it failed though nothing was cut"
            continue
        return
    raise AssertionError("it was cut twenty times in one turn")


def held(store: GraphStore) -> list[EdgeRow]:
    return [row for batch in store.edges() for row in batch]


def as_loaded(stack: Stack) -> list[EdgeRow]:
    """The edges of the reference: the embedded store, loaded at once."""
    store, snapshot = EmbeddedStore(), stack.catalog.snapshot()
    store.load(snapshot)
    snapshot.close()
    return held(store)
