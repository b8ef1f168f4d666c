"""Which inputs go into which output, against the rules written down once more, slowly."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.openlineage.edges import MOST_PAIRS
from ingest.openlineage.facts import Reader
from lineage.facts import Facts
from lineage.model import EdgeKind
from tests.golden.rendering import RECEIVED_US

NAMES = "abcdef"
JOB = "job:j:load"


def one(name: str, facets: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"namespace": "w", "name": name, "facets": facets or {}}


def columns_from(sources: list[str]) -> dict[str, Any]:
    origins = [{"namespace": "w", "name": source, "field": "p"} for source in sources]
    return {"columnLineage": {"fields": {"x": {"inputFields": origins}}}}


def stated_from(sources: list[str]) -> dict[str, Any]:
    return {"lineage": {"inputs": [{"namespace": "w", "name": source, "type": "DATASET"} for source in sources]}}


def event(inputs: list[str], outputs: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "eventTime": "2026-05-01T12:00:00Z",
        "run": {"runId": "11111111-1111-4111-8111-111111111111"},
        "job": {"namespace": "j", "name": "load"},
        "inputs": [one(name) for name in inputs],
        "outputs": [one(name, facets) for name, facets in outputs.items()],
    }


def facts_of(stated: dict[str, Any]) -> Facts:
    facts = Reader().facts(stated, RECEIVED_US)
    assert facts is not None
    return facts


def reads_of(facts: Facts) -> set[tuple[str, str, str]]:
    """(input, output or "", basis)."""
    reads = [edge for edge in facts.edges.edges if edge.kind is EdgeKind.READ]
    return {(edge.source.name, edge.flow.removeprefix("dataset:w:"), edge.basis.word) for edge in reads}


def expected_reads(inputs: list[str], outputs: dict[str, tuple[str, list[str]]]) -> set[tuple[str, str, str]]:
    """The rules of decision 0008. outputs: word and sources by name."""
    found = set()
    for name, (word, sources) in outputs.items():
        if word == "explicit":
            found |= {(source, name, "explicit") for source in sources}
        elif word == "column" and sources:
            found |= {(source, name, "column") for source in sources}
            if len(outputs) == 1:
                found |= {(source, name, "implicit_single") for source in inputs if source not in sources}
        else:
            guess = "implicit_single" if len(outputs) == 1 or len(inputs) == 1 else "implicit_product"
            found |= {(source, name, guess) for source in inputs}
    left = set(inputs) - {source for source, _, _ in found}
    if not outputs:
        return found | {(source, "", "implicit_single") for source in left}
    if all(word == "explicit" and not sources for word, sources in outputs.values()):
        return found
    return found | {(source, "", "implicit_product") for source in left}


SOURCES = st.lists(st.sampled_from(NAMES), unique=True, max_size=3)
OUTPUTS = st.dictionaries(
    st.sampled_from(NAMES), st.tuples(st.sampled_from(["", "column", "explicit"]), SOURCES), max_size=4
)
FACETS = {"": lambda _: {}, "column": columns_from, "explicit": stated_from}


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(NAMES), unique=True, max_size=4), OUTPUTS)
def test_every_input_goes_into_the_outputs_that_the_rules_say(
    inputs: list[str], outputs: dict[str, tuple[str, list[str]]]
) -> None:
    stated = event(inputs, {name: FACETS[word](sources) for name, (word, sources) in outputs.items()})

    facts = facts_of(stated)

    assert reads_of(facts) == expected_reads(inputs, outputs)
    written = [edge for edge in facts.edges.edges if edge.kind is EdgeKind.WROTE]
    assert sorted(edge.target.name for edge in written) == sorted(outputs)
    assert all(edge.source.id == JOB and edge.flow == edge.target.id for edge in written)


def test_no_input_is_lost_without_a_word() -> None:
    outputs = {"c": columns_from(["a"]), "d": stated_from(["b"])}

    facts = facts_of(event(["a", "b", "e"], outputs))

    assert ("e", "", "implicit_product") in reads_of(facts)
    assert [said.dataset for said in facts.not_linked] == ["dataset:w:e"]


def test_up_to_ten_thousand_pairs_each_is_told_past_them_the_job_as_a_whole() -> None:
    side = 100
    told = facts_of(event([f"i{n}" for n in range(side)], {f"o{n}": {} for n in range(side)}))
    past = facts_of(event([f"i{n}" for n in range(side + 1)], {f"o{n}": {} for n in range(side)}))

    assert len(told.edges.edges) == MOST_PAIRS + side
    assert {edge.flow for edge in past.edges.edges} == {""}
    assert len(past.edges.edges) == 2 * side + 1
    assert past.not_linked == ()


def test_several_running_events_of_a_run_are_never_crossed() -> None:
    first = facts_of(event(["a"], {"c": {}}) | {"eventType": "RUNNING"})
    second = facts_of(event(["b"], {"d": {}}) | {"eventType": "RUNNING"})

    assert reads_of(first) | reads_of(second) == {("a", "c", "implicit_single"), ("b", "d", "implicit_single")}
