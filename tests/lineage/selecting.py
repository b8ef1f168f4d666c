"""A catalog and a graph of a few nodes, for tests of what selections mean."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lineage.database import open_engine, sqlite_url
from lineage.facts import Facts, Ran, describe, edge_set
from lineage.model import Basis, Edge, EdgeKind, Layer, Node, Origin, dataset, job
from lineage.ports import Applied, GraphStore
from lineage.selection import Selected, select
from lineage.stores import tables
from lineage.stores.catalog import SqlCatalog
from lineage.stores.embedded import EmbeddedStore

Shop = Mapping[str, Mapping[str, Any]]
DATA: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "selections.yaml").read_text("utf-8"))
SHOP: Shop = DATA["nodes"]


@dataclass(frozen=True, slots=True)
class Opened:
    """What selections are asked of."""

    catalog: SqlCatalog
    store: GraphStore

    def selected(self, text: str) -> Selected:
        return select(self.catalog, self.store, text)

    def names(self, text: str) -> set[str]:
        ids = self.selected(text).ids.tolist()
        found = self.catalog.names(Layer.JOB, ids).names
        assert len(found) == len(set(found)), "each once"
        assert ids == sorted(ids)
        return set(found)


@contextmanager
def opened(folder: Path, shop: Shop = SHOP, url: str | None = None) -> Iterator[Opened]:
    """The shop in a catalog of its own, and its graph."""
    engine = open_engine(url or sqlite_url(folder / f"{uuid.uuid4()}.db"), durable=False)
    tables.metadata.create_all(engine)
    try:
        catalog, store = SqlCatalog(engine), EmbeddedStore()
        catalog.apply([Applied(at, facts) for at, facts in enumerate(facts_of(shop), 1)])
        snapshot = catalog.snapshot()
        store.load(snapshot)
        snapshot.close()
        yield Opened(catalog, store)
    finally:
        engine.dispose()


def node_of(shop: Shop, name: str) -> Node:
    given = shop[name]
    return (dataset if is_dataset(shop, name) else job)(given["namespace"], name)


def is_dataset(shop: Shop, name: str) -> bool:
    return "://" in shop[name]["namespace"]


def facts_of(shop: Shop) -> Iterator[Facts]:
    """One event a node; a job's shows its edges and describes what they join."""
    for at, (name, given) in enumerate(shop.items(), 1):
        node = node_of(shop, name)
        reads = [node_of(shop, one) for one in given.get("reads", ())]
        writes = [node_of(shop, one) for one in given.get("writes", ())]
        edges = [Edge(EdgeKind.READ, one, node, Basis.EXPLICIT) for one in reads]
        edges += [Edge(EdgeKind.WROTE, node, one, Basis.EXPLICIT) for one in writes]
        for output, inputs in given.get("flows", {}).items():
            filled, sources = node_of(shop, output), [node_of(shop, one) for one in inputs]
            edges += [Edge(EdgeKind.READ, one, node, Basis.EXPLICIT, flow=filled.id) for one in sources]
            edges += [Edge(EdgeKind.WROTE, node, filled, Basis.EXPLICIT, flow=filled.id)]
            reads += [*sources, filled]
        others = [node_of(shop, given["parent"])] if "parent" in given else []
        # The others are known already or will be: to say nothing of them takes nothing away.
        described = (describe(node, _facets(shop, given)), *map(describe, dict.fromkeys([*others, *reads, *writes])))
        run = None if is_dataset(shop, name) else Ran(str(uuid.UUID(int=at)), node, "COMPLETE")
        yield Facts(at, Origin.DECLARED if run is None else Origin.OBSERVED, node, described, edge_set(edges), run)


def _facets(shop: Shop, given: Mapping[str, Any]) -> dict[str, Any]:
    facets: dict[str, Any] = {}
    tags = [_tag(text) for text in given.get("tags", ())]
    tags += [{**_tag(text), "field": column} for column, text in given.get("column_tags", {}).items()]
    if tags:
        facets["tags"] = {"tags": tags}
    if "owners" in given:
        facets["ownership"] = {"owners": [{"name": owner} for owner in given["owners"]]}
    if "columns" in given:
        facets["schema"] = {"fields": [{"name": column} for column in given["columns"]]}
    if "parent" in given:
        facets["parent"] = {"namespace": shop[given["parent"]]["namespace"], "name": given["parent"]}
    return facets


def _tag(text: str) -> dict[str, str]:
    key, _, value = text.partition("=")
    return {"key": key, "value": value}
