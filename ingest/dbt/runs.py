"""What an invocation did, by run_results.json: a run of the command, one of each node, one of each table's tests.

Source of statuses: dbt-core's NodeStatus. Skipped is neither success nor failure: a skipped node's run is ABORT, and a
skipped test has no verdict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ingest.dbt import facets as make
from ingest.dbt.artifacts import mapping, text
from ingest.dbt.declared import Event, exposures_by_source, lineage
from ingest.dbt.names import run_id
from ingest.dbt.project import Project, is_table, kind_of
from ingest.dbt.times import span, written_at
from ingest.dbt.together import results
from ingest.openlineage.parse import SCHEMA
from ingest.openlineage.times import time_us

# Commands that execute nodes; others (`docs generate`, `compile`) write run_results.json too.
EXECUTING = frozenset({"run", "build", "test", "seed", "snapshot", "retry", "clone"})
SUCCEEDED = frozenset({"success", "pass", "warn"})
FAILED = frozenset({"error", "fail", "runtime error", "partial success"})
MADE = frozenset({"model", "seed", "snapshot"})
# Of the reason why a node failed: an error message of a database may hold whole rows.
LONGEST_MESSAGE = 10_000

Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One run of dbt. id: of dbt. at: when its results were written. results: of nodes that the manifest knows."""

    project: Project
    id: str
    at: str
    results: Mapping[str, Result]

    @property
    def succeeded(self) -> frozenset[str]:
        """Nodes that were made."""
        return frozenset(
            uid for uid, result in self.results.items() if kind_of(uid) in MADE and result.get("status") == "success"
        )


def invocation_of(project: Project) -> Invocation | None:
    """What ran; None if nothing did."""
    stated = project.artifacts.run_results
    metadata, which = mapping(stated.get("metadata")), text(mapping(stated.get("args")).get("which"))
    found = {uid: result for uid, result in results(stated) if uid in project.nodes}
    if not found:
        return None
    if which and which not in EXECUTING:
        project.warnings.append(f"run_results.json is of `dbt {which}`, which runs nothing: only its SQL is read")
        return None
    invocation = text(metadata.get("invocation_id"))
    if not invocation:
        project.warnings.append("run_results.json has no invocation_id, so its runs can't be told apart: left out")
        return None
    return Invocation(project, invocation, written_at(stated), found)


def ran(invocation: Invocation) -> Iterator[Event]:
    """START and end of the command, of every node, of the tests of every table."""
    used = exposures_by_source(invocation.project)
    began, ended = _spans(invocation, invocation.results)
    failed = any(text(result.get("status")) in FAILED for result in invocation.results.values())
    yield _command(invocation, "START", began)
    for uid, result in sorted(invocation.results.items()):
        if kind_of(uid) in MADE and is_table(uid, invocation.project.nodes[uid]):
            yield from _made(invocation, uid, result, used)
    for uid, tests in sorted(invocation.project.tests.items()):
        done = [one for one in tests if one in invocation.results]
        if done:
            yield from _tested(invocation, uid, done)
    yield _command(invocation, "FAIL" if failed else "COMPLETE", max(ended, invocation.at, key=time_us))


def _made(invocation: Invocation, uid: str, result: Result, used: Mapping[str, list[Any]]) -> Iterator[Event]:
    status, (began, ended) = text(result.get("status")), span(result, invocation.at)
    said = lineage(invocation.project, uid, used)
    if status == "skipped":
        yield _event(invocation, uid, "ABORT", ended, {**said, "outputs": []}, _error(result))
    if status not in SUCCEEDED | FAILED:
        return
    # A run that has only begun has read and written nothing yet: its end says all, and a project is half as large.
    yield _event(invocation, uid, "START", began, {**said, "job": _bare(said["job"]), "inputs": [], "outputs": []})
    if status in FAILED:
        yield _event(invocation, uid, "FAIL", ended, {**said, "outputs": []}, _error(result))
    else:
        yield _event(invocation, uid, "COMPLETE", ended, {**said, "outputs": [_with_rows(said["outputs"][0], result)]})


def _bare(job: Event) -> Event:
    return {**job, "facets": {key: job["facets"][key] for key in ("jobType", "dbt_node")}}


def _with_rows(output: Event, result: Result) -> Event:
    """Adapters that don't count rows say -1."""
    rows = mapping(result.get("adapter_response")).get("rows_affected")
    if type(rows) is not int or rows < 0:
        return output
    return {**output, "outputFacets": {"outputStatistics": make.facet("outputStatistics", rowCount=rows)}}


def _tested(invocation: Invocation, uid: str, tests: Sequence[str]) -> Iterator[Event]:
    """The tests of one table are one run, as dbt-ol has it."""
    project, node = invocation.project, invocation.project.nodes[uid]
    statuses = {text(invocation.results[one].get("status")) for one in tests}
    began, ended = _spans(invocation, tests)
    checks = [_check(project.nodes[one], invocation.results[one]) for one in tests]
    assertions = {"dataQualityAssertions": make.facet("dataQualityAssertions", assertions=checks)}
    job = {
        "namespace": project.names.jobs,
        "name": project.names.tests(uid, node),
        "facets": {
            "jobType": make.facet("jobType", processingType="BATCH", integration="DBT", jobType="TEST"),
            "dbt_node": make.facet("dbt_node", **make.node_content(uid, node)),
        },
    }
    bare = {"job": job, "inputs": [project.dataset(uid)], "outputs": []}
    full = {**bare, "inputs": [{**project.dataset(uid), "inputFacets": assertions}]}
    if statuses == {"skipped"}:
        yield _event(invocation, f"{uid}.test", "ABORT", ended, full)
        return
    yield _event(invocation, f"{uid}.test", "START", began, bare)
    yield _event(invocation, f"{uid}.test", "FAIL" if statuses & FAILED else "COMPLETE", ended, full)


def _check(node: Mapping[str, Any], result: Result) -> Event:
    """One test as dbt-ol writes it. `actual` is missing from one that did not run: so it is read as no verdict."""
    status, failures = text(result.get("status")), result.get("failures")
    found: Event = {
        "assertion": make.assertion_of(node),
        "name": text(node.get("name")),
        "success": status == "pass",
        "severity": make.severity_of(node),
        "expected": "0",
    }
    if column := make.column_of(node):
        found["column"] = column
    if status in SUCCEEDED | FAILED:
        found["actual"] = str(failures) if type(failures) is int else status
    return found


def _spans(invocation: Invocation, uids: Any) -> tuple[str, str]:
    spans = [span(invocation.results[uid], invocation.at) for uid in uids]
    return min((began for began, _ in spans), key=time_us), max((ended for _, ended in spans), key=time_us)


def _error(result: Result) -> make.Facets:
    message = text(result.get("message"))[:LONGEST_MESSAGE]
    if not message:
        return {}
    return {"errorMessage": make.facet("errorMessage", message=message, programmingLanguage="SQL")}


def _command(invocation: Invocation, word: str, at: str) -> Event:
    project = invocation.project
    job = {
        "namespace": project.names.jobs,
        "name": project.names.command(project.artifacts.project),
        "facets": {"jobType": make.facet("jobType", processingType="BATCH", integration="DBT", jobType="JOB")},
    }
    return _event(invocation, "", word, at, {"job": job, "inputs": [], "outputs": []})


def _event(
    invocation: Invocation, uid: str, word: str, at: str, said: Event, added: make.Facets | None = None
) -> Event:
    """uid: "" for the command itself, which is the parent of all others."""
    run = {
        "runId": run_id(invocation.id, uid),
        "facets": {**_run_facets(invocation, parent=bool(uid)), **(added or {})},
    }
    head = {"eventType": word, "eventTime": at, "producer": make.PRODUCER, "schemaURL": f"{SCHEMA}RunEvent"}
    return {**head, "run": run, **said}


def _run_facets(invocation: Invocation, *, parent: bool) -> make.Facets:
    artifacts = invocation.project.artifacts
    version = text(mapping(artifacts.run_results.get("metadata")).get("dbt_version"))
    found = {
        "dbt_run": make.facet("dbt_run", invocation_id=invocation.id, project_name=artifacts.project),
        "dbt_version": make.facet("dbt_version", version=version),
        "processing_engine": make.facet("processing_engine", name="dbt", version=version or "unknown"),
    }
    if parent:
        names = invocation.project.names
        job = {"namespace": names.jobs, "name": names.command(artifacts.project)}
        above = {"job": job, "run": {"runId": run_id(invocation.id, "")}}
        found["parent"] = make.facet("parent", **above, root=above)
    return found
