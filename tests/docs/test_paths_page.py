"""The example of docs/paths.md is what the command says of the demo's data."""

from __future__ import annotations

import re
from pathlib import Path

from api.demo.tour import recordings
from tests.docs.running import ROOT, shell

PAGE = (ROOT / "docs" / "paths.md").read_text("utf-8")
COMMAND, SHOWN = re.findall(r"^```sh\n(.*?)^```\n\n```\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)[0]


def test_the_example_shows_what_is_printed(tmp_path: Path) -> None:
    with recordings() as files:
        done = shell(f"headwater ingest events {' '.join(files)} --data data", tmp_path)
    assert done.returncode == 0, done.stderr

    done = shell(f"{COMMAND.strip()} --data data", tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout == SHOWN


def test_every_part_of_an_answer_is_explained() -> None:
    from api.lineage_schemas import PathsAnswer, ReportAnswer

    asked = {"source", "target", "granularity", "as_of", "known_at", "position", "truncated", "distance", "more"}
    named = set(re.findall(r"`(\w+)[`.]", PAGE))

    assert (PathsAnswer.model_fields.keys() | ReportAnswer.model_fields.keys()) - asked - named == set()
