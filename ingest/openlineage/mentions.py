"""Datasets and jobs as one event mentions them: what stays from run to run apart from what doesn't."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.facets import NOTHING
from ingest.openlineage.gate import storable, written
from ingest.openlineage.naming import named
from lineage.facts import Described, describe
from lineage.model import Node
from lineage.naming import Canonical

INPUT, OUTPUT, BOTH = "input", "output", "both"
# Of a DatasetEvent: nobody read or wrote it.
AT_REST = "dataset"


@dataclass(slots=True)
class Mention:
    """One dataset in one role. stable: facets that describe it; varying: what this run measured; checks: raw facets.

    node: by its canonical name. named: how that came about; spelled: the namespace and the name as the event has them.
    """

    node: Node
    role: str
    stable: Mapping[str, Any]
    varying: Mapping[str, Any]
    checks: tuple[Any, ...]
    named: Canonical
    spelled: tuple[str, str]

    @property
    def is_input(self) -> bool:
        return self.role == INPUT or self.role == BOTH

    @property
    def is_output(self) -> bool:
        """Whether what is said of it is said of a target: a dataset at rest is one too."""
        return self.role != INPUT


def mention(stated: Mapping[str, Any], role: str) -> Mention:
    """A dataset object of an event, its facets told apart by what they are, not by where they stand."""
    spelled = stated["namespace"], stated["name"]
    node, how = named(*spelled)
    facets = stated.get("facets")
    if type(facets) is not dict:
        facets = NOTHING
    carried = [c for key in ("inputFacets", "outputFacets") if (c := stated.get(key)) and type(c) is dict]
    if not carried and read.MEASUREMENTS.isdisjoint(facets) and read.ASSERTIONS not in facets:
        return Mention(node, role, facets, NOTHING, (), how, spelled)
    stable, varying, checks = _told_apart(facets, carried)
    return Mention(node, role, stable, varying, checks, how, spelled)


def _told_apart(
    facets: Mapping[str, Any], carried: list[dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]:
    """What describes a dataset, what a run measured of it, and its checks.

    facets: its own; carried: its input and output facets.
    """
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
    return stable, varying, tuple(checks)


def preferred(one: Any, other: Any) -> Any:
    """Of two contents of one facet the one that says more: order of arrival must not matter.

    >>> preferred({"a": 1}, {"a": 1, "b": 2})
    {'a': 1, 'b': 2}
    """

    def weight(facet: Any) -> tuple[bool, int, bytes]:
        text = written(facet)
        return isinstance(facet, dict), len(text), text

    return max(one, other, key=weight)


def each_once(mentions: Sequence[Mention]) -> Sequence[Mention]:
    """Every dataset once, with the stable facets and the roles of all its mentions; what a run measured is left behind.

    What an output says wins over what an input says: it is the state after the run.
    """
    if len({(one.node.namespace, one.node.name) for one in mentions}) == len(mentions):
        return mentions
    by_node: dict[Node, list[Mention]] = {}
    for one in mentions:
        by_node.setdefault(one.node, []).append(one)
    return [group[0] if len(group) == 1 else _united(group) for group in by_node.values()]


def _united(group: Sequence[Mention]) -> Mention:
    roles = {one.role for one in group}
    union: dict[str, Any] = {}
    for role in (INPUT, OUTPUT):
        of_role: dict[str, Any] = {}
        for one in group:
            if one.role == role:
                for key, facet in one.stable.items():
                    of_role[key] = preferred(of_role[key], facet) if key in of_role else facet
        union |= {key: facet for key, facet in of_role.items() if isinstance(facet, dict)}
    one = group[0]
    return Mention(one.node, BOTH if len(roles) > 1 else one.role, union, NOTHING, (), one.named, one.spelled)


def described(
    node: Node, facets: Mapping[str, Any], added: Mapping[str, Any] = NOTHING, *, known: bool = True
) -> Described:
    """A dataset or job with the facets that facts keep, and its digest.

    added: facets that stand in no facet of that name in the event; they go as they are. Nothing is remembered from
    event to event: to look up what an event says costs as much as to digest it anew, and ten times its memory.
    """
    kept = {key: content for key, facet in facets.items() if (content := read.content(facet)) is not None}
    if added:
        kept.update(added)
    try:
        return describe(node, kept, known=known)
    except (UnicodeEncodeError, RecursionError, ValueError):  # half a surrogate pair: from no journal, but from anybody
        return describe(node, storable(kept), known=known)
