"""Which datasets an event says are one, were renamed or are no more, and how it spells their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.openlineage import facets as read
from ingest.openlineage.cleaning import identifier
from ingest.openlineage.mentions import Mention
from ingest.openlineage.naming import named
from lineage.facts import Described, Dropped, Joined, NotLinked, Renamed, Spelled, describe
from lineage.model import Node
from lineage.naming import canonical_uri

RELATING = frozenset({"symlinks", "catalog", "lifecycleStateChange"})
# Names that one event may join to one dataset; one of this many takes two seconds. Past it, the first by name.
MOST_ALIASES = 20_000
# A type of a symlink longer than this is none.
LONGEST_TYPE = 100
THRIFT, HIVE, GLUE = "thrift://", "hive://", "arn:aws:glue:"


@dataclass(frozen=True, slots=True)
class Identities:
    """What an event says of identity. named: datasets that only stand here, unknown until they are used."""

    spelled: tuple[Spelled, ...] = ()
    joined: tuple[Joined, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    named: tuple[Described, ...] = ()
    not_linked: tuple[NotLinked, ...] = ()


NOTHING_SAID = Identities()


def identities(mentions: Sequence[Mention], *, happened: bool) -> Identities:
    """What the datasets of an event say of identity, whatever their order.

    happened: false for a run that only began, or failed: what it was to drop or to rename is what it was.
    """
    found: _Found | None = None
    for one in mentions:
        if one.named.rules or not RELATING.isdisjoint(one.stable):
            found = found or _Found(happened)
            found.take(one)
    return found.identities() if found else NOTHING_SAID


@dataclass(slots=True)
class _Found:
    happened: bool
    # By texts: nodes compare, and sort, ten times slower.
    spelled: dict[tuple[str, str], Spelled] = field(default_factory=dict)
    joined: dict[tuple[str, str, str, str], Joined] = field(default_factory=dict)
    dropped: dict[Node, Dropped] = field(default_factory=dict)
    renamed: dict[tuple[Node, Node], Renamed] = field(default_factory=dict)
    named: dict[str, Node] = field(default_factory=dict)
    reasons: set[tuple[str, str]] = field(default_factory=set)

    def take(self, one: Mention) -> None:
        if one.named.rules:
            self._spell(*one.spelled)
        if RELATING.isdisjoint(one.stable):
            return
        self._symlinks(one.node, one.stable.get("symlinks"))
        alias = _in_catalog(one.node, one.stable.get("catalog"))
        if alias is not None:
            self._join(one.node, alias, "catalog", "TABLE")
        if one.is_output:
            self._lifecycle(one)

    def _symlinks(self, node: Node, facet: Any) -> None:
        if not facet or read.is_deleted(facet):
            return
        said = sorted(set(_identifiers(facet)))
        for namespace, name, kind in said[:MOST_ALIASES]:
            self._join(node, self._spell(namespace, name), "symlink", kind)
        if len(said) > MOST_ALIASES:
            self.reasons.add(
                (node.id, f"of its {len(said):,} symlinks the first {MOST_ALIASES:,} by name are followed")
            )

    def _spell(self, namespace: str, name: str) -> Node:
        node, known = named(namespace, name)
        if known.rules:
            self.spelled[namespace, name] = Spelled(node, namespace, name, known.rules, known.folded)
            self.named[node.id] = node
        return node

    def _join(self, node: Node, alias: Node, how: str, kind: str) -> None:
        if alias != node:
            self.joined[node.id, alias.id, how, kind] = Joined(node, alias, how, kind)
            self.named[alias.id] = alias

    def _lifecycle(self, one: Mention) -> None:
        word = read.lifecycle(one.stable)
        if word == "DROP" and self.happened:
            self.dropped[one.node] = Dropped(one.node)
        elif word == "RENAME":
            self._rename(one.node, one.stable["lifecycleStateChange"])

    def _rename(self, node: Node, facet: Mapping[str, Any]) -> None:
        previous = read.dataset_named(facet.get("previousIdentifier"))
        if previous is None:
            self.reasons.add((node.id, "it was renamed, but previousIdentifier doesn't tell from what"))
        elif previous == node:
            self.reasons.add((node.id, "it is said to be renamed from its own name: nothing to follow"))
        elif self.happened:
            self.renamed[previous, node] = Renamed(previous, node)
            self.named[previous.id] = previous

    def identities(self) -> Identities:
        return Identities(
            tuple(self.spelled[key] for key in sorted(self.spelled)),
            tuple(self.joined[key] for key in sorted(self.joined)),
            tuple(self.dropped[key] for key in sorted(self.dropped)),
            tuple(self.renamed[key] for key in sorted(self.renamed)),
            tuple(describe(self.named[key], known=False) for key in sorted(self.named)),
            tuple(NotLinked(node, reason) for node, reason in sorted(self.reasons)),
        )


def _identifiers(facet: Any) -> Iterator[tuple[str, str, str]]:
    """Namespace, name and type of each symlink."""
    for entry in read.listing(read.mapping(facet).get("identifiers")):
        stated = read.mapping(entry)
        namespace, name = identifier(stated.get("namespace")), identifier(stated.get("name"))
        if namespace is not None and name is not None:
            yield namespace, name, (identifier(stated.get("type")) or "")[:LONGEST_TYPE]


# -------------------------------------------------------------------------------------------------------------- catalog


def _in_catalog(node: Node, facet: Any) -> Node | None:
    """The table of a catalog that a path under its warehouse is; None where that isn't certain.

    Iceberg's Hadoop catalog allows no other place than WAREHOUSE/DATABASE/TABLE. Hive, and Glue under Iceberg, put a
    table into WAREHOUSE/DATABASE.db/TABLE unless told otherwise; a path without `.db` may be anything. Catalogs behind
    REST or JDBC have no name of their own in the naming rules.
    """
    stated = read.mapping(facet)
    warehouse, metadata = identifier(stated.get("warehouseUri")), identifier(stated.get("metadataUri"))
    if warehouse is None or read.is_deleted(facet):
        return None
    path = _below(node, warehouse)
    kind = read.upper_word(stated.get("type"))
    if kind == "HADOOP" and read.upper_word(stated.get("framework")) == "ICEBERG":
        return _table(warehouse, ".".join(path)) if len(path) > 1 else None
    if metadata is None or len(path) != 2 or not path[0].endswith(".db") or path[0] == ".db":
        return None
    database, table = path[0].removesuffix(".db"), path[1]
    if kind == "HIVE" and metadata.startswith((THRIFT, HIVE)):
        return _table(HIVE + metadata.partition("://")[2], f"{database}.{table}")
    if kind == "GLUE" and metadata.startswith(GLUE):
        return _table(metadata, f"table/{database}/{table}")
    return None


def _below(node: Node, warehouse: str) -> list[str]:
    """The parts of a dataset's path below the warehouse; none if it doesn't lie there."""
    root = canonical_uri(warehouse)
    if root is None or root.namespace != node.namespace:
        return []
    above = root.name.rstrip("/") + "/"
    if not node.name.startswith(above):
        return []
    parts = node.name[len(above) :].split("/")
    return parts if all(parts) else []


def _table(namespace: str, name: str) -> Node:
    return named(namespace, name)[0]
