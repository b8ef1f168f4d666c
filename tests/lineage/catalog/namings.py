"""Facts about names, made by hand: what tests of identity feed a catalog with."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

import orjson

from lineage.facts import Decision, Described, Dropped, Facts, Joined, Judged, Ran, Renamed, Spelled, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Node, Origin, Transformation, dataset, field, job
from lineage.ports import Applied
from lineage.stores.catalog import SqlCatalog

S = 1_000_000  # microseconds
NS = "db"


def table(name: str) -> Node:
    return dataset(NS, name)


def mention(name: str, at: int, **facets: Any) -> Facts:
    """A DatasetEvent: the table is there."""
    return _said(at, table(name), (describe(table(name), facets),))


def joined(one: str, other: str, at: int, how: str = "symlink", type: str = "TABLE", **facets: Any) -> Facts:
    """A DatasetEvent of `one` that calls it `other`, too."""
    named = [describe(table(one), facets)]
    named += [describe(table(other), known=False)] if other != one else []
    return _said(at, table(one), tuple(named), joined=(Joined(table(one), table(other), how, type),))


def renamed(previous: str, name: str, at: int) -> Facts:
    named = [describe(table(name))] + ([describe(table(previous), known=False)] if previous != name else [])
    return _said(at, table(name), tuple(named), renamed=(Renamed(table(previous), table(name)),))


def dropped(name: str, at: int) -> Facts:
    return _said(at, table(name), (describe(table(name)),), dropped=(Dropped(table(name)),))


def decided(action: str, one: str, other: str, at: int, into: str | None = None, author: str = "ann") -> Facts:
    word = Decision(action, table(one), table(other), table(into) if into else None, author)
    named = tuple(describe(table(name), known=False) for name in dict.fromkeys((one, other)))
    return _said(at, table(one), named, decision=word)


def spelled(name: str, written: str, at: int) -> Facts:
    word = Spelled(table(name), NS, written, ("host-case",))
    return _said(at, table(name), (describe(table(name)),), spelled=(word,))


def judged(action: str, source: Node, target: Node, at: int) -> Facts:
    named = tuple(describe(node.dataset, known=False) for node in dict.fromkeys((source, target)))
    return _said(at, source.dataset, named, judged=Judged(action, source, target, "ann"))


def ran(
    name: str,
    at: int,
    reads: Sequence[str] = (),
    writes: Sequence[str] = (),
    *,
    run: int | None = None,
    state: str = "COMPLETE",
    columns: bool = False,
    more: Sequence[Described] = (),
) -> Facts:
    """A run of a job; each read serves each output; columns: `a` of each output derives from `a` of each input."""
    owner = job("air", name)
    edges = [
        Edge(EdgeKind.READ, table(one), owner, Basis.IMPLICIT_SINGLE, flow=table(to).id)
        for one in reads
        for to in writes
    ]
    edges += [Edge(EdgeKind.WROTE, owner, table(to), Basis.IMPLICIT_SINGLE, flow=table(to).id) for to in writes]
    if columns:
        step = Transformation("DIRECT", "IDENTITY")
        pairs = [(field(NS, one, "a"), field(NS, to, "a")) for one in reads for to in writes]
        edges += [Edge(EdgeKind.DERIVED, *pair, Basis.COLUMN, step) for pair in pairs]
    described = tuple(describe(table(one)) for one in dict.fromkeys((*reads, *writes)))
    told = Ran(str(uuid.UUID(int=at if run is None else run)), owner, state)
    return Facts(at * S, Origin.OBSERVED, owner, (*described, *more, describe(owner)), edge_set(edges), told)


def owners(name: str) -> dict[str, Any]:
    return {"ownership": {"owners": [{"name": name}]}}


def schema(*columns: str) -> dict[str, Any]:
    return {"schema": {"fields": [{"name": column, "type": "int"} for column in columns]}}


def _said(at: int, owner: Node, described: tuple[Described, ...], **more: Any) -> Facts:
    return Facts(at * S, Origin.DECLARED, owner, described, edge_set([]), **more)


def state_after(catalog: SqlCatalog, events: Sequence[Facts], batch: int = 1, *, restart: bool = False) -> list[str]:
    """The export, line by line, once a catalog begun anew has taken the events in."""
    apply(catalog, events, batch, restart=restart)
    return [orjson.dumps(line, option=orjson.OPT_SORT_KEYS).decode() for line in catalog.export()]


def apply(catalog: SqlCatalog, events: Sequence[Facts], batch: int = 1, *, restart: bool = False) -> None:
    catalog.reset()
    applied = [Applied(n, event) for n, event in enumerate(events, start=1)]
    for start in range(0, len(applied), batch):
        writer = SqlCatalog(catalog.engine) if restart else catalog
        writer.apply(applied[start : start + batch])
