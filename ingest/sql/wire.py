"""What goes between the worker process and who asks it: one JSON text each way, its length in four bytes before it."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ingest.sql.model import Origin, Statement, Table
from lineage.model import Transformation

LENGTH = struct.Struct(">I")


def question(sql: str, dialect: str | None, schemas: Mapping[Table, Sequence[str]], default: tuple[str, str]) -> bytes:
    return _framed([sql, dialect, [[name, list(columns)] for name, columns in schemas.items()], default])


def asked(body: bytes) -> dict[str, Any]:
    """The arguments of `columns_of`."""
    sql, dialect, schemas, default = orjson.loads(body)
    known = {tuple(name): columns for name, columns in schemas}
    return {"sql": sql, "dialect": dialect, "schemas": known, "default": tuple(default)}


def answer(statements: Sequence[Statement]) -> bytes:
    return _framed([_flat(one) for one in statements])


def answered(body: bytes) -> list[Statement]:
    return [_statement(one) for one in orjson.loads(body)]


def _framed(value: Any) -> bytes:
    body = orjson.dumps(value)
    return LENGTH.pack(len(body)) + body


def _flat(one: Statement) -> list[Any]:
    columns = [[name, [_flat_origin(origin) for origin in origins]] for name, origins in one.columns.items()]
    whole = [_flat_origin(origin) for origin in one.whole]
    return [one.kind, one.target, one.sources, columns, whole, one.unresolved, sorted(one.names)]


def _flat_origin(one: Origin) -> list[Any]:
    return [one.table, one.column, one.how.type, one.how.subtype, one.how.masking]


def _statement(flat: list[Any]) -> Statement:
    kind, target, sources, columns, whole, unresolved, names = flat
    return Statement(
        kind,
        None if target is None else tuple(target),
        tuple(tuple(source) for source in sources),
        {name: _origins(origins) for name, origins in columns},
        _origins(whole),
        tuple(unresolved),
        frozenset(names),
    )


def _origins(flat: list[Any]) -> tuple[Origin, ...]:
    return tuple(
        Origin(tuple(table), column, Transformation(type_, subtype, masking))
        for table, column, type_, subtype, masking in flat
    )
