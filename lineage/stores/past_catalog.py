"""The catalog as it was: names, descriptions and columns as of a time, as known at a position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Connection, select

from lineage.database import reading
from lineage.errors import UnknownNode
from lineage.model import EdgeKind, Kind, Layer, Node, candidates, text_of
from lineage.ports import Catalog, EdgeFacts, Inventory, NodeColumns
from lineage.stores import entities, past_details
from lineage.stores import tables as t
from lineage.stores.catalog import SqlCatalog
from lineage.stores.folding import named
from lineage.stores.governance import columns_of
from lineage.stores.knowledge import Knowledge
from lineage.stores.past import When, among, bundles, contents, existed, groups_of, spoken, was_said
from lineage.stores.past_entities import PastEntity
from lineage.stores.rows import by_ids


class PastCatalog(SqlCatalog):
    """`lineage.ports.Catalog`, to be read only, at one point of time and of knowledge.

    when: with a position, whatever came later is as if it had never come. With a time alone, what is asked for may have
    begun later (it is then a node without edges), and edges are told of as they are known now.
    """

    def __init__(self, catalog: SqlCatalog, when: When) -> None:
        vars(self).update(vars(catalog))  # the same database, and nothing of its own to write there
        self.when = when
        self._parents: dict[int, int] = {}

    @cached_property
    def knowledge(self) -> Knowledge:
        """Of what was known; only where a position is given."""
        assert self.when.position is not None
        return Knowledge(self.engine, self.when.position, self.window)

    def position(self) -> int:
        return super().position() if self.when.position is None else self.when.position

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        """Nodes that were known; columns as they are known now."""
        held = super().inventory(as_of_us)
        if self.when.position is None:
            return held
        known = np.isin(held.ids, list(self.knowledge.are_known(held.ids.tolist())))
        return replace(held, ids=held.ids[known], kinds=held.kinds[known])

    # ------------------------------------------------------------------ looking up

    def find(self, node: str | Node) -> tuple[Node, int]:
        """What bore a name then; else what bears it now, a node without edges then. Raises UnknownNode, InvalidNode."""
        try:
            return self.found(node)
        except UnknownNode:
            if self.when.position is None:
                return super().find(node)
            return self.found(node, at_any_time=True)

    def found(self, node: str | Node, *, at_any_time: bool = False) -> tuple[Node, int]:
        """What bore a name and existed, then or ever. Raises UnknownNode, InvalidNode."""
        when = replace(self.when, as_of_us=None) if at_any_time else self.when
        possible = list(candidates(node)) if isinstance(node, str) else [node]
        with reading(self._source) as connection:
            for candidate in possible:
                bore = self._bearers(connection, candidate.dataset, when)
                stands = next((one for one in bore if was_said(connection, one, when)), None)
                if stands is None or not existed(connection, stands, when):
                    continue
                bearer = named(connection, [stands])[stands][1]
                if candidate.kind is not Kind.FIELD:
                    return bearer, stands
                for identity, name in self._fields(connection, stands).items():
                    if name == candidate.field:
                        return Node(Kind.FIELD, bearer.namespace, bearer.name, name), identity
            text = (node if isinstance(node, str) else node.id)[:300]
            near = [name for name in entities.nearest(connection, possible) if name != text]
            raise UnknownNode(f"{text} {self._of_then()}", tuple(near))

    def _of_then(self) -> str:
        """For messages."""
        as_of = "" if self.when.as_of_us is None else f"as of {text_of(self.when.as_of_us)}"
        known = "" if self.when.position is None else f"by the events up to {self.when.position:,}"
        return " ".join(part for part in (as_of, known) if part)

    def _bearers(self, connection: Connection, node: Node, when: When) -> list[int]:
        """What stands now for what bore a name by then, newest first: a name given up is that of what it was."""
        n = t.node.c
        first = connection.execute(select(n.id).where(n.key == node.key)).scalar()
        bore = select(n.same_id).where(n.name_id == first).order_by(n.since_us.desc())
        if when.as_of_us is not None:
            bore = bore.where(n.since_us <= when.as_of_us)
        return list(connection.execute(bore).scalars())

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        ids = super().roots(node, number)
        if self.when.position is None or node.kind is not Kind.JOB:
            return ids
        stands = dict(zip(ids, super().names(Layer.JOB, ids).stands, strict=True))
        within, size = {number}, 0
        jobs = sorted(self.knowledge.are_known(set(stands.values())))
        parents = dict(zip(jobs, self.names(Layer.JOB, jobs).parents, strict=True))
        while len(within) > size:
            size = len(within)
            within |= {job for job, parent in parents.items() if parent in within}
        return tuple(identity for identity in ids if stands[identity] in within)

    @contextmanager
    def at_once(self) -> Iterator[Catalog]:
        """What was known is read from statements that stay: itself, and no connection held while more are asked for."""
        if self.when.position is not None:
            yield self
            return
        with super().at_once() as view:
            yield view

    # ------------------------------------------------------------------ telling of one

    def dataset(self, node: Node) -> dict[str, Any]:
        """Raises UnknownNode for one that did not exist then."""
        with self._entity(node) as entity:
            return entity.dataset()

    def job(self, node: Node) -> dict[str, Any]:
        with self._entity(node) as entity:
            return entity.job()

    @contextmanager
    def _entity(self, node: Node) -> Iterator[PastEntity]:
        _, stands = self.found(node)
        knowledge = None if self.when.position is None else self.knowledge
        with reading(self._source) as connection:
            yield PastEntity(connection, stands, self.when, knowledge)

    # ------------------------------------------------------------------ telling of many

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        columns = super().names(layer, ids)
        if self.when.position is None or layer is not Layer.JOB:
            return columns
        pairs = zip(columns.stands, columns.kinds, strict=True)
        fresh = {stands for stands, kind in pairs if kind == Kind.JOB} - self._parents.keys()
        if fresh:
            self._parents |= self._parents_of(sorted(fresh))
        return replace(columns, parents=[self._parents.get(stands, 0) for stands in columns.stands])

    def parents(self, jobs: Sequence[int]) -> tuple[list[int], list[int]]:
        if self.when.position is None:
            return super().parents(jobs)
        columns = self.names(Layer.JOB, jobs)
        return columns.stands, columns.parents

    def _parents_of(self, jobs: Sequence[int]) -> dict[int, int]:
        with reading(self._source) as connection:
            said = spoken(connection, groups_of(connection, jobs), When(position=self.when.position), ("parent",))
            loaded = contents(connection, said.values())
            parents = {
                job: Node(Kind.JOB, body["namespace"], body["name"])
                for job, one in said.items()
                for body in [loaded[i] for _, _, i in one.facets.values() if i in loaded]
            }
            keys = {node.key for node in parents.values()}
            rows = connection.execute(select(t.node.c.key, t.node.c.id).where(t.node.c.key.in_(keys)))
            numbers = {bytes(row[0]): row[1] for row in rows}
        return {job: numbers.get(parents[job].key, 0) if job in parents else 0 for job in jobs}

    def details(self, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
        with reading(self._source) as connection:
            return past_details.details(connection, layer, ids, self.when)

    def edge_facts(self, ids: Sequence[int]) -> EdgeFacts:
        facts = super().edge_facts(ids)
        if self.when.position is None:
            return facts
        owners = facts.owners.tolist()
        lives, seen = self.knowledge.lives(owners), self.knowledge.seen(owners)
        first = [min((opened for opened, _ in lives.get(i, ())), default=0) for i in ids]
        last = [seen[i].last_us if i in seen else 0 for i in ids]
        runs = [seen[i].runs if i in seen else 0 for i in ids]
        told = [np.asarray(column, dtype=np.int64) for column in (first, last, runs)]
        return replace(facts, first_seen=told[0], last_seen=told[1], runs_seen=told[2])

    def fields_of(self, dataset: int) -> list[int]:
        ids = super().fields_of(dataset)
        if self.when.position is None:
            return ids
        with reading(self._source) as connection:
            known = self._fields(connection, dataset)
        return [identity for identity in ids if identity in known]

    def _fields(self, connection: Connection, dataset: int) -> dict[int, str]:
        """Columns that a schema had named or that an edge had met, by number."""
        f = t.field.c
        members = [identity for ids in groups_of(connection, [dataset]).values() for identity in ids]
        rows = by_ids(connection, [f.same_id, f.name, f.id], f.dataset_id, members)
        if self.when.position is None:
            return {same: name for same, name, _ in rows}
        told = self._columns(connection, members)
        met = self._met(connection, {identity for _, name, identity in rows if name not in told})
        return {same: name for same, name, identity in rows if name in told or identity in met}

    def _columns(self, connection: Connection, members: Sequence[int]) -> set[str]:
        """Names of columns in every schema that had been told."""
        s = t.said.c
        told = select(s.bundle_id).where(among(connection, s.node_id, members), s.position <= self.when.position)
        held = bundles(connection, set(connection.execute(told.distinct()).scalars()), ("schema",))
        schemas = {identity for facets in held.values() for _, _, identity in facets}
        bodies = by_ids(connection, [t.facet.c.body], t.facet.c.id, schemas)
        return {name for (body,) in bodies for name in columns_of(orjson.loads(bytes(body)))}

    def _met(self, connection: Connection, fields: set[int]) -> set[int]:
        """Those of some fields that an edge had met."""
        e = t.edge.c
        columns = [e.id, e.owner_id, e.source_id, e.target_id]
        derived = e.kind == int(EdgeKind.DERIVED)
        rows = [row for end in (e.source_id, e.target_id) for row in by_ids(connection, columns, end, fields, derived)]
        seen = self.knowledge.seen({row[1] for row in rows})
        return {end for row in rows if row[0] in seen for end in row[2:4]} & fields
