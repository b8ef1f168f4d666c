"""The life of edges in the catalog is what brute force finds, in whatever order and batches events come."""

from __future__ import annotations

import hashlib
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from lineage.canonical import canonical
from lineage.database import open_engine, reading, sqlite_url
from lineage.facts import Dropped, Facts, Ran, describe, edge_set
from lineage.history import Rules, Told
from lineage.model import Basis, Edge, EdgeKind, Node, Origin, Transformation, dataset, field, job
from lineage.ports import Applied
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog
from lineage.stores.projecting.runs import run_key
from tests.lineage.living import brute_lives

JOB, JANITOR = job("air", "dag.task"), job("air", "janitor")
TABLES = [dataset("db", name) for name in "abc"]
OUT = [dataset("db", name) for name in ("x", "y")]
DESCRIBED = tuple(describe(node) for node in [*TABLES, *OUT])
STATES = ["START", "START", "RUNNING", "COMPLETE", "COMPLETE", "COMPLETE", "FAIL", "ABORT"]
WINDOWS = [
    {},
    {},
    {"headwater_window": {"runs": 2}},
    {"headwater_window": {"runs": 0}},
    {"tags": {"tags": [{"key": "headwater.window", "value": "3"}]}},
    {"headwater_window": {"_deleted": True}},
]
OPTIONS = {"deadline": None, "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]}


def read(source: Node, target: Node, basis: Basis) -> Edge:
    return Edge(EdgeKind.READ, source, JOB, basis, flow=target.id)


def guessed(sources: Sequence[Node], targets: Sequence[Node] = OUT) -> list[Edge]:
    return [read(source, target, Basis.IMPLICIT_PRODUCT) for source in sources for target in targets]


def by_column(sources: Sequence[Node], target: Node = OUT[0]) -> list[Edge]:
    step = Transformation("DIRECT", "IDENTITY")
    ends = [(field("db", one.name, "c"), field("db", target.name, "c")) for one in sources]
    return [
        *(read(source, target, Basis.COLUMN) for source in sources),
        *(Edge(EdgeKind.DERIVED, one, other, Basis.COLUMN, step) for one, other in ends),
        Edge(EdgeKind.WROTE, JOB, target, Basis.COLUMN, flow=target.id),
    ]


@st.composite
def some_edges(draw: st.DrawFn) -> list[Edge]:
    sources = draw(st.lists(st.sampled_from(TABLES), max_size=3, unique=True))
    match draw(st.integers(0, 4)):
        case 0:
            return []
        case 1:
            return guessed(sources)
        case 2:
            return by_column(sources, draw(st.sampled_from(OUT)))
        case 3:
            return guessed(sources, OUT[1:]) + by_column(
                draw(st.lists(st.sampled_from(TABLES), max_size=2, unique=True))
            )
        case _:
            return [read(source, OUT[0], Basis.IMPLICIT_SINGLE) for source in sources]


def facts_of(at: int, edges: Sequence[Edge], ran: Ran | None, facets: dict[str, object]) -> Facts:
    described = (*DESCRIBED, describe(JOB, facets))
    origin = Origin.DECLARED if ran is None else Origin.OBSERVED
    return Facts(at * 1_000_000, origin, JOB, described, edge_set(edges), ran)


@st.composite
def an_event(draw: st.DrawFn, *, plain: bool = False) -> Facts:
    at, edges = draw(st.integers(0, 12)), draw(some_edges())
    odd = 0 if plain else draw(st.integers(0, 12))
    if odd == 1:
        return facts_of(at, edges, None, {})
    ran = Ran(
        str(uuid.UUID(int=draw(st.integers(1, 4)))),
        JOB,
        draw(st.sampled_from(STATES)),
        sibling="s" if odd in (2, 3) else "",
        incomplete=odd == 4,
        snapshot=odd in (5, 6),
    )
    return facts_of(at, edges, ran, {} if plain else draw(st.sampled_from(WINDOWS)))


@st.composite
def runs_in_turn(draw: st.DrawFn) -> list[Facts]:
    """What is usual: runs one after the other, each beginning with guesses and ending with columns, seldom not."""
    sources, window = (
        draw(st.lists(st.sampled_from(TABLES), min_size=1, max_size=3, unique=True)),
        draw(st.sampled_from(WINDOWS)),
    )
    stream = draw(st.integers(0, 5)) == 0
    found = []
    for n in range(draw(st.integers(1, 6))):
        if draw(st.integers(0, 3)) == 0:
            sources = draw(st.lists(st.sampled_from(TABLES), max_size=3, unique=True))
        told = by_column(sources[:-1]) + guessed(sources, OUT[1:]) if draw(st.integers(0, 3)) else guessed(sources)
        begins, lasts = n * 4 + draw(st.integers(0, 2)), draw(st.integers(0, 6))
        for at, word, edges in (
            (begins, "START", draw(st.sampled_from([[], guessed(sources)]))),
            (begins + lasts // 2, "RUNNING", draw(st.sampled_from([[], told]))),
            (begins + lasts, draw(st.sampled_from(["COMPLETE", "COMPLETE", "COMPLETE", "FAIL"])), told),
        ):
            ran = Ran(str(uuid.UUID(int=n + 1)), JOB, word, snapshot=stream)
            found.append(facts_of(at, edges, ran, window))
    return found


@st.composite
def a_drop(draw: st.DrawFn) -> Facts:
    gone = draw(st.sampled_from([*TABLES, *OUT]))
    ran = Ran(str(uuid.UUID(int=99)), JANITOR, "COMPLETE")
    described, at = (describe(gone), describe(JANITOR)), draw(st.integers(0, 12))
    return Facts(at * 1_000_000, Origin.OBSERVED, JANITOR, described, edge_set([]), ran, dropped=(Dropped(gone),))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    t.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


Named = dict[tuple[object, ...], list[tuple[int, int]]]


def stored(catalog: SqlCatalog) -> Named:
    """The table of lives, by what the edges join."""
    e = t.edge.c
    found: Named = {}
    with reading(catalog.engine) as connection:
        flows = dict(connection.execute(select(t.flow.c.id, t.flow.c.name)).all())
        names = dict(connection.execute(select(t.node.c.id, t.node.c.name)).all())
        fields = {row.id: names[row.dataset_id] + "." + row.name for row in connection.execute(select(t.field))}
        columns = [e.kind, e.source_id, e.target_id, e.flow_id, e.origin, t.life.c.opened_us, t.life.c.closed_us]
        for row in connection.execute(select(*columns).join(t.life, t.life.c.edge_id == e.id)):
            ends = fields if row.kind == EdgeKind.DERIVED else names
            key = (row.kind, ends[row.source_id], ends[row.target_id], flows.get(row.flow_id, ""), row.origin)
            found.setdefault(key, []).append((row.opened_us, row.closed_us))
    return {key: sorted(spans) for key, spans in found.items()}


def expected(events: Sequence[Facts], default: int = 1) -> Named:
    """The same by brute force."""
    found: Named = {}
    for origin in Origin:
        mine = [event for event in events if event.origin is origin and event.owner == JOB]
        numbers: dict[tuple[object, ...], int] = {}
        bases: dict[int, tuple[Basis, Edge]] = {}
        runs: dict[str, list[Told]] = {}
        for event in mine:
            ids = set()
            for edge in event.edges.edges:
                number = numbers.setdefault((*_named(edge), int(origin)), len(numbers) + 1)
                bases[number] = min((edge.basis, edge), bases.get(number, (edge.basis, edge)), key=lambda pair: pair[0])
                ids.add(number)
            ran = event.run
            if ran is None:
                if ids:
                    runs.setdefault(run_key(event).hex(), []).append(Told(event.at_us, "COMPLETE", frozenset(ids)))
            else:
                told = Told(event.at_us, ran.event_type, frozenset(ids), ran.incomplete, ran.sibling, ran.snapshot)
                runs.setdefault(ran.run_id, []).append(told)
        reads = {n: pair for n, pair in bases.items() if pair[1].kind is EdgeKind.READ}
        flow = {name: at for at, name in enumerate(sorted({edge.flow for _, edge in reads.values()}))}
        rules = Rules(
            _window(events, default) if origin is Origin.OBSERVED else 1,
            {n: flow[edge.flow] for n, (basis, edge) in reads.items() if basis is Basis.IMPLICIT_PRODUCT},
            {n: flow[edge.flow] for n, (basis, edge) in reads.items() if basis <= Basis.PARSED},
        )
        rules = replace(rules, drops=_drops(events, bases))
        lives = brute_lives(runs, rules)
        found |= {key: lives[number] for key, number in numbers.items() if number in lives}
    return found


def _drops(events: Sequence[Facts], bases: Mapping[int, tuple[Basis, Edge]]) -> dict[int, list[int]]:
    times = [(one.node, event.at_us) for event in events for one in event.dropped]
    ends = {number: (edge.source.dataset, edge.target.dataset) for number, (_, edge) in bases.items()}
    return {number: sorted({at for node, at in times if node in joined}) for number, joined in ends.items()}


def _named(edge: Edge) -> tuple[object, ...]:
    ends = [one.name + (f".{one.field}" if one.field else "") for one in (edge.source, edge.target)]
    return (int(edge.kind), *ends, edge.flow)


def _window(events: Sequence[Facts], default: int) -> int:
    present: dict[str, tuple[int, bytes, object]] = {}
    for event in events:
        for described in event.described:
            for key, content in described.facets.items():
                digest = _digest(key, content)
                present[key] = max(
                    (event.at_us, digest, content),
                    present.get(key, (event.at_us, digest, content)),
                    key=lambda c: c[:2],
                )
    facets = {key: content for key, (_, _, content) in present.items()}
    match facets.get("headwater_window"):
        case {"runs": int(runs)} if runs > 0:
            return runs
    return 3 if "tags" in facets else default


def _digest(key: str, content: object) -> bytes:
    return hashlib.sha256(key.encode() + b"\x1f" + canonical(content)).digest()


def apply(catalog: SqlCatalog, events: Sequence[Facts], sizes: random.Random, *, restart: bool) -> None:
    catalog.reset()
    applied = [Applied(n, event) for n, event in enumerate(events, start=1)]
    while applied:
        size = sizes.choice([1, 1, 2, 5])
        (SqlCatalog(catalog.engine) if restart and sizes.random() < 0.3 else catalog).apply(applied[:size])
        applied = applied[size:]


@given(st.lists(an_event(), min_size=1, max_size=9), st.integers(0, 10_000), st.booleans())
@settings(max_examples=100, **OPTIONS)
def test_lives_in_the_catalog_are_what_brute_force_finds_whatever_comes(
    catalog: SqlCatalog, events: list[Facts], seed: int, restart: bool
) -> None:
    chance = random.Random(seed)
    shuffled = events + chance.choices(events, k=chance.randint(0, 2))
    chance.shuffle(shuffled)
    apply(catalog, shuffled, chance, restart=restart)
    assert stored(catalog) == expected(events)


@given(runs_in_turn(), st.integers(0, 10_000), st.booleans())
@settings(max_examples=100, **OPTIONS)
def test_lives_of_runs_in_turn_are_what_brute_force_finds_though_some_events_are_late(
    catalog: SqlCatalog, events: list[Facts], seed: int, restart: bool
) -> None:
    chance = random.Random(seed)
    late = [(place + chance.choice([0, 0, 0, 0, 3, 7]), event) for place, event in enumerate(events)]
    in_turn = [event for _, event in sorted(late, key=lambda pair: pair[0])]
    apply(catalog, in_turn, chance, restart=restart)
    assert stored(catalog) == expected(events)


@given(
    st.lists(st.one_of(an_event(), an_event(), a_drop()), min_size=2, max_size=9), st.integers(0, 10_000), st.booleans()
)
@settings(max_examples=100, **OPTIONS)
def test_lives_between_drops_are_what_brute_force_finds(
    catalog: SqlCatalog, events: list[Facts], seed: int, restart: bool
) -> None:
    chance = random.Random(seed)
    shuffled = chance.sample(events, len(events)) + chance.choices(events, k=1)
    apply(catalog, shuffled, chance, restart=restart)
    assert stored(catalog) == expected(events)
