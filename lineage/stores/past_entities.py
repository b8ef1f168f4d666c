"""Single entities as they were: the answer of today with all in it that time changes read again.

Aliases are those of today: names are joined as they are known now.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from types import SimpleNamespace
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Table, exists, select

from lineage.facts import EVENT_TYPES, RUNNING, START, TERMINAL
from lineage.model import EdgeKind, Kind, Node, Origin, text_of
from lineage.ports import OPEN
from lineage.stores import entities
from lineage.stores import tables as t
from lineage.stores.folding import named
from lineage.stores.governance import by_people, description_of, flat_fields, owners_of, tags_of
from lineage.stores.knowledge import Knowledge
from lineage.stores.members import members_of, said_of
from lineage.stores.past import Spoken, When, among, contents, groups_of, spoken, there
from lineage.stores.rows import by_ids

Row = dict[str, Any]
NOW_ONLY = ("recent_inputs", "recent_outputs")  # of a job; they aren't told of another time


class PastEntity:
    """One dataset or job at one point of time and of knowledge. knowledge: only where a position is given."""

    def __init__(self, connection: Connection, stands: int, when: When, knowledge: Knowledge | None) -> None:
        self.connection, self.stands, self.when, self.knowledge = connection, stands, when, knowledge
        self.spans = members_of(connection, stands)
        self.members = [span.id for span in self.spans]
        self.said: Spoken = spoken(connection, {stands: self.members}, when)[stands]
        loaded = contents(connection, [self.said])
        found = sorted(self.said.facets.items())
        self.facets: Row = {key: loaded[i] for key, (_, _, i) in found if i in loaded}
        self.people = by_people(self.facets)

    def dataset(self) -> Row:
        schema = flat_fields(self.people.get("schema")) or self._columns()
        tags = self._tags()
        return {
            **entities.dataset(self.connection, self.stands),
            **self._described(),
            "schema": [{**column, "tags": _of_column(tags, column["name"])} for column in schema],
            "versions": self._versions(),
            "lifecycle": self.facets.get("lifecycleStateChange"),
            "inputs": self._neighbours(EdgeKind.WROTE, incoming=True),
            "outputs": self._neighbours(EdgeKind.READ, incoming=False),
            "assertions": entities._assertions(self.connection, self._told(t.assertion), self.stands),
            "statistics": entities._statistics(self.connection, self._told(t.statistic), self.stands),
        }

    def job(self) -> Row:
        parent = self.facets.get("parent")
        present = entities.job(self.connection, self.stands)
        return {
            **{key: value for key, value in present.items() if key not in NOW_ONLY},
            **self._described(),
            "parent": Node(Kind.JOB, parent["namespace"], parent["name"]).id if parent else None,
            "inputs": self._neighbours(EdgeKind.READ, incoming=True),
            "outputs": self._neighbours(EdgeKind.WROTE, incoming=False),
            "children": self._children(),
            "runs": entities.run_items(self.connection, self._runs()),
        }

    def _described(self) -> Row:
        return {
            "description": description_of(self.people.get("documentation")),
            "owners": owners_of(self.people.get("ownership")),
            "tags": self._tags(),
            "first_seen": text_of(self.said.first_us),
            "last_seen": text_of(self.said.last_us),
            "facets": self.facets,
        }

    def _tags(self) -> list[Row]:
        shown = ("key", "value", "source")
        return [
            {**{key: tag[key] for key in shown}, **({"field": tag["field"]} if tag["field"] else {})}
            for tag in tags_of(self.people.get("tags"))
        ]

    def _columns(self) -> list[Row]:
        """Where no schema holds: columns that any had named until then, or that an edge had met."""
        told = {column["name"] for version in self._versions() for column in version["fields"]}
        f, e = t.field.c, t.edge.c
        fields = dict(by_ids(self.connection, [f.id, f.name], f.dataset_id, self.members))
        for end in (e.source_id, e.target_id):
            rows = by_ids(self.connection, [e.id, e.owner_id, end], end, fields, e.kind == int(EdgeKind.DERIVED))
            begun = {edge for edge, opened, _ in self._lives(rows) if opened <= self._until}
            told |= {fields[row[2]] for row in rows if row[0] in begun}
        return [{"name": name, "type": None, "description": None} for name in sorted(told)]

    def _versions(self) -> list[Row]:
        """Every schema that had been told, newest last."""
        spans = {key[1:]: span for key, span in self.said.spans.items() if key[0] == "schema"}
        bodies = dict(by_ids(self.connection, [t.facet.c.id, t.facet.c.body], t.facet.c.id, [i for _, i in spans]))
        return [
            {
                "version": digest.hex()[:12],
                "fields": flat_fields(orjson.loads(bytes(bodies[identity]))),
                "first_seen": text_of(first_us),
                "last_seen": text_of(last_us),
            }
            for (digest, identity), (first_us, last_us) in sorted(spans.items(), key=lambda item: (item[1], item[0]))
        ]

    # ------------------------------------------------------------------ edges

    def _neighbours(self, kind: EdgeKind, *, incoming: bool) -> list[str]:
        """Ids of what was joined to it by edges of a kind, by name."""
        e = t.edge.c
        here, other = (e.target_id, e.source_id) if incoming else (e.source_id, e.target_id)
        shown = [e.kind == int(kind), e.published, ~e.suppressed]
        rows = by_ids(self.connection, [e.id, e.owner_id, other], here, self.members, *shown)
        alive = self._alive(rows)
        ends = {row[2] for row in rows if row[0] in alive}
        if self.knowledge is not None:
            ends = self.knowledge.are_known(ends)
        return sorted({node.id for _, node in named(self.connection, ends).values()})

    def _alive(self, rows: Collection[Any]) -> set[int]:
        """Edges that were there. rows begin with edge and owner."""
        lives = self._lives(rows)
        if self.when.as_of_us is None:
            return {edge for edge, _, closed in lives if closed == OPEN}
        return {edge for edge, opened, closed in lives if opened <= self._until < closed}

    def _lives(self, rows: Collection[Any]) -> list[tuple[int, int, int]]:
        edges = {row[0] for row in rows}
        if self.knowledge is None:
            life = t.life.c
            columns = [life.edge_id, life.opened_us, life.closed_us]
            return [(row[0], row[1], row[2]) for row in by_ids(self.connection, columns, life.edge_id, edges)]
        lives = self.knowledge.lives({row[1] for row in rows})
        return [(edge, *span) for edge in edges for span in lives.get(edge, ())]

    @property
    def _until(self) -> int:
        return OPEN if self.when.as_of_us is None else self.when.as_of_us

    def _children(self) -> list[str]:
        """Jobs that named it as their parent then, of those that do now."""
        n = t.node.c
        jobs = by_ids(self.connection, [n.id], n.parent_id, self.members)
        groups = groups_of(self.connection, [row[0] for row in jobs])
        said = spoken(self.connection, groups, self.when, ("parent",))
        named_it = {rep for rep in there(self.connection, groups, self.when, said) if "parent" in said[rep].facets}
        return sorted(node.id for _, node in named(self.connection, named_it).values())

    # ------------------------------------------------------------------ checks, measurements, runs

    def _told(self, table: Table) -> ColumnElement[bool]:
        """That a row of checks or measurements had been told. Of one run only the newest of each kind is kept."""
        c = table.c
        told: ColumnElement[bool] = said_of(table, self.spans)
        if self.when.as_of_us is not None:
            told = told & (c.at_us <= self.when.as_of_us)
        if self.when.position is None:
            return told
        e, s = t.run_event.c, t.said.c
        by_run = exists().where(e.run_pk == c.run_pk, e.at_us == c.at_us, e.position <= self.when.position)
        alone = exists().where(s.node_id.in_(self.members), s.at_us == c.at_us, s.position <= self.when.position)
        return told & (((c.run_pk != 0) & by_run) | ((c.run_pk == 0) & alone))

    def _runs(self) -> list[Any]:
        """The newest runs by arrival, as they stood."""
        r, e = t.run.c, t.run_event.c
        told = select(e.run_pk).where(*self.when.bounds(t.run_event))
        own = select(t.run).where(r.owner_id == self.stands, r.origin == int(Origin.OBSERVED), r.id.in_(told))
        rows = self.connection.execute(own.order_by(r.id.desc()).limit(entities.RECENT)).all()
        pks = [row.id for row in rows]
        events: dict[int, list[Any]] = {}
        every = select(t.run_event).where(among(self.connection, e.run_pk, pks), *self.when.bounds(t.run_event))
        for event in self.connection.execute(every.order_by(e.at_us)):
            events.setdefault(event.run_pk, []).append(event)
        return [_as_it_stood(row, events[row.id]) for row in rows]


def _as_it_stood(row: Any, events: Sequence[Any]) -> Any:
    """A run by some of its events only, which come by time."""
    words = [(event.at_us, EVENT_TYPES[event.type]) for event in events]
    ended_us, terminal = max((one for one in words if one[1] in TERMINAL), default=(None, None))
    state = {
        "first_us": events[0].at_us,
        "last_us": events[-1].at_us,
        "start_us": max((at_us for at_us, word in words if word == START), default=None),
        "terminal_us": ended_us,
        "terminal": terminal,
        "running": any(word == RUNNING for _, word in words),
        "error": row.error if row.error_us is not None and row.error_us <= events[-1].at_us else None,
        "incomplete": any(event.incomplete for event in events),
    }
    return SimpleNamespace(**{**row._mapping, **state})


def _of_column(tags: list[Row], name: str) -> list[Row]:
    return [{key: tag[key] for key in ("key", "value", "source")} for tag in tags if tag.get("field") == name]
