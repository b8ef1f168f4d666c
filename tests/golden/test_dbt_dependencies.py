"""dbt's own dependency graph as a second opinion on the edges of its events.

dbt_dependencies.json: by target and model, the relations that the manifest of the recorded project says it depends on.
"""

from __future__ import annotations

import json

import pytest

from lineage.model import EdgeKind, Node
from tests.golden.rendering import HERE, facts_of

DEPENDS_ON: dict[str, dict[str, list[str]]] = json.loads((HERE / "dbt_dependencies.json").read_text())
# Ephemeral models run inside their readers and write nothing, so no event has them as an output.
EPHEMERAL = ("int_order_amounts", "int_store_country")


def inputs_by_output(recording: str) -> dict[str, set[str]]:
    """By dataset, what the jobs that write it read; origins that nothing reads or writes by name left out."""
    known: set[Node] = set()
    reads: dict[Node, set[Node]] = {}
    writes: dict[Node, set[Node]] = {}
    for facts in facts_of(recording):
        known |= {one.node for one in facts.described if one.known}
        for edge in facts.edges.edges:
            if edge.kind is EdgeKind.READ:
                reads.setdefault(edge.target, set()).add(edge.source)
            elif edge.kind is EdgeKind.WROTE:
                writes.setdefault(edge.target, set()).add(edge.source)
    found: dict[str, set[str]] = {}
    for written, jobs in writes.items():
        found[written.name] = {source.name for job in jobs for source in reads.get(job, set()) & known}
    return found


@pytest.mark.parametrize(("target", "recording"), [("duckdb", "dbt_duckdb_structured_run")])
def test_structured_events_have_the_dependencies_of_the_manifest(target: str, recording: str) -> None:
    found = inputs_by_output(recording)

    assert {name: found.get(name, set()) for name in DEPENDS_ON[target]} == {
        name: set(sources) for name, sources in DEPENDS_ON[target].items()
    }


@pytest.mark.parametrize(("target", "recording"), [("duckdb", "dbt_duckdb_run"), ("postgres", "dbt_postgres_run")])
def test_events_made_of_artifacts_have_the_dependencies_of_the_manifest(target: str, recording: str) -> None:
    """The SQL shows what dbt's inputs leave out: seeds, and what the ephemeral models inside of it are made of."""
    depends_on = DEPENDS_ON[target]
    expected = {name: set(sources) for name, sources in depends_on.items() if not name.endswith(EPHEMERAL)}
    for sources in expected.values():
        for ephemeral in [source for source in sources if source.endswith(EPHEMERAL)]:
            sources.update(depends_on[ephemeral])

    found = inputs_by_output(recording)

    assert {name: found.get(name, set()) for name in expected} == expected
