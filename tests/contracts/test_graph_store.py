"""What every graph store does, whatever it is made of."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.errors import StoreUnavailable
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin, Transformation
from lineage.ports import OPEN, Changes, EdgeRow, GraphStore, Mark, NodeRow, Walk
from tests.contracts.graphs import alive_lines, assert_same, expected, graphs, lines_of, nodes_of, roots, walks
from tests.lineage.fakes import Feed, FeedSnapshot, changes_of

MARK = Mark(1, 100)
# A store over the network gives fewer examples in the same time; the three agree on the rest through the same code.
EXAMPLES = {"memory": 300, "embedded": 300, "neo4j": 12}


def edge(number: int, source: int, target: int, *lives: tuple[int, int], **more: object) -> EdgeRow:
    """A column edge, open since 0 unless told otherwise: the layer where any node may lead to any."""
    basis, origin = more.get("basis", Basis.COLUMN), more.get("origin", Origin.OBSERVED)
    return EdgeRow(number, EdgeKind.DERIVED, source, target, 1, origin, basis, lives or ((0, OPEN),))


def load(store: GraphStore, edges: Sequence[EdgeRow], mark: Mark = MARK) -> None:
    store.load(FeedSnapshot(mark, [*nodes_of(edges), *edges]))


def fields(store: GraphStore, *starts: int, down: bool = True, walk: Walk = Walk()) -> tuple[list[int], list[int]]:
    found = store.reach(starts, down=down, layer=Layer.FIELD, walk=walk)
    return found.nodes.tolist(), found.edge.tolist()


def held(store: GraphStore) -> list[EdgeRow]:
    return [row for batch in store.edges() for row in batch]


def by_id(edges: Sequence[EdgeRow]) -> list[EdgeRow]:
    return sorted((row for row in edges if row.lives), key=lambda row: row.id)


# --- loading and marks ------------------------------------------------------------------------------------------------


def test_a_loaded_store_stands_at_the_mark_of_the_snapshot_and_gives_its_edges_back(store):
    edges = [
        edge(7, 1, 2, (0, 5), (9, OPEN)),
        edge(3, 2, 2),
        edge(9, 2, 1, basis=Basis.EXPLICIT, origin=Origin.DECLARED),
    ]

    load(store, edges)

    assert store.mark() == MARK
    assert held(store) == by_id(edges)


def test_loading_replaces_everything(store):
    load(store, [edge(1, 1, 2), edge(2, 2, 3)])

    load(store, [edge(5, 3, 4)], Mark(2, 1))

    assert store.mark() == Mark(2, 1)
    assert [row.id for row in held(store)] == [5]
    assert fields(store, 1) == ([1], [])


def test_a_load_that_breaks_off_leaves_no_mark_and_no_answers(store):
    load(store, [edge(1, 1, 2)])

    class Torn(FeedSnapshot):
        def edges(self, layer, batch=100_000):
            yield from super().edges(layer, 1)
            raise ConnectionResetError("the catalog went away")

    with pytest.raises(ConnectionResetError):
        store.load(Torn(MARK, [edge(1, 1, 2), edge(2, 2, 3)]))

    assert store.mark() is None
    with pytest.raises(StoreUnavailable):
        store.reach([1], down=True, layer=Layer.FIELD)
    with pytest.raises(StoreUnavailable):
        store.apply(Changes(MARK))
    load(store, [edge(1, 1, 2)])
    assert fields(store, 1) == ([1, 2], [1])


def test_changes_of_another_generation_are_refused(store):
    load(store, [edge(1, 1, 2)])

    with pytest.raises(StoreUnavailable, match="load it again"):
        store.apply(Changes(Mark(2, 1), edges=[edge(1, 3, 4)]))

    assert store.mark() == MARK
    assert fields(store, 1) == ([1, 2], [1])


def test_changes_move_the_mark_even_when_there_are_none(store):
    load(store, [])

    store.apply(Changes(Mark(1, 101)))

    assert store.mark() == Mark(1, 101)


# --- applying ---------------------------------------------------------------------------------------------------------


def test_an_edge_is_added_closed_opened_again_and_taken_away(store):
    load(store, [edge(1, 1, 2)])

    store.apply(Changes(Mark(1, 101), edges=[edge(1, 1, 2, (0, 5)), edge(2, 1, 3)]))
    assert fields(store, 1) == ([1, 3], [2])
    assert fields(store, 1, walk=Walk(as_of_us=4)) == ([1, 2, 3], [1, 2])

    store.apply(Changes(Mark(1, 102), edges=[edge(1, 1, 2, (0, 5), (7, OPEN))]))
    assert fields(store, 1) == ([1, 2, 3], [1, 2])
    assert fields(store, 1, walk=Walk(as_of_us=6)) == ([1, 3], [2])

    store.apply(Changes(Mark(1, 103), edges=[EdgeRow(1, EdgeKind.DERIVED, 1, 2, 1, Origin.OBSERVED, Basis.COLUMN, ())]))
    assert fields(store, 1) == ([1, 3], [2])
    assert [row.id for row in held(store)] == [2]


def test_the_later_of_two_rows_of_one_edge_counts(store):
    load(store, [])

    store.apply(Changes(Mark(1, 101), edges=[edge(1, 1, 2), edge(1, 1, 2, (0, 5))]))

    assert held(store) == [edge(1, 1, 2, (0, 5))]


def test_edges_may_come_before_their_nodes(store):
    load(store, [])
    read = EdgeRow(1, EdgeKind.READ, 1, 2, 2, Origin.OBSERVED, Basis.COLUMN, ((0, OPEN),))
    derived = edge(2, 8, 9)

    store.apply(Changes(Mark(1, 101), edges=[read, derived]))
    store.apply(changes_of(Mark(1, 102), nodes_of([read, derived])))

    assert store.reach([1], down=True).nodes.tolist() == [1, 2]
    assert fields(store, 8) == ([8, 9], [2])


def test_the_two_layers_number_their_nodes_apart(store):
    read = EdgeRow(1, EdgeKind.READ, 1, 2, 2, Origin.OBSERVED, Basis.COLUMN, ((0, OPEN),))

    load(store, [read, edge(2, 1, 5)])

    assert store.reach([1], down=True).nodes.tolist() == [1, 2]
    assert fields(store, 1) == ([1, 5], [2])


def test_applying_in_pieces_in_any_order_and_twice_equals_loading(store):
    @settings(
        max_examples=EXAMPLES[store.name] // 2,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(before=graphs(), after=graphs(), data=st.data())
    def holds(before, after, data):
        kept = {row.id: row for row in before}
        # An edge keeps its ends and kind for ever; everything else of it may change.
        after = [_with_ends_of(row, kept.get(row.id)) for row in after]
        final = {**kept, **{row.id: row for row in after}}
        gone = data.draw(st.sets(st.sampled_from(sorted(final)))) if final else set()
        rows = [*after, *(_taken_away(final[number]) for number in sorted(gone))]
        final = {number: row for number, row in final.items() if number not in gone}
        rows = [row for row in rows if row.id not in gone or not row.lives]
        deliveries = data.draw(
            st.permutations(rows + data.draw(st.lists(st.sampled_from(rows), max_size=8)) if rows else [])
        )
        load(store, before)

        for delivery in _pieces(deliveries, data):
            store.apply(Changes(Mark(1, 200), edges=delivery))

        assert held(store) == by_id(list(final.values()))
        starts, walk, down = data.draw(roots), data.draw(walks), data.draw(st.booleans())
        for layer in Layer:
            found = store.reach(starts, down=down, layer=layer, walk=walk)
            assert_same(found, expected(list(final.values()), starts, down, layer, walk))

    holds()


def _with_ends_of(row: EdgeRow, known: EdgeRow | None) -> EdgeRow:
    if known is None:
        return row
    how = row.transformation if row.kind is known.kind else known.transformation
    return EdgeRow(row.id, known.kind, known.source, known.target, row.owner, row.origin, row.basis, row.lives, how)


def _taken_away(row: EdgeRow) -> EdgeRow:
    return EdgeRow(row.id, row.kind, row.source, row.target, row.owner, row.origin, row.basis, ())


def _pieces(rows: Sequence[EdgeRow], data: st.DataObject) -> list[list[EdgeRow]]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    bounds = [0, *cuts, len(rows)]
    return [list(rows[a:b]) for a, b in pairwise(bounds)]


# --- reach ------------------------------------------------------------------------------------------------------------


def test_reach_over_random_graphs_equals_brute_force(store):
    @settings(
        max_examples=EXAMPLES[store.name],
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(edges=graphs(), asked=st.lists(st.tuples(roots, walks, st.booleans()), min_size=3, max_size=8))
    def holds(edges, asked):
        load(store, edges)
        for starts, walk, down in asked:
            for layer in Layer:
                found = store.reach(starts, down=down, layer=layer, walk=walk)
                assert_same(found, expected(edges, starts, down, layer, walk))

    holds()


def test_every_edge_that_a_walk_may_use_is_given_with_the_life_in_which_it_may(store):
    @settings(
        max_examples=EXAMPLES[store.name],
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(edges=graphs(), asked=st.lists(walks, min_size=2, max_size=6))
    def holds(edges, asked):
        load(store, edges)
        for walk in asked:
            for layer in Layer:
                assert lines_of(store.alive(layer, walk)) == alive_lines(edges, layer, walk)

    holds()


def test_edges_that_changed_since_loading_are_given_as_they_are_now(store):
    load(store, [edge(1, 1, 2), edge(2, 2, 3), edge(3, 3, 4)])

    store.apply(Changes(Mark(1, 101), edges=[edge(1, 1, 2, (0, 5)), edge(2, 2, 3, (0, 5), (7, OPEN)), edge(4, 4, 5)]))

    assert [line[0] for line in lines_of(store.alive(Layer.FIELD))] == [2, 3, 4]
    assert [line[-2:] for line in lines_of(store.alive(Layer.FIELD, Walk(as_of_us=4)))][:2] == [(0, 5), (0, 5)]


def test_a_root_without_edges_is_the_whole_answer(store):
    load(store, [edge(1, 1, 2)])

    found = store.reach([77, 5], down=True, layer=Layer.FIELD)

    assert (found.nodes.tolist(), found.hops.tolist(), found.edge.tolist()) == ([5, 77], [0, 0], [])


def test_a_cycle_ends_and_its_closing_edge_is_there(store):
    load(store, [edge(1, 1, 2), edge(2, 2, 3), edge(3, 3, 1), edge(4, 3, 3)])

    found = store.reach([1], down=True, layer=Layer.FIELD)

    assert found.hops.tolist() == [0, 1, 2]
    assert sorted(found.edge.tolist()) == [1, 2, 3, 4]


def test_edges_leaving_the_last_hop_are_not_in_the_answer(store):
    load(store, [edge(1, 1, 2), edge(2, 2, 3), edge(3, 2, 1)])

    assert fields(store, 1, walk=Walk(hops=1)) == ([1, 2], [1])
    assert fields(store, 3, down=False, walk=Walk(hops=1)) == ([3, 2], [2])


def test_the_limit_cuts_at_a_whole_hop(store):
    load(store, [edge(1, 1, 2), edge(2, 2, 3), edge(3, 2, 4), edge(4, 4, 5)])

    found = store.reach([1], down=True, layer=Layer.FIELD, walk=Walk(limit=2))

    assert found.truncated
    assert (found.nodes.tolist(), found.edge.tolist()) == ([1, 2], [1])


def test_an_edge_lives_from_its_opening_to_just_before_its_close(store):
    load(store, [edge(1, 1, 2, (10, 20))])

    alive = [len(fields(store, 1, walk=Walk(as_of_us=at))[1]) for at in (9, 10, 19, 20)]

    assert alive == [0, 1, 1, 0]


def test_a_chain_of_100_000_hops_is_followed_to_its_end(store):
    hops = 100_000 if store.name != "neo4j" else 20_000
    load(store, [edge(number, number, number + 1) for number in range(1, hops + 1)])

    found = store.reach([1], down=True, layer=Layer.FIELD)
    back = store.reach([hops + 1], down=False, layer=Layer.FIELD, walk=Walk(hops=hops - 1))

    assert found.hops.tolist() == list(range(hops + 1))
    assert back.hops[-1] == hops - 1
    assert back.nodes[-1] == 2


def test_a_hub_with_100_000_readers_is_one_hop(store):
    fan = 100_000 if store.name != "neo4j" else 20_000
    load(store, [edge(number, 1, number + 1) for number in range(1, fan + 1)])

    found = store.reach([1], down=True, layer=Layer.FIELD)

    assert len(found.nodes) == fan + 1
    assert found.hops.max() == 1
    assert fields(store, fan, down=False) == ([fan, 1], [fan - 1])


def test_readers_beside_a_writer_see_whole_states(store):
    """Every apply moves one chain to another length; a reader sees one of the lengths and never a mixture."""
    length, rounds = 30, 40 if store.name != "neo4j" else 8
    ring = [edge(number, number, number + 1) for number in range(1, length + 1)]
    load(store, ring)
    broken: list[str] = []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            found = store.reach([1], down=True, layer=Layer.FIELD)
            if len(found.nodes) != len(found.edge) + 1 or found.hops.tolist() != list(range(len(found.nodes))):
                broken.append(f"{found.nodes.tolist()} with {found.edge.tolist()}")

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for turn in range(rounds):
        closes = ((0, turn),) if turn % 2 == 0 else ((0, turn), (turn, OPEN))
        changed = [edge(number, number, number + 1, *closes) for number in range(length // 2, length + 1)]
        store.apply(Changes(Mark(1, 101 + turn), edges=changed))
    done.set()
    for reader in readers:
        reader.join(30)

    assert not broken


def test_the_transformation_of_a_column_comes_back(store):
    how = Transformation("INDIRECT", "FILTER", True)
    row = EdgeRow(4, EdgeKind.DERIVED, 1, 2, 3, Origin.DECLARED, Basis.EXPLICIT, ((1, 2), (5, OPEN)), how)
    load(store, [row])
    again = EdgeRow(
        5, EdgeKind.DERIVED, 2, 3, 3, Origin.DECLARED, Basis.EXPLICIT, ((1, OPEN),), Transformation("X", "", False)
    )

    store.apply(Changes(Mark(1, 101), edges=[again]))

    assert held(store) == [row, again]


def test_a_feed_read_page_by_page_ends_in_the_same_edges(store):
    feed = Feed(nodes_of([edge(n, n, n + 1) for n in range(1, 40)]))
    store.load(feed.snapshot())
    feed.put(*(edge(n, n, n + 1) for n in range(1, 40)))
    feed.put(*(edge(n, n, n + 1, (0, 3)) for n in range(1, 40, 3)))

    while (changes := feed.changes(store.mark(), limit=7)) and (changes.edges or changes.nodes):
        store.apply(changes)

    assert store.mark() == feed.mark()
    assert held(store) == by_id(feed.rows(EdgeRow))


# --- flows ------------------------------------------------------------------------------------------------------------


def flowing() -> list[NodeRow | EdgeRow]:
    """1 -> job 5 -> 3 and 2 -> job 5 -> 4, by its flows 6 and 7."""
    nodes = [NodeRow(number, Kind.DATASET, "db", f"d{number}") for number in range(1, 5)]
    flows = [NodeRow(flow, Kind.JOB, "etl", "j", parent=5, flow=f"dataset:db:d{flow - 3}") for flow in (6, 7)]
    ends = [(EdgeKind.READ, 1, 6), (EdgeKind.WROTE, 6, 3), (EdgeKind.READ, 2, 7), (EdgeKind.WROTE, 7, 4)]
    edges = [
        EdgeRow(at, kind, source, target, 5, Origin.OBSERVED, Basis.EXPLICIT, ((0, OPEN),))
        for at, (kind, source, target) in enumerate(ends, 1)
    ]
    return [*nodes, NodeRow(5, Kind.JOB, "etl", "j"), *flows, *edges]


@pytest.mark.parametrize("way", ["loaded", "applied"])
def test_what_goes_into_one_output_of_a_job_reaches_no_other(store, way):
    if way == "loaded":
        store.load(FeedSnapshot(MARK, flowing()))
    else:
        store.load(FeedSnapshot(Mark(1, 1), []))
        store.apply(changes_of(MARK, flowing()))

    assert store.reach([1], down=True).nodes.tolist() == [1, 6, 3]
    assert store.reach([4], down=False).nodes.tolist() == [4, 7, 2]
    assert store.reach([5, 6, 7], down=True).nodes.tolist() == [5, 6, 7, 3, 4]
    assert [row.owner for row in held(store)] == [5, 5, 5, 5]
