"""Where the value of an expression comes from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from sqlglot import exp

from ingest.sql.model import (
    AGGREGATION,
    CONDITIONAL,
    MASKED,
    NONE,
    SORT,
    TRANSFORMATION,
    WINDOW,
    Origins,
    through,
)
from ingest.sql.reading import NAMED, Reading
from ingest.sql.relations import Relation, Scope, union

# Functions that pick one row's value out of several: nothing is added up.
_PICKS = (exp.Lag, exp.Lead, exp.FirstValue, exp.LastValue, exp.NthValue)
# Hashes and masks: who sees the result doesn't see the value (OpenLineage, `masking`).
_MASKS = tuple(
    getattr(exp, name)
    for name in ("MD5", "MD5Digest", "SHA", "SHA1Digest", "SHA2", "SHA2Digest", "FarmFingerprint", "StandardHash")
    if hasattr(exp, name)
)
_MASKING = re.compile(
    r"(?:\w*_)?(?:hash|mask|masked|redact|tokenize|md5|sha\d*|sha\d_\w+|crc32|murmur\w*|xxhash\w*|xx_hash\w*|hmac|digest)"
    r"(?:_\w+|\d+)?",
    re.IGNORECASE,
)
_QUERIES = (exp.Query, exp.Values)
_EMPTY = (exp.Literal, exp.Null, exp.Boolean, exp.Identifier, exp.Var, exp.DataType, exp.Star, exp.Placeholder)


class Expressions:
    """Origins of expressions. query: the relation of a query within one."""

    def __init__(self, reading: Reading, query: Callable[[exp.Expr, Scope], Relation]) -> None:
        self._reading = reading
        self._query = query

    def origins(self, node: Any, scope: Scope) -> Origins:
        """Recursive: as deep as the expression, a chain of ORs included."""
        if isinstance(node, exp.Column):
            return self._column(node, scope)
        if node is None or isinstance(node, _EMPTY):
            return NONE
        if isinstance(node, exp.Alias | exp.Paren):
            return self.origins(node.this, scope)
        if isinstance(node, _QUERIES):
            return self._subquery(node, scope)
        special = self._special(node, scope)
        if special is not None:
            return special
        return through(self._children(node, scope), _step(node))

    def indirect(self, node: Any, scope: Scope, step: int) -> Origins:
        """All that an expression looks at, as what decides about rows."""
        return through(self.origins(node, scope), step)

    def _children(self, node: exp.Expr, scope: Scope) -> Origins:
        found = NONE
        for child in node.iter_expressions():
            origins = self.origins(child, scope)
            if origins:
                found = found | origins if found else origins
                self._reading.work.spend(len(origins))
        return found

    def _special(self, node: exp.Expr, scope: Scope) -> Origins | None:
        if isinstance(node, exp.Case):
            return self._case(node, scope)
        if isinstance(node, exp.If):
            chosen = union(self.origins(node.args.get(key), scope) for key in ("true", "false"))
            return through(chosen, TRANSFORMATION) | self.indirect(node.this, scope, CONDITIONAL)
        if isinstance(node, exp.Window):
            return self._window(node, scope)
        if isinstance(node, exp.Filter):
            return self.origins(node.this, scope) | self.indirect(node.expression.this, scope, CONDITIONAL)
        if isinstance(node, exp.Exists):
            return self._exists(node, scope)
        if isinstance(node, exp.WithinGroup):
            ordered = node.expression.expressions if isinstance(node.expression, exp.Order) else [node.expression]
            return through(self._all([node.this, *(o.this for o in ordered)], scope), AGGREGATION)
        if isinstance(node, exp.Order):
            return self.indirect_all((ordered.this for ordered in node.expressions), scope, SORT)
        if isinstance(node, exp.Lambda):
            names = frozenset(self._reading.name(name).lower() for name in node.expressions)
            return self.origins(node.this, scope.inner(shadowed=names))
        if isinstance(node, exp.Kwarg | exp.PropertyEQ):
            return self.origins(node.expression, scope)
        return None

    def indirect_all(self, nodes: Iterable[Any], scope: Scope, step: int) -> Origins:
        return through(self._all(nodes, scope), step)

    def _all(self, nodes: Iterable[Any], scope: Scope) -> Origins:
        return union(self.origins(node, scope) for node in nodes)

    def _case(self, node: exp.Case, scope: Scope) -> Origins:
        arms = node.args.get("ifs") or []
        values = self._all([*(arm.args.get("true") for arm in arms), node.args.get("default")], scope)
        conditions = self._all([node.this, *(arm.this for arm in arms)], scope)
        return through(values, TRANSFORMATION) | through(conditions, CONDITIONAL)

    def _window(self, node: exp.Window, scope: Scope) -> Origins:
        return self.origins(node.this, scope) | self.over(node, scope)

    def over(self, node: exp.Window, scope: Scope) -> Origins:
        """What a window looks at to tell which rows belong together, and in which order."""
        order = node.args.get("order")
        keys = [*(node.args.get("partition_by") or []), *(one.this for one in (order.expressions if order else ()))]
        named = node.args.get("alias")
        return self.indirect_all(keys, scope, WINDOW) | scope.windows.get(named.name.lower() if named else "", NONE)

    def _subquery(self, node: exp.Expr, scope: Scope) -> Origins:
        """As a value: its column, and what decides which row that is of."""
        relation = self._query(node, scope.inner())
        return relation.every() | relation.whole

    def _exists(self, node: exp.Exists, scope: Scope) -> Origins:
        if isinstance(node.this, _QUERIES):
            return through(self._query(node.this, scope.inner()).whole, CONDITIONAL)
        return through(self._children(node, scope), TRANSFORMATION)

    # ------------------------------------------------------------------------------------------------------- columns

    def _column(self, node: exp.Column, scope: Scope) -> Origins:
        if isinstance(node.this, exp.Star):
            return NONE
        parts = [self._reading.name(part) for part in node.parts]
        found = self._qualified(parts, scope) if len(parts) > 1 else scope.column(parts[0])
        if found is None:
            found = NONE
            self._reading.say(f"column {'.'.join(parts)[:NAMED]}: it can't be told which table it is of")
        return found

    def _qualified(self, parts: list[str], scope: Scope) -> Origins | None:
        """`alias.column`, `schema.table.column`, or a field of a column: the first part that is a relation decides."""
        for at in range(len(parts) - 2, -1, -1):
            relation = scope.relation(parts[at].lower())
            if relation is not None:
                found = relation.origins(parts[at + 1])
                return through(found, TRANSFORMATION) if found and at < len(parts) - 2 else found
        found = scope.column(parts[0])
        return None if found is None else through(found, TRANSFORMATION)


def _step(node: exp.Expr) -> int:
    if isinstance(node, exp.AggFunc) and not isinstance(node, _PICKS):
        return AGGREGATION
    if isinstance(node, exp.IgnoreNulls | exp.RespectNulls):
        return 0
    if isinstance(node, _MASKS) or _MASKING.fullmatch(_called(node)):
        return TRANSFORMATION | MASKED
    return TRANSFORMATION


def _called(node: exp.Expr) -> str:
    if isinstance(node, exp.Anonymous):
        return str(node.name)
    return node.sql_name() if isinstance(node, exp.Func) else ""
