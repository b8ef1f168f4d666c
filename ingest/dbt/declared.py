"""What a project says it is, whether or not it ran: JobEvents and DatasetEvents of the manifest's time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from ingest.dbt import facets as make
from ingest.dbt.artifacts import mapping, text
from ingest.dbt.project import CONCEPTS, Project, is_table, kind_of
from ingest.dbt.times import latest, moment
from ingest.dbt.together import results
from ingest.openlineage.parse import SCHEMA

Event = dict[str, Any]
JOB_TYPES = {
    "model": "MODEL", "seed": "SEED", "snapshot": "SNAPSHOT", "exposure": "EXPOSURE", "metric": "METRIC",
    "semantic_model": "SEMANTIC_MODEL", "saved_query": "SAVED_QUERY",
}  # fmt: skip


def declared(project: Project, ran: Collection[str] = ()) -> Iterator[Event]:
    """An event for every source, every table that dbt makes, every concept and exposure.

    ran: ids of nodes of which a run tells as much, and more truly.
    """
    at = latest(project.artifacts)
    used = exposures_by_source(project)
    for uid, _ in project.tables():
        if kind_of(uid) == "source":
            yield _event("DatasetEvent", at, dataset=table(project, uid, used))
        elif uid not in ran:
            yield _event("JobEvent", at, **lineage(project, uid, used))
    for group in (*CONCEPTS, "exposures"):
        for uid in sorted(mapping(project.artifacts.manifest.get(group))):
            if uid in project.nodes:
                yield _event("JobEvent", at, **_concept(project, uid))
    yield from _freshness(project)


def lineage(project: Project, uid: str, used: Mapping[str, list[Any]]) -> Event:
    """Job, inputs and outputs of a model, seed or snapshot, as JobEvents and RunEvents have them."""
    return {
        "job": {
            "namespace": project.names.jobs,
            "name": project.names.job(uid, project.nodes[uid]),
            "facets": make.job_facets(project, uid, JOB_TYPES[kind_of(uid)]),
        },
        "inputs": inputs(project, uid),
        "outputs": [table(project, uid, used)],
    }


def inputs(project: Project, uid: str) -> list[Event]:
    """What a node reads, with columns: SQL is read against them."""
    found = []
    for source in project.reads[uid]:
        known = make.schema_facets(project, source) if is_table(source, project.nodes[source]) else {}
        found.append({**project.dataset(source), "facets": known})
    return found


def table(project: Project, uid: str, used: Mapping[str, list[Any]]) -> Event:
    return {**project.names.table(project.nodes[uid]), "facets": make.dataset_facets(project, uid, used.get(uid, ()))}


def exposures_by_source(project: Project) -> dict[str, list[Any]]:
    """Exposures by what they read."""
    found: dict[str, list[Any]] = {}
    for uid in sorted(mapping(project.artifacts.manifest.get("exposures"))):
        if uid in project.nodes:
            node = project.nodes[uid]
            known = {"name": text(node.get("name")), "type": text(node.get("type")), "unique_id": uid}
            for source in project.reads[uid]:
                found.setdefault(source, []).append(known)
    return found


def _concept(project: Project, uid: str) -> Event:
    """A metric, a semantic model, a saved query: a dataset of its own name. An exposure writes nothing."""
    node, kind = project.nodes[uid], kind_of(uid)
    facets = make.job_facets(project, uid, JOB_TYPES[kind])
    facets[f"dbt_{kind}"] = make.facet(f"dbt_{kind}", **_own(kind, node))
    outputs = [] if kind == "exposure" else [{**project.dataset(uid), "facets": _concept_facets(project, uid, kind)}]
    return {
        "job": {"namespace": project.names.jobs, "name": uid, "facets": facets},
        "inputs": inputs(project, uid),
        "outputs": outputs,
    }


def _own(kind: str, node: Mapping[str, Any]) -> Event:
    keys = {
        "exposure": ("name", "type", "label", "maturity", "url", "owner"),
        "metric": ("name", "type", "label", "type_params", "filter", "time_granularity"),
        "semantic_model": ("name", "label", "entities", "dimensions", "measures", "primary_entity", "defaults"),
        "saved_query": ("name", "label", "query_params", "exports"),
    }[kind]
    return {key: value for key in keys if (value := node.get(key)) not in (None, "", [], {})}


def _concept_facets(project: Project, uid: str, kind: str) -> make.Facets:
    node = project.nodes[uid]
    found = {"datasetType": make.facet("datasetType", datasetType=JOB_TYPES[kind])}
    if description := text(node.get("description")):
        found["documentation"] = make.facet("documentation", description=description)
    if owned := make.owners(project, node):
        found["ownership"] = make.facet("ownership", owners=owned)
    if marked := make.tags(node):
        found["tags"] = make.facet("tags", tags=marked)
    return found


def _freshness(project: Project) -> Iterator[Event]:
    """What `dbt source freshness` found, as a check of the source at the time it looked."""
    otherwise = latest(project.artifacts)
    for uid, found in sorted(results(project.artifacts.sources), key=lambda one: one[0]):
        if uid not in project.nodes or kind_of(uid) != "source":
            continue
        status = text(found.get("status"))
        checked: Event = {
            "assertion": "freshness",
            "name": f"freshness of {text(project.nodes[uid].get('name'))}",
            "success": status == "pass",
            "severity": "warn" if status == "warn" else "error",
        }
        if loaded := text(found.get("max_loaded_at")):
            checked["actual"] = loaded
        facets = {
            "dataQualityAssertions": make.facet("dataQualityAssertions", assertions=[checked]),
            "dbt_freshness": make.facet("dbt_freshness", **_measured(found)),
        }
        at = moment(text(found.get("snapshotted_at")), otherwise)
        yield _event("DatasetEvent", at, dataset={**project.dataset(uid), "facets": facets})


def _measured(found: Mapping[str, Any]) -> Event:
    keys = ("status", "max_loaded_at", "max_loaded_at_time_ago_in_s", "criteria", "error")
    return {key: value for key in keys if (value := found.get(key)) is not None}


def _event(kind: str, at: str, **content: Any) -> Event:
    return {"eventTime": at, "producer": make.PRODUCER, "schemaURL": f"{SCHEMA}{kind}", **content}
