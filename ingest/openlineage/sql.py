"""What the text of a `sql` facet says of an event's outputs, its tables by the names that the event gives datasets.

Only the event is asked: its schemas, its names, its databases. What the catalog knows when the event comes depends on
what came before it, and facts must not (docs/decisions/0012).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from ingest.openlineage import facets as read
from ingest.openlineage.facets import Columns, Sources
from ingest.openlineage.naming import named
from ingest.sql.dialects import spoken
from ingest.sql.model import Origin, Statement, Table
from lineage.model import Node
from lineage.naming_rules import Scheme, load
from lineage.naming_tables import identifiers

# Schemas of every database's own tables: who asks them reads no data.
SYSTEM = frozenset({"information_schema", "pg_catalog", "sys", "system", "sqlite_master", "duckdb_catalog"})
REASONS = 20  # of one text, in a receipt
CHARACTERS = 300  # of one reason


class ReadsSql(Protocol):
    """`ingest.sql.statements.columns_of`, or a worker that does it."""

    def __call__(
        self,
        sql: str,
        *,
        dialect: str | None,
        schemas: Mapping[Table, Sequence[str]],
        default: tuple[str, str],
    ) -> list[Statement]: ...


@dataclass(slots=True)
class Parsed:
    """What SQL says. by_target: of outputs, and of tables that it writes and the event doesn't name as outputs.

    reads: tables of queries that go into nobody knows which output. names: what looks like a table and is none, lower
    case. reasons: what could not be told.
    """

    by_target: dict[Node, Sources] = field(default_factory=dict)
    reads: set[Node] = field(default_factory=set)
    names: frozenset[str] = frozenset()
    reasons: list[str] = field(default_factory=list)


class Query(NamedTuple):
    """The text of a `sql` facet. dialect: "" if not said. happened: it may have written and read what it names.

    Of a run that begins or has failed only what the event itself names is believed to exist.
    """

    text: str
    dialect: str
    happened: bool


def query_of(facet: Any, *, happened: bool) -> Query | None:
    """None without a text."""
    stated = read.mapping(facet)
    query, dialect = stated.get("query"), stated.get("dialect")
    if not isinstance(query, str) or not query.strip() or read.is_deleted(facet):
        return None
    return Query(query, dialect if isinstance(dialect, str) else "", happened)


def parsed(
    query: Query,
    inputs: Mapping[Node, Mapping[str, Any]],
    outputs: Mapping[Node, Mapping[str, Any]],
    reads_sql: ReadsSql,
) -> Parsed | None:
    """What a text says, in the event's names; None if the event names no dataset, so that nothing says whose tables."""
    places = _Places({**inputs, **outputs})
    if not places.known:
        return None
    statements = reads_sql(
        query.text,
        dialect=spoken(query.dialect) or places.dialect(),
        schemas=places.schemas(),
        default=places.default(),
    )
    return _Saying(places, list(outputs), statements, query.happened).parsed()


# ---------------------------------------------------------------------------------------------------------------- names


class _Places:
    """Where an event's tables are: what its datasets are called tells what tables of its SQL are."""

    def __init__(self, datasets: Mapping[Node, Mapping[str, Any]]) -> None:
        self._columns = {node: read.columns_of(facets) for node, facets in datasets.items()}
        self.known: dict[Node, Table] = {}
        for node in sorted(datasets):
            scheme = scheme_of(node.namespace)
            parts = identifiers(node.name, scheme.quotes) if scheme and scheme.holds in ("tables", "files") else None
            if parts:
                self.known[node] = tuple(_bare(part) for part in parts)
        self._resolved: dict[Table, Node | None] = {}

    def dialect(self) -> str | None:
        """That of the datasets' databases, if it is one."""
        found = {spoken(scheme.name) for node in self.known if (scheme := scheme_of(node.namespace))} - {None}
        return next(iter(found)) if len(found) == 1 else None

    def default(self) -> tuple[str, str]:
        """Catalog and schema that all the datasets share, "" for what they don't."""
        depth = max(map(len, self.known.values()))
        catalogs = {parts[0] for parts in self.known.values() if len(parts) == 3} if depth == 3 else set()
        schemas = {parts[-2] if len(parts) > 1 else "" for parts in self.known.values()}
        return (next(iter(catalogs)) if len(catalogs) == 1 else "", next(iter(schemas)) if len(schemas) == 1 else "")

    def schemas(self) -> dict[Table, Sequence[str]]:
        """Columns of datasets that the event describes whole; documentation of some columns is not enough."""
        whole = {node: columns for node, columns in self._columns.items() if columns is not None and columns.whole}
        return {parts: whole[node].top for node, parts in self.known.items() if node in whole}

    def columns(self, node: Node) -> Columns | None:
        return self._columns.get(node)

    def node(self, table: Table) -> Node | None:
        """The dataset that a table of the text is; None if it can't be told."""
        if table not in self._resolved:
            self._resolved[table] = self._of_event(table) or self._new(table)
        return self._resolved[table]

    def _of_event(self, table: Table) -> Node | None:
        """A dataset of the event with the same last parts: with the same case if there are several."""
        lower = tuple(part.lower() for part in table)
        fitting = [node for node, parts in self.known.items() if _ends(tuple(part.lower() for part in parts), lower)]
        if len(fitting) > 1:
            fitting = [node for node in fitting if _ends(self.known[node], table)]
        return fitting[0] if len(fitting) == 1 else None

    def _new(self, table: Table) -> Node | None:
        """A dataset that the event doesn't name, in the one place where all its others are."""
        namespaces = {node.namespace for node in self.known}
        depths = {len(parts) for parts in self.known.values()}
        if len(namespaces) != 1 or depths != {len(table)}:
            return None
        namespace = next(iter(namespaces))
        scheme = scheme_of(namespace)
        return None if scheme is None else named(namespace, ".".join(_written(part, scheme) for part in table))[0]


def scheme_of(namespace: str) -> Scheme | None:
    """The rules for names in a namespace; None if it is of no scheme that is known."""
    return load().schemes.get(namespace.partition(":")[0].lower())


def _bare(part: str) -> str:
    return part[1:-1] if len(part) > 2 and part[0] + part[-1] in ('""', "``", "[]") else part


def _ends(longer: Table, other: Table) -> bool:
    """Whether one is the end of the other.

    >>> _ends(("shop", "core", "t"), ("core", "t")), _ends(("t",), ("core", "t")), _ends(("a", "t"), ("b", "t"))
    (True, True, False)
    """
    width = min(len(longer), len(other))
    return longer[-width:] == other[-width:]


def _written(part: str, scheme: Scheme) -> str:
    """An identifier as names have it: what the engine would fold had quotes."""
    free = "." not in part and scheme.folded(part) == part
    return part if free or not scheme.quotes else f"{scheme.quotes[0][0]}{part}{scheme.quotes[0][1]}"


# ----------------------------------------------------------------------------------------------------------- statements


class _Saying:
    """Brings statements together by what they write."""

    def __init__(
        self, places: _Places, outputs: Sequence[Node], statements: Sequence[Statement], happened: bool
    ) -> None:
        self._places, self._outputs, self._statements, self._happened = places, outputs, statements, happened
        self._parsed = Parsed(names=frozenset().union(*(one.names for one in statements)))

    def parsed(self) -> Parsed:
        queries = [one for one in self._statements if one.target is None and one.sources]
        writes = any(one.target for one in self._statements)
        for one in self._statements:
            self._parsed.reasons += [reason[:CHARACTERS] for reason in one.unresolved]
            if one.target is not None:
                node = self._node(one.target)
                if node is not None and (self._happened or node in self._outputs):
                    self._say(node, one)
        if len(queries) == 1 and not writes and len(self._outputs) == 1:  # dbt gives the query that makes a model
            self._say(self._outputs[0], queries[0])
        elif self._happened:
            self._parsed.reads |= self._nodes(table for one in queries for table in one.sources)
        del self._parsed.reasons[REASONS:]
        return self._parsed

    def _say(self, node: Node, statement: Statement) -> None:
        found = Sources()
        found.datasets = self._nodes(statement.sources) - {node}
        for column, origins in statement.columns.items():
            if column == "*":
                found.columns += self._starred(node, statement)
            else:
                found.columns += [
                    (column, source, origin.column, origin.how)
                    for origin, source in self._origins(origins)
                    if source != node or (origin.how.type == "DIRECT" and origin.column.lower() != column.lower())
                ]
        found.whole = [
            (source, origin.column, origin.how) for origin, source in self._origins(statement.whole) if source != node
        ]
        present = self._parsed.by_target.get(node)
        if present is None:
            self._parsed.by_target[node] = found
        else:
            present.merge(found)

    def _starred(self, node: Node, statement: Statement) -> list[Any]:
        """`*` of one table that nobody described, into an output that somebody did: columns of the same names."""
        columns = self._places.columns(node)
        stars = statement.columns["*"]
        source = self._places.node(stars[0].table) if len(stars) == 1 else None
        if columns is None or source is None or source == node:
            tables = ", ".join(sorted({".".join(origin.table) for origin in stars}))
            self._parsed.reasons.append(f"the columns of {tables} aren't known, and * stands for them"[:CHARACTERS])
            return []
        named_already = {column.lower() for column in statement.columns}
        return [(name, source, name, stars[0].how) for name in columns.top if name.lower() not in named_already]

    def _origins(self, origins: Iterable[Origin]) -> Iterable[tuple[Origin, Node]]:
        """Origins with their datasets, columns spelled as the event has them."""
        for origin in origins:
            source = self._node(origin.table)
            if source is not None and origin.column != "*":
                columns = self._places.columns(source)
                spelling = columns.spelling(origin.column) if columns is not None else None
                if spelling is None and columns is not None and columns.whole:
                    continue  # a column of the database's own, as PostgreSQL's ctid
                yield origin._replace(column=spelling or origin.column), source

    def _nodes(self, tables: Iterable[Table]) -> set[Node]:
        return {node for table in tables if (node := self._node(table)) is not None}

    def _node(self, table: Table) -> Node | None:
        if any(part.lower() in SYSTEM for part in table[-2:]):
            return None
        node = self._places.node(table)
        if node is None:
            reason = f"table {'.'.join(table)} of the SQL: the event doesn't tell which dataset it is"[:CHARACTERS]
            if reason not in self._parsed.reasons:
                self._parsed.reasons.append(reason)
        return node
