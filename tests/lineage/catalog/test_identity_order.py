"""Names that meet and part, in any order of events: one state."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lineage.database import open_engine, sqlite_url
from lineage.facts import Facts
from lineage.model import field
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from tests.lineage.catalog import namings as n

NAMES = ["a", "b", "c", "d"]


@st.composite
def an_event(draw: st.DrawFn) -> Facts:
    """One of all that may be said of names."""
    name, other = draw(st.sampled_from(NAMES)), draw(st.sampled_from(NAMES))
    at = draw(st.integers(1, 9))
    kind = draw(st.sampled_from(["mention", "join", "rename", "drop", "merge", "split", "run", "run", "judge"]))
    owner = n.owners(draw(st.sampled_from(["x", "y"])))
    match kind:
        case "mention":
            return n.mention(name, at, **owner, **n.schema(*draw(st.sampled_from([("a",), ("a", "b")]))))
        case "join":
            how, type = draw(st.sampled_from([("symlink", "TABLE"), ("symlink", "LOCATION"), ("catalog", "")]))
            return n.joined(name, other, at, how, type, **owner)
        case "rename":
            return n.renamed(name, other, at)
        case "drop":
            return n.dropped(name, at)
        case "merge" | "split":
            into = draw(st.sampled_from([None, name, other])) if kind == "merge" else None
            return n.decided(kind, name, other, at, into, draw(st.sampled_from(["ann", "bob"])))
        case "judge":
            action = draw(st.sampled_from(["suppress", "forget"]))
            ends = [
                (n.table(name), n.table(other)),
                (field(n.NS, name, "a"), field(n.NS, other, "a")),
            ]
            return n.judged(action, *draw(st.sampled_from(ends)), at)
        case _:
            state = draw(st.sampled_from(["START", "COMPLETE", "COMPLETE", "FAIL"]))
            run, columns = draw(st.integers(1, 3)), draw(st.booleans())
            return n.ran(draw(st.sampled_from("jk")), at, [name], [other], run=run, state=state, columns=columns)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlCatalog]:
    engine = open_engine(sqlite_url(tmp_path_factory.mktemp("catalog") / "catalog.db"), durable=False)
    tables.metadata.create_all(engine)
    yield SqlCatalog(engine)
    engine.dispose()


@given(
    events=st.lists(an_event(), min_size=1, max_size=9),
    seed=st.integers(0, 10_000),
    batch=st.integers(1, 9),
    repeats=st.integers(0, 3),
)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_end_in_one_state_in_any_order_any_repetition_any_batching(
    catalog: SqlCatalog, events: list[Facts], seed: int, batch: int, repeats: int
) -> None:
    shuffled = events + random.Random(seed).choices(events, k=repeats)
    random.Random(seed).shuffle(shuffled)
    in_time = sorted(events, key=lambda event: event.at_us)
    assert n.state_after(catalog, shuffled, batch) == n.state_after(catalog, in_time, 1)


@given(events=st.lists(an_event(), min_size=1, max_size=9), batch=st.integers(1, 3))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_end_in_one_state_where_the_writer_starts_again_before_every_batch(
    catalog: SqlCatalog, events: list[Facts], batch: int
) -> None:
    assert n.state_after(catalog, events, batch, restart=True) == n.state_after(catalog, events, 100)
