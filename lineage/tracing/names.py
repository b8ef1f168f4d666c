"""Names of what walks found, and what each id of the graph is shown as."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from lineage.graph import Ids
from lineage.model import PREFIX, Kind, Layer
from lineage.ports import Catalog, NodeColumns
from lineage.tracing.columns import Ints, Mask


class Names:
    """ids: the nodes shown, ascending; `columns` and `texts` aligned with them.

    shown: for each id of the graph asked for (ascending), the node it is shown as: a flow is its job. as_one: ids of
    the graph that are all shown as the node `one`, which is among them. jobs, parents: of all that were asked for.
    """

    def __init__(self, catalog: Catalog, layer: Layer, ids: Ids, as_one: Mask | None = None, one: int = 0) -> None:
        found = catalog.names(layer, ids.tolist())
        self._graph_ids = ids
        self.shown: Ids = np.asarray(found.stands or ids, dtype=np.int64)
        self.parents = dict(zip(self.shown.tolist(), found.parents, strict=True))
        self.jobs = np.unique(self.shown[np.asarray(found.kinds) == Kind.JOB]).tolist()
        if as_one is not None:
            self.shown = np.where(as_one, one, self.shown)
        # Of the ids shown as one node, its own comes first: the others' names may be other names of it.
        order = np.lexsort((self.shown != ids, self.shown))
        self.ids, first = np.unique(self.shown[order], return_index=True)
        rows = order[first]
        self.columns = _taken(found, rows.tolist())
        lost = np.flatnonzero((ids[rows] != self.ids) & (np.asarray(self.columns.kinds) != Kind.JOB))
        if len(lost):  # a flow has its job's name; a dataset that was joined with another just now has not
            _put(self.columns, lost.tolist(), catalog.names(layer, self.ids[lost].tolist()))

    def of(self, ids: Ids) -> Ids:
        """What ids of the graph are shown as."""
        return self.shown[np.searchsorted(self._graph_ids, ids)]

    def place(self, shown: Ids) -> Ints:
        """Places of nodes in `ids`."""
        return np.searchsorted(self.ids, shown)

    @cached_property
    def sorted_texts(self) -> list[str]:
        return [self.texts[at] for at in self._by_text]

    @cached_property
    def rank(self) -> Ints:
        """Of each node, its place in `sorted_texts`."""
        rank = np.empty(len(self.texts), dtype=np.int64)
        rank[self._by_text] = np.arange(len(self.texts))
        return rank

    @cached_property
    def _by_text(self) -> list[int]:
        return sorted(range(len(self.texts)), key=self.texts.__getitem__)

    @cached_property
    def kinds(self) -> Ints:
        return np.asarray(self.columns.kinds, dtype=np.int64)

    @cached_property
    def texts(self) -> list[str]:
        return texts_of(self.columns)


_LISTS = ("kinds", "namespaces", "names", "parents", "columns")


def _taken(found: NodeColumns, rows: list[int]) -> NodeColumns:
    columns: dict[str, Any] = {name: getattr(found, name) for name in _LISTS}
    return NodeColumns(**{name: [column[at] for at in rows] if column else [] for name, column in columns.items()})


def _put(columns: NodeColumns, places: Sequence[int], rows: NodeColumns) -> None:
    for name in _LISTS:
        for place, value in zip(places, getattr(rows, name), strict=False):
            getattr(columns, name)[place] = value


def texts_of(names: NodeColumns) -> list[str]:
    """Ids as text."""
    if names.columns:
        prefix = PREFIX[Kind.FIELD]
        columns = zip(names.namespaces, names.names, names.columns, strict=True)
        return [f"{prefix}:{namespace}:{name}:{column}" for namespace, name, column in columns]
    prefixes = [PREFIX[kind] for kind in Kind]
    rows = zip(names.kinds, names.namespaces, names.names, strict=True)
    return [f"{prefixes[kind]}:{namespace}:{name}" for kind, namespace, name in rows]
