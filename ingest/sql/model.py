"""What SQL text is read as: tables, origins of columns, statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from lineage.model import Transformation

# Identifiers from the left, catalog first where it is known: ("shop", "public", "orders"). Unquoted ones folded as the
# dialect folds them.
Table = tuple[str, ...]

# What happened to a column, as numbers: sets of these are what a statement's cost is made of. Order matters: of two
# direct steps in a row the higher tells of both.
IDENTITY, TRANSFORMATION, AGGREGATION, JOIN, GROUP_BY, FILTER, SORT, WINDOW, CONDITIONAL = range(9)
MASKED = 16
_STEP = 15
_WORDS = ("IDENTITY", "TRANSFORMATION", "AGGREGATION", "JOIN", "GROUP_BY", "FILTER", "SORT", "WINDOW", "CONDITIONAL")

# (table, column, what happened). Frozen: relations share them.
Origins = frozenset[tuple[Table, str, int]]
NONE: Origins = frozenset()


def composed(inner: int, outer: int) -> int:
    """What two steps in a row amount to. Once indirect, always indirect, in the first way.

    >>> composed(AGGREGATION, TRANSFORMATION) == AGGREGATION, composed(FILTER, AGGREGATION) == FILTER
    (True, True)
    """
    first, then = inner & _STEP, outer & _STEP
    if first > AGGREGATION:
        return first
    if then > AGGREGATION:
        return then
    return max(first, then) | ((inner | outer) & MASKED)


def through(origins: Origins, step: int) -> Origins:
    """The origins after one more step."""
    if step == IDENTITY or not origins:
        return origins
    return frozenset([(table, column, composed(how, step)) for table, column, how in origins])


def transformation(how: int) -> Transformation:
    """The step in OpenLineage's words."""
    step = how & _STEP
    return Transformation("DIRECT" if step <= AGGREGATION else "INDIRECT", _WORDS[step], bool(how & MASKED))


class Origin(NamedTuple):
    """A column that another one comes from, or that decides about it."""

    table: Table
    column: str
    how: Transformation


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a text, in its order.

    kind: INSERT, CREATE TABLE, CREATE VIEW, MERGE, UPDATE, DELETE, SELECT, or another first word; "" if it can't
        be read.
    target: what it writes; None for a query. sources: tables whose rows it reads, the target itself only where it is
        read as one. columns: by column of the target (of a query: its own), in order. whole: decide about all of them.
    unresolved: what could not be told, and why, in words. names: what stands where a table may and is none: CTEs,
        functions, aliases of subqueries, temporary tables; lower case.
    """

    kind: str
    target: Table | None = None
    sources: tuple[Table, ...] = ()
    columns: Mapping[str, tuple[Origin, ...]] = field(default_factory=dict)
    whole: tuple[Origin, ...] = ()
    unresolved: tuple[str, ...] = ()
    names: frozenset[str] = frozenset()
