"""What people say is an event that our own intake takes, and reads back as it was said."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import by_hand
from ingest.openlineage.facts import Reader
from ingest.openlineage.parse import event_of, parse
from lineage.facts import Decision, Facts, Judged
from lineage.model import Node, Origin, dataset, field, job
from lineage.naming import canonical
from tests.golden.rendering import RECEIVED_US, edge_line

ORDERS, CUSTOMERS = dataset("postgres://db:5432", "shop.public.orders"), dataset("s3://lake", "customers")
LOAD = job("airflow", "shop.load")
WHO: dict[str, Any] = {"author": "ada", "reason": "asked the team"}


def facts_of(event: dict[str, Any]) -> Facts:
    """Through the journal's form, as the projector reads it."""
    body = orjson.dumps(event)
    parse(body)
    facts = Reader().facts(event_of(body), RECEIVED_US)
    assert facts is not None
    return facts


def facets_of(facts: Facts, node: Node) -> dict[str, Any]:
    kept = next(dict(one.facets) for one in facts.described if one.node == node)
    return {key: {k: v for k, v in facet.items() if not k.startswith("_schema")} for key, facet in kept.items()}


def test_what_is_said_of_a_dataset_are_facets_of_it() -> None:
    said = by_hand.metadata_event(
        ORDERS,
        owners=[{"name": "team:shop", "type": "OWNER"}],
        tags=[{"key": "pii"}],
        removed_tags=[{"key": "public"}],
        description="Orders.",
        criticality="high",
        **WHO,
    )

    facts = facts_of(said)

    assert (facts.origin, facts.owner, facts.edges.edges) == (Origin.DECLARED, ORDERS, ())
    assert facets_of(facts, ORDERS) == {
        "headwater_owners": {"owners": [{"name": "team:shop", "type": "OWNER"}], **WHO},
        "headwater_tags": {"tags": [{"key": "pii"}], "removed": [{"key": "public"}], **WHO},
        "headwater_description": {"description": "Orders.", **WHO},
        "headwater_criticality": {"criticality": "high", **WHO},
    }


def test_what_is_said_of_a_column_stands_on_its_dataset() -> None:
    facts = facts_of(by_hand.metadata_event(field("s3://lake", "customers", "e.mail"), tags=[{"key": "pii"}]))

    assert facets_of(facts, CUSTOMERS) == {"headwater_tags.e.mail": {"tags": [{"key": "pii"}], "removed": []}}


def test_what_is_said_of_a_job_declares_no_lineage() -> None:
    facts = facts_of(by_hand.metadata_event(LOAD, window=5))

    assert (facts.owner, facts.run, facts.edges.edges) == (LOAD, None, ())
    assert facets_of(facts, LOAD) == {"headwater_window": {"runs": 5}}


def test_a_word_is_taken_back_by_a_deleted_facet() -> None:
    facts = facts_of(by_hand.metadata_event(ORDERS, taken_back=["owners"]))

    assert facets_of(facts, ORDERS) == {"headwater_owners": {"_deleted": True}}


@pytest.mark.parametrize(
    "event",
    [
        by_hand.metadata_event(ORDERS, description="d"),
        by_hand.metadata_event(LOAD, description="d"),
        by_hand.merge_event(ORDERS, CUSTOMERS, ORDERS),
        by_hand.split_event(ORDERS, CUSTOMERS),
        by_hand.edge_event("suppress", ORDERS, LOAD),
        by_hand.edge_event("forget", ORDERS, CUSTOMERS),
    ],
)
def test_a_word_about_a_thing_is_no_sign_that_it_exists(event: dict[str, Any]) -> None:
    assert [one for one in facts_of(event).described if one.known] == []


def test_a_merge_and_a_split_are_decisions() -> None:
    merged = facts_of(by_hand.merge_event(ORDERS, CUSTOMERS, CUSTOMERS, **WHO))
    split = facts_of(by_hand.split_event(ORDERS, CUSTOMERS))

    assert merged.decision == Decision("merge", ORDERS, CUSTOMERS, CUSTOMERS, "ada", "asked the team")
    assert split.decision == Decision("split", ORDERS, CUSTOMERS)
    assert {one.node for one in merged.described} == {ORDERS, CUSTOMERS}


def test_an_added_edge_of_datasets_goes_through_a_job_of_its_own() -> None:
    facts = facts_of(by_hand.edge_event("add", ORDERS, CUSTOMERS, **WHO))

    name = f"job:headwater:{ORDERS.id} -> {CUSTOMERS.id}"
    assert facts.judged == Judged("add", ORDERS, CUSTOMERS, "ada", "asked the team")
    assert (facts.owner.id, facts.origin, facts.run) == (name, Origin.DECLARED, None)
    assert [edge_line(edge) for edge in facts.edges.edges] == [
        f"READ explicit {ORDERS.id} -> {name} for {CUSTOMERS.id}",
        f"WROTE explicit {name} -> {CUSTOMERS.id}",
    ]
    assert {one.node.id: one.known for one in facts.described} == {ORDERS.id: False, CUSTOMERS.id: False, name: True}


def test_an_added_edge_of_columns_joins_their_datasets_too() -> None:
    source, target = field(ORDERS.namespace, ORDERS.name, "id"), field(CUSTOMERS.namespace, CUSTOMERS.name, "last")

    facts = facts_of(by_hand.edge_event("add", source, target))

    assert [edge_line(edge).partition(" ")[0] for edge in facts.edges.edges] == ["READ", "WROTE", "DERIVED"]
    assert edge_line(facts.edges.edges[2]) == f"DERIVED explicit -/- {source.id} -> {target.id}"


@pytest.mark.parametrize("action", ["suppress", "forget"])
def test_a_word_against_an_edge_shows_none(action: str) -> None:
    facts = facts_of(by_hand.edge_event(action, ORDERS, LOAD))

    assert facts.judged == Judged(action, ORDERS, LOAD)
    assert facts.edges.edges == ()


def test_the_job_of_an_edge_between_the_longest_names_has_a_name_that_fits() -> None:
    facts = facts_of(by_hand.edge_event("add", dataset("w", "a" * 4096), dataset("w", "b" * 4096)))

    assert len(facts.owner.name) == 64


@pytest.mark.parametrize(
    ("node", "said", "reason"),
    [
        (field("w", "a", "x"), {"owners": []}, "a field has no owners by hand"),
        (ORDERS, {"window": 3}, "a window counts runs"),
        (LOAD, {"window": 0}, "1 to 1,000 runs"),
        (ORDERS, {"criticality": "very"}, "criticality is one of low, medium, high, critical"),
        (ORDERS, {"description": "d", "taken_back": ["description"]}, "both said and taken back"),
        (ORDERS, {"taken_back": ["colour"]}, "a dataset has no colour by hand"),
    ],
)
def test_what_a_node_has_not_is_refused_in_words(node: Node, said: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        by_hand.metadata_event(node, **said)


@pytest.mark.parametrize(
    ("action", "source", "target"),
    [
        ("draw", ORDERS, CUSTOMERS),
        ("add", ORDERS, LOAD),
        ("add", ORDERS, ORDERS),
        ("add", ORDERS, field("w", "a", "x")),
        ("suppress", LOAD, LOAD),
    ],
)
def test_an_edge_that_cannot_be_is_refused(action: str, source: Node, target: Node) -> None:
    with pytest.raises(ValueError, match=r"an edge is added|no edge to"):
        by_hand.edge_event(action, source, target)


@pytest.mark.parametrize(
    ("one", "other", "into"), [(ORDERS, ORDERS, ORDERS), (ORDERS, LOAD, ORDERS), (ORDERS, CUSTOMERS, LOAD)]
)
def test_a_merge_that_cannot_be_is_refused(one: Node, other: Node, into: Node) -> None:
    with pytest.raises(ValueError, match=r"only two different datasets|both can only be called"):
        by_hand.merge_event(one, other, into)


TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=30)


@given(TEXT, TEXT, TEXT, TEXT, TEXT)
def test_whatever_the_names_and_words_they_come_back(ns: str, name: str, column: str, text: str, who: str) -> None:
    known = canonical(ns, name)
    node = field(known.namespace, known.name, column)

    facts = facts_of(by_hand.metadata_event(node, description=text, author=who))

    key = f"headwater_description.{column}"
    assert facets_of(facts, node.dataset) == {key: {"description": text, "author": who}}
