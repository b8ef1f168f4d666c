"""How much of an answer is a guess, and how old it is."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lineage.aging import DAY_US, Aging, aging
from lineage.model import Basis, Direction, Granularity, Origin, dataset, job
from lineage.ports import Walk
from lineage.traces import Trace, trace
from tests.lineage.fake_catalog import FakeCatalog
from tests.lineage.test_traces import chain, random_catalog, text

DOWN = Direction.DOWNSTREAM
GUESS = Basis.IMPLICIT_PRODUCT
NOW = 100 * DAY_US


def asked(catalog: FakeCatalog, root: str, **question: Any) -> Trace:
    return trace(catalog, catalog.store(), root, **question)


def ids(found: Trace) -> set[str]:
    return {row["id"] for row in found.nodes}


# ------------------------------------------------------------------ guesses


def test_an_answer_says_what_share_of_it_rests_on_guesses() -> None:
    catalog = chain(1)
    guessed = catalog.node(job("etl", "wide"))
    catalog.read(1, guessed, basis=GUESS)
    catalog.wrote(guessed, catalog.node(dataset("db", "far")), basis=GUESS)

    found = asked(catalog, "dataset:db:d0")

    assert found.head()["trust"] == {
        "edges": 4,
        "by_basis": {"explicit": 0, "column": 2, "parsed": 0, "implicit_single": 0, "implicit_product": 2},
        "guessed_share": 0.5,
        "guessed_nodes": 2,
    }
    assert {row["id"] for row in found.nodes if row.get("guessed")} == {"job:etl:wide", "dataset:db:far"}


def test_what_is_known_by_another_way_is_no_guess() -> None:
    catalog = chain(2)
    short = catalog.node(job("etl", "short"))
    catalog.read(1, short, basis=GUESS)
    catalog.wrote(short, 3, basis=GUESS)

    found = asked(catalog, "dataset:db:d0")

    assert {row["id"] for row in found.nodes if row.get("guessed")} == {"job:etl:short"}


def test_between_datasets_a_guess_on_either_half_is_a_guess() -> None:
    catalog = FakeCatalog()
    a, b, between = catalog.node(dataset("db", "a")), catalog.node(dataset("db", "b")), catalog.node(job("etl", "j"))
    catalog.read(a, between, basis=Basis.COLUMN)
    catalog.wrote(between, b, basis=GUESS)

    found = asked(catalog, "dataset:db:a", granularity=Granularity.DATASET)

    assert [row["basis"] for row in found.edges] == ["implicit_product"]
    assert found.head()["trust"]["guessed_nodes"] == 1


def test_an_answer_without_edges_rests_on_nothing() -> None:
    trust = asked(chain(1), "dataset:db:d0", depth=0).head()["trust"]

    assert (trust["edges"], trust["guessed_share"], trust["guessed_nodes"]) == (0, 0.0, 0)


@pytest.mark.parametrize("granularity", [Granularity.JOB, Granularity.DATASET, Granularity.DAG])
@pytest.mark.parametrize("seed", range(60))
def test_guessed_nodes_are_those_that_disappear_without_guesses(seed: int, granularity: Granularity) -> None:
    catalog = random_catalog(seed)
    root = text(catalog, random.Random(seed).choice([n for n, row in catalog.nodes.items() if not row.flow]))

    every = asked(catalog, root, granularity=granularity, depth=None)
    sure = asked(catalog, root, granularity=granularity, depth=None, walk=Walk(min_basis=Basis.IMPLICIT_SINGLE))

    assert {row["id"] for row in every.nodes if row.get("guessed")} == ids(every) - ids(sure)


# ------------------------------------------------------------------ ages


def test_an_observed_edge_grows_stale_and_a_declared_one_does_not() -> None:
    catalog = FakeCatalog()
    table, reader = catalog.node(dataset("db", "t")), catalog.node(job("etl", "r"))
    catalog.read(table, reader, seen=(0, NOW - 31 * DAY_US, 1))
    catalog.read(table, reader, seen=(0, NOW - 31 * DAY_US, 1), origin=Origin.DECLARED)
    catalog.wrote(reader, table, seen=(0, NOW - 30 * DAY_US, 1))

    found = asked(catalog, "dataset:db:t", aging=aging(NOW, 30, None))

    assert [(row["kind"], row["origin"], row.get("stale")) for row in found.edges] == [
        ("read", "observed", True),
        ("read", "declared", None),
        ("wrote", "observed", None),
    ]


def test_what_is_gone_takes_with_it_what_lies_behind() -> None:
    catalog = chain(3)
    catalog.seen = dict.fromkeys(catalog.rows, (0, NOW, 1)) | {3: (0, DAY_US, 1)}

    found = asked(catalog, "dataset:db:d0", direction=DOWN, aging=aging(NOW, 30, 90))

    assert ids(found) == {"dataset:db:d0", "job:etl:j0", "dataset:db:d1"}


@pytest.mark.parametrize("granularity", [Granularity.JOB, Granularity.DATASET, Granularity.FIELD, Granularity.DAG])
@pytest.mark.parametrize("seed", range(60))
def test_gone_edges_are_as_if_they_had_been_closed(seed: int, granularity: Granularity) -> None:
    catalog, pick = random_catalog(seed), random.Random(seed)
    root = text(catalog, pick.choice([n for n, row in catalog.nodes.items() if not row.flow]))
    depth, limit = pick.choice([1, 2, 3, None]), 15
    gone = [n for n, row in catalog.rows.items() if row.origin is Origin.OBSERVED and catalog.seen[n][1] < limit]

    left = asked(catalog, root, granularity=granularity, depth=depth, aging=Aging(None, limit))
    for number in gone:
        del catalog.rows[number]
    closed = asked(catalog, root, granularity=granularity, depth=depth)

    assert left == closed


def test_nothing_ages_unless_asked() -> None:
    assert not any("stale" in row for row in asked(chain(1), "dataset:db:d0").edges)
