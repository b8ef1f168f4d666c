"""Relations, what a query is made of and makes, and the scopes in which names of columns mean something."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ingest.sql.model import IDENTITY, NONE, TRANSFORMATION, Origins, Table, through


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation; one without a name can only be reached by position.

    tables: instead of one column it is all columns of these, whose names aren't known, except `hidden` (lower case).
        Several tables: arms of a UNION, each gives a part of the rows.
    """

    name: str
    origins: Origins = NONE
    tables: tuple[Table, ...] = ()
    hidden: frozenset[str] = frozenset()

    def named(self, name: str) -> Origins:
        """The origins of the column of that name among those that this one stands for."""
        if not self.tables:
            return self.origins
        return frozenset([(table, name, IDENTITY) for table in self.tables])


@dataclass(slots=True)
class Relation:
    """Rows with columns. whole: what decides which rows there are (all indirect).

    anything: origins of whatever is asked of it, where names of columns can't be known (functions that give tables).
    tables: that it was made of by an earlier statement.
    """

    columns: list[Column]
    whole: Origins = NONE
    anything: Origins | None = None
    tables: frozenset[Table] = frozenset()
    _by_name: dict[str, Column] | None = None

    @property
    def stars(self) -> list[Column]:
        return [column for column in self.columns if column.tables]

    @property
    def is_open(self) -> bool:
        return any(column.tables for column in self.columns)

    def has(self, lower: str) -> bool:
        return lower in self._index()

    def stands_for(self, lower: str) -> list[Column]:
        return [star for star in self.stars if lower not in star.hidden]

    def origins(self, name: str) -> Origins | None:
        """None if it has no such column, or nobody can tell which of several it is."""
        found = self._index().get(name.lower())
        if found is not None:
            return found.origins
        stars = self.stands_for(name.lower())
        if len(stars) == 1:
            return stars[0].named(name)
        return self.anything if not stars else None

    def every(self) -> Origins:
        """Origins of all its columns whose names are known: a row as a value."""
        return union(column.origins for column in self.columns) | (self.anything or NONE)

    def _index(self) -> dict[str, Column]:
        if self._by_name is None:
            found: dict[str, Column] = {}
            for column in self.columns:
                if column.name and not column.tables:
                    lower = column.name.lower()
                    one = found.get(lower)
                    found[lower] = column if one is None else Column(one.name, one.origins | column.origins)
            self._by_name = found
        return self._by_name


@dataclass(slots=True)
class Scope:
    """What is in reach of an expression: relations by alias (lower case), then those of the query around it.

    merged: columns that USING made one. shadowed: parameters of a lambda. aliases: of the SELECT itself, where they may
    be used. windows: named ones. ctes: by name, lower case.
    """

    parent: Scope | None = None
    relations: list[tuple[str, Relation]] = field(default_factory=list)
    merged: dict[str, Origins] = field(default_factory=dict)
    shadowed: frozenset[str] = frozenset()
    aliases: dict[str, Origins] = field(default_factory=dict)
    windows: dict[str, Origins] = field(default_factory=dict)
    ctes: Mapping[str, Relation] = field(default_factory=dict)

    def inner(self, *, shadowed: frozenset[str] = frozenset()) -> Scope:
        """Of a query or lambda inside of this one."""
        return Scope(self, shadowed=shadowed, ctes=self.ctes)

    def relation(self, alias: str) -> Relation | None:
        for name, relation in self.relations:
            if name == alias:
                return relation
        return self.parent.relation(alias) if self.parent else None

    def column(self, name: str) -> Origins | None:
        """Origins of an unqualified column; None if none has it or it can't be told which of several has it."""
        lower = name.lower()
        if lower in self.shadowed:
            return NONE
        if lower in self.merged:
            return self.merged[lower]
        having = [relation for _, relation in self.relations if relation.has(lower)]
        if having:
            return union(relation.origins(name) or NONE for relation in having)
        if lower in self.aliases:
            return self.aliases[lower]
        return self._of_open(name, lower)

    def _of_open(self, name: str, lower: str) -> Origins | None:
        for alias, relation in self.relations:
            if alias == lower and not (relation.is_open and relation.anything is None and len(self.relations) == 1):
                return through(relation.every(), TRANSFORMATION)
        fitting = [relation for _, relation in self.relations if relation.stands_for(lower)]
        if not fitting:
            fitting = [relation for _, relation in self.relations if relation.anything is not None]
        if len(fitting) == 1:
            return fitting[0].origins(name)
        if fitting:
            return None
        return self.parent.column(name) if self.parent else None

    def whole(self) -> Origins:
        return union(relation.whole for _, relation in self.relations)


def union(every: Iterable[Origins]) -> Origins:
    found: Origins = NONE
    for origins in every:
        if origins:
            found = found | origins if found else origins
    return found


def of_table(table: Table, columns: Sequence[str] | None) -> Relation:
    """A table that is stored somewhere."""
    if columns is None:
        return Relation([Column("*", tables=(table,))])
    return Relation([Column(name, frozenset([(table, name, IDENTITY)])) for name in columns])


def renamed(relation: Relation, names: Sequence[str]) -> Relation:
    """With other names for its first columns: `AS t(a, b)`, `WITH t(a, b) AS`."""
    if not names or any(column.tables for column in relation.columns[: len(names)]):
        return relation
    columns = [Column(name, column.origins) for name, column in zip(names, relation.columns, strict=False)]
    if relation.anything is not None:
        columns += [Column(name, relation.anything) for name in names[len(columns) :]]
    return Relation([*columns, *relation.columns[len(names) :]], relation.whole, relation.anything)
