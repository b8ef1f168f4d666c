"""The catalog on SQL: SQLite by default, PostgreSQL in production."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, delete, func, select

from lineage.database import reading, writing
from lineage.errors import UnknownNode
from lineage.expressions import Term
from lineage.graph import Ids
from lineage.model import Kind, Layer, Node, candidates
from lineage.ports import (
    Applied,
    Catalog,
    Changes,
    Control,
    EdgeFacts,
    Filter,
    Inventory,
    Mark,
    NodeColumns,
    Page,
    Snapshot,
)
from lineage.stores import controls, entities, feed, matching
from lineage.stores import tables as t
from lineage.stores.conflicts import conflicts
from lineage.stores.details import details
from lineage.stores.edge_facts import edge_facts
from lineage.stores.export import export
from lineage.stores.finding import found, named
from lineage.stores.identities import identity, place
from lineage.stores.inventory import flows, inventory
from lineage.stores.names import Namespaces, names, parents
from lineage.stores.projecting.known import NAME
from lineage.stores.writer import Writer


class SqlCatalog:
    """`lineage.ports.Catalog` over one database. Reading is safe from any thread; one process writes.

    window: how many successful runs in a row must lack an edge before it closes, for jobs that say nothing of it.
    """

    def __init__(self, engine: Engine, *, window: int = 1) -> None:
        self.engine = engine
        self.window = window
        self._writer = Writer(engine, window=window)
        self._source: Engine | Connection = engine  # what is read from: of a view, its transaction
        self._namespaces = Namespaces()
        self._broad: tuple[Mark, dict[Term, Ids]] = (Mark(-1, -1), {})
        with writing(engine) as connection:
            if connection.execute(select(t.projection.c.name)).scalar() is None:
                row = {"name": NAME, "position": 0, "changed": 0, "generation": _new_generation()}
                connection.execute(t.projection.insert(), row)

    # ------------------------------------------------------------------ writing

    def position(self) -> int:
        with reading(self._source) as connection:
            return int(connection.execute(select(t.projection.c.position)).scalar_one())

    def apply(self, batch: Sequence[Applied]) -> None:
        self._writer.apply(batch)

    def failed(self, after: int = 0) -> int:
        with reading(self._source) as connection:
            beyond = select(func.count()).select_from(t.failure).where(t.failure.c.position > after)
            return int(connection.execute(beyond).scalar_one())

    def reset(self) -> None:
        """Forgets everything and starts a new generation at position 0, in one transaction."""
        with writing(self.engine) as connection:
            for table in reversed(t.metadata.sorted_tables):
                connection.execute(delete(table))
            row = {"name": NAME, "position": 0, "changed": 0, "generation": _new_generation()}
            connection.execute(t.projection.insert(), row)
        self._writer.forget()

    @contextmanager
    def at_once(self) -> Iterator[Catalog]:
        with reading(self._source) as connection:
            view = copy(self)
            view._source = connection
            yield view

    # ------------------------------------------------------------------ the feed

    def mark(self) -> Mark:
        with reading(self._source) as connection:
            return feed.read_mark(connection)

    def changes(self, after: Mark, limit: int = 10_000) -> Changes | None:
        return feed.read_changes(self.engine, after, limit)

    def snapshot(self) -> Snapshot:
        return feed.SqlSnapshot(self.engine)

    # ------------------------------------------------------------------ looking up

    def find(self, node: str | Node) -> tuple[Node, int]:
        return self._find(node, dropped=False)

    def find_ever(self, node: str | Node) -> tuple[Node, int]:
        """`find`, and also what was dropped since."""
        return self._find(node, dropped=True)

    def named(self, node: str) -> Node:
        possible = list(candidates(node))
        with reading(self._source) as connection:
            hit = named(connection, possible)
            if hit is None:
                raise UnknownNode(node[:300], entities.nearest(connection, possible))
            return hit

    def identity(self, node: Node, after: str | None, limit: int) -> dict[str, Any]:
        _, number = self.find(node)
        with reading(self._source) as connection:
            return identity(connection, number, after, limit)

    def conflicts(self, node: Node | None, after: str | None, limit: int) -> Page:
        number = None if node is None else self.find(node)[1]
        begin = place(after)
        with reading(self._source) as connection:
            every = conflicts(connection, number)
        more = begin + limit < len(every)
        return Page(every[begin : begin + limit], str(begin + limit) if more else None)

    def _find(self, node: str | Node, *, dropped: bool) -> tuple[Node, int]:
        possible = list(candidates(node)) if isinstance(node, str) else [node]
        with reading(self._source) as connection:
            hit = found(connection, possible, dropped=dropped)
            if hit is None:
                text = node if isinstance(node, str) else node.id
                raise UnknownNode(text[:300], entities.nearest(connection, possible))
            return hit

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        if node.kind is not Kind.JOB:
            return (number,)
        with reading(self._source) as connection:
            within = select(t.node.c.id).where(t.node.c.id == number).cte("within", recursive=True)
            # UNION, not UNION ALL: parents that go in a circle end.
            within = within.union(select(t.node.c.id).join(within, t.node.c.parent_id == within.c.id))
            flows = select(t.flow.c.id).join(within, t.flow.c.job_id == within.c.id)
            return tuple(sorted(connection.execute(select(within.c.id).union_all(flows)).scalars()))

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        with reading(self._source) as connection:
            return names(connection, self._namespaces.names(connection), layer, ids)

    def parents(self, jobs: Sequence[int]) -> tuple[list[int], list[int]]:
        with reading(self._source) as connection:
            return parents(connection, jobs)

    def details(self, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
        with reading(self._source) as connection:
            return details(connection, layer, ids)

    def edge_facts(self, ids: Sequence[int]) -> EdgeFacts:
        with reading(self._source) as connection:
            return edge_facts(connection, ids)

    def controls(self, jobs: Sequence[int]) -> list[Control]:
        with reading(self._source) as connection:
            return controls.among(connection, jobs)

    def fields_of(self, dataset: int) -> list[int]:
        with reading(self._source) as connection:
            f = t.field.c
            members = select(t.node.c.id).where(t.node.c.same_id == dataset)
            own = select(f.id).where(f.dataset_id.in_(members), f.same_id == f.id)
            return list(connection.execute(own.order_by(f.name, f.id)).scalars())

    # ------------------------------------------------------------------ lists and entities

    def namespaces(self, after: str | None, limit: int) -> Page:
        with reading(self._source) as connection:
            return entities.namespaces(connection, after, limit)

    def datasets(self, wanted: Filter) -> Page:
        with reading(self._source) as connection:
            return entities.nodes(connection, Kind.DATASET, wanted)

    def jobs(self, wanted: Filter) -> Page:
        with reading(self._source) as connection:
            return entities.nodes(connection, Kind.JOB, wanted)

    def nodes(self, wanted: Filter) -> Page:
        with reading(self._source) as connection:
            return entities.nodes(connection, None, wanted)

    # ------------------------------------------------------------------ selections

    def matching(self, term: Term) -> Ids:
        with reading(self._source) as connection:
            if not matching.is_broad(term):
                return matching.matching(connection, term)
            mark = feed.read_mark(connection)
            known_mark, known = self._broad
            found = known.get(term) if mark == known_mark else None
            if found is None:
                found = matching.matching(connection, term)
                self._broad = (mark, {**(known if mark == known_mark else {}), term: found})
            return found

    def near(self, term: Term) -> tuple[str, ...]:
        with reading(self._source) as connection:
            return matching.near(connection, term)

    def numbers(self, nodes: Sequence[Node]) -> list[int]:
        with reading(self._source) as connection:
            return matching.numbers(connection, nodes)

    def roots_of(self, ids: Ids) -> Ids:
        with reading(self._source) as connection:
            return matching.roots_of(connection, ids)

    def stands_of(self, ids: Ids) -> Ids:
        with reading(self._source) as connection:
            return matching.stands_of(connection, ids)

    def counts(self, ids: Ids) -> dict[str, int]:
        with reading(self._source) as connection:
            return matching.counts(connection, ids)

    def flows(self) -> tuple[Ids, Ids]:
        with reading(self._source) as connection:
            return flows(connection)

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        with reading(self._source) as connection:
            return inventory(connection, as_of_us)

    # ------------------------------------------------------------------ runs and single entities

    def runs(self, job: Node | None, after: str | None, limit: int) -> Page:
        owner = None if job is None else self.find(job)[1]
        with reading(self._source) as connection:
            return entities.runs(connection, owner, after, limit)

    def dataset(self, node: Node) -> dict[str, Any]:
        _, identity = self.find(node)
        with reading(self._source) as connection:
            return entities.dataset(connection, identity)

    def job(self, node: Node) -> dict[str, Any]:
        _, identity = self.find(node)
        with reading(self._source) as connection:
            return entities.job(connection, identity, self.window)

    def run(self, run_id: str) -> dict[str, Any]:
        with reading(self._source) as connection:
            return entities.run(connection, run_id)

    def search(self, text: str, kind: Kind | None, limit: int) -> list[dict[str, Any]]:
        with reading(self._source) as connection:
            return entities.search(connection, text, kind, limit)

    def receipt(self, position: int) -> dict[str, Any] | None:
        with reading(self._source) as connection:
            applied = connection.execute(select(t.projection.c.position)).scalar_one()
            if position > applied:
                return None
            row = connection.execute(select(t.receipt).where(t.receipt.c.position == position)).one_or_none()
            if row is None:
                reason = select(t.failure.c.reason).where(t.failure.c.position == position)
                failed = connection.execute(reason).scalar()
                nothing: dict[str, Any] = {"edges_added": 0, "edges_confirmed": 0, "not_linked": []}
                return nothing if failed is None else {**nothing, "failed": failed}
            not_linked = orjson.loads(row.not_linked) if row.not_linked else []
            return {"edges_added": row.added, "edges_confirmed": row.confirmed, "not_linked": not_linked}

    def export(self) -> Iterator[dict[str, Any]]:
        with reading(self._source) as connection:
            yield from export(connection)


def _new_generation() -> int:
    return secrets.randbelow(2**53 - 1) + 1
