"""What an OpenLineage event asserts: the only place that knows both the standard and the domain.

An event is as `parse.event_of` gives it: times and identifiers are sound, texts storable; its facets may be anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.caching import Cache
from ingest.openlineage.cleaning import settled
from ingest.openlineage.edges import Linked, link
from ingest.openlineage.facets import NOTHING, Ancestry, Check
from ingest.openlineage.gate import written
from ingest.openlineage.mentions import (
    AT_REST,
    INPUT,
    OUTPUT,
    Mention,
    described,
    each_once,
    mention,
    preferred,
)
from ingest.openlineage.parse import DATASET, RUN, kind_of
from ingest.openlineage.times import time_us
from lineage.facts import ABORT, OTHER, Asserted, Described, Facts, Measured, Ran, describe
from lineage.model import Kind, Node, Origin

DAY_US = 24 * 60 * 60 * 1_000_000
# Edges remembered, of whole events: those of some 20,000 jobs that derive ten columns each; about 100 MB.
REMEMBERED_EDGES = 300_000
# Beside its edges, what a remembered event weighs in edges: key, digests, tuples.
ENTRY_EDGES = 4


class Reader:
    """Turns events into facts. Equal events give equal facts; what it remembers only saves work, and is bounded."""

    def __init__(self, remembered_edges: int = REMEMBERED_EDGES) -> None:
        self.remembered: Cache[tuple[Any, ...], Linked] = Cache(remembered_edges)

    def facts(self, event: dict[str, Any], received_us: int) -> Facts | None:
        """What the event asserts. (None is for kinds of events to come that assert nothing.)

        An eventTime more than a day ahead of its arrival is a wrong clock, and would hide all later ones: it counts as
        of its arrival.
        """
        stated_us = time_us(event["eventTime"])
        at_us = received_us if stated_us > received_us + DAY_US else stated_us
        kind = kind_of(event)
        if kind == DATASET:
            return self._facts_of_dataset(event, at_us)
        return self._facts_of_job(event, event["run"] if kind == RUN else None, at_us)

    def _facts_of_job(self, event: dict[str, Any], run: dict[str, Any] | None, at_us: int) -> Facts:
        """A RunEvent, or a JobEvent: that has no run."""
        stated = event["job"]
        node = Node(Kind.JOB, stated["namespace"], stated["name"])
        job_facets, run_facets = _by_owner(
            read.mapping(stated.get("facets")), read.mapping(read.mapping(run).get("facets"))
        )
        ancestry = _ancestry(run_facets)
        own = described(node, job_facets, _added(node, ancestry, job_facets, run_facets))
        mentions = [mention(one, INPUT) for one in event.get("inputs") or ()]
        mentions += [mention(one, OUTPUT) for one in event.get("outputs") or ()]
        linked, mentioned = self._link(node, mentions, (job_facets.get("lineage"), run_facets.get("lineage")))
        related = [describe(job) for job in (ancestry.parent_job, ancestry.root_job) if job]
        ran = None
        if run is not None:
            sibling = _sibling(job_facets, run_facets, ancestry)
            ran = _ran(node, run["runId"], event.get("eventType"), run_facets, ancestry, sibling)
        return Facts(
            at_us,
            Origin.DECLARED if ran is None else Origin.OBSERVED,
            node,
            _group(own, *mentioned, *related, *linked.extra),
            linked.edges,
            ran,
            *_observed(mentions, event, run_facets, ran),
            linked.not_linked,
        )

    def _facts_of_dataset(self, event: dict[str, Any], at_us: int) -> Facts:
        mentions = [mention(event["dataset"], AT_REST)]
        linked, mentioned = self._link(mentions[0].node, mentions, ())
        observed = _observed(mentions, event, NOTHING, None)
        group = _group(*mentioned, *linked.extra)
        return Facts(at_us, Origin.DECLARED, mentions[0].node, group, linked.edges, None, *observed, linked.not_linked)

    def _link(
        self, owner: Node, mentions: Sequence[Mention], explicit: tuple[Any, ...]
    ) -> tuple[Linked, Iterable[Described]]:
        """The edges of an event, and its datasets described. Remembered by what they are made of, never by order."""
        mentions = each_once(mentions)
        every = [described(one.node, one.stable) for one in mentions]
        said = b"" if explicit.count(None) == len(explicit) else written(explicit)
        key = (
            *(owner.kind, owner.namespace, owner.name, said),
            tuple(sorted([known.digest for one, known in zip(mentions, every, strict=True) if one.is_input])),
            tuple(sorted([known.digest for one, known in zip(mentions, every, strict=True) if one.is_output])),
        )
        linked = self.remembered.get(key)
        if linked is None:
            inputs = {one.node: known.facets for one, known in zip(mentions, every, strict=True) if one.is_input}
            outputs = {one.node: known.facets for one, known in zip(mentions, every, strict=True) if one.is_output}
            linked = link(owner, inputs, outputs, explicit)
            self.remembered.put(key, linked, ENTRY_EDGES + len(linked.edges.edges) + len(linked.not_linked))
        return linked, every


def _group(*every: Described) -> tuple[Described, ...]:
    """Every node once, in the order of digests: the first to describe it wins, for what comes later has no facets."""
    by_node: dict[tuple[bool, str, str], Described] = {}
    for one in every:
        node = one.node
        by_node.setdefault((node.kind is Kind.JOB, node.namespace, node.name), one)
    return tuple(sorted(by_node.values(), key=attrgetter("digest")))


# ----------------------------------------------------------------------------------------------------------------- jobs


def _by_owner(
    job_facets: Mapping[str, Any], run_facets: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Facets of a job and of its run, each under its owner. One that stands under both is left where it belongs."""
    if not read.RUN_FACETS.isdisjoint(job_facets):
        run_facets = {**{key: job_facets[key] for key in read.RUN_FACETS & job_facets.keys()}, **run_facets}
        job_facets = {key: facet for key, facet in job_facets.items() if key not in read.RUN_FACETS}
    if not read.JOB_FACETS.isdisjoint(run_facets):
        job_facets = {**{key: run_facets[key] for key in read.JOB_FACETS & run_facets.keys()}, **job_facets}
    return job_facets, run_facets


def _ancestry(run_facets: Mapping[str, Any]) -> Ancestry:
    facet = run_facets.get("parent") or run_facets.get("parentRun")
    root = run_facets.get("root")
    return read.parent(facet, root) if facet or root else Ancestry()


def _added(
    node: Node, ancestry: Ancestry, job_facets: Mapping[str, Any], run_facets: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Facets of a job that its runs carry: who contains it, and the tags that dbt gives each run of a node."""
    added: dict[str, Any] = {}
    for key, of in (("parent", ancestry.parent_job), ("root", ancestry.root_job)):
        if of is not None and of != node:
            added[key] = {"namespace": of.namespace, "name": of.name}
    tags = run_facets.get("tags")
    if tags is not None and (of_dbt := read.dbt_tags(tags)):
        own = read.mapping(job_facets.get("tags"))
        added["tags"] = {**(read.content(own) or {}), "tags": [*read.listing(own.get("tags")), *of_dbt]}
    return added


def _sibling(job_facets: Mapping[str, Any], run_facets: Mapping[str, Any], ancestry: Ancestry) -> str:
    """The run that makes this one and others of its job a unit, or "".

    Task instances that one task was mapped to share the DAG's run. So do the queries of a task's hooks: they are jobs
    TASK.query.N whatever the map index, and their events don't tell it.
    """
    if ancestry.parent and read.is_mapped(run_facets):
        return ancestry.parent.run_id
    return ancestry.root.run_id if ancestry.root and read.is_airflow_query(job_facets.get("jobType")) else ""


def _ran(
    node: Node, run_id: str, event_type: Any, run_facets: Mapping[str, Any], ancestry: Ancestry, sibling: str
) -> Ran:
    nominal, error, extraction = (run_facets.get(key) for key in ("nominalTime", "errorMessage", "extractionError"))
    start_us, end_us = read.nominal_time(nominal) if nominal else (None, None)
    parent = ancestry.parent
    return Ran(
        run_id,
        node,
        event_type if isinstance(event_type, str) else OTHER,
        start_us,
        end_us,
        parent if parent and parent.run_id != run_id else None,
        ancestry.root if ancestry.root and ancestry.root.run_id != run_id else None,
        read.error_message(error) if error else None,
        sibling,
        read.extraction_failed(extraction) if extraction else False,
    )


# ------------------------------------------------------------------------------------------------- what a run observed


def _observed(
    mentions: Sequence[Mention], event: Mapping[str, Any], run_facets: Mapping[str, Any], ran: Ran | None
) -> tuple[tuple[Measured, ...], tuple[Asserted, ...]]:
    tests = run_facets.get("test")
    measured = _measured(mentions) if any(one.varying for one in mentions) else ()
    if not tests and not any(one.checks for one in mentions):
        return measured, ()
    return measured, _asserted(mentions, tests, _is_dbt(event, run_facets), ran)


def _measured(mentions: Iterable[Mention]) -> tuple[Measured, ...]:
    """Statistics by dataset and role. A facet without content (dbt sends empty statistics) measured nothing."""
    found: dict[tuple[Node, str], dict[str, Any]] = {}
    for one in mentions:
        for key, facet in one.varying.items():
            kept = read.content(facet)
            if kept is None or all(name.startswith("_") and name != "_deleted" for name in kept):
                continue
            body = found.setdefault((one.node, one.role), {})
            body[key] = preferred(body[key], settled(kept)) if key in body else settled(kept)
    return tuple(Measured(node, role, found[node, role]) for node, role in sorted(found))


def _is_dbt(event: Mapping[str, Any], run_facets: Mapping[str, Any]) -> bool:
    return "dbt_run" in run_facets or "dbt_version" in run_facets or "/dbt" in str(event.get("producer"))


def _asserted(mentions: Sequence[Mention], tests: Any, dbt: bool, ran: Ran | None) -> tuple[Asserted, ...]:
    """Checks by dataset, each once: producers repeat them under `facets` and `inputFacets`."""
    found: dict[tuple[Any, ...], Asserted] = {}
    names: set[str] = set()
    for one in mentions:
        for check in (check for facet in one.checks for check in read.assertions(facet)):
            names |= {check.assertion, str(check.detail.get("name"))}
            _assert(found, one.node, check, dbt, ran)
    node = _tested(mentions)
    for check in read.run_tests(tests) if node and tests else ():
        name = str(check.detail.get("name"))
        if name not in names and read.dbt_name(name) not in names:
            _assert(found, node, check, dbt, ran)
    return tuple(found[key] for key in sorted(found))


def _assert(
    found: dict[tuple[Any, ...], Asserted], node: Node | None, check: Check, dbt: bool, ran: Ran | None
) -> None:
    if node is None:
        return
    detail = settled(check.detail)
    success = None if _skipped(check, dbt, ran) else check.success
    key = (node, check.assertion, check.column or "", str(success), check.severity or "", written(detail))
    found[key] = Asserted(node, check.assertion, check.column, success, check.severity, detail)


def _skipped(check: Check, dbt: bool, ran: Ran | None) -> bool:
    """Whether a check that reads as failed did not run at all.

    dbt reports a skipped test as failed; what ran has an `actual`, or the run was not aborted.
    """
    if check.success is not False:
        return False
    return (dbt and "actual" not in check.detail) or (ran is not None and ran.event_type == ABORT)


def _tested(mentions: Sequence[Mention]) -> Node | None:
    """The one dataset that tests of a run can only be about: its only input, else its only dataset."""
    inputs = {one.node for one in mentions if one.role == INPUT}
    of_run = inputs or {one.node for one in mentions}
    return next(iter(of_run)) if len(of_run) == 1 else None
