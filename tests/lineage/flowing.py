"""A catalog whose jobs stand in the graph under several ids, as those do whose outputs have sources of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lineage.graph import Ids
from lineage.model import Kind, Layer, Node, job
from lineage.ports import NodeColumns
from tests.lineage.test_traces import FakeCatalog


class Flowing(FakeCatalog):
    """A flow is a row named like its job, of a greater number, and its parent is the job."""

    def flow(self, of: int) -> int:
        row = self.nodes[of]
        return self.node(job(row.namespace, row.name), parent=of)

    def job_of(self, number: int) -> int:
        row = self.nodes[number]
        first = min(n for n, other in self.nodes.items() if other.name == row.name and other.kind is row.kind)
        return first if row.kind is Kind.JOB else number

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        if node.kind is not Kind.JOB:
            return (number,)
        return tuple(other for other in self.nodes if number in (self.job_of(other), self._parent(other)))

    def _parent(self, number: int) -> int:
        return self.nodes[self.job_of(number)].parent

    def flows(self) -> tuple[Ids, Ids]:
        found = [number for number in self.nodes if self.job_of(number) != number]
        return np.array(found, np.int64), np.array([self.job_of(number) for number in found], np.int64)

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        found = super().names(layer, ids)
        return replace(found, stands=[self.job_of(number) for number in ids] if layer is Layer.JOB else list(ids))
