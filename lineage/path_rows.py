"""Paths in the words of the wire: their nodes, and how each step is known."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np

from lineage.between import NOBODY, Between, Steps
from lineage.model import Basis, EdgeKind, Kind, Layer, Origin
from lineage.ports import Catalog
from lineage.traces import texts_of

EXACT = 2**53  # past it a JSON number is not exact in every reader (RFC 8259, section 6)

Row = dict[str, Any]


def exact(number: int) -> int | str:
    """A number for JSON, as decimal digits where not every reader would keep it exact.

    >>> exact(7), exact(2**64)
    (7, '18446744073709551616')
    """
    # Decimal, for Python's own way from int to str refuses past 4,300 digits.
    return number if number <= EXACT else format(Decimal(number), "f")


def path_rows(catalog: Catalog, part: Between, paths: Sequence[Sequence[int]]) -> list[Row]:
    """length: hops. basis: how its weakest step is known. steps: as an edge of a trace, without times."""
    shown = [[node for node in path if part.name[node] >= 0] for path in paths]
    steps = _step_rows(catalog, part, {pair for path in shown for pair in pairwise(path)})
    return [_path_row(part, path, [steps[pair] for pair in pairwise(path)]) for path in shown]


def _path_row(part: Between, path: Sequence[int], steps: list[Row]) -> Row:
    weakest = max((_BASES[step["basis"]] for step in steps), default=None)
    return {
        "length": len(steps),
        "basis": None if weakest is None else weakest.word,
        "nodes": [part.texts[part.name[node]] for node in path],
        "steps": steps,
    }


_BASES = {basis.word: basis for basis in Basis}


def _step_rows(catalog: Catalog, part: Between, pairs: set[tuple[int, int]]) -> dict[tuple[int, int], Row]:
    steps = _chosen(part, pairs)
    jobs = _jobs(catalog, part, steps)
    found: dict[tuple[int, int], Row] = {}
    columns = (steps.source, steps.target, steps.basis, steps.origin)
    rows = zip(*(column.tolist() for column in columns), jobs, strict=True)
    for source, target, basis, origin, job in rows:
        row = found.setdefault((source, target), _step(part, source, target, basis, origin))
        row["basis"] = min(row["basis"], Basis(basis))
        row["origin"] = min(row["origin"], Origin(origin))
        if job is not None:
            row.setdefault("jobs", set()).add(job)
    for row in found.values():
        row["basis"], row["origin"] = row["basis"].word, row["origin"].word
        if "jobs" in row:
            row["jobs"] = sorted(row["jobs"])
    return found


def _step(part: Between, source: int, target: int, basis: int, origin: int) -> Row:
    names = part.name[source], part.name[target]
    kinds = [part.kinds[name] for name in names]
    kind = EdgeKind.READ if kinds[1] == Kind.JOB else EdgeKind.WROTE if kinds[0] == Kind.JOB else EdgeKind.DERIVED
    return {
        "source": part.texts[names[0]],
        "target": part.texts[names[1]],
        "kind": kind.word,
        "basis": Basis(basis),
        "origin": Origin(origin),
    }


def _chosen(part: Between, pairs: set[tuple[int, int]]) -> Steps:
    """All that is known of these steps."""
    size = part.graph.size
    wanted = np.unique(np.array([source * size + target for source, target in pairs], np.int64))
    return part.steps.taken(np.isin(part.steps.source * size + part.steps.target, wanted))


def _jobs(catalog: Catalog, part: Between, steps: Steps) -> list[str | None]:
    """The job between, of each step; None where none stands between."""
    if any(kind == Kind.FIELD for kind in part.kinds):
        return _owners(catalog, steps.edge.tolist())
    return [None if via == NOBODY else part.texts[via] for via in steps.via.tolist()]


def _owners(catalog: Catalog, edges: list[int]) -> list[str | None]:
    owners = catalog.edge_facts(edges).owners.tolist() if edges else []
    known = sorted(set(owners))
    names = catalog.names(Layer.JOB, known)
    # Columns that a DatasetEvent declared have the dataset for owner: no job lies between.
    texts = {
        number: text for number, text, kind in zip(known, texts_of(names), names.kinds, strict=True) if kind == Kind.JOB
    }
    return [texts.get(owner) for owner in owners]
