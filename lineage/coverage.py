"""How well the lineage of columns is known, per namespace."""

from __future__ import annotations

from typing import Any

import numpy as np

from lineage.model import Basis
from lineage.ports import EdgeColumns, Inventory

KNOWN = (Basis.EXPLICIT, Basis.COLUMN, Basis.PARSED)  # read off what a producer or its SQL says, not guessed
NONE = len(Basis)

Row = dict[str, Any]


def coverage_rows(held: Inventory, edges: EdgeColumns) -> Row:
    """Of all columns listed, how many take part in lineage, by the strongest basis of the edges at each."""
    best = _best(held, edges)
    count = np.bincount(held.spaces * (NONE + 1) + best, minlength=len(held.namespaces) * (NONE + 1))
    by_space = count.reshape(len(held.namespaces), NONE + 1)
    rows = {name: _row(by_space[at].tolist()) for at, name in enumerate(held.namespaces) if by_space[at].any()}
    return {**_row(by_space.sum(axis=0).tolist()), "namespaces": [{"namespace": n, **rows[n]} for n in sorted(rows)]}


def _best(held: Inventory, edges: EdgeColumns) -> Any:
    """Of each column the strongest basis, NONE where no edge touches it."""
    best = np.full(len(held.fields), NONE, np.int64)
    for ends in (edges.source, edges.target):
        at = np.searchsorted(held.fields, ends)
        at[at == len(held.fields)] = 0
        known = held.fields[at] == ends if len(held.fields) else np.zeros(len(ends), bool)
        np.minimum.at(best, at[known], edges.basis[known])
    return best


def _row(counts: list[int]) -> Row:
    """ratio: of columns that are known to take part, 0 to 1; null where there are no columns."""
    fields, known = sum(counts), sum(counts[basis] for basis in KNOWN)
    return {
        "fields": fields,
        **{basis.word: counts[basis] for basis in KNOWN},
        "ratio": round(known / fields, 4) if fields else None,
    }
