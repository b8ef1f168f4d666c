"""Neo4j goes away, is killed, is cut off inside a commit: nothing is lost, nothing is there twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from neo4j import GraphDatabase

from lineage.errors import StoreUnavailable
from lineage.following import Follower
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin
from lineage.ports import OPEN, EdgeRow, GraphStore, NodeRow
from lineage.stores.neo4j import Neo4jStore
from tests.lineage.fakes import Feed
from tests.lineage.stores.bolt_proxy import Cut, bolt_proxy

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("neo4j"), pytest.mark.timeout(900)]

PATIENCE_S = 120
BATCH = 400  # so that what a test changes takes many transactions


def edges(start: int, end: int, opened: int = 0) -> list[EdgeRow]:
    """Links of a chain of datasets and jobs."""
    return [
        EdgeRow(n, EdgeKind(1 - n % 2), n, n + 1, n, Origin.OBSERVED, Basis.COLUMN, ((opened, OPEN),))
        for n in range(start, end)
    ]


def nodes(start: int, end: int) -> list[NodeRow]:
    return [NodeRow(n, Kind(1 - n % 2), "ns", f"n{n}") for n in range(start, end)]


def held(store: GraphStore) -> list[EdgeRow]:
    return [row for batch in store.edges() for row in batch]


def wanted(feed: Feed) -> list[EdgeRow]:
    return sorted(feed.rows(EdgeRow), key=lambda row: row.id)


@contextmanager
def following(feed: Feed, store: GraphStore) -> Iterator[Follower]:
    follower, stop = Follower(feed, store), threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    try:
        yield follower
    finally:
        stop.set()
        thread.join(PATIENCE_S)


def await_end(follower: Follower, feed: Feed) -> None:
    pause = threading.Event()
    for _ in range(PATIENCE_S * 20):
        if follower.status.mark == feed.mark() and follower.status.healthy:
            return
        follower.wake()
        pause.wait(0.05)
    raise AssertionError(f"not caught up: {follower.status}")


def test_changes_made_while_neo4j_is_away_are_there_when_it_is_back(mortal_neo4j):
    feed = Feed([*nodes(1, 51), *edges(1, 50)])
    store = Neo4jStore(mortal_neo4j.uri)
    with following(feed, store) as follower:
        await_end(follower, feed)
        mortal_neo4j.kill()
        feed.put(*nodes(51, 101), *edges(50, 100), *edges(1, 10, opened=7))
        with pytest.raises(StoreUnavailable):
            store.reach([1], down=True)
        for _ in range(PATIENCE_S * 20):
            if not follower.status.healthy and follower.status.lag:
                break
            threading.Event().wait(0.05)
        trouble = follower.status
        mortal_neo4j.start()
        await_end(follower, feed)

    assert trouble.lag == 109
    assert trouble.since is not None
    assert "Neo4j" in trouble.error
    assert held(store) == wanted(feed)
    assert store.reach([1], down=True, layer=Layer.JOB).nodes.tolist() == list(range(1, 101))
    store.close()


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", [2, pytest.param(100, marks=pytest.mark.soak)])
def test_killed_again_and_again_inside_applies_it_ends_in_the_same_graph(mortal_neo4j, kills):
    """Each apply takes several transactions; the kill comes at a random moment of it (seed 4)."""
    chance = random.Random(4)
    feed = Feed([*nodes(1, 2001), *edges(1, 1000)])
    store = Neo4jStore(mortal_neo4j.uri, batch=BATCH)
    with following(feed, store) as follower:
        await_end(follower, feed)
        for turn in range(kills):
            feed.put(*edges(1, 1000, opened=turn + 1), *edges(1000, 2000, opened=turn))
            follower.wake()
            threading.Event().wait(chance.uniform(0.02, 0.6))
            mortal_neo4j.kill()
            mortal_neo4j.start()
            await_end(follower, feed)

    assert held(store) == wanted(feed)
    assert relationships(mortal_neo4j.uri) == len(wanted(feed))
    store.close()


def test_killed_inside_a_load_it_is_loaded_again(mortal_neo4j):
    feed = Feed([*nodes(1, 3001), *edges(1, 3000)])
    store = Neo4jStore(mortal_neo4j.uri, batch=BATCH)
    with following(feed, store) as follower:
        threading.Event().wait(0.4)
        mortal_neo4j.kill()
        mortal_neo4j.start()
        await_end(follower, feed)

    assert held(store) == wanted(feed)
    store.close()


@pytest.mark.parametrize("where", Cut)
def test_a_connection_cut_around_commit_has_no_double_effect(neo4j, where):
    feed = Feed([*nodes(1, 101), *edges(1, 50)])
    with bolt_proxy(neo4j.uri) as proxy:
        store = Neo4jStore(proxy.uri, auth=neo4j.auth)
        follower = Follower(feed, store)
        follower.catch_up()
        for turn in range(5):
            feed.put(*edges(50 + turn * 10, 60 + turn * 10), *edges(1, 5, opened=turn))
            proxy.cut(where)
            with pytest.raises(StoreUnavailable):
                follower.catch_up()
            assert (store.mark() == feed.mark()) == (where is Cut.AFTER_COMMIT)
            assert follower.catch_up() == feed.mark()
        assert held(store) == wanted(feed)
        assert relationships(neo4j.uri, neo4j.auth) == len(wanted(feed))
        assert proxy.cuts == 5
        store.close()


def test_a_large_apply_is_done_again_whole_whichever_of_its_commits_is_cut(neo4j):
    with bolt_proxy(neo4j.uri) as proxy:
        for where in Cut:
            for which in range(4):
                feed = Feed(nodes(1, 301))
                store = Neo4jStore(proxy.uri, auth=neo4j.auth, batch=200)
                follower = Follower(feed, store)
                follower.catch_up()
                feed.put(*edges(1, 701), *edges(1, 60, opened=3))  # four transactions of 200 edges
                proxy.cut(where, after=which)
                with pytest.raises(StoreUnavailable):
                    follower.catch_up()
                is_last = which == 3
                assert (store.mark() == feed.mark()) == (where is Cut.AFTER_COMMIT and is_last)

                follower.catch_up()

                assert held(store) == wanted(feed)
                assert relationships(neo4j.uri, neo4j.auth) == len(wanted(feed))
                store.close()


def relationships(uri: str, auth: tuple[str, str] | None = None) -> int:
    """How many lives of edges there are, by another way than the store's own."""
    with GraphDatabase.driver(uri, auth=auth) as driver:
        return driver.execute_query("MATCH ()-[r:READ_BY|WROTE|DERIVED]->() RETURN count(r) AS n").records[0]["n"]
