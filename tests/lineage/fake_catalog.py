"""A catalog with its graph in dicts: our own port `Catalog` as far as traces ask it, and a snapshot for stores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from lineage.errors import UnknownNode
from lineage.model import Basis, EdgeKind, Kind, Layer, Node, Origin, Transformation, candidates
from lineage.ports import OPEN, Control, EdgeColumns, EdgeFacts, EdgeRow, FieldRow, Mark, NodeColumns, NodeRow
from lineage.stores.memory import MemoryStore

NONE = NodeColumns([], [], [], [])


@dataclass
class FakeCatalog:
    """Names and facts in dicts; a snapshot of itself for a store to load."""

    nodes: dict[int, NodeRow] = field(default_factory=dict)
    fields: dict[int, FieldRow] = field(default_factory=dict)
    rows: dict[int, EdgeRow] = field(default_factory=dict)
    seen: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    same: dict[int, int] = field(default_factory=dict)
    waits: list[Control] = field(default_factory=list)
    generation: int = 7

    # ---------------------------------------------------------------- making one

    def node(self, node: Node, parent: int = 0) -> int:
        number = len(self.nodes) + 1
        self.nodes[number] = NodeRow(number, node.kind, node.namespace, node.name, parent)
        return number

    def flow(self, job: int, output: int) -> int:
        """The part of a job that fills one output."""
        number = len(self.nodes) + 1
        row, to = self.nodes[job], self.nodes[output]
        name = f"dataset:{to.namespace}:{to.name}"
        self.nodes[number] = NodeRow(number, Kind.JOB, row.namespace, row.name, job, name)
        return number

    def column(self, of: int, name: str) -> int:
        number = len(self.fields) + 1
        self.fields[number] = FieldRow(number, of, name)
        return number

    def edge(self, kind: EdgeKind, source: int, target: int, owner: int, **more: Any) -> int:
        number = len(self.rows) + 1
        seen = more.pop("seen", (1_000_000, 2_000_000, 1))
        values = {"origin": Origin.OBSERVED, "basis": Basis.COLUMN, "lives": ((0, OPEN),), **more}
        self.rows[number] = EdgeRow(number, kind, source, target, owner, **values)
        self.seen[number] = seen
        return number

    def read(self, source: int, by: int, **more: Any) -> int:
        return self.edge(EdgeKind.READ, source, by, by, **more)

    def wrote(self, by: int, target: int, **more: Any) -> int:
        return self.edge(EdgeKind.WROTE, by, target, by, **more)

    # ---------------------------------------------------------------- the port

    def mark(self) -> Mark:
        return Mark(self.generation, len(self.rows))

    @contextmanager
    def at_once(self) -> Iterator[Any]:
        yield self

    def position(self) -> int:
        return 42

    def find(self, node: str | Node) -> tuple[Node, int]:
        for candidate in candidates(node) if isinstance(node, str) else [node]:
            for number, row in self.nodes.items():
                same = (row.kind, row.namespace, row.name) == (candidate.kind, candidate.namespace, candidate.name)
                if same and not row.flow:
                    return candidate, number
            for number in self.fields:
                if self._field(number) == candidate:
                    return candidate, number
        raise UnknownNode(str(node))

    def _field(self, number: int) -> Node:
        row = self.fields[number]
        owner = self.nodes[row.dataset]
        return Node(Kind.FIELD, owner.namespace, owner.name, row.name)

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        """As the catalog: a job, all within it, and the flows of each."""
        if node.kind is not Kind.JOB:
            return (number,)
        found, wave = {number}, {number}
        while wave:
            wave = {row.id for row in self.nodes.values() if row.parent in wave} - found
            found |= wave
        return tuple(sorted(found))

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        if layer is Layer.FIELD:
            found = [self._field(number) for number in ids]
            columns = [node.field or "" for node in found]
            kinds, parents = [int(Kind.FIELD)] * len(found), [self.fields[number].dataset for number in ids]
            return NodeColumns(kinds, [n.namespace for n in found], [n.name for n in found], parents, columns)
        stands = [self.stands(number) for number in ids]
        rows = [self.nodes[job if self.nodes[number].flow else number] for number, job in zip(ids, stands, strict=True)]
        columns = [(int(r.kind), r.namespace, r.name, r.parent) for r in rows]
        return NodeColumns(*(list(column) for column in zip(*columns, strict=True)), stands=stands) if rows else NONE

    def parents(self, jobs: Sequence[int]) -> tuple[list[int], list[int]]:
        found = self.names(Layer.JOB, jobs)
        return found.stands, found.parents

    def stands(self, number: int) -> int:
        """A flow is shown as its job, a dataset as the one it was joined with."""
        row = self.nodes[number]
        return row.parent if row.flow else self.same.get(number, number)

    def controls(self, jobs: Sequence[int]) -> list[Control]:
        return [row for row in self.waits if row.upstream in jobs and row.downstream in jobs]

    def edge_facts(self, ids: Sequence[int]) -> EdgeFacts:
        rows = [self.rows[number] for number in ids]
        seen = [self.seen[number] for number in ids]
        columns = [(r.kind, r.owner, *times) for r, times in zip(rows, seen, strict=True)]
        return EdgeFacts(
            *np.asarray(columns, dtype=np.int64).reshape(-1, 5).T,
            transformations=[r.transformation if r.transformation != Transformation() else None for r in rows],
        )

    def fields_of(self, dataset: int) -> list[int]:
        return [number for number, row in self.fields.items() if row.dataset == dataset]

    def details(self, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
        return [{"description": f"{layer.name} {number}", "owners": [], "tags": []} for number in ids]

    def snapshot(self) -> FakeSnapshot:
        return FakeSnapshot(self)

    def store(self) -> MemoryStore:
        store = MemoryStore()
        store.load(self.snapshot())
        return store


@dataclass
class FakeSnapshot:
    catalog: FakeCatalog

    @property
    def mark(self) -> Mark:
        return self.catalog.mark()

    def counts(self) -> dict[str, int]:
        return {}

    def nodes(self, batch: int = 20_000) -> Iterator[Sequence[NodeRow]]:
        yield list(self.catalog.nodes.values())

    def fields(self, batch: int = 20_000) -> Iterator[Sequence[FieldRow]]:
        yield list(self.catalog.fields.values())

    def edges(self, layer: Layer, batch: int = 100_000) -> Iterator[EdgeColumns]:
        rows = [row for row in self.catalog.rows.values() if row.layer is layer]
        columns = [(r.id, r.kind, r.source, r.target, r.owner, r.origin, r.basis, *r.lives[0]) for r in rows]
        arrays = np.asarray(columns, dtype=np.int64).reshape(len(rows), 9).T
        ids, kinds, sources, targets, owners, origins, bases, opened, closed = arrays
        small = [column.astype(np.int8) for column in (kinds, origins, bases)]
        yield EdgeColumns(
            ids,
            small[0],
            sources,
            targets,
            owners,
            small[1],
            small[2],
            opened,
            closed,
            [r.transformation for r in rows],
        )

    def close(self) -> None:
        return
