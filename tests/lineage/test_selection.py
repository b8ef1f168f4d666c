"""What selections mean: a table of them over a small shop, and algebra of sets over random graphs as the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.errors import StoreBehind
from lineage.expressions import (
    WORD,
    Around,
    Expression,
    Intersection,
    Not,
    Pattern,
    Term,
    Union,
    intersection,
    union,
    written,
)
from lineage.ports import Applied, Filter, Walk
from lineage.selection import narrowed, select, totals
from lineage.stores.embedded import EmbeddedStore
from lineage.traces import trace
from tests.lineage.selecting import DATA, SHOP, Opened, Shop, facts_of, is_dataset, node_of, opened
from tests.servers import postgresql, postgresql_url  # noqa: F401  fixtures


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened(tmp_path_factory.mktemp("shop")) as found:
        yield found


@pytest.mark.parametrize(("text", "expected"), DATA["cases"].items(), ids=list(DATA["cases"]))
def test_a_selection_means_what_its_case_says(shop: Opened, text: str, expected: list[str]) -> None:
    assert shop.names(text) == set(expected)


@pytest.mark.live
def test_selections_mean_the_same_on_postgresql(tmp_path: Path, postgresql_url: str) -> None:  # noqa: F811
    with opened(tmp_path, url=postgresql_url) as found:
        assert {text: found.names(text) for text in DATA["cases"]} == {
            text: set(expected) for text, expected in DATA["cases"].items()
        }


@pytest.mark.parametrize(
    ("text", "filtered"),
    [
        ("tag:pii", Filter(tag="pii")),
        ("tag:pii=email", Filter(tag="pii=email")),
        ("tag:pii=", Filter(tag="pii=")),
        ("owner:payments", Filter(owner="payments")),
        ("namespace:s3://lake", Filter(namespace="s3://lake")),
        ("*", Filter()),
    ],
)
def test_a_filter_means_what_the_filter_of_a_list_means(shop: Opened, text: str, filtered: Filter) -> None:
    listed = [*shop.catalog.datasets(filtered).items, *shop.catalog.jobs(filtered).items]

    assert shop.names(text) == {row["name"] for row in listed}


def test_what_matches_nothing_is_named_with_what_is_like_it(shop: Opened) -> None:
    found = shop.selected("tag:pi or ordres+ or tag:pi and owner:Payments or dataset:postgres://db:5432:raw.customerz")

    assert found.ids.tolist() == []
    assert [(warning["term"], warning["nearest"][:2]) for warning in found.warnings] == [
        ("tag:pi", ["pii"]),
        ("ordres", ["dataset:postgres://db:5432:marts.orders", "dataset:postgres://db:5432:raw.orders"]),
        ("owner:Payments", ["payments"]),
        ("dataset:postgres://db:5432:raw.customerz", ["dataset:postgres://db:5432:raw.customers"]),
    ]


def test_an_empty_answer_of_terms_that_match_is_no_cause_to_warn(shop: Opened) -> None:
    found = shop.selected("kind:job and kind:dataset")

    assert (found.ids.tolist(), found.warnings) == ([], [])


def test_a_reach_that_is_cut_off_is_said(shop: Opened) -> None:
    found = select(shop.catalog, shop.store, "raw.orders+", walk=Walk(limit=2))

    assert [warning["term"] for warning in found.warnings] == ["raw.orders+"]
    assert "cut off" in found.warnings[0]["reason"]


def test_a_graph_of_another_build_is_asked_again_later_but_only_for_hops(shop: Opened) -> None:
    empty = EmbeddedStore()

    assert len(select(shop.catalog, empty, "tag:pii").ids) == 2
    with pytest.raises(StoreBehind):
        select(shop.catalog, empty, "tag:pii+")


def test_what_goes_into_one_output_of_a_job_does_not_lead_to_its_others(tmp_path: Path) -> None:
    tables = {name: {"namespace": "db://x"} for name in ("a", "b", "c", "d")}
    split = {"namespace": "etl", "flows": {"c": ["a"], "d": ["b"]}}

    with opened(tmp_path, {**tables, "split": split}) as found:
        assert found.names("a+") == {"a", "split", "c"}
        assert found.names("+d") == {"b", "split", "d"}
        assert found.names("1+split+1") == {"a", "b", "split", "c", "d"}


def test_a_trace_keeps_its_root_what_is_selected_and_edges_between_them(shop: Opened) -> None:
    found = trace(shop.catalog, shop.store, node_of(SHOP, "marts.orders"))
    kept = narrowed(shop.catalog, found, shop.selected("owner:payments or stg_orders or tag:nothing"))

    assert {row["name"] for row in kept.nodes} == {"marts.orders", "daily.marts.build", "stg.stg_orders"}
    assert [(edge["source"].split(":")[-1], edge["target"].split(":")[-1]) for edge in kept.edges] == [
        ("stg.stg_orders", "daily.marts.build"),
        ("daily.marts.build", "marts.orders"),
    ]
    assert (kept.totals["datasets"], kept.totals["jobs"]) == (2, 1)
    assert [warning["term"] for warning in kept.warnings] == ["tag:nothing"]
    assert [row["name"] for row in narrowed(shop.catalog, found, shop.selected("not *")).nodes] == ["marts.orders"]


def test_totals_of_many_are_counted_as_those_of_few(shop: Opened) -> None:
    ids = shop.selected("marts* or export*").ids
    many = np.concatenate([ids, np.arange(10**6, 10**6 + 30_000)])

    assert totals(shop.catalog, ids) == totals(shop.catalog, many) == {"datasets": 2, "jobs": 3}


def test_everything_is_asked_again_once_there_is_more(tmp_path: Path) -> None:
    with opened(tmp_path) as found:
        before = found.names("*")
        more = {**SHOP, "new": {"namespace": "db://x"}}
        found.catalog.apply([Applied(len(more), list(facts_of(more))[-1])])

        assert found.names("*") - before == {"new"}
        assert found.names("not kind:job") - before == {"new"}


def test_a_list_of_selected_nodes_has_pages(shop: Opened) -> None:
    ids = shop.selected("kind:dataset and not my*").ids
    names, after = [], None
    while True:
        page = shop.catalog.nodes(Filter(after=after, limit=2, among=ids))
        names += [row["name"] for row in page.items]
        after = page.next
        if after is None:
            break

    assert len(names) == len(set(names))
    assert set(names) == shop.names("kind:dataset and not my*")


# ---------------------------------------------------------------------- the oracle

NAMES = ("a", "b", "x.a", "x/b", "A", "a_b", "a.b")
TAGS = ("t", "u", "u=1", "u=2")
OWNERS = ("o", "p")


@st.composite
def shops(draw: st.DrawFn) -> Shop:
    """A few datasets and jobs with tags and owners, edges among them, cycles too."""
    datasets = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=1, max_size=5))
    jobs = [f"j{number}" for number in range(draw(st.integers(1, 4)))]
    made: dict[str, dict[str, Any]] = {}
    for name in datasets:
        made[name] = {"namespace": draw(st.sampled_from(["p://1", "p://2"]))}
    for name in jobs:
        some = st.lists(st.sampled_from(datasets), unique=True, max_size=3)
        made[name] = {"namespace": "etl", "reads": draw(some), "writes": draw(some)}
    for name in made:
        made[name]["tags"] = draw(st.lists(st.sampled_from(TAGS), unique=True, max_size=2))
        made[name]["owners"] = draw(st.lists(st.sampled_from(OWNERS), unique=True, max_size=1))
    return made


def exact(*texts: str) -> st.SearchStrategy[Pattern]:
    return st.sampled_from(texts).map(lambda text: Pattern((text,)))


PATTERNS = exact(*NAMES, "j0", "j1") | st.sampled_from([Pattern(("", "")), Pattern(("a", "")), Pattern(("", "b"))])
TERMS = (
    st.builds(Term, st.just(WORD), PATTERNS)
    | st.builds(Term, st.just("name"), PATTERNS)
    | st.builds(Term, st.just("tag"), exact(*TAGS) | st.just(Pattern(("u=", ""))))
    | st.builds(Term, st.just("owner"), exact(*OWNERS))
    | st.builds(Term, st.just("namespace"), exact("p://1", "etl") | st.just(Pattern(("p://", ""))))
    | st.builds(Term, st.just("kind"), exact("dataset", "job"))
)
HOPS = st.none() | st.integers(0, 3)


def bigger(parts: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(parts, min_size=2, max_size=3)
    around = st.builds(Around, parts, HOPS, HOPS).filter(lambda found: found.up != 0 or found.down != 0)
    return several.map(union) | several.map(intersection) | parts.map(Not) | around


EXPRESSIONS = st.recursive(TERMS, bigger, max_leaves=6)


def meant(shop: Shop, graph: nx.DiGraph, expression: Expression) -> set[str]:
    """The same by sets of names, each node looked at by itself."""
    match expression:
        case Term():
            return {name for name in shop if is_meant(shop, name, expression)}
        case Union(parts):
            return set().union(*(meant(shop, graph, part) for part in parts))
        case Intersection(parts):
            return set(shop).intersection(*(meant(shop, graph, part) for part in parts))
        case Not(part):
            return set(shop) - meant(shop, graph, part)
        case Around(part, up, down):
            found = meant(shop, graph, part)
            return found | near(graph.reverse(), found, up) | near(graph, found, down)


def near(graph: nx.DiGraph, roots: set[str], hops: int | None) -> set[str]:
    """What lies within so many steps from dataset to dataset or job to job, and what lies between."""
    edges = len(graph) if hops is None else 2 * hops
    return {name for root in roots for name in nx.single_source_shortest_path_length(graph, root, cutoff=edges)}


def is_meant(shop: Shop, name: str, term: Term) -> bool:
    given, pattern = shop[name], term.pattern
    if term.filter == WORD:
        ends = [name[at + 1 :] for at, character in enumerate(name) if character in "./"]
        return any(map(pattern.matches, [name, *ends]))
    if term.filter == "tag":
        tags = [tag if "=" in tag else f"{tag}=" for tag in given["tags"]]
        return any(pattern.matches(tag) or pattern.matches(tag.partition("=")[0]) for tag in tags)
    values = {
        "name": [name],
        "owner": given["owners"],
        "namespace": [given["namespace"]],
        "kind": ["dataset" if is_dataset(shop, name) else "job"],
    }
    return any(map(pattern.matches, values[term.filter]))


@given(shop=shops(), expressions=st.lists(EXPRESSIONS, min_size=5, max_size=15))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_expression_over_any_graph_is_algebra_of_sets(
    tmp_path: Path, shop: Shop, expressions: list[Expression]
) -> None:
    graph = nx.DiGraph()
    graph.add_nodes_from(shop)
    for name, one in shop.items():
        graph.add_edges_from((source, name) for source in one.get("reads", ()))
        graph.add_edges_from((name, target) for target in one.get("writes", ()))

    with opened(tmp_path, shop) as found:
        for expression in expressions:
            assert found.names(written(expression)) == meant(shop, graph, expression), written(expression)
