"""Pairs of names over every scheme of the naming rules: the same dataset, or not known to be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lineage.naming import canonical
from lineage.naming_rules import load

LINES = (Path(__file__).parent / "pairs.jsonl").read_text("utf-8").splitlines()
PAIRS: list[dict[str, Any]] = [json.loads(line) for line in LINES]
LEAST = 150


def _meet(pair: dict[str, Any]) -> bool:
    one, other = canonical(*pair["one"]), canonical(*pair["other"])
    return (one.namespace, one.name) == (other.namespace, other.name)


@pytest.mark.parametrize("pair", [p for p in PAIRS if p["same"]], ids=lambda p: f"{p['scheme']}: {p['why']}")
def test_names_of_one_dataset_meet(pair: dict[str, Any]) -> None:
    assert _meet(pair), f"{pair}: {canonical(*pair['one'])}, {canonical(*pair['other'])}"


@pytest.mark.parametrize("pair", [p for p in PAIRS if not p["same"]], ids=lambda p: f"{p['scheme']}: {p['why']}")
def test_names_that_may_be_two_datasets_stay_apart(pair: dict[str, Any]) -> None:
    assert not _meet(pair), f"{pair}: both {canonical(*pair['one'])}"


def test_every_scheme_has_a_pair_that_meets_and_one_that_does_not() -> None:
    schemes = {scheme.name for scheme in load().schemes.values()}

    assert schemes - {p["scheme"] for p in PAIRS if p["same"]} == set()
    assert schemes - {p["scheme"] for p in PAIRS if not p["same"]} == set()
    assert len(PAIRS) >= LEAST


@pytest.mark.parametrize("rule", load().rules, ids=lambda rule: rule.id)
def test_the_example_of_each_rule_is_true(rule: Any) -> None:
    done = canonical(*rule.before)

    assert (done.namespace, done.name) == rule.after
    assert done.rules == (rule.id,)
