"""The two ways through the arrays, their overlay, and what they do at sizes where random graphs don't reach."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lineage.model import Basis, EdgeKind, Layer, Origin
from lineage.ports import OPEN, Changes, EdgeColumns, EdgeRow, Mark, Walk
from lineage.stores.arrays import counting_order
from lineage.stores.embedded import EmbeddedStore
from lineage.stores.walking import step, sweep
from tests.contracts.graphs import graphs, roots, walks
from tests.lineage.fakes import FeedSnapshot


def edge(number: int, source: int, target: int, closed: int = OPEN) -> EdgeRow:
    return EdgeRow(number, EdgeKind.DERIVED, source, target, 1, Origin.OBSERVED, Basis.COLUMN, ((0, closed),))


class Arrays:
    """A snapshot of many column edges, given as arrays."""

    mark = Mark(1, 1)

    def __init__(self, source: np.ndarray, target: np.ndarray) -> None:
        self._source, self._target = source.astype(np.int64), target.astype(np.int64)

    def counts(self):
        return {"nodes": 0, "fields": 0, "edges": len(self._source)}

    def nodes(self, batch=20_000):
        return iter(())

    fields = nodes

    def edges(self, layer, batch=100_000):
        for start in range(0, len(self._source) if layer is Layer.FIELD else 0, batch):
            source, target = self._source[start : start + batch], self._target[start : start + batch]
            size = len(source)
            small, zero = np.zeros(size, np.int8), np.zeros(size, np.int64)
            ids = np.arange(start + 1, start + size + 1)
            kind = np.full(size, EdgeKind.DERIVED, np.int8)
            yield EdgeColumns(ids, kind, source, target, zero, small, small, zero, np.full(size, OPEN))

    def close(self):
        return None


@settings(max_examples=400, deadline=None)
@given(
    before=graphs(),
    after=graphs(),
    starts=roots,
    walk=walks,
    down=st.booleans(),
    layer=st.sampled_from(Layer),
)
def test_stepping_and_sweeping_give_one_answer_with_and_without_an_overlay(before, after, starts, walk, down, layer):
    store = EmbeddedStore()
    store.load(FeedSnapshot(Mark(1, 1), before))
    known = {row.id: row for row in before}
    store.apply(Changes(Mark(1, 2), edges=[row for row in after if _may_follow(row, known.get(row.id))]))
    graph = store._state.graphs[layer]
    starts = np.unique(starts)

    stepped, swept = step(graph, starts, down, walk), sweep(graph, starts, down, walk)

    assert stepped.truncated == swept.truncated
    for name in ("nodes", "hops", "slots", "fresh"):
        assert getattr(stepped, name).tolist() == getattr(swept, name).tolist(), name


def _may_follow(row: EdgeRow, known: EdgeRow | None) -> bool:
    return known is None or (row.kind, row.source, row.target) == (known.kind, known.source, known.target)


@pytest.fixture(scope="module")
def wide():
    """300,000 edges of a layered graph 40 hops deep with cross links: past every threshold of stepping."""
    chance = np.random.default_rng(5)
    source = chance.integers(1, 100_000, 300_000)
    target = np.minimum(source + chance.integers(1, 4_000, 300_000), 110_000)
    store = EmbeddedStore()
    store.load(Arrays(source, target))
    return store


def test_a_wide_walk_is_the_same_cut_at_hops_as_a_narrow_one_grown(wide):
    whole = wide.reach([1], down=True, layer=Layer.FIELD)
    assert len(whole.nodes) > 60_000

    for hops in (1, 3, int(whole.hops.max()) - 1, int(whole.hops.max()) + 5):
        cut = wide.reach([1], down=True, layer=Layer.FIELD, walk=Walk(hops=hops))
        near = whole.hops <= hops
        assert cut.nodes.tolist() == whole.nodes[near].tolist()
        closer = whole.nodes[whole.hops < hops]
        assert cut.edge.tolist() == whole.edge[np.isin(whole.source, closer)].tolist()


def test_a_wide_walk_is_cut_by_its_limit_at_a_whole_hop(wide):
    whole = wide.reach([1], down=True, layer=Layer.FIELD)
    limit = len(whole.edge) // 2

    cut = wide.reach([1], down=True, layer=Layer.FIELD, walk=Walk(limit=limit))

    assert cut.truncated
    assert len(cut.edge) <= limit
    again = wide.reach([1], down=True, layer=Layer.FIELD, walk=Walk(hops=int(cut.hops.max())))
    assert again.nodes.tolist() == cut.nodes.tolist()
    assert again.edge.tolist() == cut.edge.tolist()


def test_answers_are_ordered_by_source_target_and_edge(wide):
    for found in (
        wide.reach([1], down=True, layer=Layer.FIELD),
        wide.reach([109_000], down=False, layer=Layer.FIELD, walk=Walk(hops=6)),
    ):
        order = np.lexsort((found.edge, found.target, found.source))
        assert order.tolist() == list(range(len(order)))
        assert np.lexsort((found.nodes, found.hops)).tolist() == list(range(len(found.nodes)))


def test_a_wide_walk_sees_the_overlay():
    store = EmbeddedStore()
    store.load(Arrays(np.arange(1, 1000), np.arange(2, 1001)))

    store.apply(
        Changes(Mark(1, 2), edges=[edge(500, 500, 501, closed=9), edge(5000, 499, 502), edge(5001, 1000, 2000)])
    )
    found = store.reach([1], down=True, layer=Layer.FIELD)
    back = store.reach([2000], down=False, layer=Layer.FIELD)

    assert sorted(found.nodes.tolist()) == [*range(1, 501), *range(502, 1001), 2000]
    assert found.nodes[-1] == 2000
    assert found.hops[-1] == 998
    assert sorted(back.nodes.tolist()) == [*range(1, 500), *range(501, 1001), 2000]


def test_many_applies_compact_and_lose_nothing():
    store = EmbeddedStore(overlay_rows=64)
    store.load(FeedSnapshot(Mark(1, 1), []))

    for turn in range(50):
        rows = [edge(turn * 10 + n, turn * 10 + n, turn * 10 + n + 1) for n in range(1, 11)]
        store.apply(Changes(Mark(1, turn + 2), edges=rows))

    assert [row.id for batch in store.edges() for row in batch] == list(range(1, 501))
    assert store.reach([1], down=True, layer=Layer.FIELD).hops.max() == 500
    assert len(store._state.graphs[Layer.FIELD].fresh.table) <= 64


def test_readers_go_on_with_the_state_they_began_with():
    store = EmbeddedStore(overlay_rows=16)
    store.load(Arrays(np.arange(1, 5001), np.arange(2, 5002)))
    state = store._state
    before = store.reach([1], down=True, layer=Layer.FIELD)
    started = threading.Barrier(2)
    wrong: list[int] = []

    def read() -> None:
        started.wait(30)
        for _ in range(20):
            nodes = store.reach([1], down=True, layer=Layer.FIELD).nodes
            if len(nodes) != nodes[-1] or len(nodes) < 5001:
                wrong.append(len(nodes))

    reader = threading.Thread(target=read)
    reader.start()
    started.wait(30)
    for number in range(5001, 5101):
        store.apply(Changes(Mark(1, number), edges=[edge(number, number, number + 1)]))
    reader.join(60)

    assert not wrong
    assert state.graphs[Layer.FIELD].base.table.edge.tolist() == list(range(1, 5001))
    assert before.nodes.tolist() == list(range(1, 5002))


def test_an_answer_may_be_changed_by_whoever_got_it():
    store = EmbeddedStore()
    store.load(Arrays(np.arange(1, 100), np.arange(2, 101)))
    first = store.reach([1], down=True, layer=Layer.FIELD)

    for name in ("nodes", "hops", "edge", "source", "target", "basis", "origin"):
        getattr(first, name)[:] = 0

    assert store.reach([1], down=True, layer=Layer.FIELD).nodes.tolist() == list(range(1, 101))


def test_ids_past_what_the_arrays_hold_are_refused_and_not_wrapped():
    store = EmbeddedStore()

    with pytest.raises(OverflowError, match="2\\^31"):
        store.load(FeedSnapshot(Mark(1, 1), [replace(edge(1, 1, 2), target=2**31)]))

    assert store.mark() is None


@given(st.lists(st.integers(0, 30), max_size=80))
def test_counting_order_is_a_stable_sort(keys):
    array = np.array(keys, np.int32)

    order, first = counting_order(array)

    assert order.tolist() == np.argsort(array, kind="stable").tolist()
    assert [first[key + 1] - first[key] for key in set(keys)] == [keys.count(key) for key in set(keys)]
