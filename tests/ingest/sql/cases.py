"""The data file `statements.sql.txt`: dialect, what is known of tables, text, and what must be read out of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.sql.model import Origin, Statement
from ingest.sql.statements import columns_of

FILE = Path(__file__).with_name("statements.sql.txt")


@dataclass(frozen=True)
class Case:
    title: str
    dialect: str
    schemas: dict[tuple[str, ...], list[str]]
    sql: str
    expected: list[str]

    def read(self) -> list[str]:
        found = columns_of(self.sql, dialect=self.dialect, schemas=self.schemas)
        return [line for statement in found for line in lines(statement)]


def cases() -> Iterator[Case]:
    for block in FILE.read_text().split("\n== ")[1:]:
        head, _, rest = block.partition("\n")
        dialect, _, title = head.partition(": ")
        own = rest.rstrip().splitlines()
        knows = [line.removeprefix("-- knows ") for line in own if line.startswith("-- knows ")]
        schemas = {tuple(name.split(".")): columns.split() for name, columns in (one.split(": ", 1) for one in knows)}
        text = [line for line in own if not line.startswith(("-- knows ", "> "))]
        expected = [line.removeprefix("> ") for line in own if line.startswith("> ")]
        yield Case(title, dialect, schemas, "\n".join(text), expected)


def lines(statement: Statement) -> Iterator[str]:
    """`KIND target <- sources`, `column <- table.column SUBTYPE[*], ...`, `all <- ...`, `? what isn't resolved`."""
    sources = " ".join(".".join(table) for table in statement.sources)
    yield f"{statement.kind} {'.'.join(statement.target or ('-',))} <- {sources}".rstrip()
    for column, origins in statement.columns.items():
        yield f"  {column} <- {_told(origins)}".rstrip()
    if statement.whole:
        yield f"  all <- {_told(statement.whole)}"
    for reason in statement.unresolved:
        yield f"  ? {reason}"


def _told(origins: tuple[Origin, ...]) -> str:
    return ", ".join(
        f"{'.'.join(one.table)}.{one.column} {one.how.subtype}{'*' if one.how.masking else ''}" for one in origins
    )


def rewrite() -> None:
    """Writes what is read now into the file: read every line of the difference."""
    head = FILE.read_text().partition("\n== ")[0]
    blocks = [head]
    for case in cases():
        knows = [f"-- knows {'.'.join(name)}: {' '.join(columns)}" for name, columns in case.schemas.items()]
        told = [f"> {line}" for line in case.read()]
        blocks.append("\n".join([f"{case.dialect}: {case.title}", *knows, case.sql, *told]) + "\n")
    FILE.write_text("\n== ".join(blocks))
