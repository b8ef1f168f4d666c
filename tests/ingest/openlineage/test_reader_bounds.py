"""Wide events cost what they name, and what a reader remembers stays within its bounds."""

from __future__ import annotations

from typing import Any

from ingest.openlineage.caching import Cache
from ingest.openlineage.edges import MOST_DERIVED
from ingest.openlineage.facts import Reader
from ingest.openlineage.identities import MOST_ALIASES
from lineage.facts import Facts
from lineage.model import EdgeKind
from tests.golden.rendering import RECEIVED_US

RUN = "11111111-1111-4111-8111-111111111111"


def event(inputs: list[dict[str, Any]], outputs: list[dict[str, Any]], name: str = "load") -> dict[str, Any]:
    run = {"eventTime": "2026-05-01T12:00:00Z", "run": {"runId": RUN}, "job": {"namespace": "j", "name": name}}
    return run | {"inputs": inputs, "outputs": outputs}


def facts_of(one: dict[str, Any], reader: Reader | None = None) -> Facts:
    facts = (reader or Reader()).facts(one, RECEIVED_US)
    assert facts is not None
    return facts


def named(prefix: str, count: int) -> list[dict[str, Any]]:
    return [{"namespace": "w", "name": f"{prefix}{number}"} for number in range(count)]


def table(columns: int, whole: int) -> dict[str, Any]:
    sources = [{"namespace": "w", "name": "a", "field": f"k{number}"} for number in range(whole)]
    schema = {"fields": [{"name": f"c{number}", "type": "int"} for number in range(columns)]}
    return {
        "namespace": "w",
        "name": "b",
        "facets": {"schema": schema, "columnLineage": {"fields": {}, "dataset": sources}},
    }


def test_five_thousand_inputs_and_outputs_are_ten_thousand_edges() -> None:
    assert len(facts_of(event(named("in", 5_000), named("out", 5_000))).edges.edges) == 10_000


def test_columns_that_affect_a_whole_dataset_are_spread_up_to_the_limit() -> None:
    facts = facts_of(event([{"namespace": "w", "name": "a"}], [table(400, MOST_DERIVED // 400)]))

    assert sum(edge.kind is EdgeKind.DERIVED for edge in facts.edges.edges) == MOST_DERIVED
    assert not facts.not_linked


def test_past_the_limit_the_datasets_stay_linked_and_it_is_said() -> None:
    facts = facts_of(event([{"namespace": "w", "name": "a"}], [table(400, MOST_DERIVED // 400 + 1)]))

    assert [(edge.kind, edge.basis.word) for edge in facts.edges.edges] == [
        (EdgeKind.READ, "column"),
        (EdgeKind.WROTE, "column"),
    ]
    assert [one.reason for one in facts.not_linked] == [
        "501 columns that affect all its 400 would pass 200,000 edges of one event; the dataset is linked"
    ]


def test_a_reader_forgets_so_that_its_memory_has_a_bound() -> None:
    reader = Reader(remembered_edges=100)

    for number in range(500):
        facts_of(
            event([{"namespace": "w", "name": f"a{number}"}], [{"namespace": "w", "name": "b"}], f"job{number}"), reader
        )

    assert reader.remembered.weight <= reader.remembered.limit
    assert 0 < len(reader.remembered) < 20


def test_a_cache_drops_what_was_used_longest_ago() -> None:
    cache: Cache[str, int] = Cache(limit=32)
    for key in "abcdefgh":
        cache.put(key, 1, weight=4)

    cache.get("a")
    cache.put("i", 1, weight=4)

    assert (cache.get("a"), cache.get("b"), cache.get("i")) == (1, None, 1)


def test_a_cache_takes_nothing_that_would_drive_out_the_rest() -> None:
    cache: Cache[str, int] = Cache(limit=32)
    cache.put("a", 1, weight=4)

    cache.put("huge", 1, weight=5)

    assert (cache.get("a"), cache.get("huge")) == (1, None)


def symlinked(count: int) -> Facts:
    aliases = [{"namespace": "hive://m:9083", "name": f"db.t{number}", "type": "TABLE"} for number in range(count)]
    facets = {"symlinks": {"identifiers": aliases}}
    return facts_of(event([], [{"namespace": "s3://lake", "name": "t", "facets": facets}]))


def test_ten_thousand_names_of_one_table_are_all_there() -> None:
    facts = symlinked(10_000)

    assert len(facts.joined) == 10_000
    assert facts.not_linked == ()


def test_names_past_the_limit_are_said_to_be_left() -> None:
    facts = symlinked(MOST_ALIASES + 1)

    assert len(facts.joined) == MOST_ALIASES
    assert [one.reason for one in facts.not_linked] == ["of its 20,001 symlinks the first 20,000 by name are followed"]
