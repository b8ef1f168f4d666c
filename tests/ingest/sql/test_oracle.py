"""SQLite as the oracle: change one column of one table; what changes in the result must be said to come from it.

But for DISTINCT and UNION without ALL: that equal rows are taken for one isn't told as a source of all columns.
"""

from __future__ import annotations

import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sql.statements import columns_of

TABLES = {"a": ("i", "x", "y"), "b": ("i", "z", "w"), "c": ("k", "v", "u")}
SCHEMAS = {(name,): list(columns) for name, columns in TABLES.items()}
Rows = dict[str, list[list[int]]]

VALUES = st.sampled_from(
    ["a.x", "b.z", "a.x + b.w", "CASE WHEN a.y > 2 THEN b.z ELSE a.x END", "coalesce(nullif(b.w, 3), a.y)", "7",
     "(SELECT max(c.v) FROM c WHERE c.k = a.i)", "(SELECT count(*) FROM c WHERE c.u > b.z)", "b.z IN (SELECT u FROM c)",
     "iif(EXISTS (SELECT 1 FROM c WHERE c.v = a.y), 1, b.w)", "abs(a.x - b.z)", "b.i"]
)  # fmt: skip
TOTALS = st.sampled_from(
    ["sum(a.x)", "count(DISTINCT b.z)", "max(a.y) - min(b.w)", "sum(a.x) FILTER (WHERE b.w > 2)", "count(*)",
     "avg(b.w + a.y)"]
)  # fmt: skip
WINDOWS = st.sampled_from(
    ["sum(a.x) OVER (PARTITION BY b.w ORDER BY a.y, b.z, a.i)", "row_number() OVER (ORDER BY b.z, a.x, a.y, a.i, b.w)",
     "lag(a.y) OVER (ORDER BY b.w, a.x, a.i, b.z)"]
)  # fmt: skip
SOURCES = st.sampled_from(
    ["a JOIN b ON a.i = b.i", "a LEFT JOIN b ON a.i = b.i AND b.w > 2", "a, b", "a JOIN b USING (i)",
     "(SELECT * FROM a WHERE y > 1) AS a JOIN (SELECT i, max(z) AS z, w FROM b GROUP BY i, w) AS b ON b.i = a.i",
     "a JOIN (SELECT i, z, w FROM b UNION ALL SELECT k, v, u FROM c) AS b ON a.i = b.i",
     "(SELECT i, x, y FROM a EXCEPT SELECT k, v, u FROM c) AS a JOIN b ON a.x = b.z"]
)  # fmt: skip
FILTERS = st.sampled_from(
    ["", " WHERE a.x > 1", " WHERE b.z IN (SELECT v FROM c WHERE c.u < 4)",
     " WHERE NOT EXISTS (SELECT 1 FROM c WHERE c.k = b.w)"]
)  # fmt: skip


@st.composite
def queries(draw: st.DrawFn) -> str:
    source, where = draw(SOURCES), draw(FILTERS)
    if draw(st.booleans()):
        keys = draw(st.lists(VALUES, min_size=1, max_size=2))
        values = [*keys, *draw(st.lists(TOTALS, min_size=1, max_size=2))]
        tail = f" GROUP BY {', '.join(str(at + 1) for at in range(len(keys)))}"
    else:
        values, tail = draw(st.lists(st.one_of(VALUES, WINDOWS), min_size=1, max_size=3)), ""
    columns = ", ".join(f"{value} AS o{at}" for at, value in enumerate(values))
    inner = f"SELECT {columns} FROM {source}{where}{tail}"
    return draw(
        st.sampled_from(
            [inner, f"WITH q AS ({inner}) SELECT * FROM q", f"SELECT o0, o0 + 1 AS o9 FROM ({inner}) AS q WHERE o0 > 1"]
        )
    )


DATA = st.fixed_dictionaries(
    {name: st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=1, max_size=4) for name in TABLES}
)


def result(query: str, rows: Rows) -> dict[str, list[object]]:
    """Values by column of the result, sorted: SQL says nothing of their order."""
    with sqlite3.connect(":memory:") as database:
        for name, columns in TABLES.items():
            database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            database.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", rows[name])
        found = database.execute(query)
        names = [described[0] for described in found.description]
        every = found.fetchall()
    database.close()
    return {name: sorted((row[at] for row in every), key=repr) for at, name in enumerate(names)}


@settings(max_examples=300, deadline=None)
@given(
    queries(),
    DATA,
    st.sampled_from(sorted(TABLES)),
    st.integers(0, 2),
    st.lists(st.integers(0, 5), min_size=4, max_size=4),
)
def test_what_a_column_changes_is_said_to_come_from_it(
    query: str, rows: Rows, table: str, at: int, values: list[int]
) -> None:
    others = [[*row[:at], new, *row[at + 1 :]] for row, new in zip(rows[table], values, strict=False)]
    before, after = result(query, rows), result(query, {**rows, table: others})

    (statement,) = columns_of(query, dialect="sqlite", schemas=SCHEMAS)

    column = TABLES[table][at]
    everywhere = {(origin.table, origin.column) for origin in statement.whole}
    changed = {name for name in before if before[name] != after[name]}
    told = {
        name
        for name, origins in statement.columns.items()
        if ((table,), column) in everywhere | {(origin.table, origin.column) for origin in origins}
    }
    assert changed <= told, query
    assert statement.unresolved == ()
