"""What people say, as OpenLineage events: it goes through the intake into the journal like anything else.

So a rebuild knows it, `GET /events` shows who said what and why, and no automation undoes it: people's words stand in
facets `headwater_*`, which producers don't send. Facet of a dataset or job: `headwater_owners`, `headwater_tags`,
`headwater_description`, `headwater_criticality`, `headwater_window`; of a column, on its dataset:
`headwater_tags.COLUMN`. `headwater_identity` is a word on two datasets being one, `headwater_edge` on an edge.
ingest.openlineage.hand reads what stands here.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from ingest.openlineage.hand import EDGE, IDENTITY, PREFIX
from ingest.openlineage.parse import SCHEMA
from lineage.facts import drawn
from lineage.model import Kind, Node, text_of

PRODUCER = "urn:headwater:by-hand"
CRITICALITIES = ("low", "medium", "high", "critical")
LONGEST_WINDOW = 1_000  # runs; past it an edge would practically never close
SAID = ("owners", "tags", "description", "criticality", "window")
OF_FIELD = ("tags", "description", "criticality")


class Unsayable(ValueError):
    """Nobody can say this of such a node. where: the argument that is wrong."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(reason)
        self.where = where
        self.reason = reason


def metadata_event(
    node: Node,
    *,
    owners: Sequence[Mapping[str, str]] | None = None,
    tags: Sequence[Mapping[str, str]] | None = None,
    removed_tags: Sequence[Mapping[str, str]] = (),
    description: str | None = None,
    criticality: str | None = None,
    window: int | None = None,
    taken_back: Collection[str] = (),
    author: str = "",
    reason: str = "",
    at_us: int | None = None,
) -> dict[str, Any]:
    """A person describes a dataset, a job or a column. What isn't given (None) stays as it was.

    owners: {name, type?}, in place of all others. tags: {key, value?}, beside those of producers; removed_tags: {key,
    value?} of producers' that don't hold, whatever their value if none is given. criticality: one of CRITICALITIES.
    window: of how many runs of the job an edge may be absent before it closes; 1 to LONGEST_WINDOW. taken_back: words
    of SAID that nobody says by hand any longer. at_us: now.
    Raises Unsayable for what a node of this kind has not.
    """
    given: dict[str, dict[str, Any] | None] = {
        "owners": None if owners is None else {"owners": [dict(owner) for owner in owners]},
        "tags": _tags(tags, removed_tags),
        "description": None if description is None else {"description": description},
        "criticality": None if criticality is None else {"criticality": criticality},
        "window": None if window is None else {"runs": window},
    }
    _require(node, given, criticality, window, taken_back)
    suffix = f".{node.field}" if node.kind is Kind.FIELD else ""
    facets = {
        f"{PREFIX}{word}{suffix}": _facet(author, reason, content)
        for word, content in given.items()
        if content is not None
    }
    facets |= {f"{PREFIX}{word}{suffix}": _facet(author, reason, {"_deleted": True}) for word in taken_back}
    if node.kind is Kind.JOB:
        return _event("JobEvent", at_us, job=_named(node, facets))
    return _event("DatasetEvent", at_us, dataset=_named(node, facets))


def merge_event(
    one: Node, other: Node, into: Node, author: str = "", reason: str = "", at_us: int | None = None
) -> dict[str, Any]:
    """A person says that two datasets are one. into: one of them, whose name both have then."""
    return _identity("merge", one, other, into, author, reason, at_us)


def split_event(
    one: Node, other: Node, into: Node | None = None, author: str = "", reason: str = "", at_us: int | None = None
) -> dict[str, Any]:
    """A person says that two datasets are not one, whoever said they were. into: of no meaning, may be left out."""
    return _identity("split", one, other, into, author, reason, at_us)


def edge_event(
    action: str, source: Node, target: Node, author: str = "", reason: str = "", at_us: int | None = None
) -> dict[str, Any]:
    """A person adds an edge, suppresses one, or takes such a word back (action "add", "suppress", "forget").

    source, target: for "add" two datasets or two columns; for "suppress" and "forget" also a dataset and a job. An
    added edge is that of a JobEvent with explicit lineage, as any consumer of OpenLineage reads it.
    Raises Unsayable for ends that no edge of that kind has.
    """
    _require_ends(action, source, target)
    word = {"action": action, "source": _reference(source), "target": _reference(target)}
    facets = {EDGE: _facet(author, reason, word)}
    job = drawn(source.id, target.id)
    if action != "add":
        return _event("JobEvent", at_us, job=_named(job, facets))
    facets["lineage"] = _facet("", "", {"entries": [_entry(source, target)]})
    inputs, outputs = [_named(source.dataset)], [_named(target.dataset)]
    return _event("JobEvent", at_us, job=_named(job, facets), inputs=inputs, outputs=outputs)


# ---------------------------------------------------------------------------------------------------------------- parts


def _identity(
    action: str, one: Node, other: Node, into: Node | None, author: str, reason: str, at_us: int | None
) -> dict[str, Any]:
    if {one.kind, other.kind} != {Kind.DATASET} or one == other:
        raise Unsayable("other", "only two different datasets can be one, or not")
    if into not in (one, other, *([None] if action == "split" else [])):
        raise Unsayable("into", f"both can only be called {one.id} or {other.id}")
    word = {"action": action, "other": _reference(other), "into": _reference(into) if into else None}
    return _event("DatasetEvent", at_us, dataset=_named(one, {IDENTITY: _facet(author, reason, word)}))


def _tags(
    tags: Sequence[Mapping[str, str]] | None, removed: Sequence[Mapping[str, str]]
) -> dict[str, list[dict[str, str]]] | None:
    if tags is None and not removed:
        return None
    return {"tags": [dict(tag) for tag in tags or ()], "removed": [dict(tag) for tag in removed]}


def _require(
    node: Node, given: Mapping[str, Any], criticality: str | None, window: int | None, taken_back: Collection[str]
) -> None:
    """Raises Unsayable for what can't be said."""
    said = {word for word, content in given.items() if content is not None}
    allowed = OF_FIELD if node.kind is Kind.FIELD else SAID
    for word in sorted({*said, *taken_back}):
        if word not in allowed:
            raise Unsayable(word, f"a {node.kind.word} has no {word} by hand; it has {', '.join(allowed)}")
        if word == "window" and node.kind is not Kind.JOB:
            raise Unsayable(word, "a window counts runs: give it to the job that writes the dataset")
    for word in sorted(said & set(taken_back)):
        raise Unsayable(word, f"{word} can't be both said and taken back")
    if criticality is not None and criticality not in CRITICALITIES:
        raise Unsayable("criticality", f"criticality is one of {', '.join(CRITICALITIES)}")
    if window is not None and not 1 <= window <= LONGEST_WINDOW:
        raise Unsayable("window", f"a window has 1 to {LONGEST_WINDOW:,} runs")


def _require_ends(action: str, source: Node, target: Node) -> None:
    """Raises Unsayable for ends that no such edge has."""
    kinds = (source.kind, target.kind)
    allowed = [(Kind.DATASET, Kind.DATASET), (Kind.FIELD, Kind.FIELD)]
    if action not in ("add", "suppress", "forget"):
        raise Unsayable("action", "an edge is added, suppressed or forgotten: action is add, suppress or forget")
    if action != "add":
        allowed += [(Kind.DATASET, Kind.JOB), (Kind.JOB, Kind.DATASET)]
    if kinds not in allowed or source == target:
        pairs = ", ".join(f"{one.word} to {other.word}" for one, other in allowed)
        reason = f"no edge to {action} from {source.id[:200]} to {target.id[:200]}; these can be: {pairs}"
        raise Unsayable("target", reason)


def _entry(source: Node, target: Node) -> dict[str, Any]:
    """The edge as the `lineage` facet says it."""
    entry = {"namespace": target.namespace, "name": target.name, "type": "DATASET"}
    origin = {"namespace": source.namespace, "name": source.name, "type": "DATASET"}
    if source.field is None or target.field is None:
        return {**entry, "inputs": [origin]}
    return {**entry, "inputs": [origin], "fields": {target.field: {"inputs": [{**origin, "field": source.field}]}}}


def _reference(node: Node) -> dict[str, str]:
    column = {} if node.field is None else {"field": node.field}
    return {"kind": node.kind.word, "namespace": node.namespace, "name": node.name, **column}


def _named(node: Node, facets: Mapping[str, Any] | None = None) -> dict[str, Any]:
    named: dict[str, Any] = {"namespace": node.namespace, "name": node.name}
    return {**named, "facets": dict(facets)} if facets else named


def _facet(author: str, reason: str, content: Mapping[str, Any]) -> dict[str, Any]:
    who = {key: text for key, text in (("author", author), ("reason", reason)) if text}
    return {"_producer": PRODUCER, "_schemaURL": f"{SCHEMA}BaseFacet", **content, **who}


def _event(kind: str, at_us: int | None, **parts: Any) -> dict[str, Any]:
    moment_us = time.time_ns() // 1000 if at_us is None else at_us
    return {"eventTime": text_of(moment_us), "producer": PRODUCER, "schemaURL": f"{SCHEMA}{kind}", **parts}
