"""What holds of facts whatever an event's facets are, and in whatever order its parts stand."""

from __future__ import annotations

import copy
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.openlineage import facets as read
from ingest.openlineage.facts import Reader
from lineage.facts import Facts, describe, edge_set
from lineage.model import EdgeKind, Node
from tests.golden.rendering import RECEIVED_US

RUN = "11111111-1111-4111-8111-111111111111"
COLUMNS = st.sampled_from(["x", "y", "X", "s.t"])
NAMES = st.sampled_from(["a", "b", "c", "d"])
# Any JSON, NUL, half surrogate pairs and endless integers in it: the journal has bodies older than today's limits.
TEXT = st.text(st.characters() | st.sampled_from(["\x00", "\ud800", "\\", "\u2028"]), max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
WORDS = [
    *("fields", "inputFields", "inputs", "entries", "lineage", "dataset", "namespace", "name", "field", "type"),
    *("transformations", "transformationType", "assertions", "tests", "assertion", "status", "success", "job", "run"),
    *("root", "runId", "identifiers", "_deleted", "message", "errors", "failedTasks", "upstream", "downstream"),
    *("previousIdentifier", "lifecycleStateChange", "warehouseUri", "metadataUri", "emissionPattern", "action"),
    *("source", "target", "other", "into", "kind", "processingType", "trigger_rule"),
]
# JSON of the words that facets are made of: it comes further than any.
SHAPED = st.recursive(
    JSON | NAMES | COLUMNS | st.sampled_from(["JOB", "DATASET", "RENAME", "merge", "add", "dataset", "w", True, False]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5),
    max_leaves=25,
)
KEYS = sorted(
    read.JOB_FACETS
    | read.RUN_FACETS
    | read.DATASET_FACETS
    | read.MEASUREMENTS
    | {read.ASSERTIONS, "tags", "airflow", "airflow_mappedTask", "dbt_run", "weird", ""}
    | {"headwater_edge", "headwater_identity", "headwater_tags.x"}
)
FACETS = SHAPED | st.dictionaries(st.sampled_from(KEYS), SHAPED, max_size=4)
COLUMN_LINEAGE = st.fixed_dictionaries(
    {
        "fields": st.dictionaries(
            COLUMNS,
            st.fixed_dictionaries(
                {
                    "inputFields": st.lists(
                        st.fixed_dictionaries({"namespace": st.just("w"), "name": NAMES, "field": COLUMNS}), max_size=3
                    )
                }
            ),
            max_size=3,
        ),
        "dataset": st.lists(
            st.fixed_dictionaries({"namespace": st.just("w"), "name": NAMES, "field": COLUMNS}), max_size=2
        ),
    }
)
SOUND_FACETS = st.fixed_dictionaries(
    {},
    optional={
        "columnLineage": COLUMN_LINEAGE,
        "schema": st.just({"fields": [{"name": "x", "type": "int"}, {"name": "y", "type": "int"}]}),
        "documentation": st.fixed_dictionaries({"description": TEXT, "_producer": st.text(max_size=3)}),
        "dataQualityAssertions": st.just({"assertions": [{"assertion": "unique", "success": True}]}),
        "version": st.fixed_dictionaries({"datasetVersion": st.text(max_size=2)}),
    },
)


def datasets(facets: st.SearchStrategy[Any]) -> st.SearchStrategy[list[dict[str, Any]]]:
    one = st.fixed_dictionaries(
        {"namespace": st.just("w"), "name": NAMES},
        optional={"facets": facets, "inputFacets": facets, "outputFacets": facets},
    )
    return st.lists(one, max_size=4)


def events(facets: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "eventTime": st.just("2026-05-01T12:00:00Z"),
            "run": st.fixed_dictionaries({"runId": st.just(RUN)}, optional={"facets": facets}),
            "job": st.fixed_dictionaries(
                {"namespace": st.just("j"), "name": st.just("load")}, optional={"facets": facets}
            ),
            "inputs": datasets(facets),
            "outputs": datasets(facets),
        }
    )


def facts_of(event: dict[str, Any], reader: Reader | None = None) -> Facts:
    facts = (reader or Reader()).facts(event, RECEIVED_US)
    assert facts is not None
    return facts


def without_facets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_facets(item) for key, item in value.items() if not key.lower().endswith("facets")}
    return [without_facets(item) for item in value] if isinstance(value, list) else value


def pairs(facts: Facts) -> set[tuple[EdgeKind, Node, Node]]:
    return {(edge.kind, edge.source, edge.target) for edge in facts.edges.edges}


def shuffled(value: Any, chance: random.Random, *, in_facets: bool = False) -> Any:
    """The same event: members of objects in another order everywhere, datasets in another order."""
    if isinstance(value, dict):
        members = [
            (key, shuffled(item, chance, in_facets=in_facets or key.lower().endswith("facets")))
            for key, item in value.items()
        ]
        chance.shuffle(members)
        return dict(members)
    if isinstance(value, list):
        items = [shuffled(item, chance, in_facets=in_facets) for item in value]
        if not in_facets:
            chance.shuffle(items)
        return items
    return value


@settings(max_examples=120, deadline=None)
@given(events(FACETS))
def test_no_facet_raises_and_every_fact_is_about_described_nodes(event: dict[str, Any]) -> None:
    facts = facts_of(event)

    described = {one.node for one in facts.described}
    assert {node.dataset for edge in facts.edges.edges for node in (edge.source, edge.target)} <= described
    assert {one.dataset for one in facts.measured} | {one.dataset for one in facts.asserted} <= described
    assert facts.owner in described
    assert {node for one in facts.joined for node in (one.node, one.alias)} <= described
    assert {node for one in facts.renamed for node in (one.previous, one.node)} <= described
    assert {node for one in facts.controls for node in (one.upstream, one.downstream)} <= described
    assert {one.node for one in facts.spelled} | {one.node for one in facts.dropped} <= described
    assert len(described) == len(facts.described)


@settings(max_examples=80, deadline=None)
@given(events(st.dictionaries(st.sampled_from([key for key in KEYS if key != "lineage"]), SHAPED, max_size=3)))
def test_no_facet_but_explicit_lineage_takes_an_edge_away(event: dict[str, Any]) -> None:
    assert pairs(facts_of(without_facets(event))) <= pairs(facts_of(event))


@settings(max_examples=80, deadline=None)
@given(events(st.fixed_dictionaries({}, optional={"lineage": JSON, "columnLineage": JSON, "schema": JSON})))
def test_lineage_facets_without_sense_change_no_edge(event: dict[str, Any]) -> None:
    assert facts_of(event).edges == facts_of(without_facets(event)).edges


@settings(max_examples=60, deadline=None)
@given(events(SOUND_FACETS), st.randoms(use_true_random=False))
def test_the_order_of_members_and_of_datasets_changes_no_fact(event: dict[str, Any], chance: random.Random) -> None:
    assert facts_of(shuffled(event, chance)) == facts_of(event)


@settings(max_examples=60, deadline=None)
@given(st.lists(events(SOUND_FACETS), min_size=1, max_size=6))
def test_what_a_reader_remembers_changes_no_fact(every: list[dict[str, Any]]) -> None:
    seasoned, forgetful = Reader(), Reader(remembered_edges=0)
    for event in every:
        seasoned.facts(event, RECEIVED_US)

    assert (
        [facts_of(e, seasoned) for e in every]
        == [facts_of(e, forgetful) for e in every]
        == [facts_of(e) for e in every]
    )


@settings(max_examples=60, deadline=None)
@given(events(FACETS))
def test_digests_are_of_the_content_and_of_nothing_else(event: dict[str, Any]) -> None:
    facts = facts_of(event)

    assert [one.digest for one in facts.described] == [
        describe(one.node, one.facets, known=one.known).digest for one in facts.described
    ]
    assert facts.edges == edge_set(reversed(facts.edges.edges))


@settings(max_examples=60, deadline=None)
@given(events(FACETS))
def test_reading_leaves_the_event_as_it_was(event: dict[str, Any]) -> None:
    before = copy.deepcopy(event)

    facts_of(event)

    assert event == before


@settings(max_examples=120, deadline=None)
@given(FACETS, st.sampled_from(["job", "dataset"]))
def test_no_facet_of_a_declaration_raises_and_people_speak_of_described_nodes(facets: Any, kind: str) -> None:
    event = {"eventTime": "2026-05-01T12:00:00Z", kind: {"namespace": "w", "name": "a", "facets": facets}}

    facts = facts_of(event)

    described = {one.node for one in facts.described}
    said = [facts.decision.one, facts.decision.other] if facts.decision else []
    said += [facts.judged.source.dataset, facts.judged.target.dataset] if facts.judged else []
    assert {facts.owner, *said} <= described
    assert {node.dataset for edge in facts.edges.edges for node in (edge.source, edge.target)} <= described
