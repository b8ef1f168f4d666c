"""Traces at the level of DAGs, against brute force over tasks."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lineage.model import Basis, Direction, EdgeKind, Granularity, Kind, dataset, job
from lineage.ports import NodeRow
from lineage.traces import Trace, trace
from tests.lineage.fake_catalog import FakeCatalog

UP, DOWN = Direction.UPSTREAM, Direction.DOWNSTREAM


def asked(catalog: FakeCatalog, root: str, **question: Any) -> Trace:
    return trace(catalog, catalog.store(), root, granularity=Granularity.DAG, **question)


def distances(found: Trace) -> dict[str, int]:
    return {row["id"]: row["distance"] for row in found.nodes}


def shapes(found: Trace) -> list[tuple[str, str, list[str]]]:
    return [(row["source"], row["target"], row.get("through", [])) for row in found.edges]


@pytest.fixture
def catalog() -> FakeCatalog:
    """Three DAGs of tasks in a row, loading -> core -> marts, and a table in front."""
    made = FakeCatalog()
    tables = [made.node(dataset("db", f"t{at}")) for at in range(6)]
    dags = [made.node(job("af", name)) for name in ("loading", "core", "marts")]
    for at in range(5):
        task = made.node(job("af", f"task{at}"), parent=dags[at // 2])
        made.read(tables[at], task)
        made.wrote(task, tables[at + 1])
    return made


def test_dags_are_joined_through_the_datasets_between_them(catalog: FakeCatalog) -> None:
    found = asked(catalog, "job:af:loading", direction=DOWN)

    assert distances(found) == {"job:af:loading": 0, "job:af:core": 1, "job:af:marts": 2}
    assert shapes(found) == [
        ("job:af:core", "job:af:marts", ["dataset:db:t4"]),
        ("job:af:loading", "job:af:core", ["dataset:db:t2"]),
    ]
    assert {row["kind"] for row in found.edges} == {"feeds"}
    assert found.totals == {"datasets": 0, "jobs": 3, "fields": 0, "dags": 3}


def test_a_task_stands_for_its_dag(catalog: FakeCatalog) -> None:
    found = asked(catalog, "job:af:task2")

    assert found.root == "job:af:core"
    assert distances(found) == {"job:af:core": 0, "job:af:loading": 1, "job:af:marts": 1}
    assert {row["id"]: row["side"] for row in found.nodes}["job:af:loading"] == "upstream"


def test_a_dataset_stays_in_the_answer_beside_the_dags_that_write_and_read_it(catalog: FakeCatalog) -> None:
    found = asked(catalog, "dataset:db:t2", depth=1)

    assert distances(found) == {"dataset:db:t2": 0, "job:af:core": 1, "job:af:loading": 1}
    assert [(row["source"], row["target"], row["kind"]) for row in found.edges] == [
        ("dataset:db:t2", "job:af:core", "read"),
        ("job:af:loading", "dataset:db:t2", "wrote"),
    ]


def test_depth_counts_dags_and_not_the_tasks_within(catalog: FakeCatalog) -> None:
    assert distances(asked(catalog, "dataset:db:t0", depth=2, direction=DOWN)) == {
        "dataset:db:t0": 0,
        "job:af:loading": 1,
        "job:af:core": 2,
    }
    assert distances(asked(catalog, "job:af:loading", depth=0)) == {"job:af:loading": 0}


def test_a_dag_of_a_hundred_tasks_in_a_row_is_walked_to_its_end() -> None:
    made = FakeCatalog()
    tables = [made.node(dataset("db", f"t{at}")) for at in range(103)]
    dags = [made.node(job("af", name)) for name in ("long", "next", "last")]
    for at in range(102):
        task = made.node(job("af", f"task{at}"), parent=dags[max(0, at - 99)])
        made.read(tables[at], task)
        made.wrote(task, tables[at + 1])

    assert distances(asked(made, "job:af:long", depth=1, direction=DOWN)) == {"job:af:long": 0, "job:af:next": 1}
    assert distances(asked(made, "dataset:db:t0", depth=2, direction=DOWN)) == {
        "dataset:db:t0": 0,
        "job:af:long": 1,
        "job:af:next": 2,
    }
    assert distances(asked(made, "job:af:last", depth=None, direction=UP)) == {
        "job:af:last": 0,
        "job:af:next": 1,
        "job:af:long": 2,
    }


def test_a_job_without_a_parent_stands_for_itself(catalog: FakeCatalog) -> None:
    alone = catalog.node(job("bi", "dashboard"))
    catalog.read(6, alone)

    found = asked(catalog, "job:bi:dashboard", depth=1)

    assert distances(found) == {"job:bi:dashboard": 0, "job:af:marts": 1}
    assert found.totals["dags"] == 1


def test_parents_in_a_circle_end_and_each_stands_for_itself() -> None:
    catalog = FakeCatalog()
    one, two = catalog.node(job("af", "one"), parent=2), catalog.node(job("af", "two"), parent=1)
    table = catalog.node(dataset("db", "t"))
    catalog.wrote(one, table)
    catalog.read(table, two)

    assert set(distances(asked(catalog, "dataset:db:t"))) == {"dataset:db:t", "job:af:one", "job:af:two"}


def test_an_edge_names_twenty_datasets_and_counts_all() -> None:
    catalog = FakeCatalog()
    giver, taker = catalog.node(job("af", "giver")), catalog.node(job("af", "taker"))
    for at in range(30):
        table = catalog.node(dataset("db", f"t{at:02d}"))
        catalog.wrote(giver, table, basis=Basis.EXPLICIT)
        catalog.read(table, taker, basis=Basis.PARSED if at else Basis.IMPLICIT_PRODUCT)

    (edge,) = asked(catalog, "job:af:giver").edges

    assert edge["through"] == [f"dataset:db:t{at:02d}" for at in range(20)]
    assert (edge["through_total"], edge["basis"], edge["weakest_basis"]) == (30, "parsed", "implicit_product")


# ------------------------------------------------------------------ brute force


def random_catalog(pick: random.Random) -> FakeCatalog:
    """Tasks in DAGs in DAGs, flows, cycles, a table that many write."""
    catalog = FakeCatalog()
    tables = [catalog.node(dataset("db", f"d{at}")) for at in range(pick.randint(2, 8))]
    jobs: list[int] = []
    for at in range(pick.randint(2, 10)):
        jobs.append(catalog.node(job("etl", f"j{at}"), parent=pick.choice([0, 0, *jobs])))
    parts = jobs + [catalog.flow(pick.choice(jobs), pick.choice(tables)) for _ in range(pick.randint(0, 4))]
    for _ in range(pick.randint(1, 30)):
        part, table, basis = pick.choice(parts), pick.choice(tables), pick.choice(list(Basis))
        kind, *ends = pick.choice([(EdgeKind.READ, table, part), (EdgeKind.WROTE, part, table)])
        catalog.edge(kind, *ends, catalog.stands(part), basis=basis)
    return catalog


def top(catalog: FakeCatalog, number: int) -> int:
    row = catalog.nodes[number]
    return top(catalog, row.parent) if row.parent else number


def cheapest(catalog: FakeCatalog, starts: set[int], down: bool) -> tuple[dict[int, int], set[tuple[int, int, int]]]:
    """Least changes of DAG to each task, and the steps between DAGs: (distance of the near one, giver, taker)."""
    rows = list(catalog.rows.values())
    moves = [
        (w.source, w.target, r.target)
        for w in rows
        for r in rows
        if w.kind is EdgeKind.WROTE and r.kind is EdgeKind.READ and w.target == r.source
    ]
    for start in starts:
        if catalog.nodes[start].kind is Kind.DATASET:
            moves += [(start, start, r.target) for r in rows if r.source == start and down]
            moves += [(w.source, start, start) for w in rows if w.target == start and not down]
    found = dict.fromkeys(starts, 0)
    for _ in range(len(moves) + 1):
        for giver, _, taker in moves:
            near, far = (giver, taker) if down else (taker, giver)
            if near in found:
                cost = found[near] + (top(catalog, near) != top(catalog, far))
                found[far] = min(cost, found.get(far, cost))
    steps = set()
    for giver, _, taker in moves:
        near = giver if down else taker
        if near in found and top(catalog, giver) != top(catalog, taker):
            steps.add((found[near], top(catalog, giver), top(catalog, taker)))
    return found, steps


@pytest.mark.parametrize("seed", range(150))
def test_a_trace_of_dags_equals_brute_force(seed: int) -> None:
    pick = random.Random(seed)
    catalog = random_catalog(pick)
    depth, direction = pick.choice([0, 1, 2, None]), pick.choice([UP, DOWN])
    root = top(catalog, pick.choice([n for n, row in catalog.nodes.items() if not row.flow]))
    row = catalog.nodes[root]
    starts = set(catalog.roots(row, root))

    found = asked(catalog, text(row), depth=depth, direction=direction)

    costs, steps = cheapest(catalog, starts, down=direction is DOWN)
    limit = 10**9 if depth is None else depth
    near: dict[str, int] = {}
    for number, cost in costs.items():
        if cost <= limit:
            name = text(catalog.nodes[top(catalog, number)])
            near[name] = min(cost, near.get(name, cost))
    assert distances(found) == near
    assert {(source, target) for source, target, _ in shapes(found)} == {
        (text(catalog.nodes[a]), text(catalog.nodes[b])) for cost, a, b in steps if cost < limit
    }


def text(row: NodeRow) -> str:
    return f"{row.kind.word}:{row.namespace}:{row.name}"
