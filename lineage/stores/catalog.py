"""The catalog on SQL: SQLite by default, PostgreSQL in production."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import Engine, delete, func, select

from lineage.database import reading, writing
from lineage.errors import UnknownNode
from lineage.expressions import Term
from lineage.graph import Ids
from lineage.model import Kind, Layer, Node, Transformation, candidates
from lineage.ports import Applied, Changes, Control, EdgeFacts, Filter, Inventory, Mark, NodeColumns, Page, Snapshot
from lineage.stores import controls, entities, feed, matching
from lineage.stores import tables as t
from lineage.stores.conflicts import conflicts
from lineage.stores.details import details
from lineage.stores.export import export
from lineage.stores.finding import found, named
from lineage.stores.identities import identity, place
from lineage.stores.inventory import flows, inventory
from lineage.stores.projecting.known import NAME
from lineage.stores.rows import by_ids
from lineage.stores.writer import Writer


class SqlCatalog:
    """`lineage.ports.Catalog` over one database. Reading is safe from any thread; one process writes.

    window: how many successful runs in a row must lack an edge before it closes, for jobs that say nothing of it.
    """

    def __init__(self, engine: Engine, *, window: int = 1) -> None:
        self.engine = engine
        self.window = window
        self._writer = Writer(engine, window=window)
        self._namespaces: tuple[int, dict[int, str]] = (-1, {})
        self._broad: tuple[Mark, dict[Term, Ids]] = (Mark(-1, -1), {})
        with writing(engine) as connection:
            if connection.execute(select(t.projection.c.name)).scalar() is None:
                row = {"name": NAME, "position": 0, "changed": 0, "generation": _new_generation()}
                connection.execute(t.projection.insert(), row)

    # ------------------------------------------------------------------ writing

    def position(self) -> int:
        with reading(self.engine) as connection:
            return int(connection.execute(select(t.projection.c.position)).scalar_one())

    def apply(self, batch: Sequence[Applied]) -> None:
        self._writer.apply(batch)

    def failed(self, after: int = 0) -> int:
        with reading(self.engine) as connection:
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

    # ------------------------------------------------------------------ the feed

    def mark(self) -> Mark:
        with reading(self.engine) as connection:
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
        with reading(self.engine) as connection:
            hit = named(connection, possible)
            if hit is None:
                raise UnknownNode(node[:300], entities.nearest(connection, possible))
            return hit

    def identity(self, node: Node, after: str | None, limit: int) -> dict[str, Any]:
        _, number = self.find(node)
        with reading(self.engine) as connection:
            return identity(connection, number, after, limit)

    def conflicts(self, node: Node | None, after: str | None, limit: int) -> Page:
        number = None if node is None else self.find(node)[1]
        begin = place(after)
        with reading(self.engine) as connection:
            every = conflicts(connection, number)
        more = begin + limit < len(every)
        return Page(every[begin : begin + limit], str(begin + limit) if more else None)

    def _find(self, node: str | Node, *, dropped: bool) -> tuple[Node, int]:
        possible = list(candidates(node)) if isinstance(node, str) else [node]
        with reading(self.engine) as connection:
            hit = found(connection, possible, dropped=dropped)
            if hit is None:
                text = node if isinstance(node, str) else node.id
                raise UnknownNode(text[:300], entities.nearest(connection, possible))
            return hit

    def roots(self, node: Node, number: int) -> tuple[int, ...]:
        if node.kind is not Kind.JOB:
            return (number,)
        with reading(self.engine) as connection:
            within = select(t.node.c.id).where(t.node.c.id == number).cte("within", recursive=True)
            # UNION, not UNION ALL: parents that go in a circle end.
            within = within.union(select(t.node.c.id).join(within, t.node.c.parent_id == within.c.id))
            flows = select(t.flow.c.id).join(within, t.flow.c.job_id == within.c.id)
            return tuple(sorted(connection.execute(select(within.c.id).union_all(flows)).scalars()))

    def names(self, layer: Layer, ids: Sequence[int]) -> NodeColumns:
        with reading(self.engine) as connection:
            namespaces = self._namespace_names(connection)
            if layer is Layer.JOB:
                c = t.node.c
                columns = [c.id, c.kind, c.namespace_id, c.name, c.parent_id, c.same_id]
                by_id = {row[0]: row for row in by_ids(connection, columns, c.id, ids)}
                hidden = [identity for identity in ids if identity not in by_id]
                if hidden:
                    jobs = dict(by_ids(connection, [t.flow.c.id, t.flow.c.job_id], t.flow.c.id, hidden))
                    by_job = {row[0]: row for row in by_ids(connection, columns, c.id, jobs.values())}
                    by_id |= {flow: by_job[job] for flow, job in jobs.items()}
                others = {row[5] for row in by_id.values()} - by_id.keys()
                shown = by_id | {row[0]: row for row in by_ids(connection, columns, c.id, others)}
                told = [shown[by_id[identity][5]] for identity in ids]
                return NodeColumns(
                    [r[1] for r in told],
                    [namespaces[r[2]] for r in told],
                    [r[3] for r in told],
                    [r[4] for r in told],
                    stands=[r[5] for r in told],
                )
            f, c = t.field.c, t.node.c
            columns = [f.id, f.dataset_id, f.name, f.same_id]
            fields = {row[0]: row for row in by_ids(connection, columns, f.id, ids)}
            same = dict(by_ids(connection, [c.id, c.same_id], c.id, {row[1] for row in fields.values()}))
            columns = [c.id, c.namespace_id, c.name]
            datasets = {row[0]: row for row in by_ids(connection, columns, c.id, same.values())}
            pairs = [(fields[identity], datasets[same[fields[identity][1]]]) for identity in ids]
            return NodeColumns(
                [int(Kind.FIELD)] * len(pairs),
                [namespaces[d[1]] for _, d in pairs],
                [d[2] for _, d in pairs],
                [d[0] for _, d in pairs],
                [f[2] for f, _ in pairs],
                [f[3] for f, _ in pairs],
            )

    def _namespace_names(self, connection: Any) -> dict[int, str]:
        """Names of namespaces by id, remembered: they only ever grow within a generation."""
        generation = feed.read_mark(connection).generation
        newest = connection.execute(select(func.max(t.namespace.c.id))).scalar() or 0
        known_generation, names = self._namespaces
        if generation != known_generation or newest > len(names):
            names = {row.id: row.name for row in connection.execute(select(t.namespace.c.id, t.namespace.c.name))}
            self._namespaces = (generation, names)  # one assignment: other threads see the old pair or the new
        return names

    def details(self, layer: Layer, ids: Sequence[int]) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            return details(connection, layer, ids)

    def edge_facts(self, ids: Sequence[int]) -> EdgeFacts:
        with reading(self.engine) as connection:
            e, life = t.edge.c, t.life.c
            columns = [e.id, e.kind, e.owner_id, e.origin, e.type, e.subtype, e.masking]
            rows = {row[0]: row for row in by_ids(connection, columns, e.id, ids)}
            first: dict[int, int] = {}
            for edge, opened in by_ids(connection, [life.edge_id, life.opened_us], life.edge_id, ids):
                first[edge] = min(opened, first.get(edge, opened))
            last, runs = entities.seen_of(
                connection, {row[2] for row in rows.values()}, {i: row[3] for i, row in rows.items()}
            )
            found = [rows[identity] for identity in ids]
            return EdgeFacts(
                kinds=[r[1] for r in found],
                owners=[r[2] for r in found],
                first_seen=[first.get(i, 0) for i in ids],
                last_seen=[last.get(i, 0) for i in ids],
                runs_seen=[runs.get(i, 0) for i in ids],
                transformations=[
                    Transformation(r[4], r[5], bool(r[6])) if r[4] or r[5] or r[6] else None for r in found
                ],
            )

    def controls(self, jobs: Sequence[int]) -> list[Control]:
        with reading(self.engine) as connection:
            return controls.among(connection, jobs)

    def fields_of(self, dataset: int) -> list[int]:
        with reading(self.engine) as connection:
            f = t.field.c
            members = select(t.node.c.id).where(t.node.c.same_id == dataset)
            own = select(f.id).where(f.dataset_id.in_(members), f.same_id == f.id)
            return list(connection.execute(own.order_by(f.name, f.id)).scalars())

    # ------------------------------------------------------------------ lists and entities

    def namespaces(self, after: str | None, limit: int) -> Page:
        with reading(self.engine) as connection:
            return entities.namespaces(connection, after, limit)

    def datasets(self, wanted: Filter) -> Page:
        with reading(self.engine) as connection:
            return entities.nodes(connection, Kind.DATASET, wanted)

    def jobs(self, wanted: Filter) -> Page:
        with reading(self.engine) as connection:
            return entities.nodes(connection, Kind.JOB, wanted)

    def nodes(self, wanted: Filter) -> Page:
        with reading(self.engine) as connection:
            return entities.nodes(connection, None, wanted)

    # ------------------------------------------------------------------ selections

    def matching(self, term: Term) -> Ids:
        with reading(self.engine) as connection:
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
        with reading(self.engine) as connection:
            return matching.near(connection, term)

    def numbers(self, nodes: Sequence[Node]) -> list[int]:
        with reading(self.engine) as connection:
            return matching.numbers(connection, nodes)

    def roots_of(self, ids: Ids) -> Ids:
        with reading(self.engine) as connection:
            return matching.roots_of(connection, ids)

    def stands_of(self, ids: Ids) -> Ids:
        with reading(self.engine) as connection:
            return matching.stands_of(connection, ids)

    def counts(self, ids: Ids) -> dict[str, int]:
        with reading(self.engine) as connection:
            return matching.counts(connection, ids)

    def flows(self) -> tuple[Ids, Ids]:
        with reading(self.engine) as connection:
            return flows(connection)

    def inventory(self, as_of_us: int | None = None) -> Inventory:
        with reading(self.engine) as connection:
            return inventory(connection, as_of_us)

    # ------------------------------------------------------------------ runs and single entities

    def runs(self, job: Node | None, after: str | None, limit: int) -> Page:
        owner = None if job is None else self.find(job)[1]
        with reading(self.engine) as connection:
            return entities.runs(connection, owner, after, limit)

    def dataset(self, node: Node) -> dict[str, Any]:
        _, identity = self.find(node)
        with reading(self.engine) as connection:
            return entities.dataset(connection, identity)

    def job(self, node: Node) -> dict[str, Any]:
        _, identity = self.find(node)
        with reading(self.engine) as connection:
            return entities.job(connection, identity, self.window)

    def run(self, run_id: str) -> dict[str, Any]:
        with reading(self.engine) as connection:
            return entities.run(connection, run_id)

    def search(self, text: str, kind: Kind | None, limit: int) -> list[dict[str, Any]]:
        with reading(self.engine) as connection:
            return entities.search(connection, text, kind, limit)

    def receipt(self, position: int) -> dict[str, Any] | None:
        with reading(self.engine) as connection:
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
        with reading(self.engine) as connection:
            yield from export(connection)


def _new_generation() -> int:
    return secrets.randbelow(2**53 - 1) + 1
