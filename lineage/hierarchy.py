"""Jobs that contain jobs: an Airflow DAG its tasks, a dbt command its models, a Spark application its actions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lineage.ports import Catalog


def tops_of(catalog: Catalog, jobs: Iterable[int], known: Mapping[int, int] | None = None) -> dict[int, int]:
    """For each job the outermost one that contains it; itself, if none does or its parents go in a circle.

    known: parents by job, as far as they were read already. Cost: a question to the catalog for each level above.
    """
    wanted = list(dict.fromkeys(jobs))
    parents = dict(known or {})
    seen, frontier = set[int](), set(wanted)
    while frontier:
        missing = [job for job in frontier if job not in parents]
        if missing:
            parents.update(zip(missing, catalog.parents(missing)[1], strict=True))
        seen |= frontier
        frontier = {parents[job] for job in frontier} - seen - {0}
    return {job: _top(job, parents) for job in wanted}


def _top(job: int, parents: Mapping[int, int]) -> int:
    seen, top = {job}, job
    while parent := parents.get(top, 0):
        if parent in seen:
            return job
        seen.add(parent)
        top = parent
    return top


def dags_among(tops: Mapping[int, int]) -> int:
    """How many outermost jobs contain one of these."""
    return len({top for job, top in tops.items() if top != job})
