"""The steps of a batch by which names, fates and people's words take effect. Mostly there is nothing to do."""

from __future__ import annotations

from collections.abc import Sequence

from lineage.facts import Facts
from lineage.stores import tables as t
from lineage.stores.projecting.fates import Fates
from lineage.stores.projecting.identity import Identity
from lineage.stores.projecting.known import Batch
from lineage.stores.projecting.nodes import Nodes
from lineage.stores.projecting.statements import Statements
from lineage.stores.projecting.verdicts import Verdicts


class Settling:
    """The settling of one batch, in the order of its steps."""

    def __init__(self, batch: Batch, nodes: Nodes, fates: Fates) -> None:
        self.batch = batch
        self.nodes = nodes
        self.fates = fates
        self.statements = Statements(batch, nodes)
        self.identity = Identity(batch, nodes)
        self.verdicts = Verdicts(batch)

    def begin(self, events: Sequence[tuple[int, Facts]]) -> None:
        """Writes what events say of names, so that all else is told by what the names meant at the time."""
        for position, facts in events:
            self.statements.take(facts, position)
        self.statements.write()
        if self.batch.known.has_fates:
            self.fates.begin(self.statements.renamed)
            self.nodes.write_names()

    def settle(self) -> None:
        """When nodes and edges are written, and before lives are worked out."""
        anew = self.fates.recut()
        self.identity.settle(self.statements.changed, anew)
        if self.identity.doubtful or anew:
            self.fates.renewed |= self.identity.owners(self.identity.doubtful | anew)

    def finish(self) -> None:
        """When lives are written, and with them the edges that they needed."""
        self.batch.write(t.field, t.edge)
        if self.nodes.unsettled or self.nodes.unsettled_edges:
            self.identity.settle(set(), set())
        self.verdicts.settle(self.statements.judged, self.identity.settled_edges, moved=self.identity.moved)
