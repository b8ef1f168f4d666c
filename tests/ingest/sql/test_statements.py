"""Statements and their columns, as the data file has them."""

from __future__ import annotations

import os

import pytest

from tests.ingest.sql.cases import Case, cases, rewrite


def test_every_statement_of_the_file_is_read_as_it_says() -> None:
    if os.environ.get("SQL") == "rewrite":
        rewrite()
    titles = [case.title for case in cases()]

    assert len(titles) == len(set(titles)) > 40


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.title)
def test_a_statement_is_read_as_the_file_says(case: Case) -> None:
    assert case.read() == case.expected
