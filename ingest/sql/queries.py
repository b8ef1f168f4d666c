"""Queries as relations: which columns they give, where these come from, what decides about their rows.

Bottom up, each query once: what a CTE gives is worked out where it stands and shared by all that use it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlglot import exp

from ingest.sql.expressions import Expressions
from ingest.sql.model import AGGREGATION, FILTER, GROUP_BY, JOIN, NONE, SORT, TRANSFORMATION, Origins, through
from ingest.sql.reading import Reading, short
from ingest.sql.relations import Column, Relation, Scope, renamed, union

# A recursive CTE is read again until it gives nothing new; each round takes a column one step further.
ROUNDS = 20


class Queries:
    """Reads the queries of one statement."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.expressions = Expressions(reading, self.relation)

    def relation(self, node: Any, scope: Scope) -> Relation:
        """What a query gives. scope: around it; names that it doesn't have itself are looked for there."""
        self.bind(node, scope)
        if isinstance(node, exp.Select):
            return self._select(node, scope)
        if isinstance(node, exp.SetOperation):
            return self._set_operation(node, scope)
        if isinstance(node, exp.Subquery | exp.Paren):
            return self._subquery(node, scope)
        if isinstance(node, exp.Values):
            return self._values(node, scope)
        if isinstance(node, exp.Table):
            return self.source(node, scope)[1]
        self._reading.say(f"a {type(node).__name__} where a query is expected")
        return Relation([], anything=NONE)

    # ---------------------------------------------------------------------------------------------------------- WITH

    def bind(self, node: exp.Expr, scope: Scope) -> None:
        with_ = node.args.get("with_")
        if with_ is None:
            return
        scope.ctes = dict(scope.ctes)
        for cte in with_.expressions:
            name = self._reading.name(cte.args["alias"].this).lower()
            self._reading.names.add(name)
            scope.ctes = {**scope.ctes, name: self._cte(cte, name, scope, recursive=bool(with_.recursive))}

    def _cte(self, cte: exp.CTE, name: str, scope: Scope, *, recursive: bool) -> Relation:
        query, names = cte.this, self._names(cte)
        if not isinstance(query, exp.Query | exp.Values):
            self._reading.say(f"CTE {name}: it changes data; what it gives back isn't followed")
            return Relation([], anything=NONE)
        if not (recursive and isinstance(query, exp.SetOperation)):
            return renamed(self.relation(query, scope.inner()), names)
        return self._recursive(query, name, names, scope)

    def _recursive(self, query: exp.SetOperation, name: str, names: Sequence[str], scope: Scope) -> Relation:
        found = renamed(self.relation(query.left, scope.inner()), names)
        for _ in range(ROUNDS):
            inner = scope.inner()
            inner.ctes = {**scope.ctes, name: found}
            again = renamed(self.relation(query, inner), names)
            if again.columns == found.columns and again.whole == found.whole:
                return found
            found = again
        self._reading.say(f"CTE {name}: after {ROUNDS} rounds it still gave new origins")
        return found

    # -------------------------------------------------------------------------------------------------------- SELECT

    def _select(self, node: exp.Select, scope: Scope) -> Relation:
        own = scope.inner()
        whole = self.from_(node, own)
        for window in node.args.get("windows") or ():
            own.windows[window.name.lower()] = self.expressions.over(window, own)
        where = node.args.get("where")
        if where is not None:
            whole |= self.expressions.indirect(where.this, own, FILTER)
        columns = self._projections(node, own)
        named = {column.name.lower(): column.origins for column in columns if column.name and not column.tables}
        own.aliases = named
        whole |= self._grouped(node, columns, own)
        for key in ("having", "qualify"):
            clause = node.args.get(key)
            if clause is not None:
                whole |= self.expressions.indirect(clause.this, own, FILTER)
        distinct = node.args.get("distinct")
        if distinct is not None and distinct.args.get("on") is not None:
            whole |= self._keys(distinct.args["on"].expressions, columns, own, GROUP_BY)
        whole |= self._ordered(node, columns, own)
        return Relation(columns, whole)

    def from_(self, node: exp.Expr, scope: Scope) -> Origins:
        """Puts the sources into the scope; what decides about their rows."""
        whole = NONE
        from_ = node.args.get("from_")
        if from_ is not None:
            whole |= self.add(from_.this, scope)
        for join in node.args.get("joins") or ():
            whole |= self.join(join, scope)
        for lateral in node.args.get("laterals") or ():
            whole |= self.add(lateral, scope)
        return whole

    def add(self, node: Any, scope: Scope) -> Origins:
        """Puts a source into the scope, and what is joined to it in brackets or behind a comma."""
        alias, relation = self.source(node, scope)
        scope.relations.append((alias, relation))
        whole = relation.whole
        for join in node.args.get("joins") or ():
            whole |= self.join(join, scope)
        for lateral in node.args.get("laterals") or ():
            whole |= self.add(lateral, scope)
        return whole

    def join(self, join: exp.Join, scope: Scope) -> Origins:
        before = [relation for _, relation in scope.relations]
        whole = self.add(join.this, scope)
        after = [relation for _, relation in scope.relations[len(before) :]]
        using = [self._reading.name(name) for name in join.args.get("using") or ()]
        if join.method == "NATURAL":
            using = [column.name for one in before for column in one.columns if any(
                other.has(column.name.lower()) for other in after)]  # fmt: skip
            if any(one.is_open for one in (*before, *after)):
                self._reading.say("NATURAL JOIN: the columns of its tables aren't known")
        for name in using:
            whole |= self._merge(name, before, after, join.side, scope)
        on = join.args.get("on")
        return whole | (self.expressions.indirect(on, scope, JOIN) if on is not None else NONE)

    def _merge(
        self, name: str, before: Sequence[Relation], after: Sequence[Relation], side: str, scope: Scope
    ) -> Origins:
        """A column of USING: one column, of the side whose rows all stay."""
        lower = name.lower()
        left = scope.merged.get(lower)
        if left is None:
            left = self._of_side(name, before)
        right = self._of_side(name, after)
        if side == "FULL":
            scope.merged[lower] = through(left | right, TRANSFORMATION)
        else:
            scope.merged[lower] = right if side == "RIGHT" else left
        return through(left | right, JOIN)

    def _of_side(self, name: str, relations: Sequence[Relation]) -> Origins:
        having = [one for one in relations if one.has(name.lower())]
        fitting = having or [one for one in relations if one.stands_for(name.lower())]
        if not having and len(fitting) > 1:
            self._reading.say(f"column {name} of USING: it can't be told which table it is of")
            return NONE
        return union(one.origins(name) or NONE for one in fitting)

    # ------------------------------------------------------------------------------------------------------- sources

    def source(self, node: Any, scope: Scope) -> tuple[str, Relation]:
        """Alias (lower case) and relation of what stands in FROM."""
        alias = self._reading.name(node.alias).lower() if node.alias else ""
        if isinstance(node, exp.Table):
            alias, relation = self._table(node, alias, scope)
        elif isinstance(node, exp.Subquery | exp.Query | exp.Values):
            relation = self.relation(node, scope.inner())
        elif isinstance(node, exp.Lateral):
            relation = self._lateral(node, scope)
        else:  # UNNEST and functions that give tables
            relation = Relation([], anything=through(self.expressions.origins(node, scope), TRANSFORMATION))
        if alias:
            self._note(node, alias)
        relation = renamed(relation, self._names(node))
        if isinstance(node, exp.Unnest) and not self._names(node) and alias:
            relation = Relation([Column(alias, relation.anything or NONE)], anything=relation.anything)
        for pivot in node.args.get("pivots") or ():
            alias, relation = self._pivot(pivot, alias, relation, scope)
        return alias, relation

    def _note(self, node: exp.Expr, alias: str) -> None:
        if not isinstance(node, exp.Table) or not isinstance(node.this, exp.Identifier):
            self._reading.names.add(alias)

    def _table(self, node: exp.Table, alias: str, scope: Scope) -> tuple[str, Relation]:
        if not isinstance(node.this, exp.Identifier | exp.Dot):  # generate_series(1, 3) AS g
            function = node.this
            self._reading.names.add(_called(function))
            return alias, Relation([], anything=through(self.expressions.origins(function, scope), TRANSFORMATION))
        if len(node.parts) == 1:
            name = self._reading.name(node.this)
            if name.lower() in scope.ctes:
                return alias or name.lower(), scope.ctes[name.lower()]
        struct = self._correlated(node, scope)
        if struct is not None:
            return alias, struct
        table = self._reading.table(node)
        if not table:
            self._reading.say(f"{short([node.sql()])}: it is no table")
            return alias, Relation([], anything=NONE)
        return alias or table[-1].lower(), self._reading.read(table)

    def _correlated(self, node: exp.Table, scope: Scope) -> Relation | None:
        """BigQuery's `FROM t, t.items`: an array of the row before."""
        parts = [self._reading.name(part) for part in node.parts]
        if len(parts) < 2:
            return None
        before = next((relation for alias, relation in scope.relations if alias == parts[0].lower()), None)
        found = before.origins(parts[1]) if before is not None else None
        return None if found is None else Relation([], anything=through(found, TRANSFORMATION))

    def _subquery(self, node: Any, scope: Scope) -> Relation:
        """A query in brackets; or a join in brackets, whose tables keep their names outside of them (not followed)."""
        if node.args.get("joins"):
            inner = scope.inner()
            whole = self.add(node.this, inner)
            for join in node.args["joins"]:
                whole |= self.join(join, inner)
            return Relation([column for _, one in inner.relations for column in one.columns], whole)
        return self.relation(node.this, scope)

    def _lateral(self, node: exp.Lateral, scope: Scope) -> Relation:
        if isinstance(node.this, exp.Subquery | exp.Query):
            return self.relation(node.this, scope.inner())
        return Relation([], anything=through(self.expressions.origins(node.this, scope), TRANSFORMATION))

    def _values(self, node: exp.Values, scope: Scope) -> Relation:
        rows = [row.expressions if isinstance(row, exp.Tuple) else [row] for row in node.expressions]
        width = max(map(len, rows), default=0)
        self._reading.work.columns(width)
        columns = [
            union(self.expressions.origins(row[at], scope) for row in rows if at < len(row)) for at in range(width)
        ]
        return renamed(Relation([Column(f"column{at + 1}", one) for at, one in enumerate(columns)]), self._names(node))

    def _pivot(self, pivot: exp.Pivot, alias: str, relation: Relation, scope: Scope) -> tuple[str, Relation]:
        """What it makes comes from the columns that it names; all others stay as they are."""
        inner = scope.inner()
        inner.relations.append((alias, relation))
        turned = NONE
        for node in (*pivot.expressions, *(pivot.args.get("fields") or ())):
            turned |= self.expressions.origins(node, inner)
        step = TRANSFORMATION if pivot.args.get("unpivot") else AGGREGATION
        used = {origin[1].lower() for origin in turned}
        kept = [
            Column(one.name, one.origins, one.tables, one.hidden | used)
            for one in relation.columns
            if one.tables or one.name.lower() not in used
        ]
        made = [Column(self._reading.name(name), through(turned, step)) for name in pivot.args.get("columns") or ()]
        names = self._names(pivot)
        if made and len(names) >= len(made):
            if any(one.tables for one in kept):
                self._reading.say("PIVOT: the columns of its table aren't known, so its new names can't be matched")
                kept = [Column(name) for name in names[: -len(made)]]
            kept = renamed(Relation(kept), names[: -len(made)]).columns
            made = [Column(name, through(turned, step)) for name in names[-len(made) :]]
        anything = None if made else through(turned, step)
        return (self._reading.name(pivot.alias).lower() or alias), Relation([*kept, *made], relation.whole, anything)

    # --------------------------------------------------------------------------------------------------- projections

    def _projections(self, node: exp.Select, scope: Scope) -> list[Column]:
        columns: list[Column] = []
        for projection in node.expressions:
            star = projection.this if isinstance(projection, exp.Column) else projection
            if isinstance(star, exp.Star):
                columns += self._star(projection, star, scope)
            else:
                column = Column(self._output_name(projection), self.expressions.origins(projection, scope))
                columns.append(column)
                if self._reading.aliases and isinstance(projection, exp.Alias):
                    scope.aliases = {**scope.aliases, column.name.lower(): column.origins}
            self._reading.work.spend(1)
        self._reading.work.columns(len(columns))
        return columns

    def _output_name(self, projection: exp.Expr) -> str:
        if isinstance(projection, exp.Alias):
            return self._reading.name(projection.args["alias"])
        if isinstance(projection, exp.Literal):
            return ""
        last = projection.this if isinstance(projection, exp.Column) else None
        if isinstance(projection, exp.Dot):
            last = projection.expression
        if last is not None:
            return self._reading.name(last)
        name = projection.output_name
        return self._reading.name(name) if name else ""

    def _star(self, projection: exp.Expr, star: exp.Star, scope: Scope) -> Iterable[Column]:
        without = {
            self._reading.name(name.this if isinstance(name, exp.Column) else name).lower()
            for name in star.args.get("except_") or ()
        }
        replaced = {self._reading.name(one.args["alias"]).lower(): one for one in star.args.get("replace") or ()}
        new_names = {self._reading.name(one.this.this).lower(): one for one in star.args.get("rename") or ()}
        gone = frozenset(without | replaced.keys() | new_names.keys())
        for column in self._starred(projection, scope):
            lower = column.name.lower()
            if column.tables:
                yield Column("*", NONE, column.tables, column.hidden | gone)
            elif lower in replaced:
                yield Column(column.name, self.expressions.origins(replaced.pop(lower), scope))
            elif lower in new_names:
                yield Column(self._reading.name(new_names.pop(lower).args["alias"]), column.origins)
            elif lower not in without:
                yield column
        for one in replaced.values():
            yield Column(self._reading.name(one.args["alias"]), self.expressions.origins(one, scope))
        for one in new_names.values():
            yield Column(self._reading.name(one.args["alias"]), self.expressions.origins(one.this, scope))

    def _starred(self, projection: exp.Expr, scope: Scope) -> Iterable[Column]:
        if isinstance(projection, exp.Column):
            relation = scope.relation(self._reading.name(projection.args["table"]).lower())
            if relation is None:
                self._reading.say(f"{short([projection.sql()])}: there is no such table in the query")
                return
            yield from self._all_of(relation)
            return
        merged = set()
        for name, origins in scope.merged.items():
            merged.add(name)
            yield Column(
                next((c.name for _, one in scope.relations for c in one.columns if c.name.lower() == name), name),
                origins,
            )
        for _, relation in scope.relations:
            for column in self._all_of(relation):
                if column.tables:
                    yield Column("*", NONE, column.tables, column.hidden | merged)
                elif column.name.lower() not in merged:
                    yield column

    def _all_of(self, relation: Relation) -> Iterable[Column]:
        if not relation.columns and relation.anything:
            self._reading.say("* of a function: the names of its columns aren't known")
        return relation.columns

    # ------------------------------------------------------------------------------------------------ keys and order

    def _grouped(self, node: exp.Select, columns: Sequence[Column], scope: Scope) -> Origins:
        group = node.args.get("group")
        if group is None:
            return NONE
        if group.args.get("all"):
            plain = [
                column
                for column, projection in zip(columns, node.expressions, strict=False)
                if not projection.find(exp.AggFunc)
            ]
            return through(union(column.origins for column in plain), GROUP_BY)
        keys = list(group.expressions)
        for key in ("grouping_sets", "cube", "rollup"):
            for one in group.args.get(key) or ():
                keys += one.expressions if isinstance(one, exp.Expr) else []
        return self._keys(keys, columns, scope, GROUP_BY)

    def _ordered(self, node: exp.Expr, columns: Sequence[Column], scope: Scope) -> Origins:
        order = node.args.get("order")
        if order is None:
            return NONE
        return self._keys([ordered.this for ordered in order.expressions], columns, scope, SORT)

    def _keys(self, keys: Iterable[Any], columns: Sequence[Column], scope: Scope, step: int) -> Origins:
        """Keys by expression, by alias of the SELECT or by position in it."""
        found = NONE
        for key in keys:
            position = int(key.name) if isinstance(key, exp.Literal) and key.is_int else 0
            if 0 < position <= len(columns) and not any(column.tables for column in columns[:position]):
                found |= through(columns[position - 1].origins, step)
            elif step == SORT and isinstance(key, exp.Column) and len(key.parts) == 1:
                alias = scope.aliases.get(self._reading.name(key.this).lower())
                found |= self.expressions.indirect(key, scope, step) if alias is None else through(alias, step)
            else:
                found |= self.expressions.indirect(key, scope, step)
        return found

    # --------------------------------------------------------------------------------------------------- UNION & Co.

    def _set_operation(self, node: exp.SetOperation, scope: Scope) -> Relation:
        """Chains of thousands of UNIONs lean to the left: they are walked, not recursed into."""
        arms: list[exp.SetOperation] = []
        first: Any = node
        while isinstance(first, exp.SetOperation) and (first is node or first.args.get("with_") is None):
            arms.append(first)
            first = first.this
        found = self.relation(first, scope.inner())
        for arm in reversed(arms):
            found = self._united(arm, found, self.relation(arm.expression, scope.inner()))
        own = scope.inner()
        own.relations.append(("", found))
        return Relation(found.columns, found.whole | self._ordered(node, found.columns, own))

    def _united(self, node: exp.SetOperation, left: Relation, right: Relation) -> Relation:
        whole = left.whole | right.whole
        self._reading.work.spend(len(whole) + len(left.columns))
        if isinstance(node, exp.Except | exp.Intersect):  # rows are compared as a whole
            return Relation(left.columns, whole | through(left.every() | right.every(), FILTER))
        if node.args.get("by_name"):
            return Relation(_by_name(left, right), whole)
        if len(left.columns) != len(right.columns) or any(
            bool(one.tables) != bool(other.tables) for one, other in zip(left.columns, right.columns, strict=True)
        ):
            self._reading.say("UNION: a * stands for columns that aren't known, so its arms can't be matched")
            return Relation([Column(one.name, one.origins) for one in left.columns if not one.tables], whole)
        return Relation([_both(one, other) for one, other in zip(left.columns, right.columns, strict=True)], whole)

    def _names(self, node: exp.Expr) -> list[str]:
        return [self._reading.name(name) for name in node.alias_column_names and node.args["alias"].args["columns"]]


def _called(function: exp.Expr) -> str:
    """The name by which a text calls a function, as far as the tree still has it."""
    name = function.name or (function.sql_name() if isinstance(function, exp.Func) else "")
    return str(name).lower().removeprefix("exploding_")


def _both(one: Column, other: Column) -> Column:
    if one.tables:
        return Column("*", NONE, tuple(dict.fromkeys((*one.tables, *other.tables))), one.hidden & other.hidden)
    return Column(one.name, one.origins | other.origins)


def _by_name(left: Relation, right: Relation) -> list[Column]:
    columns = [
        Column(one.name, one.origins | (right.origins(one.name) or NONE)) if not one.tables else one
        for one in left.columns
    ]
    return [*columns, *(one for one in right.columns if one.tables or not left.has(one.name.lower()))]
