"""Small events and what they must assert, as data: cases/*.yaml.

A case names only the parts of the facts that it is about. `kind`: run (default), job or dataset; what a valid event
needs besides is filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml

from ingest.openlineage.facts import Reader
from ingest.openlineage.parse import event_of, parse
from lineage.facts import Facts, RunRef
from lineage.model import text_of, us_of
from tests.golden.rendering import check_line, edge_line

CASES = Path(__file__).parent / "cases"
RUN = "11111111-1111-4111-8111-111111111111"
SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"
FRAGMENT = {"run": "RunEvent", "job": "JobEvent", "dataset": "DatasetEvent"}


def cases() -> list[Any]:
    found = []
    for path in sorted(CASES.glob("*.yaml")):
        for case in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if case:
                found.append(pytest.param(case, id=f"{path.stem}: {case['case']}"))
    return found


def event_in(case: dict[str, Any]) -> dict[str, Any]:
    kind = case.get("kind", "run")
    event = {"eventTime": "2026-05-01T12:00:00Z", "producer": "https://example.com", "schemaURL": SPEC + FRAGMENT[kind]}
    if kind == "run":
        event |= {"eventType": "COMPLETE", "run": {"runId": RUN}}
    if kind != "dataset":
        event["job"] = {"namespace": "j", "name": "load"}
    return event | case["event"]


def _ref(ref: RunRef | None) -> dict[str, str] | None:
    return {"run_id": ref.run_id, "job": ref.job.id} if ref else None


def _run(facts: Facts, expected: Any) -> Any:
    run = facts.run
    if run is None or expected is None:
        return None if run is None else "a run"
    told = {
        "run_id": run.run_id,
        "event_type": run.event_type,
        "nominal_start": text_of(run.nominal_start_us),
        "nominal_end": text_of(run.nominal_end_us),
        "parent": _ref(run.parent),
        "root": _ref(run.root),
        "error": run.error,
        "sibling": run.sibling,
        "incomplete": run.incomplete,
        "snapshot": run.snapshot,
        "job": run.job.id,
    }
    return {key: told[key] for key in expected}


def _decision(facts: Facts, expected: Any) -> Any:
    said = facts.decision
    if said is None:
        return None
    return [said.action, said.one.id, said.other.id, said.into.id if said.into else None, said.author, said.reason]


def _judged(facts: Facts, expected: Any) -> Any:
    said = facts.judged
    return [said.action, said.source.id, said.target.id, said.author, said.reason] if said else None


def _described(facts: Facts, expected: Any) -> Any:
    by_id = {one.node.id: dict(one.facets) for one in facts.described}
    return {node: by_id.get(node) for node in expected}


# What a case may expect, and how the facts tell it; the second argument is what the case says.
PARTS: dict[str, Callable[[Facts, Any], Any]] = {
    "at": lambda facts, _: text_of(facts.at_us),
    "origin": lambda facts, _: facts.origin.word,
    "owner": lambda facts, _: facts.owner.id,
    "edges": lambda facts, _: [edge_line(edge) for edge in facts.edges.edges],
    "known": lambda facts, _: [one.node.id for one in facts.described if one.known],
    "unknown": lambda facts, _: [one.node.id for one in facts.described if not one.known],
    "described": _described,
    "run": _run,
    "measured": lambda facts, _: [[one.dataset.id, one.role, dict(one.body)] for one in facts.measured],
    "asserted": lambda facts, _: [check_line(one) for one in facts.asserted],
    "spelled": lambda facts, _: [
        f"{one.node.id} as {one.namespace} {one.name} by {', '.join(one.rules)}"
        + (f" without {one.folded}" * bool(one.folded))
        for one in facts.spelled
    ],
    "joined": lambda facts, _: [f"{one.node.id} = {one.alias.id} {one.how} {one.type}" for one in facts.joined],
    "dropped": lambda facts, _: [one.node.id for one in facts.dropped],
    "renamed": lambda facts, _: [f"{one.previous.id} -> {one.node.id}" for one in facts.renamed],
    "controls": lambda facts, _: [f"{one.upstream.id} -> {one.downstream.id} {one.rule}" for one in facts.controls],
    "decision": _decision,
    "judged": _judged,
    "not_linked": lambda facts, _: [f"{one.dataset}: {one.reason}" for one in facts.not_linked],
}
# The order of these is the order of the facts; the others are told in the order of the file.
UNORDERED = {"known", "unknown"}


@pytest.mark.parametrize("case", cases())
def test_an_event_asserts_what_its_case_says(case: dict[str, Any]) -> None:
    body = orjson.dumps(event_in(case))
    parse(body)  # a case is an event that the intake lets through
    received_us = us_of(yaml.safe_load("2026-05-02T12:00:00Z"))

    facts = Reader().facts(event_of(body), received_us)

    assert facts is not None
    told = {part: PARTS[part](facts, expected) for part, expected in case["facts"].items()}
    assert {part: sorted(value) if part in UNORDERED else value for part, value in told.items()} == case["facts"]
