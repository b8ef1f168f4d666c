"""Datasets by the names that events give them. What repeats from event to event is worked out once."""

from __future__ import annotations

from functools import lru_cache

from lineage.model import Kind, Node
from lineage.naming import Canonical, canonical

MEMO = 32_768  # datasets; with names of 200 bytes about 25 MB
MEMO_CHARS = 512  # a longer name is worked out each time: the memo is bounded in bytes, too

Named = tuple[Node, Canonical]


def named(namespace: str, name: str) -> Named:
    """The dataset that a namespace and a name mean, and how its canonical name came about.

    >>> named("s3a://lake", "orders")[0].id
    'dataset:s3://lake:orders'
    """
    return _remembered(namespace, name) if len(namespace) + len(name) <= MEMO_CHARS else _worked_out(namespace, name)


def _worked_out(namespace: str, name: str) -> Named:
    known = canonical(namespace, name)
    return Node(Kind.DATASET, known.namespace, known.name), known


_remembered = lru_cache(MEMO)(_worked_out)
