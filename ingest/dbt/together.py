"""Whether artifacts are of one project and one target, and whether what they say can be: nothing is read by half."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from ingest.dbt.artifacts import CATALOG, RUN_RESULTS, SOURCES, Artifacts, listing, mapping, text
from ingest.errors import Refused, fault, pointer

SHOWN = 5  # names in a reason

Place = tuple[str, str, str]


def belong_together(artifacts: Artifacts) -> list[str]:
    """What is odd but no reason to refuse.

    Invocation ids may differ: `dbt docs generate` writes the manifest anew, `dbt source freshness` too. Unique ids tell
    the project, places of tables the target. Raises Refused 422 if a file speaks of other nodes, or of them elsewhere.
    """
    known = _known(artifacts.manifest)
    warnings = []
    for kind, uids in _named(artifacts):
        strangers = sorted(set(uids) - known)
        if strangers and len(strangers) == len(set(uids)):
            raise Refused(
                422,
                f"the {kind} is of another project than {artifacts.project!r}: it speaks of {strangers[0]!r}, which "
                "the manifest doesn't know; send files of one target folder",
                [fault(pointer(kind), f"names nothing that the manifest of {artifacts.project!r} has")],
            )
        if strangers:
            warnings.append(f"the manifest doesn't know {_few(strangers)} of the {kind}: left out")
    _same_target(artifacts)
    return warnings + _newer(artifacts)


def in_order(depends: Mapping[str, Iterable[str]]) -> list[str]:
    """All nodes, each behind what it depends on. Raises Refused 422 that names a cycle."""
    try:
        return list(TopologicalSorter(depends).static_order())
    except CycleError as error:
        cycle = list(reversed(error.args[1]))
        way = " -> ".join(cycle if len(cycle) <= 2 * SHOWN else [*cycle[:SHOWN], "…", *cycle[-SHOWN:]])
        raise Refused(
            422,
            f"the manifest has a cycle: {way}; dbt writes none, so send the file as dbt wrote it",
            [fault(pointer("manifest", "nodes", cycle[0], "depends_on"), f"leads back to itself: {way}")],
        ) from None


def _known(manifest: Mapping[str, Any]) -> set[str]:
    groups = ("nodes", "sources", "exposures", "unit_tests", "metrics", "semantic_models", "saved_queries", "functions")
    return {uid for group in (*groups, "disabled") for uid in mapping(manifest.get(group))}


def _named(artifacts: Artifacts) -> Iterator[tuple[str, list[str]]]:
    """The ids that each other file speaks of. Hooks are operations, which older manifests don't hold."""
    of_catalog = [*artifacts.catalog.get("nodes", ()), *mapping(artifacts.catalog.get("sources"))]
    for kind, uids in (
        (CATALOG, of_catalog),
        (RUN_RESULTS, [uid for uid, _ in results(artifacts.run_results)]),
        (SOURCES, [uid for uid, _ in results(artifacts.sources)]),
    ):
        yield kind, [uid for uid in uids if not uid.startswith("operation.")]


def results(stated: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The results of run_results.json or sources.json that say what they are of."""
    for entry in listing(stated.get("results")):
        uid = text(mapping(entry).get("unique_id"))
        if uid:
            yield uid, entry


def _same_target(artifacts: Artifacts) -> None:
    """Raises Refused if most tables that two files speak of lie elsewhere: another target, or another adapter."""
    nodes = {**artifacts.manifest["nodes"], **artifacts.manifest["sources"]}
    tables = {**artifacts.catalog.get("nodes", {}), **mapping(artifacts.catalog.get("sources"))}
    catalog = ((uid, _place(mapping(mapping(entry).get("metadata")))) for uid, entry in tables.items())
    runs = ((uid, _split(text(entry.get("relation_name")))) for uid, entry in results(artifacts.run_results))
    for kind, stated in ((CATALOG, catalog), (RUN_RESULTS, runs)):
        other = [
            (uid, place, _of(nodes[uid])) for uid, place in stated if uid in nodes and place and _comparable(nodes[uid])
        ]
        apart = [(uid, place, own) for uid, place, own in other if place != own]
        if 2 * len(apart) > len(other):
            uid, place, own = apart[0]
            raise Refused(
                422,
                f"the {kind} is of another target than the manifest: {uid!r} is {'.'.join(place)} in the one and "
                f"{'.'.join(own)} in the other; send files of one target folder",
                [
                    fault(
                        pointer(kind), f"has {len(apart):,} of {len(other):,} tables in other places than the manifest"
                    )
                ],
            )


def _comparable(node: Any) -> bool:
    return bool(text(mapping(node).get("relation_name")))


def _of(node: Mapping[str, Any]) -> Place | tuple[str, ...]:
    return _split(text(node.get("relation_name")))


def _place(metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Case aside: Snowflake's catalog is in upper case, the manifest as the project writes it."""
    parts = (text(metadata.get(part)) for part in ("database", "schema", "name"))
    return tuple(part.lower() for part in parts if part)


def _split(relation: str) -> tuple[str, ...]:
    """The parts of a relation's name, quotes off, in lower case.

    >>> _split('"shop"."Marts".orders'), _split("`a-b.c.d`")
    (('shop', 'marts', 'orders'), ('a-b', 'c', 'd'))
    """
    bare = relation.translate({ord(mark): None for mark in '"`[]'})
    return tuple(part.strip().lower() for part in bare.split(".") if part.strip())


def _newer(artifacts: Artifacts) -> list[str]:
    """A manifest that is older than the run may describe other models than ran."""
    manifest, ran = artifacts.metadata, mapping(artifacts.run_results.get("metadata"))
    times = text(manifest.get("generated_at")), text(ran.get("generated_at"))
    ids = text(manifest.get("invocation_id")), text(ran.get("invocation_id"))
    if not all(times) or not all(ids) or ids[0] == ids[1] or times[0] >= times[1]:
        return []
    return [f"the manifest is of {times[0]}, older than the run of {times[1]}: models may have changed in between"]


def _few(names: list[str]) -> str:
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")
