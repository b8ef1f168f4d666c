"""How much of an answer rests on guesses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from lineage.model import Basis
from lineage.tracing.rows import CONTROL


def trust_of(nodes: Sequence[Mapping[str, Any]], edges: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What share of the edges that data goes along are guesses, and how many nodes nothing but guesses leads to.

    >>> trust_of([{"guessed": True}, {}], [{"basis": "implicit_product"}, {"basis": "column"}])["guessed_share"]
    0.5
    """
    found = Counter(edge["basis"] for edge in edges if edge.get("kind") != CONTROL)
    total = sum(found.values())
    guesses = found[Basis.IMPLICIT_PRODUCT.word]
    return {
        "edges": total,
        "by_basis": {basis.word: found[basis.word] for basis in Basis},
        "guessed_share": round(guesses / total, 4) if total else 0.0,
        "guessed_nodes": sum(bool(node.get("guessed")) for node in nodes),
    }
