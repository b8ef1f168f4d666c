"""Real recordings of Airflow and dbt give exactly the edges that the data files state."""

from __future__ import annotations

import os

import pytest

from tests.golden.rendering import HERE, facts_of, recordings, story

# After a change that is meant: GOLDEN=rewrite pytest tests/golden, then read the difference before committing it.
REWRITE = os.environ.get("GOLDEN") == "rewrite"


@pytest.mark.parametrize("recording", recordings())
def test_a_recording_gives_exactly_what_its_data_file_states(recording: str) -> None:
    expected = HERE / "expected" / f"{recording}.txt"
    told = story(facts_of(recording))
    if REWRITE:
        expected.write_text(told, encoding="utf-8")
    assert told.splitlines() == expected.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("recording", recordings())
def test_a_recording_read_twice_or_backwards_tells_the_same_story(recording: str) -> None:
    facts = list(facts_of(recording))

    assert story(reversed(facts + facts)) == story(facts)


def test_every_edge_of_every_recording_has_its_nodes_described() -> None:
    for recording in recordings():
        for facts in facts_of(recording):
            described = {one.node for one in facts.described}
            ends = {node.dataset for edge in facts.edges.edges for node in (edge.source, edge.target)}
            assert ends | {facts.owner} <= described


def test_the_expectations_are_those_of_the_recordings() -> None:
    assert sorted(path.stem for path in (HERE / "expected").glob("*.txt")) == recordings()
