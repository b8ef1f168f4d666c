"""Random events of a small world, late and repeated ones among them, for tests of what was so and known when."""

from __future__ import annotations

import uuid
from typing import Any

from hypothesis import strategies as st

from lineage.facts import Facts, Measured, Ran, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Origin, Transformation, dataset, field, job
from tests.lineage.catalog.namings import dropped, joined, mention, ran, renamed

TABLES = [dataset("db", f"t{n}") for n in range(4)]
JOBS = [job("air", f"dag.j{n}") for n in range(3)]
DAG = job("air", "dag")
SECOND = 1_000_000
TIMES = 12


def facets(draw: st.DrawFn) -> dict[str, Any]:
    """What a dataset may be told to be; a facet may be missing or deleted."""
    word = draw(st.sampled_from(["x", "y"]))
    columns = [{"name": name, "type": draw(st.sampled_from(["int", "text"]))} for name in ("a", "b", word)]
    some = {
        "schema": {"fields": columns},
        "ownership": {"owners": [{"name": word, "type": "MAINTAINER"}]},
        "tags": {"tags": [{"key": "pii", "value": word, "source": "s"}, {"key": word, "field": "a"}]},
        "documentation": {"description": word},
    }
    chosen = draw(st.sets(st.sampled_from(sorted(some)), max_size=2))
    told: dict[str, Any] = {key: some[key] for key in chosen}
    if draw(st.integers(0, 9)) == 0:
        told["documentation"] = {"_deleted": True}
    return told


@st.composite
def an_event(draw: st.DrawFn) -> Facts:
    """One run's event, or a declaration. The basis of an edge is always the same."""
    at_us = draw(st.integers(0, TIMES)) * SECOND
    owner = draw(st.sampled_from(JOBS))
    reads = draw(st.lists(st.sampled_from(TABLES), max_size=2, unique=True))
    writes = draw(st.lists(st.sampled_from(TABLES), max_size=2, unique=True))
    edges = [Edge(EdgeKind.READ, one, owner, Basis.PARSED) for one in reads]
    edges += [Edge(EdgeKind.WROTE, owner, one, Basis.PARSED) for one in writes]
    known = dict.fromkeys(reads + writes, True)
    if draw(st.booleans()) and writes:
        origin = draw(st.sampled_from(TABLES))
        known.setdefault(origin, False)
        step = Transformation("DIRECT", draw(st.sampled_from(["IDENTITY", "AGGREGATION"])))
        ends = field("db", origin.name, "a"), field("db", writes[0].name, "b")
        edges.append(Edge(EdgeKind.DERIVED, *ends, Basis.COLUMN, step))
    described = [describe(one, facets(draw) if seen else {}, known=seen) for one, seen in known.items()]
    about = {"parent": {"namespace": "air", "name": "dag"}, "sql": {"query": draw(st.sampled_from("xy"))}}
    described += [describe(owner, about), describe(DAG)]
    if draw(st.integers(0, 9)) == 0:
        return Facts(at_us, Origin.DECLARED, owner, tuple(described), edge_set(edges))
    run = Ran(
        str(uuid.UUID(int=draw(st.integers(1, 4)))),
        owner,
        draw(st.sampled_from(["START", "RUNNING", "COMPLETE", "COMPLETE", "FAIL"])),
        incomplete=draw(st.integers(0, 5)) == 0,
    )
    measured = tuple(
        Measured(one, "output", {"outputStatistics": {"rowCount": draw(st.integers(0, 3))}}) for one in writes
    )
    return Facts(at_us, Origin.OBSERVED, owner, tuple(described), edge_set(edges), run, measured)


events = st.lists(an_event(), min_size=1, max_size=8)
moments = st.integers(-1, TIMES + 1).map(lambda second: second * SECOND)

names = st.sampled_from(["a", "b", "c"])
seconds = st.integers(0, TIMES)
namings = st.lists(
    st.one_of(
        st.builds(mention, names, seconds),
        st.builds(joined, names, names, seconds),
        st.builds(renamed, names, names, seconds),
        st.builds(dropped, names, seconds),
        st.builds(
            lambda at, reads, writes: ran("j", at, reads, writes, columns=True),
            seconds,
            st.lists(names, max_size=2, unique=True),
            st.lists(names, min_size=1, max_size=1),
        ),
    ),
    min_size=1,
    max_size=8,
)
