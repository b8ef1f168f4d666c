"""What is shared while one statement is read: names, schemas, what was met on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from ingest.sql.dialects import folded
from ingest.sql.limits import Work
from ingest.sql.model import Table
from ingest.sql.relations import Relation, of_table

Schemas = Callable[[Table], Sequence[str] | None]
NAMED = 100  # characters of a name in what is unresolved


@dataclass(slots=True)
class Reading:
    """One statement. made: relations of tables that the text made itself and that don't outlive it.

    columns: of tables that it made and that do. tables: read so far. unresolved: in words, each once, in order.
    """

    dialect: Dialect
    aliases: bool
    default: tuple[str, str]
    schemas: Schemas
    work: Work
    made: Mapping[Table, Relation] = field(default_factory=dict)
    tables: dict[Table, None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    unresolved: dict[str, None] = field(default_factory=dict)

    def name(self, identifier: exp.Expr | str | None) -> str:
        """An identifier as the dialect has it."""
        if isinstance(identifier, exp.Identifier):
            return folded(self.dialect, identifier.name, quoted=bool(identifier.args.get("quoted")))
        return folded(self.dialect, identifier if isinstance(identifier, str) else _text(identifier), quoted=False)

    def table(self, node: exp.Table) -> Table:
        """The table that a node names, from the left as far as it is known; () if it is none (a function, a stage)."""
        parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
        if not parts or not isinstance(node.this, exp.Identifier | exp.Dot) or len(parts) != len(node.parts):
            return ()
        own = tuple(self.name(part) for part in parts)
        catalog, schema = self.default
        if len(own) == 1 and schema:
            own = (schema, *own)
        return (catalog, *own) if len(own) == 2 and catalog else own

    def read(self, table: Table) -> Relation:
        """The rows of a stored or temporary table."""
        made = self.made.get(table)
        if made is not None:
            self.names.add(table[-1].lower())
            self.tables.update(dict.fromkeys(made.tables))
            return made
        self.tables[table] = None
        columns = self.schemas(table)
        self.work.columns(len(columns or ()))
        return of_table(table, columns)

    def say(self, reason: str) -> None:
        self.unresolved[reason] = None


def _text(node: exp.Expr | None) -> str:
    return "" if node is None else str(node.name)


def short(names: Iterable[str]) -> str:
    return ", ".join(name[:NAMED] for name in names)
