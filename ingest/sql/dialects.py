"""Which dialect a text is in, and how that folds names."""

from __future__ import annotations

from functools import cache

from sqlglot.dialects.dialect import Dialect, NormalizationStrategy

# Words of `sql` facets (dbt's adapters, Airflow's) and schemes of namespaces, where they aren't sqlglot's own.
_SPOKEN = {
    "postgresql": "postgres", "greenplum": "postgres", "cockroachdb": "postgres", "crate": "postgres",
    "mssql": "tsql", "sqlserver": "tsql", "synapse": "tsql", "fabric-warehouse": "fabric",
    "mariadb": "mysql", "oceanbase": "mysql", "tidb": "mysql", "awsathena": "athena", "unitycatalog": "databricks",
    "sparksql": "spark", "spark_sql": "spark", "glue": "spark", "arn": "spark", "hive2": "hive", "hiveserver2": "hive",
    "dremio": "dremio", "vertica": "postgres", "spanner": "bigquery", "ansi": "", "generic": "",
}  # fmt: skip
# In these a later expression of a SELECT may use the alias of an earlier one.
_ALIASES = frozenset({"snowflake", "redshift", "databricks", "spark", "duckdb", "clickhouse", "teradata", "dremio"})


def spoken(word: str | None) -> str | None:
    """sqlglot's name of a dialect that a facet or a namespace's scheme names; None if it has none.

    >>> spoken("sqlserver"), spoken("DuckDB"), spoken("s3")
    ('tsql', 'duckdb', None)
    """
    if not word:
        return None
    lower = word.strip().lower()
    found = _SPOKEN.get(lower, lower)
    return found if found == "" or found in _known() else None


@cache
def _known() -> frozenset[str]:
    return frozenset(Dialect.classes) | frozenset(_files())


def _files() -> list[str]:
    """Dialects are loaded when they are first asked for; the list of all is sqlglot's enumeration."""
    from sqlglot.dialects.dialect import Dialects

    return [member.value for member in Dialects if member.value]


@cache
def dialect(name: str | None) -> Dialect:
    """The dialect of that name; what no name stands for is read as what all have in common."""
    return Dialect.get_or_raise(spoken(name) or "")


@cache
def takes_aliases(name: str | None) -> bool:
    return spoken(name) in _ALIASES


def folded(spoken_dialect: Dialect, identifier: str, *, quoted: bool) -> str:
    """The identifier as the engine has it. Where case doesn't count it is left as written.

    >>> folded(dialect("snowflake"), "Orders", quoted=False), folded(dialect("postgres"), "Orders", quoted=True)
    ('ORDERS', 'Orders')
    """
    if quoted:
        return identifier
    if spoken_dialect.normalization_strategy is NormalizationStrategy.UPPERCASE:
        return identifier.upper()
    if spoken_dialect.normalization_strategy is NormalizationStrategy.LOWERCASE and not _is_generic(spoken_dialect):
        return identifier.lower()
    return identifier


def _is_generic(spoken_dialect: Dialect) -> bool:
    return type(spoken_dialect) is Dialect
