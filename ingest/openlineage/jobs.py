"""Jobs and their runs as one event tells them: whose facets are whose, who contains whom, who waits for whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.cleaning import identifier
from ingest.openlineage.facets import Ancestry
from ingest.openlineage.mentions import described
from lineage.facts import OTHER, Control, Described, Ran, describe
from lineage.model import Kind, Node, job

CONTINUOUS = frozenset({"STREAMING", "SERVICE"})
# Between the name of a dbt node and the number of its statement.
STATEMENT = ".sql."


@dataclass(slots=True)
class Told:
    """The job of one event. node: whose edges these are: of a statement of a dbt node, that node's job.

    job_facets, run_facets: each under its owner, wherever it stood. statement: it is one of a dbt node's.
    """

    node: Node
    job_facets: Mapping[str, Any]
    run_facets: Mapping[str, Any]
    ancestry: Ancestry
    statement: bool

    def own(self, *, known: bool = True) -> Described:
        """The job with its facets. What a statement's job says isn't true of the model that it is a part of."""
        if self.statement:
            return describe(self.node)
        return described(self.node, self.job_facets, self._added(), known=known)

    def related(self, controls: tuple[Control, ...]) -> list[Described]:
        """Other jobs that the event names."""
        named = [self.ancestry.parent_job, self.ancestry.root_job]
        named += [node for control in controls for node in (control.upstream, control.downstream)]
        return [describe(node) for node in named if node is not None]

    def _added(self) -> Mapping[str, Any]:
        """Facets of a job that its runs carry: who contains it, and the tags that dbt gives each run of a node."""
        added: dict[str, Any] = {}
        for key, of in (("parent", self.ancestry.parent_job), ("root", self.ancestry.root_job)):
            if of is not None and of != self.node:
                added[key] = {"namespace": of.namespace, "name": of.name}
        tags = self.run_facets.get("tags")
        if tags is not None and (of_dbt := read.dbt_tags(tags)):
            own = read.mapping(self.job_facets.get("tags"))
            added["tags"] = {**(read.content(own) or {}), "tags": [*read.listing(own.get("tags")), *of_dbt]}
        return added


def told(stated: Mapping[str, Any], run: Any) -> Told:
    """The job that an event names, with all that its facets and its run's say of it."""
    node = Node(Kind.JOB, stated["namespace"], stated["name"])
    job_facets, run_facets = _by_owner(
        read.mapping(stated.get("facets")), read.mapping(read.mapping(run).get("facets"))
    )
    ancestry = _ancestry(run_facets)
    parent = ancestry.parent_job
    if parent is not None and STATEMENT in node.name and _is_statement_of(parent, node, job_facets.get("jobType")):
        return Told(parent, job_facets, run_facets, ancestry, True)
    return Told(node, job_facets, run_facets, ancestry, False)


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


def _is_statement_of(parent: Node, node: Node, job_type: Any) -> bool:
    """Whether a job is one SQL statement of a dbt node, as dbt's structured logs tell them: `NODE.sql.7` under `NODE`.

    All of it must fit, dbt's word for it too: a job that is only called so stays a job.
    """
    number = node.name.removeprefix(parent.name + STATEMENT)
    if number == node.name or not (number.isascii() and number.isdigit()) or node.namespace != parent.namespace:
        return False
    stated = read.mapping(job_type)
    return stated.get("integration") == "DBT" and stated.get("jobType") == "SQL"


# ----------------------------------------------------------------------------------------------------------------- runs


def ran(of: Told, run_id: str, event_type: Any) -> Ran:
    """The run that reports. A statement of a dbt node has a part of the node's lineage: its run closes no edge."""
    facets, ancestry = of.run_facets, of.ancestry
    nominal, error, extraction = (facets.get(key) for key in ("nominalTime", "errorMessage", "extractionError"))
    start_us, end_us = read.nominal_time(nominal) if nominal else (None, None)
    parent = ancestry.parent
    return Ran(
        run_id,
        of.node,
        event_type if isinstance(event_type, str) else OTHER,
        start_us,
        end_us,
        parent if parent and parent.run_id != run_id else None,
        ancestry.root if ancestry.root and ancestry.root.run_id != run_id else None,
        read.error_message(error) if error else None,
        _sibling(of),
        of.statement or (read.extraction_failed(extraction) if extraction else False),
        _is_snapshot(of.job_facets.get("jobType")),
    )


def _sibling(of: Told) -> str:
    """The run that makes this one and others of its job a unit, or "".

    Task instances that one task was mapped to share the DAG's run. So do the queries of a task's hooks: they are jobs
    TASK.query.N whatever the map index, and their events don't tell it.
    """
    ancestry = of.ancestry
    if ancestry.parent and read.is_mapped(of.run_facets):
        return ancestry.parent.run_id
    return ancestry.root.run_id if ancestry.root and read.is_airflow_query(of.job_facets.get("jobType")) else ""


def _is_snapshot(job_type: Any) -> bool:
    """Whether each event of a job that never ends holds its whole state. A word that isn't known promises nothing.

    >>> pattern = {"eventTrigger": "PERIODIC", "eventContentMode": "complete_snapshot"}
    >>> _is_snapshot({"processingType": "STREAMING", "emissionPattern": pattern})
    True
    """
    pattern = read.mapping(job_type).get("emissionPattern") if job_type else None
    if pattern is None or read.upper_word(job_type.get("processingType")) not in CONTINUOUS:
        return False
    return read.upper_word(read.mapping(pattern).get("eventContentMode")) == "COMPLETE_SNAPSHOT"


# ------------------------------------------------------------------------------------------------------------- controls


def controls(of: Told) -> tuple[Control, ...]:
    """Who waits for whom, as `jobDependencies` says.

    rule: the facet's own is the event's job's; of what waits for this job only the entry can tell.
    """
    facet = of.run_facets.get("jobDependencies")
    if not facet:
        return ()
    stated = read.mapping(facet)
    rule = read.upper_word(stated.get("trigger_rule"))
    found = {}
    for direction in ("upstream", "downstream"):
        for entry in read.listing(stated.get(direction)):
            other = _job_of(entry)
            own_rule = read.upper_word(read.mapping(entry).get("status_trigger_rule"))
            if other is None or other == of.node:
                continue
            if direction == "upstream":
                control = Control(other, of.node, rule or own_rule)
            else:
                control = Control(of.node, other, own_rule)
            found[control.upstream, control.downstream, control.rule] = control
    return tuple(found[key] for key in sorted(found))


def _job_of(entry: Any) -> Node | None:
    stated = read.mapping(read.mapping(entry).get("job"))
    namespace, name = identifier(stated.get("namespace")), identifier(stated.get("name"))
    return job(namespace, name) if namespace and name else None
