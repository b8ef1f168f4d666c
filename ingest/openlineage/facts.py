"""What an OpenLineage event asserts: the only place that knows both the standard and the domain.

An event is as `parse.event_of` gives it: times and identifiers are sound, texts storable; its facets may be anything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage import hand
from ingest.openlineage.caching import Cache
from ingest.openlineage.cleaning import settled
from ingest.openlineage.edges import Linked, link
from ingest.openlineage.facets import NOTHING, Check
from ingest.openlineage.gate import written
from ingest.openlineage.identities import Identities, identities
from ingest.openlineage.jobs import Told, controls, ran, told
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
from ingest.openlineage.sql import Query, ReadsSql, parsed, query_of
from ingest.openlineage.times import time_us
from ingest.sql.worker import shared
from lineage.facts import ABORT, FAIL, START, Asserted, Described, Facts, Measured, NotLinked, Ran, describe
from lineage.model import Kind, Node, Origin

DAY_US = 24 * 60 * 60 * 1_000_000
# Edges remembered, of whole events: those of some 20,000 jobs that derive ten columns each; about 100 MB.
REMEMBERED_EDGES = 300_000
# States in which a run has not done what it was to do.
UNDONE = frozenset({START, FAIL, ABORT})
# Beside its edges, what a remembered event weighs in edges: key, digests, tuples.
ENTRY_EDGES = 4


class Reader:
    """Turns events into facts. Equal events give equal facts; what it remembers only saves work, and is bounded."""

    def __init__(self, remembered_edges: int = REMEMBERED_EDGES, reads_sql: ReadsSql | None = None) -> None:
        """reads_sql: for tests; otherwise a process of its own does it, which all readers of this one share."""
        self.remembered: Cache[tuple[Any, ...], Linked] = Cache(remembered_edges)
        self._reads_sql = reads_sql

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
        of = told(event["job"], run)
        mentions = [mention(one, INPUT) for one in event.get("inputs") or ()]
        mentions += [mention(one, OUTPUT) for one in event.get("outputs") or ()]
        explicit = (of.job_facets.get("lineage"), of.run_facets.get("lineage"))
        if run is None and hand.EDGE in of.job_facets:
            return self._facts_of_edge(of, mentions, explicit, at_us)
        reported = None if run is None else ran(of, run["runId"], event.get("eventType"))
        happened = reported is None or reported.event_type not in UNDONE
        query = query_of(of.job_facets.get("sql"), happened=happened)
        linked, mentioned = self._link(of.node, mentions, explicit, sql=query)
        waits = controls(of)
        said = identities(mentions, happened=happened)
        own = of.own(known=reported is not None or not hand.is_by_hand(of.job_facets))
        return Facts(
            at_us,
            Origin.DECLARED if reported is None else Origin.OBSERVED,
            of.node,
            _group(own, *mentioned, *of.related(waits), *linked.extra, *said.named),
            linked.edges,
            reported,
            *_observed(mentions, event, of.run_facets, reported),
            _each_reason(linked, said),
            said.spelled,
            said.joined,
            said.dropped,
            said.renamed,
            waits,
        )

    def _facts_of_edge(self, of: Told, mentions: Sequence[Mention], explicit: tuple[Any, ...], at_us: int) -> Facts:
        """A person's word on an edge. That it names datasets doesn't make them known."""
        judged = hand.judged(of.job_facets[hand.EDGE])
        adds = judged is not None and judged.action == "add"
        linked, _ = self._link(of.node, mentions if adds else (), explicit if adds else ())
        about = hand.named([judged]) | {one.node for one in mentions}
        others = [describe(node, known=False) for node in about - {of.node}]
        group = _group(of.own(known=adds), *others, *linked.extra)
        return Facts(at_us, Origin.DECLARED, of.node, group, linked.edges, not_linked=linked.not_linked, judged=judged)

    def _facts_of_dataset(self, event: dict[str, Any], at_us: int) -> Facts:
        """A DatasetEvent. If it names sources, a job that stands for that statement owns the edges."""
        one = mention(event["dataset"], AT_REST)
        owner = _owner_at_rest(one)
        by_hand = hand.is_by_hand(one.stable)
        linked, mentioned = self._link(owner, [one], (), known=not by_hand)
        said = identities([one], happened=True)
        decision = hand.decision(one.node, one.stable.get(hand.IDENTITY))
        others = [describe(node, known=False) for node in hand.named([decision])]
        return Facts(
            at_us,
            Origin.DECLARED,
            owner,
            _group(*mentioned, *linked.extra, *said.named, *others, *_standing_for(owner, one.node)),
            linked.edges,
            None,
            *_observed([one], event, NOTHING, None),
            _each_reason(linked, said),
            said.spelled,
            said.joined,
            said.dropped,
            said.renamed,
            (),
            decision,
        )

    def _link(
        self,
        owner: Node,
        mentions: Sequence[Mention],
        explicit: tuple[Any, ...],
        *,
        known: bool = True,
        sql: Query | None = None,
    ) -> tuple[Linked, Iterable[Described]]:
        """The edges of an event, and its datasets described. Remembered by what they are made of, never by order."""
        mentions = each_once(mentions)
        every = [described(one.node, one.stable, known=known) for one in mentions]
        said = b"" if explicit.count(None) == len(explicit) else written(explicit)
        at_rest = any(one.role == AT_REST for one in mentions)
        key = (
            *(owner.kind, owner.namespace, owner.name, at_rest, said),
            b"" if sql is None else hashlib.sha256(written(sql)).digest(),
            tuple(sorted([known.digest for one, known in zip(mentions, every, strict=True) if one.is_input])),
            tuple(sorted([known.digest for one, known in zip(mentions, every, strict=True) if one.is_output])),
        )
        linked = self.remembered.get(key)
        if linked is None:
            inputs = {one.node: known.facets for one, known in zip(mentions, every, strict=True) if one.is_input}
            outputs = {one.node: known.facets for one, known in zip(mentions, every, strict=True) if one.is_output}
            says = None if sql is None else parsed(sql, inputs, outputs, self._reads_sql or shared().columns_of)
            linked = link(owner, inputs, outputs, explicit, at_rest=at_rest, sql=says)
            self.remembered.put(key, linked, ENTRY_EDGES + len(linked.edges.edges) + len(linked.not_linked))
        return linked, every


def _owner_at_rest(one: Mention) -> Node:
    """Who owns the edges of a DatasetEvent: without a source the dataset, else a job that stands for the statement.

    The job makes its sources and it neighbours in a trace. No process of this name runs.
    """
    if "lineage" not in one.stable and "columnLineage" not in one.stable:
        return one.node
    stated = read.dataset_lineage(one.stable.get("lineage"))
    if not (stated.datasets or stated.generated or read.column_lineage(one.stable.get("columnLineage")).datasets):
        return one.node
    return Node(Kind.JOB, one.node.namespace, f"lineage of {one.node.name}")


def _standing_for(owner: Node, node: Node) -> Iterable[Described]:
    if owner is node or owner.kind is not Kind.JOB:
        return ()
    text = f"Stands for what {node.id} says of its own sources; nothing runs under this name."
    return (describe(owner, {"documentation": {"description": text}}),)


def _each_reason(linked: Linked, said: Identities) -> tuple[NotLinked, ...]:
    if not said.not_linked:
        return linked.not_linked
    return tuple(sorted({*linked.not_linked, *said.not_linked}, key=lambda one: (one.dataset, one.reason)))


def _group(*every: Described) -> tuple[Described, ...]:
    """Every node once, in the order of digests: the first to describe it wins, for what comes later has no facets."""
    by_node: dict[tuple[bool, str, str], Described] = {}
    for one in every:
        node = one.node
        by_node.setdefault((node.kind is Kind.JOB, node.namespace, node.name), one)
    return tuple(sorted(by_node.values(), key=attrgetter("digest")))


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
