"""Nodes chosen by an expression: sets of ids, put together from what the catalog knows and what the graph reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any

import numpy as np

from lineage.errors import StoreBehind, UnknownNode
from lineage.expressions import (
    ID,
    KINDS,
    Around,
    Expression,
    Intersection,
    Not,
    Pattern,
    Term,
    Union,
    written,
)
from lineage.graph import Ids, distinct
from lineage.model import Kind, Node
from lineage.parsing import parse
from lineage.ports import Catalog, GraphReader, Walk
from lineage.traces import Trace

EVERYTHING = Term("name", Pattern(("", "")))
EDGES_A_HOP = 2  # dataset to job to dataset, or job to dataset to job: what one step is for dbt and Dagster
MANY = 20_000
HINTS = 5  # terms that mean nothing for which names alike are looked up


@dataclass(frozen=True, slots=True)
class Selected:
    """text: the selection in full words. ids: of datasets and jobs, ascending. warnings: {term, reason, nearest}."""

    text: str
    ids: Ids
    warnings: list[dict[str, Any]] = field(default_factory=list)


def select(catalog: Catalog, store: GraphReader, text: str, *, walk: Walk = Walk()) -> Selected:
    """The datasets and jobs that a selection means, of those that are listed now.

    walk: the edges that `+` may use; its `hops` is not looked at.
    Raises InvalidSelection, StoreUnavailable, StoreBehind while the store holds another build of the catalog.
    Cost: a statement for each term, a round trip to the store for each `+`.
    """
    expression = parse(text)
    generation = catalog.mark().generation
    evaluation = _Evaluation(catalog, store, walk, generation)
    ids = evaluation.ids(expression)
    if catalog.mark().generation != generation:
        raise StoreBehind("the catalog was rebuilt while this was asked; ask again")
    return Selected(written(expression), ids, evaluation.warnings)


def totals(catalog: Catalog, ids: Ids) -> dict[str, int]:
    """How many `datasets` and `jobs` are listed among some ids. Of many it is cheaper to know all there are."""
    if len(ids) <= MANY:
        return catalog.counts(ids)
    kinds = {kind: catalog.matching(Term("kind", Pattern((kind,)))) for kind in KINDS}
    return {f"{kind}s": int(np.count_nonzero(np.isin(ids, found))) for kind, found in kinds.items()}


def narrowed(catalog: Catalog, trace: Trace, selected: Selected) -> Trace:
    """The trace of the nodes that are selected, its root, and the edges whose two ends stay.

    A column stays with its dataset. Distances, and the number of DAGs, are those of the whole trace.
    """
    nodes = [_holder(row) for row in trace.nodes]
    numbers = np.asarray(catalog.numbers(nodes), dtype=np.int64)
    keep = np.isin(numbers, selected.ids).tolist()
    rows = [row for row, kept in zip(trace.nodes, keep, strict=True) if kept or row["id"] == trace.root]
    there = {row["id"] for row in rows}
    edges = [edge for edge in trace.edges if edge["source"] in there and edge["target"] in there]
    kinds = [row["kind"] for row in rows]
    counts = {f"{kind.word}s": kinds.count(kind.word) for kind in (Kind.DATASET, Kind.JOB, Kind.FIELD)}
    return replace(trace, nodes=rows, edges=edges, totals={**trace.totals, **counts}, warnings=selected.warnings)


def _holder(row: dict[str, Any]) -> Node:
    return Node(Kind.JOB if row["kind"] == "job" else Kind.DATASET, row["namespace"], row["name"])


class _Evaluation:
    """One selection being answered; each term is asked for once."""

    def __init__(self, catalog: Catalog, store: GraphReader, walk: Walk, generation: int) -> None:
        self.catalog, self.store, self.walk, self.generation = catalog, store, walk, generation
        self.warnings: list[dict[str, Any]] = []
        self._known: dict[Term, Ids] = {}

    def ids(self, expression: Expression) -> Ids:
        match expression:
            case Term():
                return self._term(expression)
            case Union(parts):
                return distinct(*map(self.ids, parts))
            case Intersection(parts):
                return self._intersection(parts)
            case Not(part):
                return _without(self._everything(), self.ids(part))
            case Around(part, up, down):
                return self._around(expression, self.ids(part), up, down)

    def _intersection(self, parts: Sequence[Expression]) -> Ids:
        """What must not be is taken away from what must be, so `a and not b` never looks at everything."""
        wanted = [self.ids(part) for part in parts if not isinstance(part, Not)]
        unwanted = [self.ids(part.part) for part in parts if isinstance(part, Not)]
        return reduce(_without, unwanted, reduce(_both, wanted or [self._everything()]))

    def _everything(self) -> Ids:
        return self._asked(EVERYTHING)

    def _term(self, term: Term) -> Ids:
        is_new = term not in self._known
        found = self._asked(term)
        if is_new and not len(found):
            self._warn(written(term), "nothing that is listed matches this", lambda: self._nearest(term))
        return found

    def _asked(self, term: Term) -> Ids:
        if term not in self._known:
            self._known[term] = self._identified(term) if _is_id(term) else self.catalog.matching(term)
        return self._known[term]

    def _identified(self, term: Term) -> Ids:
        """By its id, as everywhere: old names lead to what they are called now. A column stands for its dataset."""
        try:
            node, number = self.catalog.find(term.pattern.text)
            if node.kind is Kind.FIELD:
                _, number = self.catalog.find(node.dataset)
        except UnknownNode:
            number = 0
        return np.asarray([number] if number else [], dtype=np.int64)

    def _nearest(self, term: Term) -> tuple[str, ...]:
        if not _is_id(term):
            return self.catalog.near(term)
        try:
            self.catalog.find(term.pattern.text)
        except UnknownNode as error:
            return error.nearest
        return ()

    def _around(self, whole: Around, start: Ids, up: int | None, down: int | None) -> Ids:
        found = [start]
        for hops, is_down in ((up, False), (down, True)):
            if hops != 0 and len(start):
                found.append(self._reached(whole, start, hops, is_down))
        return distinct(*found)

    def _reached(self, whole: Around, start: Ids, hops: int | None, is_down: bool) -> Ids:
        self._require_same_build()
        walk = replace(self.walk, hops=None if hops is None else hops * EDGES_A_HOP)
        part = self.store.reach(self.catalog.roots_of(start).tolist(), down=is_down, walk=walk)
        if part.truncated:
            self._warn(written(whole), f"cut off at {walk.limit:,} edges; ask for fewer hops", tuple)
        return self.catalog.stands_of(part.nodes)

    def _require_same_build(self) -> None:
        """Ids of another build of the catalog would name the wrong nodes."""
        mark = self.store.mark()
        if mark is None or mark.generation != self.generation:
            raise StoreBehind(f"the {self.store.name} graph is being loaded from the catalog; ask again in a moment")

    def _warn(self, term: str, reason: str, nearest: Callable[[], Iterable[str]]) -> None:
        hints = list(nearest()) if len(self.warnings) < HINTS else []
        self.warnings.append({"term": term, "reason": reason, "nearest": hints})


def _is_id(term: Term) -> bool:
    return term.filter == ID and term.pattern.is_exact


def _both(one: Ids, other: Ids) -> Ids:
    return one[np.isin(one, other, assume_unique=True)]


def _without(one: Ids, other: Ids) -> Ids:
    return one[np.isin(one, other, assume_unique=True, invert=True)]
