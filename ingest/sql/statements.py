"""Columns out of SQL text: what each statement writes, and from what.

No catalog is asked: what is known of tables is given. Temporary tables, and tables that the text makes and drops again,
are followed through to what they are made of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect

from ingest.sql.dialects import dialect as dialect_of
from ingest.sql.dialects import takes_aliases
from ingest.sql.limits import LIMITS, Limits, TooMuch, Work
from ingest.sql.model import CONDITIONAL, FILTER, JOIN, NONE, Origin, Origins, Statement, Table, transformation
from ingest.sql.parsing import Unreadable, statements
from ingest.sql.queries import Queries
from ingest.sql.reading import Reading, Schemas, short
from ingest.sql.relations import Column, Relation, Scope

Given = Mapping[tuple[str, ...], Sequence[str]] | Callable[[Table], Sequence[str] | None]
# Statements that say nothing about data.
_SILENT = frozenset(
    {"Drop", "Alter", "TruncateTable", "Set", "Use", "Grant", "Revoke", "Commit", "Rollback", "Transaction", "Comment",
     "Analyze", "Describe", "Show", "Pragma", "Cache", "Uncache", "Refresh", "Kill", "Attach", "Detach", "Declare",
     "Semicolon"}
)  # fmt: skip
_SILENT_WORDS = frozenset(
    {"BEGIN", "START", "END", "VACUUM", "ANALYZE", "EXPLAIN", "SHOW", "RESET", "CALL", "LOCK", "COMMENT", "ALTER",
     "GRANT", "REVOKE", "MSCK", "OPTIMIZE", "REFRESH", "DROP", "CHECKPOINT", "INSTALL", "LOAD", "SET",
     "CREATE SCHEMA", "DISCARD"}
)  # fmt: skip
_TABLES = frozenset({"TABLE", "VIEW"})


def columns_of(
    sql: str,
    *,
    dialect: str | None = None,
    schemas: Given | None = None,
    default: tuple[str, str] = ("", ""),
    limits: Limits = LIMITS,
) -> list[Statement]:
    """What each statement of a text writes and where its columns come from. Pure: the same text, the same answer.

    dialect: as a `sql` facet or a namespace's scheme names it. schemas: columns by table, as much of it as is known;
    a mapping finds tables by their last parts, case aside. default: catalog and schema of what is named without them.
    Never raises for what a text holds: what can't be read or is too much is a Statement that says so.

    >>> columns_of("INSERT INTO t (a) SELECT upper(b) FROM s")[0].columns["a"][0]
    Origin(table=('s',), column='b', how=Transformation(type='DIRECT', subtype='TRANSFORMATION', masking=False))
    """
    spoken = dialect_of(dialect)
    try:
        trees = list(statements(sql, spoken, limits))
    except (TooMuch, Unreadable) as error:
        return [Statement("", unresolved=(f"the SQL can't be read: {error}",))]
    return _Text(spoken, takes_aliases(dialect), default, _looked_up(schemas), limits).read(trees)


def _looked_up(given: Given | None) -> Schemas:
    if given is None:
        return lambda _: None
    if not isinstance(given, Mapping):
        return given
    by_end: dict[Table, set[Table]] = {}
    for key in given:
        lower = tuple(part.lower() for part in key)
        for at in range(len(lower)):
            by_end.setdefault(lower[at:], set()).add(key)

    def find(table: Table) -> Sequence[str] | None:
        if table in given:
            return given[table]
        lower = tuple(part.lower() for part in table)
        found = next((keys for at in range(len(lower)) if (keys := by_end.get(lower[at:]))), ())
        return given[next(iter(found))] if len(found) == 1 else None

    return find


class _Text:
    """Reads the statements of one text in turn."""

    def __init__(
        self, dialect: Dialect, aliases: bool, default: tuple[str, str], schemas: Schemas, limits: Limits
    ) -> None:
        self._dialect, self._aliases, self._default, self._limits = dialect, aliases, default, limits
        self._given = schemas
        self._own: dict[Table, list[str]] = {}
        self._made: dict[Table, Relation] = {}
        self._passing: frozenset[Table] = frozenset()

    def read(self, trees: Sequence[exp.Expr | Unreadable]) -> list[Statement]:
        self._passing = self._made_and_dropped(trees)
        found: list[Statement] = []
        for number, tree in enumerate(trees, 1):
            if isinstance(tree, Unreadable):
                found.append(Statement("", unresolved=(f"statement {number} can't be read: {tree}",)))
            else:
                found += self._statement(number, tree)
        return found

    def columns(self, table: Table) -> Sequence[str] | None:
        own = self._own.get(table)
        if own is None and table in self._made:
            own = [column.name for column in self._made[table].columns if not column.tables]
        return own if own is not None else self._given(table)

    def _reading(self) -> Reading:
        work = Work(self._limits)
        return Reading(self._dialect, self._aliases, self._default, self.columns, work, self._made)

    def _made_and_dropped(self, trees: Iterable[Any]) -> frozenset[Table]:
        """Tables that are gone when the text has ended and weren't there before: they only carry rows along."""
        reading, made, gone = self._reading(), set[Table](), set[Table]()
        for tree in trees:
            if isinstance(tree, exp.Create) and tree.kind in _TABLES and (table := _target(tree, reading)):
                made.add(table)
                gone.discard(table)
            elif isinstance(tree, exp.Drop):
                gone |= {table for node in tree.find_all(exp.Table) if (table := reading.table(node)) in made}
        return frozenset(gone)

    def _statement(self, number: int, tree: exp.Expr) -> list[Statement]:
        try:
            return [_Statement(self, self._reading(), tree).read()]
        except TooMuch as error:
            reason = f"statement {number}: {error}; only its tables are linked"
        except RecursionError:
            reason = f"statement {number} is nested too deep; only its tables are linked"
        except (AttributeError, KeyError, TypeError, ValueError, IndexError) as error:  # a tree of another shape
            reason = (
                f"statement {number} has a form that isn't known ({type(error).__name__}); only its tables are linked"
            )
        return [self._tables_alone(tree, reason)]

    def _tables_alone(self, tree: exp.Expr, reason: str) -> Statement:
        reading = self._reading()
        ctes = {reading.name(cte.args["alias"].this).lower() for cte in tree.find_all(exp.CTE) if cte.args.get("alias")}
        target = _target(tree, reading)
        nodes = (node for node in tree.find_all(exp.Table) if len(node.parts) > 1 or node.name.lower() not in ctes)
        sources = {reading.table(node) for node in nodes} - {(), target}
        return Statement(
            _kind(tree), target or None, tuple(sorted(sources)), unresolved=(reason,), names=frozenset(ctes)
        )

    # -------------------------------------------------------------------------------------- tables that the text makes

    def keeps(self, table: Table, columns: Sequence[str]) -> None:
        """The text made a table that stays; later statements know its columns."""
        if columns:
            self._own[table] = list(columns)

    def carries(self, table: Table, relation: Relation) -> None:
        """A table that doesn't outlive the text has these rows, too."""
        present = self._made.get(table)
        if present is None or not present.columns:
            self._made[table] = relation
            return
        columns = [
            one if one.tables else Column(one.name, one.origins | (relation.origins(one.name) or NONE))
            for one in present.columns
        ]
        columns += [one for one in relation.columns if not one.tables and not present.has(one.name.lower())]
        self._made[table] = Relation(columns, present.whole | relation.whole, tables=present.tables | relation.tables)

    def is_passing(self, table: Table) -> bool:
        return table in self._passing or table in self._made

    def pass_on(self, table: Table) -> None:
        self._passing |= {table}


class _Statement:
    """Reads one statement."""

    def __init__(self, text: _Text, reading: Reading, tree: exp.Expr) -> None:
        self._text, self._reading, self._tree = text, reading, tree
        self._queries = Queries(reading)
        self._expressions = self._queries.expressions

    def read(self) -> Statement:
        tree = self._tree
        if isinstance(tree, exp.Insert):
            return self._insert(tree)
        if isinstance(tree, exp.Create):
            return self._create(tree)
        if isinstance(tree, exp.Merge):
            return self._merge(tree)
        if isinstance(tree, exp.Update):
            return self._update(tree)
        if isinstance(tree, exp.Delete):
            return self._delete(tree)
        if isinstance(tree, exp.Query | exp.Values):
            return self._query(tree)
        if type(tree).__name__ not in _SILENT and _kind(tree) not in _SILENT_WORDS:
            self._reading.say(f"a {_kind(tree)} statement: its columns aren't read")
            return self._finished(_target(tree, self._reading), [], NONE)
        return self._finished(None, [], NONE)

    def _query(self, tree: exp.Expr) -> Statement:
        into = tree.args.get("into")
        relation = self._queries.relation(tree, Scope())
        if into is None or not isinstance(into.this, exp.Table):
            return self._finished(None, relation.columns, relation.whole)
        target = self._reading.table(into.this)
        if into.args.get("temporary") or into.this.this.args.get("temporary"):
            self._text.pass_on(target)
        return self._written(target, relation, relation.columns, replaced=True)

    def _create(self, tree: exp.Create) -> Statement:
        target, query = _target(tree, self._reading), tree.expression
        if not target or tree.kind not in _TABLES:
            return self._finished(None, [], NONE)
        if _is_temporary(tree):
            self._text.pass_on(target)
        stated = _stated_names(tree.this, self._reading)
        clone = tree.args.get("clone")
        if clone is not None and isinstance(clone.this, exp.Table):
            relation = self._reading.read(self._reading.table(clone.this))
            return self._written(target, relation, relation.columns, replaced=True)
        if not isinstance(query, exp.Query | exp.Values):
            self._text.keeps(target, stated)
            if self._text.is_passing(target):
                self._text.carries(target, Relation([Column(name) for name in stated]))
            return self._finished(None, [], NONE)
        scope = Scope()
        relation = self._queries.relation(query, scope)
        columns = self._placed(stated, relation) if stated else relation.columns
        return self._written(target, relation, columns, replaced=True)

    def _insert(self, tree: exp.Insert) -> Statement:
        target, query = _target(tree, self._reading), tree.expression
        scope = Scope()
        self._queries.bind(tree, scope)
        if not isinstance(query, exp.Query | exp.Values | exp.Table):
            return self._finished(target or None, [], NONE)
        relation = self._queries.relation(query, scope)
        names = _stated_names(tree.this, self._reading) or list(self._text.columns(target) or () if target else ())
        if tree.args.get("by_name") or (self._text.is_passing(target) and not names):
            columns = relation.columns
        else:
            columns = self._placed(self._without_partition(tree, names), relation)
        return self._written(target, relation, columns)

    def _without_partition(self, tree: exp.Insert, names: list[str]) -> list[str]:
        """`PARTITION (day = '2026-05-01')`: a column that the query doesn't give."""
        partition = tree.this.args.get("partition") if isinstance(tree.this, exp.Table) else None
        if partition is None:
            return names
        fixed = {self._reading.name(one.this.this).lower() for one in partition.find_all(exp.EQ)}
        return [name for name in names if name.lower() not in fixed]

    def _placed(self, names: Sequence[str], relation: Relation) -> list[Column]:
        """Columns of a query under the names of those that they go into, by position."""
        given = relation.columns
        if not names:
            if given:
                self._reading.say("the order of the target's columns isn't known, so its query can't be matched")
            return []
        if any(column.tables for column in given):
            if len(given) == 1:
                return self._unmatched(given[0])
            self._reading.say("a * stands for columns that aren't known, so the query can't be matched to its target")
            return []
        if len(given) > len(names):
            self._reading.say(f"its query gives {len(given)} columns, its target has {len(names)}")
            return []
        return [Column(name, column.origins) for name, column in zip(names, given, strict=False)]

    def _unmatched(self, star: Column) -> list[Column]:
        self._reading.say(
            f"the columns of {short('.'.join(one) for one in star.tables)} aren't known, so * can't be matched"
        )
        return []

    # -------------------------------------------------------------------------------------------------- row by row

    def _merge(self, tree: exp.Merge) -> Statement:
        scope = Scope()
        self._queries.bind(tree, scope)
        target = self._add_target(tree.this, scope)
        whole = self._queries.add(tree.args["using"], scope)
        source = scope.relations[-1][1]
        whole |= self._expressions.indirect(tree.args.get("on"), scope, JOIN)
        columns: list[Column] = []
        for when in tree.args["whens"].expressions:
            whole |= self._expressions.indirect(when.args.get("condition"), scope, CONDITIONAL)
            columns += self._of_when(when.args.get("then"), source, scope)
        return self._finished(target, columns, whole)

    def _of_when(self, then: Any, source: Relation, scope: Scope) -> list[Column]:
        if isinstance(then, exp.Update):
            if any(isinstance(one, exp.Star) for one in then.expressions):
                return list(source.columns)
            return self._set(then.expressions, scope)
        if not isinstance(then, exp.Insert):
            return []
        if isinstance(then.this, exp.Star) or (isinstance(then.this, exp.Var) or then.expression is None):
            return list(source.columns)
        values = then.expression.expressions if isinstance(then.expression, exp.Tuple) else [then.expression]
        if then.this is None:
            names = list(self._text.columns(self._reading.table(self._tree.this)) or ())
        else:
            names = [self._reading.name(_column_name(one)) for one in then.this.expressions]
        new = Scope(relations=scope.relations[1:], ctes=scope.ctes)  # there is no row of the target yet
        given = Relation([Column("", self._expressions.origins(value, new)) for value in values])
        return self._placed(names, given)

    def _update(self, tree: exp.Update) -> Statement:
        scope = Scope()
        self._queries.bind(tree, scope)
        target = self._add_target(_meant(tree), scope)
        whole = NONE
        for join in tree.this.args.get("joins") or ():
            whole |= self._queries.join(join, scope)
        whole |= self._queries.from_(tree, scope)
        if _meant(tree) is not tree.this:
            self._reading.tables.pop(target, None)
            scope.relations.pop(0)
        where = tree.args.get("where")
        if where is not None:
            whole |= self._expressions.indirect(where.this, scope, FILTER)
        columns = [
            Column(one.name, one.origins | whole) for one in self._set(tree.expressions, scope)
        ]  # rows that it leaves out keep what they have, and so do columns that it doesn't set
        return self._finished(target, columns, NONE)

    def _set(self, expressions: Iterable[Any], scope: Scope) -> list[Column]:
        found: list[Column] = []
        for one in expressions:
            if not isinstance(one, exp.EQ):
                self._reading.say(f"{short([one.sql()])}: this form of SET isn't read")
            elif isinstance(one.this, exp.Tuple):
                found += self._set_together(one, scope)
            else:
                found.append(
                    Column(self._reading.name(_column_name(one.this)), self._expressions.origins(one.expression, scope))
                )
        return found

    def _set_together(self, one: exp.EQ, scope: Scope) -> list[Column]:
        """`SET (a, b) = (SELECT x, y ...)`."""
        names = [self._reading.name(_column_name(name)) for name in one.this.expressions]
        if isinstance(one.expression, exp.Tuple):
            values = [self._expressions.origins(value, scope) for value in one.expression.expressions]
            return [Column(name, value) for name, value in zip(names, values, strict=False)]
        relation = self._queries.relation(one.expression, scope.inner())
        return [Column(c.name, c.origins | relation.whole) for c in self._placed(names, relation)]

    def _delete(self, tree: exp.Delete) -> Statement:
        scope = Scope()
        self._queries.bind(tree, scope)
        node = tree.this if isinstance(tree.this, exp.Table) else (tree.args.get("tables") or [None])[0]
        target = self._add_target(node, scope)
        whole = NONE
        for source in tree.args.get("using") or ():
            whole |= self._queries.add(source, scope)
        where = tree.args.get("where")
        if where is not None:
            whole |= self._expressions.indirect(where.this, scope, FILTER)
        return self._finished(target, [], whole)

    def _add_target(self, node: Any, scope: Scope) -> Table:
        """The target is in reach of expressions; that alone doesn't make it a source."""
        target = self._reading.table(node)
        relation = self._reading.read(target)
        self._reading.tables.pop(target, None)
        scope.relations.append((self._reading.name(node.alias_or_name).lower(), relation))
        return target

    # ------------------------------------------------------------------------------------------------------- results

    def _written(
        self, target: Table, relation: Relation, columns: Sequence[Column], *, replaced: bool = False
    ) -> Statement:
        if self._text.is_passing(target):
            made_of = frozenset(self._reading.tables)
            self._text.carries(target, Relation(list(columns), relation.whole, tables=made_of))
            self._reading.names.add(target[-1].lower())
            return self._finished(None, [], NONE, passing=True)
        resolved = self._starred(target, columns)
        if replaced and not any(column.tables for column in columns):
            self._text.keeps(target, [column.name for column in columns if column.name])
        return self._finished(target, resolved, relation.whole)

    def _starred(self, target: Table, columns: Sequence[Column]) -> list[Column]:
        """`*` of a table whose columns aren't known: what the target has and nothing else gives comes from there."""
        stars = [column for column in columns if column.tables]
        if not stars:
            return list(columns)
        known = self._text.columns(target)
        plain = [column for column in columns if not column.tables]
        if known is None or len(stars) > 1:
            tables = dict.fromkeys(".".join(table) for star in stars for table in star.tables)
            self._reading.say(f"the columns of {short(tables)} aren't known, and * stands for them")
            return plain
        named = {column.name.lower() for column in plain} | stars[0].hidden
        return [*plain, *(Column(name, stars[0].named(name)) for name in known if name.lower() not in named)]

    def _finished(
        self, target: Table | None, columns: Sequence[Column], whole: Origins, *, passing: bool = False
    ) -> Statement:
        if target is None and not passing:
            columns = self._named_stars(columns)
        if any(not column.name for column in columns) and target:
            self._reading.say("a column of its query has no name")
        by_name: dict[str, Origins] = {}
        for column in columns:
            if column.name and not column.tables:
                present = by_name.get(column.name)
                by_name[column.name] = column.origins if present is None else present | column.origins
        own = {name: self._of_others(name, origins, target) for name, origins in by_name.items()}
        rest = frozenset(one for one in whole if one[0] != target)
        return Statement(
            _kind(self._tree),
            target or None,
            () if passing else tuple(sorted(self._reading.tables)),
            {name: _told(origins) for name, origins in own.items()},
            _told(rest),
            tuple(self._reading.unresolved),
            frozenset(self._reading.names),
        )

    def _named_stars(self, columns: Sequence[Column]) -> Sequence[Column]:
        """A query goes into whoever asked; what * of unknown tables gives is told by `*` (see Statement.columns)."""
        return [Column("*", frozenset((t, "*", 0) for t in c.tables)) if c.tables else c for c in columns]

    def _of_others(self, name: str, origins: Origins, target: Table | None) -> Origins:
        """Without what a target's column has from itself, and the target's part in telling which rows are meant."""
        return frozenset(
            one for one in origins if one[0] != target or (one[2] & 15 < JOIN and one[1].lower() != name.lower())
        )


def _told(origins: Origins) -> tuple[Origin, ...]:
    return tuple(Origin(table, column, transformation(how)) for table, column, how in sorted(origins))


def _target(tree: exp.Expr, reading: Reading) -> Table:
    """The table that a statement writes; () for none."""
    node = tree.args.get("this")
    if isinstance(node, exp.Schema):
        node = node.this
    return reading.table(node) if isinstance(node, exp.Table) else ()


def _meant(tree: exp.Update) -> exp.Expr:
    """The table that an UPDATE writes: T-SQL names it by its alias, `UPDATE o SET ... FROM orders AS o`."""
    from_ = tree.args.get("from_")
    named = tree.this.name.lower()
    within = from_.find_all(exp.Table) if from_ is not None and len(tree.this.parts) == 1 else ()
    meant: exp.Expr = next((node for node in within if node.alias.lower() == named), tree.this)
    return meant


def _stated_names(node: Any, reading: Reading) -> list[str]:
    """`t (a, b)`, `t (a int, b int)`."""
    if not isinstance(node, exp.Schema):
        return []
    named = (one for one in node.expressions if isinstance(one, exp.ColumnDef | exp.Identifier | exp.Column))
    return [reading.name(_column_name(one)) for one in named]


def _column_name(node: Any) -> Any:
    return node.this if isinstance(node, exp.Column | exp.ColumnDef) else node


def _is_temporary(tree: exp.Create) -> bool:
    properties = tree.args.get("properties")
    node = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
    marked = isinstance(node, exp.Table) and isinstance(node.this, exp.Identifier) and node.this.args.get("temporary")
    return bool(marked or (properties is not None and properties.find(exp.TemporaryProperty)))


def _kind(tree: exp.Expr) -> str:
    """Its first word, of CREATE also what."""
    if isinstance(tree, exp.Command):
        return str(tree.this).upper()
    if isinstance(tree, exp.Query | exp.Values):
        return "SELECT"
    word = type(tree).__name__.upper().removesuffix("TABLE")
    return f"{word} {tree.kind}" if isinstance(tree, exp.Create) and tree.kind else word
