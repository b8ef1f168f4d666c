"""A graph store at the end of the feed, through whatever happens to it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from lineage.errors import StoreUnavailable
from lineage.following import Follower
from lineage.model import Basis, EdgeKind, Layer, Origin
from lineage.ports import OPEN, Changes, EdgeRow, GraphSource, Mark, Snapshot
from lineage.stores.memory import MemoryStore
from tests.lineage.fakes import Feed

PATIENCE_S = 30


def edge(number: int) -> EdgeRow:
    """One link of a chain of columns."""
    return EdgeRow(number, EdgeKind.DERIVED, number, number + 1, 1, Origin.OBSERVED, Basis.COLUMN, ((0, OPEN),))


class Moody(MemoryStore):
    """A store that can go away, and counts what is asked of it. on_apply: called before each apply."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.applies = 0
        self.looked = threading.Semaphore(0)
        self.on_apply: Callable[[], None] = lambda: None

    def mark(self) -> Mark | None:
        self.looked.release()
        if self.away:
            raise StoreUnavailable("the store is away; it is asked again")
        return super().mark()

    def load(self, snapshot: Snapshot) -> None:
        if self.away:
            raise StoreUnavailable("the store is away; it is asked again")
        super().load(snapshot)

    def apply(self, changes: Changes) -> None:
        self.on_apply()
        self.applies += 1
        if self.away:
            raise StoreUnavailable("the store is away; it is asked again")
        super().apply(changes)


@contextmanager
def running(source: GraphSource, store: MemoryStore) -> Iterator[Follower]:
    follower, stop = Follower(source, store), threading.Event()
    thread = threading.Thread(target=follower.run, args=(stop,))
    thread.start()
    try:
        yield follower
    finally:
        stop.set()
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "the follower did not stop"


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether something comes true in the time that a slow machine needs."""
    until = threading.Event()
    return any(holds() or until.wait(0.005) for _ in range(PATIENCE_S * 200)) and holds()


def nodes(store: MemoryStore) -> list[int]:
    return store.reach([1], down=True, layer=Layer.FIELD).nodes.tolist()


def test_an_empty_store_is_loaded_and_then_follows():
    feed, store = Feed([edge(1), edge(2)]), MemoryStore()
    follower = Follower(feed, store)

    assert follower.catch_up() == feed.mark()
    feed.put(edge(3))
    assert follower.catch_up() == feed.mark()

    assert nodes(store) == [1, 2, 3, 4]
    assert feed.snapshots == 1
    assert follower.status.lag == 0


def test_a_snapshot_is_closed_even_if_loading_fails():
    feed, store = Feed([edge(1)]), Moody()
    taken = []

    class Watched(Feed):
        def snapshot(self):
            taken.append(feed.snapshot())
            store.away = True
            return taken[-1]

    follower = Follower(Watched(), store)

    with pytest.raises(StoreUnavailable):
        follower.catch_up()

    assert [snapshot.closed for snapshot in taken] == [True]


def test_many_changes_are_taken_page_by_page_to_the_end():
    feed = Feed()
    store = Moody()
    follower = Follower(feed, store)
    follower.catch_up()
    feed.put(*(edge(number) for number in range(1, 25_001)))

    follower.catch_up()

    assert store.applies == 3
    assert store.mark() == feed.mark()


def test_a_feed_too_old_or_of_another_generation_is_loaded_again():
    feed, store = Feed([edge(1), edge(2)]), MemoryStore()
    follower = Follower(feed, store)
    follower.catch_up()

    feed.put(edge(3))
    feed.forget()
    follower.catch_up()
    assert (feed.snapshots, nodes(store)) == (2, [1, 2, 3, 4])

    feed.renew([edge(1)])
    assert follower.catch_up() == feed.mark()
    assert (feed.snapshots, nodes(store)) == (3, [1, 2])


def test_a_running_follower_takes_changes_as_they_come():
    feed, store = Feed([edge(1)]), MemoryStore()

    with running(feed, store) as follower:
        assert eventually(lambda: follower.status.mark == feed.mark())
        for number in range(2, 30):
            feed.put(edge(number))
            follower.wake()
        assert eventually(lambda: follower.status.mark == feed.mark())

    assert nodes(store) == list(range(1, 31))


def test_a_store_that_goes_away_is_told_in_the_status_and_caught_up_when_it_returns():
    feed, store = Feed([edge(1)]), Moody()

    with running(feed, store) as follower:
        assert eventually(lambda: follower.status.mark == feed.mark())
        store.away = True
        feed.put(edge(2), edge(3))
        assert eventually(lambda: not follower.status.healthy)
        trouble = follower.status
        store.away = False
        follower.wake()
        assert eventually(lambda: follower.status.healthy and follower.status.mark == feed.mark())

    assert (trouble.store, trouble.lag) == ("memory", 2)
    assert "away" in trouble.error
    assert trouble.since is not None
    assert (follower.status.error, follower.status.since, follower.status.lag) == (None, None, 0)
    assert nodes(store) == [1, 2, 3, 4]


def test_a_store_that_goes_away_while_nothing_changes_is_noticed_too():
    feed, store = Feed([edge(1)]), Moody()

    with running(feed, store) as follower:
        assert eventually(lambda: follower.status.mark == feed.mark())
        store.away = True
        assert eventually(lambda: not follower.status.healthy)


def test_a_store_wiped_behind_its_back_is_loaded_again():
    feed, store = Feed([edge(1)]), MemoryStore()

    with running(feed, store) as follower:
        assert eventually(lambda: follower.status.mark == feed.mark())
        store._clear()
        assert eventually(lambda: store.mark() == feed.mark())

    assert feed.snapshots == 2
    assert nodes(store) == [1, 2]


def test_a_bug_in_a_store_does_not_end_the_follower():
    feed, store = Feed([edge(1)]), Moody()
    raised = []

    def stumble() -> None:
        if not raised:
            raised.append(True)
            raise ZeroDivisionError("a bug")

    store.on_apply = stumble
    with running(feed, store) as follower:
        assert eventually(lambda: follower.status.mark == feed.mark())
        feed.put(edge(2))
        assert eventually(lambda: follower.status.mark == feed.mark())

    assert raised
    assert nodes(store) == [1, 2, 3]


def test_stopping_does_not_wait_for_the_backoff():
    feed, store = Feed([edge(1)]), Moody()
    store.away = True

    with running(feed, store) as follower:
        assert eventually(lambda: not follower.status.healthy)

    assert not follower.status.healthy


def test_threads_that_catch_up_together_apply_each_change_once():
    feed, store = Feed([edge(1)]), Moody()
    follower = Follower(feed, store)
    follower.catch_up()
    feed.put(edge(2))
    start = threading.Barrier(8)

    def catch_up() -> None:
        start.wait(PATIENCE_S)
        follower.catch_up()

    threads = [threading.Thread(target=catch_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)

    assert store.applies == 1
    assert nodes(store) == [1, 2, 3]
