"""What people say, read off the facets that `ingest.by_hand` writes: words about identity and about edges.

What they say of owners, tags and the like needs no reading: it is facets, kept under keys of their own, so that no
producer's facet ever takes their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.cleaning import identifier
from lineage.facts import Decision, Judged
from lineage.model import Kind, Node, job
from lineage.model import field as field_node

PREFIX = "headwater_"
IDENTITY, EDGE = "headwater_identity", "headwater_edge"
DECISIONS = frozenset({"merge", "split"})
JUDGEMENTS = frozenset({"add", "suppress", "forget"})


def is_by_hand(facets: Mapping[str, Any]) -> bool:
    """Whether nothing but people's words stand here: then it is no sign that the thing itself exists.

    >>> is_by_hand({"headwater_tags": {}}), is_by_hand({"headwater_tags": {}, "schema": {}}), is_by_hand({})
    (True, False, False)
    """
    return bool(facets) and all(key.startswith(PREFIX) for key in facets)


def decision(node: Node, facet: Any) -> Decision | None:
    """The word on a pair of datasets; None if it makes no sense."""
    if not facet:
        return None
    stated = read.mapping(facet)
    action, other = stated.get("action"), read.dataset_named(stated.get("other"))
    if action not in DECISIONS or other is None or other == node:
        return None
    into = read.dataset_named(stated.get("into"))
    return Decision(action, node, other, into if into in (node, other) else None, *_author(stated))


def judged(facet: Any) -> Judged | None:
    """The word on an edge; None if it makes no sense."""
    if not facet:
        return None
    stated = read.mapping(facet)
    action, source, target = stated.get("action"), _node(stated.get("source")), _node(stated.get("target"))
    if action not in JUDGEMENTS or source is None or target is None or source == target:
        return None
    return Judged(action, source, target, *_author(stated))


def named(said: Iterable[Decision | Judged | None]) -> set[Node]:
    """The datasets and jobs that people's words are about."""
    found = set[Node | None]()
    for one in said:
        if isinstance(one, Decision):
            found |= {one.one, one.other, one.into}
        elif one is not None:
            found |= {one.source.dataset, one.target.dataset}
    return {node for node in found if node is not None}


def _author(stated: Mapping[str, Any]) -> tuple[str, str]:
    author, reason = (stated.get(key) for key in ("author", "reason"))
    return author if isinstance(author, str) else "", reason if isinstance(reason, str) else ""


def _node(value: Any) -> Node | None:
    stated = read.mapping(value)
    kind, of = stated.get("kind"), read.dataset_named(stated)
    if of is None:
        return None
    if kind == Kind.JOB.word:
        return job(stated["namespace"], stated["name"])
    if kind == Kind.DATASET.word:
        return of
    column = identifier(stated.get("field"))
    return field_node(of.namespace, of.name, column) if kind == Kind.FIELD.word and column else None
