"""Datasets and jobs as one event mentions them: what stays from run to run apart from what doesn't."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from ingest.openlineage import facets as read
from ingest.openlineage.caching import Cache
from ingest.openlineage.cleaning import settled
from ingest.openlineage.gate import written
from lineage.facts import Described, describe
from lineage.model import Kind, Node

INPUT, OUTPUT = "input", "output"
# Of a DatasetEvent: nobody read or wrote it.
AT_REST = "dataset"
NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Mention:
    """One dataset in one role. stable: facets that describe it; varying: what this run measured; checks: raw facets."""

    node: Node
    role: str
    stable: Mapping[str, Any]
    varying: Mapping[str, Any]
    checks: tuple[Any, ...]


def mention(stated: Mapping[str, Any], role: str) -> Mention:
    """A dataset object of an event, its facets told apart by what they are, not by where they stand."""
    node = Node(Kind.DATASET, stated["namespace"], stated["name"])
    facets = stated.get("facets")
    if type(facets) is not dict:
        facets = NOTHING
    carried = [c for key in ("inputFacets", "outputFacets") if (c := stated.get(key)) and type(c) is dict]
    if not carried and read.MEASUREMENTS.isdisjoint(facets) and read.ASSERTIONS not in facets:
        return Mention(node, role, facets, NOTHING, ())
    return _told_apart(node, role, facets, carried)


def _told_apart(node: Node, role: str, facets: Mapping[str, Any], carried: list[dict[str, Any]]) -> Mention:
    stable: dict[str, Any] = {}
    varying: dict[str, Any] = {}
    checks = []
    for own, group in [(True, facets), *((False, group) for group in carried)]:
        for key, facet in group.items():
            if key == read.ASSERTIONS:
                checks.append(facet)
            elif key in read.MEASUREMENTS or not (own or key in read.DATASET_FACETS):
                varying[key] = preferred(varying[key], facet) if key in varying else facet
            else:
                stable.setdefault(key, facet)
    return Mention(node, role, stable, varying, tuple(checks))


def preferred(one: Any, other: Any) -> Any:
    """Of two contents of one facet the one that says more: order of arrival must not matter.

    >>> preferred({"a": 1}, {"a": 1, "b": 2})
    {'a': 1, 'b': 2}
    """

    def weight(facet: Any) -> tuple[bool, int, bytes]:
        text = written(facet)
        return isinstance(facet, dict), len(text), text

    return max(one, other, key=weight)


def merged(mentions: Iterable[Mention]) -> dict[Node, Mapping[str, Any]]:
    """Stable facets by dataset. What an output says wins over what an input says: it is the state after the run."""
    by_node: dict[Node, list[Mention]] = {}
    for one in mentions:
        by_node.setdefault(one.node, []).append(one)
    return {node: group[0].stable if len(group) == 1 else _union(group) for node, group in by_node.items()}


def _union(group: list[Mention]) -> dict[str, Any]:
    union: dict[str, Any] = {}
    for role in (INPUT, OUTPUT):
        of_role: dict[str, Any] = {}
        for one in group:
            if one.role == role:
                for key, facet in one.stable.items():
                    of_role[key] = preferred(of_role[key], facet) if key in of_role else facet
        union |= {key: facet for key, facet in of_role.items() if isinstance(facet, dict)}
    return union


class Describer:
    """Makes Described, each different one once while it is remembered.

    The cache is looked up by what the event says, `_producer` included; the digest of what it yields is over the
    content that facts keep, and the same without a cache.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._known: Cache[bytes, Described] = Cache(limit_bytes)
        self._named: Cache[Node, Described] = Cache(limit_bytes)

    def name(self, node: Node) -> Described:
        """A node of which only the name was said."""
        found = self._named.get(node)
        if found is None:
            found = described(node, NOTHING)
            self._named.put(node, found, len(node.namespace) + len(node.name))
        return found

    def describe(self, node: Node, facets: Mapping[str, Any], added: Mapping[str, Any] = NOTHING) -> Described:
        """added: facets that stand in no facet of that name in the event; they go as they are."""
        spoken = (int(node.kind), node.namespace, node.name, facets, added)
        try:
            said = orjson.dumps(spoken, option=orjson.OPT_SORT_KEYS)
        except TypeError:  # lone surrogates, integers past 64 bits, nesting: rare enough not to be remembered
            return described(node, facets, added)
        key = hashlib.blake2b(said, digest_size=32).digest()
        found = self._known.get(key)
        if found is None:
            found = described(node, facets, added)
            self._known.put(key, found, len(said))
        return found


def described(node: Node, facets: Mapping[str, Any], added: Mapping[str, Any] = NOTHING) -> Described:
    """A dataset or job with the facets that facts keep, and its digest."""
    kept = {key: content for key, facet in facets.items() if (content := read.content(facet)) is not None}
    return describe(node, settled({**kept, **added}))
