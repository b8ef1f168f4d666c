"""One dbt project: its nodes, what each reads once ephemeral models are seen through, and who owns what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.dbt.artifacts import Artifacts, config, listing, mapping, text
from ingest.dbt.names import Names, relation
from ingest.dbt.together import belong_together, in_order, results

TABLES = frozenset({"model", "seed", "snapshot", "source"})
# What has no table but a meaning that others build on. Each is a dataset of its own name, and the job that makes it.
CONCEPTS = ("semantic_models", "metrics", "saved_queries")
GROUPS = ("nodes", "sources", "exposures", *CONCEPTS)

Stated = Mapping[str, Any]


@dataclass(slots=True)
class Project:
    """nodes: all enabled ones by unique id. reads: by id the tables and concepts that its data comes from, in order of
    names. tests: by id those that are about it. compiled: SQL by id, where the results have it.
    names_of: ids by table, what makes it before a source. warnings: what was left out, and why.
    """

    artifacts: Artifacts
    names: Names
    nodes: dict[str, Stated]
    reads: dict[str, tuple[str, ...]]
    tests: dict[str, list[str]]
    catalog: dict[str, Stated]
    compiled: dict[str, str]
    names_of: dict[str, list[str]]
    warnings: list[str] = field(default_factory=list)

    def tables(self) -> Iterator[tuple[str, Stated]]:
        """Models, seeds, snapshots and sources that are tables or views, in order of ids."""
        return ((uid, node) for uid, node in sorted(self.nodes.items()) if is_table(uid, node))

    def dataset(self, uid: str) -> dict[str, str]:
        """Namespace and name of a table or a concept."""
        return self.names.table(self.nodes[uid]) if kind_of(uid) in TABLES else self.names.concept(uid)

    def same_table(self, uid: str) -> list[str]:
        """All nodes that are this table."""
        return self.names_of[relation(self.nodes[uid])]

    def group(self, node: Stated) -> Stated:
        """The group that a model is of; empty if it is of none."""
        named = text(config(node, "group"))
        groups = mapping(self.artifacts.manifest.get("groups"))
        return mapping(groups.get(f"group.{text(node.get('package_name'))}.{named}")) if named else {}


def project_of(artifacts: Artifacts, names: Names) -> Project:
    """The project that artifacts are of. Raises Refused if they aren't of one, or have a cycle."""
    warnings = [*artifacts.warnings, *belong_together(artifacts)]
    nodes = _nodes(artifacts, warnings)
    depends = {uid: _depends(node) for uid, node in nodes.items()}
    order = in_order(depends)
    _name_missing(depends, nodes, warnings)
    reads, tests = _reads(order, depends, nodes), _tests(nodes, depends)
    known, compiled = _catalog(artifacts), _compiled(artifacts)
    return Project(artifacts, names, nodes, reads, tests, known, compiled, _names_of(nodes), warnings)


def kind_of(uid: str) -> str:
    """`model`, `source`, `test`, …: dbt puts it in front of every unique id."""
    return uid.partition(".")[0]


def is_table(uid: str, node: Stated) -> bool:
    """Whether it is a table or a view; an ephemeral model is only a part of what reads it."""
    return kind_of(uid) in TABLES and not is_ephemeral(uid, node)


def is_ephemeral(uid: str, node: Stated) -> bool:
    return kind_of(uid) == "model" and config(node, "materialized") == "ephemeral"


def _nodes(artifacts: Artifacts, warnings: list[str]) -> dict[str, Stated]:
    found: dict[str, Stated] = {}
    nameless = []
    for group in GROUPS:
        for uid, node in mapping(artifacts.manifest.get(group)).items():
            if type(node) is not dict or config(node, "enabled") is False:
                continue
            if is_table(uid, node) and not (text(node.get("schema")) and text(node.get("name"))):
                nameless.append(uid)
                continue
            found[uid] = node
    if nameless:
        warnings.append(f"{len(nameless):,} nodes have no schema or no name, {nameless[0]} first: left out")
    return found


def _depends(node: Stated) -> tuple[str, ...]:
    """Ids of the nodes that a node depends on, macros aside. A model that reads itself (incremental) is no cycle."""
    own = text(node.get("unique_id"))
    stated = listing(mapping(node.get("depends_on")).get("nodes"))
    return tuple(sorted({uid for uid in stated if type(uid) is str and uid != own}))


def _name_missing(depends: Mapping[str, tuple[str, ...]], nodes: Stated, warnings: list[str]) -> None:
    readable = (*TABLES, "metric", "semantic_model", "saved_query")
    named = {one for uids in depends.values() for one in uids}
    missing = sorted(one for one in named if one not in nodes and kind_of(one) in readable)
    if missing:
        warnings.append(f"{len(missing):,} nodes are named as sources but not described, {missing[0]} first: left out")


def _reads(
    order: list[str], depends: Mapping[str, tuple[str, ...]], nodes: Mapping[str, Stated]
) -> dict[str, tuple[str, ...]]:
    """What every node reads; an ephemeral model stands for what it reads itself. Cost: edges of the project."""
    readable = {*TABLES, "metric", "semantic_model", "saved_query"}
    reads: dict[str, tuple[str, ...]] = {}
    for uid in order:
        found: set[str] = set()
        for source in depends.get(uid, ()):
            if source not in nodes or kind_of(source) not in readable:
                continue
            found.update(reads[source] if is_ephemeral(source, nodes[source]) else (source,))
        reads[uid] = tuple(sorted(found))
    return reads


def _tests(nodes: Mapping[str, Stated], depends: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    """Tests by what they are about: what they are attached to, else (a singular test) everything they read."""
    found: dict[str, list[str]] = {}
    for uid, node in sorted(nodes.items()):
        if kind_of(uid) != "test":
            continue
        attached = text(node.get("attached_node"))
        about = (attached,) if attached in nodes else _generic_about(node, depends[uid])
        for one in about:
            if one in nodes and is_table(one, nodes[one]):
                found.setdefault(one, []).append(uid)
    return found


def _generic_about(node: Stated, depends: tuple[str, ...]) -> tuple[str, ...]:
    """Without `attached_node`, as a source's test is: what its word `model` names, for `relationships` reads two."""
    if not mapping(node.get("test_metadata")) or len(depends) < 2:
        return depends
    stated = mapping(mapping(node.get("test_metadata")).get("kwargs")).get("model")
    named = [uid for uid in depends if f"'{uid.rpartition('.')[2]}'" in text(stated)]
    return (named[0],) if named else depends[:1]


def _catalog(artifacts: Artifacts) -> dict[str, Stated]:
    return {
        uid: mapping(entry)
        for group in ("nodes", "sources")
        for uid, entry in mapping(artifacts.catalog.get(group)).items()
    }


def _names_of(nodes: Mapping[str, Stated]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for uid in sorted(nodes, key=lambda uid: (kind_of(uid) == "source", uid)):
        if is_table(uid, nodes[uid]):
            found.setdefault(relation(nodes[uid]), []).append(uid)
    return found


def _compiled(artifacts: Artifacts) -> dict[str, str]:
    return {uid: code for uid, result in results(artifacts.run_results) if (code := text(result.get("compiled_code")))}
