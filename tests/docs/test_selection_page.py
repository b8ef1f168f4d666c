"""docs/selection.md: its examples select what stands beside them, and what it names is all there is."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lineage import parsing
from lineage.expressions import FILTERS
from tests.docs.running import ROOT
from tests.lineage.selecting import Opened, opened

PAGE = (ROOT / "docs" / "selection.md").read_text("utf-8")
EXAMPLES = re.findall(r"^\| `([^`]+)` \| ((?:`[^`]+`(?:, )?)+) \|$", PAGE.partition("## Examples")[2], re.MULTILINE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    with opened(tmp_path_factory.mktemp("shop")) as found:
        yield found


@pytest.mark.parametrize(("selection", "names"), EXAMPLES)
def test_an_example_selects_what_stands_beside_it(shop: Opened, selection: str, names: str) -> None:
    assert shop.names(selection) == set(re.findall("`([^`]+)`", names))


def test_there_are_examples() -> None:
    assert len(EXAMPLES) == 10


def test_every_filter_is_described() -> None:
    described = set(re.findall(r"`(\w+):", PAGE.partition("## Hops")[0]))

    assert described - {"dataset", "datasetField"} == set(FILTERS)


def test_the_limits_are_those_of_the_parser() -> None:
    limits = PAGE.partition("## Limits")[2]
    known = (parsing.MAX_LENGTH, parsing.MAX_TERMS, parsing.MAX_WALKS, parsing.MAX_HOPS, parsing.MAX_DEPTH)

    assert [limit for limit in (*known, parsing.MAX_SCANS) if f"{limit:,} " not in limits] == []
