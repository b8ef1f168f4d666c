"""Which nodes a term of a selection means: one statement a term. Case counts; a star stands for any text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import orjson
from sqlalchemy import BigInteger, ColumnElement, Connection, any_, bindparam, func, select, true
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql import Select

from lineage.expressions import WORD, Pattern, Term
from lineage.graph import Ids, distinct
from lineage.model import KIND_OF_PREFIX, Kind, Node
from lineage.stores import tables as t
from lineage.stores.projecting.nodes import leaf_of
from lineage.stores.rows import by_ids, by_values

NEAREST = 3
COMPARED = 2_000  # names that a mistyped one is compared with: 20 ms
FIRST_WINDOW = 2_000
MANY = 20_000  # ids: looking each up takes longer than reading a table

Condition = ColumnElement[bool]


def _listed(node: Any = t.node) -> Condition:
    """What lists show, and so what a selection may mean."""
    return node.c.listed  # type: ignore[no-any-return]


def is_broad(term: Term) -> bool:
    """Whether so much is meant, and so often, that the answer is worth keeping: everything, or a whole kind."""
    if term.filter == "kind":
        return term.pattern.is_exact
    return term.filter in (WORD, "name") and term.pattern.parts == ("", "")


def matching(connection: Connection, term: Term) -> Ids:
    """Ids of the datasets and jobs that a term means, ascending.

    Cost: names with a star look at every name; all else goes by an index, or by a table of tags, owners, namespaces.
    """
    meant = _Dialect(connection.dialect.name).condition(term)
    return np.sort(_ids(connection, select(t.node.c.id).where(_listed(), meant)))


def _ids(connection: Connection, statement: Select[Any]) -> Ids:
    """The one column of a statement. SQLite gives it as one text: 900,000 rows in 280 ms, not 680."""
    if connection.dialect.name == "sqlite":
        rows = statement.subquery()
        text = connection.execute(select(func.json_group_array(rows.c[0]))).scalar_one()
        return np.array(orjson.loads(text), dtype=np.int64)
    return np.array(connection.execute(statement).scalars().all(), dtype=np.int64)


class _Dialect:
    """Conditions in the words of one database: LIKE counts case on PostgreSQL only, GLOB is SQLite's own."""

    def __init__(self, name: str) -> None:
        self._is_sqlite = name == "sqlite"

    def condition(self, term: Term) -> Condition:
        node, pattern = t.node.c, term.pattern
        match term.filter:
            case "kind":
                return node.kind.in_([int(kind) for kind in (Kind.DATASET, Kind.JOB) if pattern.matches(kind.word)])
            case "namespace":
                return node.namespace_id.in_(select(t.namespace.c.id).where(self._matches(t.namespace.c.name, pattern)))
            case "owner":
                return node.id.in_(select(t.owner.c.node_id).where(self._matches(t.owner.c.name, pattern)))
            case "tag":
                return node.id.in_(self._tagged(pattern))
            case "name":
                return self._matches(node.name, pattern)
            case "column":
                return node.id.in_(select(t.field.c.dataset_id).where(self._matches(t.field.c.name, pattern)))
            case "parent":
                return node.parent_id.in_(self._jobs(pattern))
            case "dag":
                return node.id.in_(self._within(pattern))
            case _:
                return self._word(pattern) if term.filter == WORD else self._id(pattern)

    def _matches(self, column: Any, pattern: Pattern, before: str = "") -> Condition:
        """before: what a name may have in front of the pattern: "" or the separator of its last parts."""
        if pattern.is_exact and not before:
            return column == pattern.text  # type: ignore[no-any-return]
        if not any(pattern.parts) and not before:
            return true()
        if self._is_sqlite:
            return column.op("GLOB", is_comparison=True)(  # type: ignore[no-any-return]
                (f"*{before}" if before else "") + "*".join(map(_glob, pattern.parts))
            )
        wanted = (f"%{before}" if before else "") + "%".join(map(_like, pattern.parts))
        return column.like(wanted, escape="\\")  # type: ignore[no-any-return]

    def _word(self, pattern: Pattern) -> Condition:
        """The name, or its end after a dot or a slash."""
        name = t.node.c.name
        ends = self._matches(name, pattern, ".") | self._matches(name, pattern, "/")
        meant = self._matches(name, pattern) | ends
        return (t.node.c.leaf == leaf_of(pattern.text)) & meant if pattern.is_exact else meant

    def _tagged(self, pattern: Pattern) -> Select[Any]:
        """KEY or KEY=VALUE, of the node or one of its columns, as in the filter of lists."""
        key, value = split_at_equals(pattern)
        tagged = select(t.tag.c.node_id).where(self._matches(t.tag.c.key, key))
        return tagged if value is None else tagged.where(self._matches(t.tag.c.value, value))

    def _id(self, pattern: Pattern) -> Condition:
        """An id with a star in it. A column stands for its dataset."""
        prefix, _, rest = pattern.parts[0].partition(":")
        kind, wanted = KIND_OF_PREFIX[prefix], Pattern((rest, *pattern.parts[1:]))
        if kind is not Kind.FIELD:
            return (t.node.c.kind == int(kind)) & self._identified(t.node, wanted)
        text = t.namespace.c.name + ":" + t.node.c.name + ":" + t.field.c.name
        found = select(t.field.c.dataset_id).where(
            t.field.c.dataset_id == t.node.c.id,
            t.node.c.namespace_id == t.namespace.c.id,
            self._matches(text, wanted),
        )
        return t.node.c.id.in_(found.correlate(None))

    def _identified(self, node: Any, wanted: Pattern) -> Condition:
        """NAMESPACE:NAME"""
        text = t.namespace.c.name + ":" + node.c.name
        found = select(t.namespace.c.id).where(t.namespace.c.id == node.c.namespace_id, self._matches(text, wanted))
        return found.correlate(node).exists()

    def _jobs(self, pattern: Pattern) -> Select[Any]:
        """Jobs by their whole name, or by their id if it begins with `job:`."""
        job = t.node.alias("job")
        return select(job.c.id).where(job.c.kind == int(Kind.JOB), self._is_job(job, pattern))

    def _is_job(self, job: Any, pattern: Pattern) -> Condition:
        first, *rest = pattern.parts
        if first.startswith("job:"):
            return self._identified(job, Pattern((first.removeprefix("job:"), *rest)))
        return self._matches(job.c.name, pattern)

    def _within(self, pattern: Pattern) -> Select[Any]:
        """Outermost jobs and every job within them, however deep; a circle of parents ends."""
        job, inner = t.node.alias("dag"), t.node.alias("inner")
        outermost = select(job.c.id).where(
            job.c.kind == int(Kind.JOB), job.c.parent_id == 0, self._is_job(job, pattern)
        )
        within = outermost.cte("within", recursive=True)
        within = within.union(select(inner.c.id).where(inner.c.parent_id == within.c.id))
        return select(within.c.id)


def split_at_equals(pattern: Pattern) -> tuple[Pattern, Pattern | None]:
    """KEY and VALUE of KEY=VALUE; no value, or an empty one, is any.

    >>> split_at_equals(Pattern(("pi", "=em", "")))
    (Pattern(parts=('pi', '')), Pattern(parts=('em', '')))
    """
    for at, part in enumerate(pattern.parts):
        key, sign, value = part.partition("=")
        if sign:
            values = (value, *pattern.parts[at + 1 :])
            return Pattern((*pattern.parts[:at], key)), None if values == ("",) else Pattern(values)
    return pattern, None


def _glob(text: str) -> str:
    """Text as itself in a GLOB pattern."""
    return "".join(f"[{character}]" if character in "[*?" else character for character in text)


def _like(text: str) -> str:
    """Text as itself in a LIKE pattern; `\\` escapes."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


# ---------------------------------------------------------------------- names like one that means nothing


def near(connection: Connection, term: Term) -> tuple[str, ...]:
    """What a term that means nothing might have meant, the likeliest first: values of its filter, or ids of nodes."""
    wanted = term.pattern.text
    if not term.pattern.is_exact or len(wanted) > 200:
        return ()
    if term.filter in (WORD, "name"):
        return _near_names(connection, wanted)
    columns = {"tag": t.tag.c.key, "owner": t.owner.c.name, "namespace": t.namespace.c.name}
    if term.filter not in columns:
        return ()
    column = columns[term.filter]
    found = connection.execute(select(column).distinct().order_by(column).limit(COMPARED)).scalars()
    return tuple(_closest(wanted.partition("=")[0] if term.filter == "tag" else wanted, ((v, v) for v in found)))


def _near_names(connection: Connection, wanted: str) -> tuple[str, ...]:
    """Nodes whose last part begins as the wanted one does."""
    leaf = leaf_of(wanted)
    begins = leaf[:2]
    rows = connection.execute(
        select(t.node.c.kind, t.namespace.c.name.label("namespace"), t.node.c.name, t.node.c.leaf)
        .join(t.namespace, t.namespace.c.id == t.node.c.namespace_id)
        .where(_listed(), t.node.c.leaf >= begins, t.node.c.leaf < begins + "\U0010fffd")
        .order_by(t.node.c.leaf, t.node.c.id)
        .limit(COMPARED)
    )
    return tuple(_closest(leaf, ((row.leaf, Node(Kind(row.kind), row.namespace, row.name).id) for row in rows)))


def _closest(wanted: str, known: Iterable[tuple[str, str]]) -> list[str]:
    """The answers whose texts are most like the wanted one, whatever their case."""
    answers: dict[str, list[str]] = {}
    for text, answer in known:
        answers.setdefault(text.lower(), []).append(answer)
    closest = get_close_matches(wanted.lower(), answers, NEAREST, 0.7)
    return [answer for text in closest for answer in sorted(answers[text])][:NEAREST]


# ---------------------------------------------------------------------- selected nodes


def numbers(connection: Connection, nodes: Sequence[Node]) -> list[int]:
    """`Catalog.numbers`. A name that was used again has several rows; at most one of them is listed."""
    first, now = t.node.alias("first"), t.node.c
    columns = (first.c.key, now.id)
    held = t.node.c.name_id == first.c.id
    rows = by_values(connection, columns, first.c.key, (node.key for node in nodes), held, _listed())
    found = {bytes(key): int(identity) for key, identity in rows}
    return [found.get(node.key, 0) for node in nodes]


def roots_of(connection: Connection, ids: Ids) -> Ids:
    """`Catalog.roots_of`"""
    ids = _with_jobs_within(connection, ids)
    flows, jobs = _flows(connection, t.flow.c.job_id, ids)
    return distinct(ids, flows[np.isin(jobs, ids)])


def _with_jobs_within(connection: Connection, ids: Ids) -> Ids:
    """The ids and those of all jobs within them, however deep; parents that go in a circle end."""
    columns = [t.node.c.id, t.node.c.parent_id]
    newest = ids
    while len(newest):
        if len(newest) <= MANY:
            rows = by_ids(connection, columns, t.node.c.parent_id, newest.tolist())
        else:
            rows = [(job, parent) for job, parent in connection.execute(select(*columns).where(t.node.c.parent_id > 0))]
        jobs, parents = np.array(rows, np.int64).reshape(-1, 2).T
        within = jobs[np.isin(parents, newest)]
        newest = within[~np.isin(within, ids)]
        ids = distinct(ids, newest)
    return ids


def stands_of(connection: Connection, ids: Ids) -> Ids:
    """`Catalog.stands_of`"""
    flows, jobs = _flows(connection, t.flow.c.id, ids)
    return distinct(ids[~np.isin(ids, flows)], jobs[np.isin(flows, ids)])


def _flows(connection: Connection, key: Any, ids: Ids) -> Ids:
    """Flows and their jobs, as two rows: those whose `key` is among the ids, or, for many ids, all there are."""
    columns = [t.flow.c.id, t.flow.c.job_id]
    if len(ids) <= MANY:
        rows = by_ids(connection, columns, key, ids.tolist())
    else:
        rows = [(flow, job) for flow, job in connection.execute(select(*columns))]
    return np.array(rows, np.int64).reshape(-1, 2).T


def windows(connection: Connection, after: int, ids: Ids) -> Iterator[Condition]:
    """Conditions that together say "is one of these, beyond `after`", in ascending order of ids, growing.

    A page is found in the first of them as a rule, and never is all of a million ids sent for each.
    """
    at, size = int(np.searchsorted(ids, after, side="right")), FIRST_WINDOW
    while at < len(ids):
        yield among(connection, ids[at : at + size])
        at, size = at + size, size * 4


def among(connection: Connection, ids: Ids) -> Condition:
    """Whether a node is one of these: one parameter, whatever their number."""
    if connection.dialect.name == "postgresql":
        wanted = bindparam(None, ids.tolist(), type_=postgresql.ARRAY(BigInteger), unique=True)
        return t.node.c.id == any_(wanted)
    texts = orjson.dumps(ids, option=orjson.OPT_SERIALIZE_NUMPY).decode()
    return t.node.c.id.in_(select(func.json_each(texts).table_valued("value").c.value))


def counts(connection: Connection, ids: Ids) -> dict[str, int]:
    """How many datasets and jobs are among some ids and listed."""
    statement = select(t.node.c.kind, func.count()).where(_listed(), among(connection, ids)).group_by(t.node.c.kind)
    found = {int(kind): int(count) for kind, count in connection.execute(statement)} if len(ids) else {}
    return {f"{kind.word}s": found.get(int(kind), 0) for kind in (Kind.DATASET, Kind.JOB)}
