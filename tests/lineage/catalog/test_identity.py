"""Names of one thing are one: as people ask for it, and as they find it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lineage.database import open_engine, sqlite_url
from lineage.errors import UnknownNode
from lineage.facts import Facts, Measured, describe, edge_set
from lineage.following import Follower
from lineage.model import Basis, Edge, EdgeKind, Kind, Layer, Node, Origin, field, job
from lineage.ports import Applied, Filter, GraphStore
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from lineage.stores.embedded import EmbeddedStore
from lineage.stores.memory import MemoryStore
from lineage.traces import trace
from tests.lineage.catalog import namings as n


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


def listed(catalog: SqlCatalog) -> list[str]:
    return sorted(item["name"] for item in catalog.datasets(Filter()).items)


def called(catalog: SqlCatalog, name: str) -> str:
    return catalog.find(n.table(name))[0].name


def traced(catalog: SqlCatalog, name: str) -> set[str]:
    """Names of the datasets in the trace of a table, both ways."""
    store = EmbeddedStore()
    snapshot = catalog.snapshot()
    store.load(snapshot)
    snapshot.close()
    found = trace(catalog, store, n.table(name)).document()
    return {node["name"] for node in found["nodes"] if node["kind"] == "dataset"}


# ---------------------------------------------------------------------- joined


def test_a_table_that_others_name_stands_for_the_path_it_lies_at(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.joined("path", "orders", 1), n.mention("orders", 2)])
    assert (called(catalog, "path"), called(catalog, "orders"), listed(catalog)) == ("orders", "orders", ["orders"])


def test_an_unknown_alias_finds_what_is_known(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.joined("path", "orders", 1)])
    assert (called(catalog, "orders"), listed(catalog)) == ("path", ["path"])


def test_a_name_as_an_event_wrote_it_finds_the_node(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.spelled("orders", "ORDERS", 1)])
    assert catalog.find(f"dataset:{n.NS}:ORDERS")[0] == n.table("orders")


def test_a_column_is_found_by_any_name_of_its_table(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.joined("path", "orders", 1, **n.schema("id")), n.mention("orders", 2)])
    assert catalog.find(field(n.NS, "path", "id"))[0] == field(n.NS, "orders", "id")


def test_lineage_goes_through_all_names_of_a_table_and_shows_one(catalog: SqlCatalog) -> None:
    events = [n.ran("load", 1, ["src"], ["path"]), n.ran("use", 2, ["orders"], ["out"])]
    n.apply(catalog, [*events, n.joined("path", "orders", 3)])
    assert traced(catalog, "src") == traced(catalog, "path") == {"src", "orders", "out"}


def test_columns_of_all_names_of_a_table_are_one(catalog: SqlCatalog) -> None:
    events = [n.ran("load", 1, ["src"], ["path"], columns=True), n.ran("use", 2, ["orders"], ["out"], columns=True)]
    n.apply(catalog, [*events, n.joined("path", "orders", 3)])
    number = catalog.find(field(n.NS, "path", "a"))[1]
    assert catalog.find(field(n.NS, "orders", "a"))[1] == number
    columns = catalog.names(Layer.FIELD, [number])
    assert (columns.names, columns.columns, columns.stands) == (["orders"], ["a"], [number])


def test_an_entity_tells_of_all_its_names(catalog: SqlCatalog) -> None:
    events = [n.ran("load", 1, ["src"], ["path"]), n.ran("use", 2, ["orders"], ["out"])]
    described = [n.mention("path", 3, **n.owners("ann"), **n.schema("id")), n.joined("path", "orders", 4)]
    n.apply(catalog, [*events, *described])
    found = catalog.dataset(n.table("path"))
    assert found["id"] == n.table("orders").id
    assert [owner["name"] for owner in found["owners"]] == ["ann"]
    assert [column["name"] for column in found["schema"]] == ["id"]
    assert (found["inputs"], found["outputs"]) == (["job:air:load"], ["job:air:use"])
    assert found["aliases"] == [{"namespace": n.NS, "name": "path", "how": "symlink", "type": "TABLE"}]
    assert catalog.job(Node(Kind.JOB, "air", "load"))["outputs"] == [n.table("orders").id]


def test_the_newest_owner_is_the_owner_whatever_name_it_was_told_of(catalog: SqlCatalog) -> None:
    events = [n.mention("orders", 5, **n.owners("new")), n.mention("path", 3, **n.owners("old"))]
    n.apply(catalog, [*events, n.joined("path", "orders", 4)])
    assert [owner["name"] for owner in catalog.dataset(n.table("path"))["owners"]] == ["new"]


def test_symlinks_in_a_circle_and_onto_themselves_do_no_harm(catalog: SqlCatalog) -> None:
    circle = [n.joined("a", "b", 1), n.joined("b", "c", 2), n.joined("c", "a", 3), n.joined("a", "a", 4)]
    n.apply(catalog, circle)
    assert listed(catalog) == ["a"]


# ---------------------------------------------------------------------- merged and split

SEEN = [
    n.ran("load", 1, ["src"], ["a"], columns=True),
    n.ran("use", 2, ["b"], ["out"], columns=True),
    n.mention("a", 3, **n.owners("ann"), **n.schema("a", "x")),
    n.mention("b", 4, **n.owners("bob"), **n.schema("a", "y")),
]


def test_a_merge_keeps_the_name_it_was_made_into(catalog: SqlCatalog) -> None:
    n.apply(catalog, [*SEEN, n.decided("merge", "a", "b", 5, into="b")])
    assert (called(catalog, "a"), listed(catalog)) == ("b", ["b", "out", "src"])
    assert traced(catalog, "src") == {"src", "b", "out"}


@pytest.mark.parametrize("into", [None, "a", "b"])
def test_a_split_gives_back_what_was_before_the_merge(catalog: SqlCatalog, into: str | None) -> None:
    before = n.state_after(catalog, SEEN)
    merged = n.state_after(catalog, [*SEEN, n.decided("merge", "a", "b", 5, into)])
    split = n.state_after(catalog, [*SEEN, n.decided("merge", "a", "b", 5, into), n.decided("split", "a", "b", 6)])
    assert split == before != merged


def test_a_split_of_what_was_never_one_leaves_no_trace(catalog: SqlCatalog) -> None:
    assert n.state_after(catalog, [*SEEN, n.decided("split", "a", "nowhere", 6)]) == n.state_after(catalog, SEEN)


def test_after_a_split_each_name_has_its_own_owners_again(catalog: SqlCatalog) -> None:
    n.apply(catalog, [*SEEN, n.decided("merge", "a", "b", 5, "a"), n.decided("split", "a", "b", 6)])
    owners = {name: [o["name"] for o in catalog.dataset(n.table(name))["owners"]] for name in "ab"}
    assert owners == {"a": ["ann"], "b": ["bob"]}


def test_a_split_outlives_the_symlink_that_is_said_again(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.joined("a", "b", 1), n.mention("b", 2), n.decided("split", "a", "b", 3), n.joined("a", "b", 4)])
    assert (called(catalog, "a"), called(catalog, "b")) == ("a", "b")


def test_a_split_keeps_two_names_apart_that_a_third_joins(catalog: SqlCatalog) -> None:
    joints = [n.joined("a", "c", 1), n.joined("b", "c", 2), n.mention("c", 3)]
    n.apply(catalog, [*joints, n.decided("split", "a", "b", 4)])
    assert called(catalog, "a") != called(catalog, "b")
    assert {called(catalog, "c")} & {called(catalog, "a"), called(catalog, "b")}


def test_a_merge_with_itself_is_nothing(catalog: SqlCatalog) -> None:
    assert n.state_after(catalog, [*SEEN, n.decided("merge", "a", "a", 5)]) == n.state_after(catalog, SEEN)


# ---------------------------------------------------------------------- renamed


def test_a_rename_keeps_history_and_owners_and_the_old_name_redirects(catalog: SqlCatalog) -> None:
    n.apply(
        catalog,
        [n.mention("old", 1, **n.owners("ann")), n.ran("load", 2, ["src"], ["old"]), n.renamed("old", "new", 5)],
    )
    assert (called(catalog, "old"), listed(catalog)) == ("new", ["new", "src"])
    assert [owner["name"] for owner in catalog.dataset(n.table("new"))["owners"]] == ["ann"]
    assert traced(catalog, "new") == {"src", "new"}


def test_a_new_thing_under_an_old_name_is_another(catalog: SqlCatalog) -> None:
    n.apply(
        catalog, [n.mention("t", 1, **n.owners("ann")), n.renamed("t", "was", 5), n.mention("t", 6, **n.owners("bob"))]
    )
    owners = {name: [o["name"] for o in catalog.dataset(n.table(name))["owners"]] for name in ("t", "was")}
    assert owners == {"t": ["bob"], "was": ["ann"]}
    assert listed(catalog) == ["t", "was"]


SWAP = [
    n.mention("a", 1, **n.owners("ann")),
    n.mention("b", 1, **n.owners("bob")),
    n.renamed("a", "tmp", 3),
    n.renamed("b", "a", 4),
    n.renamed("tmp", "b", 5),
]


def test_a_swap_of_two_names_swaps_what_they_mean(catalog: SqlCatalog) -> None:
    n.apply(catalog, SWAP)
    owners = {name: [o["name"] for o in catalog.dataset(n.table(name))["owners"]] for name in "ab"}
    assert owners == {"a": ["bob"], "b": ["ann"]}
    assert listed(catalog) == ["a", "b"]


def test_a_swap_at_one_time_swaps_too(catalog: SqlCatalog) -> None:
    n.apply(catalog, [*SWAP[:2], n.renamed("a", "b", 3), n.renamed("b", "a", 3)])
    owners = {name: [o["name"] for o in catalog.dataset(n.table(name))["owners"]] for name in "ab"}
    assert owners == {"a": ["bob"], "b": ["ann"]}


def test_a_chain_of_renames_ends_at_the_last_name(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("a", 1), n.renamed("a", "b", 2), n.renamed("b", "c", 3), n.renamed("c", "d", 4)])
    assert {called(catalog, name) for name in "abcd"} == {"d"}


def test_a_rename_onto_itself_changes_nothing_and_ends(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("a", 1), n.renamed("a", "a", 2)])
    assert (called(catalog, "a"), listed(catalog)) == ("a", ["a"])


def test_of_two_contradictory_renames_one_stands_and_nothing_is_lost(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("a", 1), n.renamed("a", "b", 2), n.renamed("a", "c", 2)])
    assert called(catalog, "a") in ("b", "c")
    assert listed(catalog) == ["b", "c"]


def nightly(nights: int) -> list[Facts]:
    """Each night: create x_tmp from src, drop x, rename x_tmp to x; both said at the start and the end of a run."""
    events = [n.mention("x", 1, **n.owners("ann"), **n.schema("id")), n.ran("use", 2, ["x"], ["out"])]
    for at in range(10, 10 + 100 * nights, 100):
        events += [n.ran("build", at, ["src"], ["x_tmp"])]
        events += [n.dropped("x", at + 10), n.dropped("x", at + 11)]
        events += [n.renamed("x_tmp", "x", at + 20), n.renamed("x_tmp", "x", at + 21)]
    return events


@pytest.mark.parametrize("nights", [1, 3])
def test_a_table_that_is_made_anew_every_night_stays_one(catalog: SqlCatalog, nights: int) -> None:
    n.apply(catalog, [*nightly(nights), n.ran("use", 10_000, ["x"], ["out"])], batch=4)
    found = catalog.dataset(n.table("x"))
    assert [owner["name"] for owner in found["owners"]] == ["ann"]
    assert (called(catalog, "x_tmp"), listed(catalog)) == ("x", ["out", "src", "x"])
    assert traced(catalog, "x") == {"src", "x", "out"}


# ---------------------------------------------------------------------- dropped


def test_what_was_dropped_is_gone_from_lists_and_unknown(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("t", 1), n.dropped("t", 2)])
    assert (listed(catalog), catalog.search("t", None, 10)) == ([], [])
    with pytest.raises(UnknownNode):
        catalog.find(n.table("t"))
    assert catalog.find_ever(n.table("t"))[0] == n.table("t")


@pytest.mark.parametrize(("at", "is_there"), [(1, False), (2, False), (3, True)])
def test_only_what_is_newer_than_a_drop_brings_a_dataset_back(catalog: SqlCatalog, at: int, is_there: bool) -> None:
    n.apply(catalog, [n.mention("t", 1), n.dropped("t", 2), n.mention("t", at, **n.owners("ann"))])
    assert listed(catalog) == (["t"] if is_there else [])


def test_a_drop_that_comes_late_and_is_older_does_nothing_now(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("t", 5), n.dropped("t", 2)])
    assert listed(catalog) == ["t"]


def test_a_drop_of_one_name_drops_all_names_of_the_thing(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("orders", 1), n.joined("path", "orders", 2), n.dropped("path", 3)])
    assert listed(catalog) == []


def test_an_export_has_a_tombstone_where_a_dataset_was(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("t", 1, **n.schema("id")), n.dropped("t", 2)])
    entities: list[dict[str, Any]] = list(catalog.export())
    assert {line["entity"] for line in entities if line.get("id", "").endswith(("db:t", "db:t:id"))} == {"tombstone"}


# ---------------------------------------------------------------------- judged


def test_what_a_person_suppresses_stays_away_when_a_run_shows_it_again(catalog: SqlCatalog) -> None:
    run, word = n.ran("load", 1, ["src"], ["t"], columns=True), n.judged("suppress", n.table("src"), n.table("t"), 2)
    again = n.ran("load", 3, ["src"], ["t"], columns=True)
    n.apply(catalog, [run, word, again])
    assert traced(catalog, "t") == {"t"}
    n.apply(catalog, [again, word, run], batch=3)
    assert traced(catalog, "t") == {"t"}


def test_a_suppression_that_is_taken_back_leaves_no_trace(catalog: SqlCatalog) -> None:
    run = n.ran("load", 1, ["src"], ["t"], columns=True)
    words = [n.judged(action, n.table("src"), n.table("t"), at) for action, at in (("suppress", 2), ("forget", 3))]
    assert n.state_after(catalog, [run, *words]) == n.state_after(catalog, [run])


def test_a_suppression_follows_the_names_of_what_it_is_about(catalog: SqlCatalog) -> None:
    events = [
        n.judged("suppress", n.table("orders"), n.table("t"), 1),
        n.joined("path", "orders", 2),
        n.mention("orders", 2),
    ]
    n.apply(catalog, [*events, n.ran("load", 3, ["path"], ["t"])])
    assert traced(catalog, "t") == {"t"}


def test_a_column_can_be_suppressed_alone(catalog: SqlCatalog) -> None:
    ends = field(n.NS, "src", "a"), field(n.NS, "t", "a")
    n.apply(catalog, [n.ran("load", 1, ["src"], ["t"], columns=True), n.judged("suppress", *ends, 2)])
    assert traced(catalog, "t") == {"src", "t"}
    suppressed = [line for line in catalog.export() if line["entity"] == "edge" and line["suppressed"]]
    assert [line["kind"] for line in suppressed] == ["derived"]


# ---------------------------------------------------------------------- conflicts


def kinds(catalog: SqlCatalog, name: str | None = None) -> list[str]:
    return [one["kind"] for one in catalog.conflicts(n.table(name) if name else None, None, 100).items]


def test_contradictory_renames_and_renames_onto_itself_are_conflicts(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.mention("a", 1), n.renamed("a", "b", 2), n.renamed("a", "c", 2), n.renamed("c", "c", 3)])
    assert kinds(catalog) == ["rename_contradicted", "rename_contradicted"]
    assert kinds(catalog, "b") == ["rename_contradicted"]


def test_a_split_of_what_a_symlink_joins_is_a_conflict(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.joined("a", "b", 1), n.mention("b", 2), n.mention("c", 2), n.decided("split", "a", "b", 3)])
    assert (kinds(catalog), kinds(catalog, "a"), kinds(catalog, "c")) == (["split_asserted"], ["split_asserted"], [])


def test_a_run_that_shows_what_a_person_suppressed_is_a_conflict(catalog: SqlCatalog) -> None:
    run, word = n.ran("load", 1, ["src"], ["t"]), n.judged("suppress", n.table("src"), n.table("t"), 2)
    n.apply(catalog, [run, word])
    assert kinds(catalog) == []
    n.apply(catalog, [run, word, n.ran("load", 3, ["src"], ["t"])])
    assert kinds(catalog) == ["suppressed_shown"]


def test_a_whole_run_without_the_source_that_a_person_added_is_a_conflict(catalog: SqlCatalog) -> None:
    word = n.judged("add", n.table("hidden"), n.table("t"), 2)
    before, after = n.ran("load", 1, ["src"], ["t"]), n.ran("load", 3, ["src"], ["t"])
    n.apply(catalog, [before, n.mention("hidden", 1), word])
    assert kinds(catalog) == []
    n.apply(catalog, [before, n.mention("hidden", 1), word, after])
    assert kinds(catalog) == ["added_contradicted"]


def test_every_alias_says_what_made_it_one(catalog: SqlCatalog) -> None:
    events = [
        n.mention("x", 1),
        n.spelled("x", "X", 2),
        n.joined("path", "x", 3),
        n.joined("cat", "x", 4, "catalog", ""),
    ]
    n.apply(catalog, [*events, n.mention("m", 5), n.decided("merge", "x", "m", 6, "x"), n.renamed("old", "x", 7)])
    found = catalog.identity(n.table("x"), None, 100)
    assert {(alias["name"], alias["by"], alias["event"]) for alias in found["aliases"]} == {
        ("X", "rule", 2),
        ("path", "symlink", 3),
        ("cat", "catalog", 4),
        ("m", "person", 6),
        ("old", "rename", 7),
    }


# ---------------------------------------------------------------------- what became of edges


@pytest.mark.parametrize("batch", [1, 10])
def test_the_lineage_of_a_new_thing_under_an_old_name_is_its_own(catalog: SqlCatalog, batch: int) -> None:
    before = [n.ran("one", 1, ["src1"], ["t"], columns=True), n.renamed("t", "was", 5)]
    n.apply(catalog, [*before, n.ran("two", 6, ["src2"], ["t"], columns=True)], batch)
    assert (traced(catalog, "t"), traced(catalog, "was")) == ({"src2", "t"}, {"src1", "was"})


@pytest.mark.parametrize("batch", [1, 10])
def test_a_rename_that_is_heard_of_late_parts_what_was_taken_for_one(catalog: SqlCatalog, batch: int) -> None:
    runs = [n.ran("one", 1, ["src1"], ["t"], columns=True), n.ran("two", 6, ["src2"], ["t"], columns=True)]
    n.apply(catalog, [*runs, n.renamed("t", "was", 5)], batch)
    assert (traced(catalog, "t"), traced(catalog, "was")) == ({"src2", "t"}, {"src1", "was"})


def test_one_job_that_goes_on_writing_the_old_name_writes_two_datasets(catalog: SqlCatalog) -> None:
    runs = [n.ran("load", at, ["src"], ["t"], columns=True) for at in (1, 6)]
    n.apply(catalog, [*runs, n.renamed("t", "was", 5)])
    assert catalog.dataset(n.table("t"))["inputs"] == ["job:air:load"]


def test_a_drop_ends_the_lineage_of_a_dataset_until_it_is_written_again(catalog: SqlCatalog) -> None:
    run = n.ran("load", 1, ["src"], ["t"])
    n.apply(catalog, [run, n.dropped("t", 2)])
    assert catalog.job(job("air", "load"))["outputs"] == []
    n.apply(catalog, [run, n.dropped("t", 2), n.ran("load", 3, ["src"], ["t"])])
    assert catalog.job(job("air", "load"))["outputs"] == [n.table("t").id]


def test_a_drop_that_comes_before_its_dataset_counts_all_the_same(catalog: SqlCatalog) -> None:
    n.apply(catalog, [n.dropped("t", 2), n.ran("load", 1, ["src"], ["t"])])
    assert catalog.job(job("air", "load"))["outputs"] == []


def test_measurements_go_with_what_the_name_meant_at_the_time(catalog: SqlCatalog) -> None:
    def measured(at: int, rows: int) -> Facts:
        body = {"outputStatistics": {"rowCount": rows}}
        return replace(n.ran("load", at, ["src"], ["t"]), measured=(Measured(n.table("t"), "output", body),))

    n.apply(catalog, [measured(1, 10), n.renamed("t", "was", 5), measured(6, 60)])
    rows = {name: catalog.dataset(n.table(name))["statistics"][0]["content"]["rowCount"] for name in ("t", "was")}
    assert rows == {"t": 60, "was": 10}


def test_a_table_made_anew_every_night_has_its_newest_lineage(catalog: SqlCatalog) -> None:
    n.apply(catalog, nightly(2), batch=3)
    assert catalog.dataset(n.table("x"))["inputs"] == ["job:air:build"]
    assert catalog.job(job("air", "build"))["outputs"] == [n.table("x").id]


def test_edges_tell_how_often_runs_showed_what_their_names_meant(catalog: SqlCatalog) -> None:
    runs = [n.ran("load", at, ["src"], ["t"]) for at in (1, 2, 6)]
    n.apply(catalog, [*runs, n.renamed("t", "was", 5)])
    wrote = [line for line in catalog.export() if line["entity"] == "edge" and line["kind"] == "wrote"]
    assert sorted((line["last_seen"][17:19], line["runs_seen"]) for line in wrote) == [("02", 2), ("06", 1)]


def test_ten_thousand_aliases_of_one_table_are_one(catalog: SqlCatalog) -> None:
    """Once a batch, not once an event: two batches read at most 10,000 names each."""
    n.apply(catalog, [n.joined(f"path{at}", "orders", at + 1) for at in range(10_000)], batch=5_000)
    assert (called(catalog, "path9999"), len(listed(catalog))) == ("path0", 1)
    page = catalog.identity(n.table("orders"), "9990", 100)
    assert (page["total"], len(page["aliases"]), page["next"]) == (10_000, 10, None)


def test_an_edge_by_hand_shows_once_what_it_leads_to_is_told_of(catalog: SqlCatalog) -> None:
    hand, target = job("headwater", "src -> out"), n.table("out")
    drawn = edge_set([Edge(EdgeKind.WROTE, hand, target, Basis.EXPLICIT)])
    said = (describe(hand), describe(target, known=False))
    n.apply(catalog, [Facts(1, Origin.DECLARED, hand, said, drawn), n.mention("out", 2)])
    assert traced(catalog, "out") == {"out"}
    assert [line["published"] for line in catalog.export() if line["entity"] == "edge"] == [True]


def test_an_alias_more_costs_no_statement_more(catalog: SqlCatalog) -> None:
    seen: list[str] = []
    event.listen(catalog.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    counts = []
    for table, aliases in (("few", 10), ("many", 200)):
        seen.clear()
        told = [n.joined(f"{table}{at}", table, at + 1) for at in range(aliases)]
        n.apply(catalog, told, batch=aliases)
        counts.append(len(seen))
    assert counts[1] < counts[0] + 20


@pytest.mark.parametrize("store", [MemoryStore(), EmbeddedStore(), EmbeddedStore(overlay_rows=2)])
def test_graph_stores_follow_names_that_meet_and_part(catalog: SqlCatalog, store: GraphStore) -> None:
    follower = Follower(catalog, store)
    seen = []
    words = [n.decided("merge", "a", "b", 5, "b"), n.decided("split", "a", "b", 6)]
    for number, events in enumerate((SEEN, [*SEEN, words[0]], [*SEEN, *words])):
        if number == 0:
            n.apply(catalog, events)
        else:
            catalog.apply([Applied(len(events), events[-1])])
        follower.catch_up()
        found = trace(catalog, store, n.table("out")).document()
        seen.append({node["name"] for node in found["nodes"] if node["kind"] == "dataset"})
    assert seen == [{"b", "out"}, {"src", "b", "out"}, {"b", "out"}]
