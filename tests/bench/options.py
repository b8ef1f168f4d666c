"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    """rounds: of everything that alternates with a peer. full: the whole graph into Neo4j, not a slice.

    events: of the steady state that the projections are measured on.
    """

    rounds: int = 3
    full: bool = False
    events: int = 100_000
