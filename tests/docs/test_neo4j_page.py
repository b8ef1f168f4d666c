"""docs/neo4j.md is what analysts build on: the names are those of the store, and its questions can be asked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from neo4j import GraphDatabase

from api.demo.tour import recordings
from api.settings import load
from api.wiring import open_headwater
from lineage.stores import neo4j as store
from tests.docs.running import ROOT, shell

if TYPE_CHECKING:
    from tests.servers import Neo4jServer


PAGE = (ROOT / "docs" / "neo4j.md").read_text("utf-8")
QUESTIONS = re.findall(r"^```cypher\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


def test_labels_and_relationships_are_those_of_the_store() -> None:
    shapes = store.SHAPES.values()
    written = set(re.findall(r"`(\w+)`", PAGE))

    assert {shape.type for shape in shapes} | {"CHILD_OF", "FLOW_OF", "FIELD_OF"} <= written
    assert {shape.source for shape in shapes} | {shape.target for shape in shapes} <= written


@pytest.mark.live
def test_every_question_can_be_asked(neo4j: Neo4jServer, tmp_path: Path) -> None:
    with recordings() as files:
        done = shell(f"headwater ingest events {' '.join(files)} --data data", tmp_path)
    assert done.returncode == 0, done.stderr
    with open_headwater(load(data=tmp_path / "data", graph=neo4j.uri), projector="inline") as here:
        here.catch_up()
    with GraphDatabase.driver(neo4j.uri, auth=neo4j.auth) as driver:
        answers = [driver.execute_query(question).records for question in QUESTIONS]

    assert len(answers) == 4
    assert {record["d.name"] for record in answers[0]} >= {"warehouse.marts.v_revenue"}
    assert answers[1], "some column is made from another"
