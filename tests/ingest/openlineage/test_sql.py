"""What the text of a `sql` facet adds to an event, and what it leaves alone."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.openlineage.facts import Reader
from ingest.sql.statements import columns_of
from lineage.facts import Facts
from lineage.model import EdgeKind
from tests.golden.rendering import RECEIVED_US

DB = "postgres://db:5432"
READER = Reader(reads_sql=columns_of)


def table(name: str, columns: str = "", facets: dict[str, Any] | None = None, namespace: str = DB) -> dict[str, Any]:
    fields = [{"name": column, "type": "int"} for column in columns.split()]
    own = {"schema": {"fields": fields}} if fields else {}
    return {"namespace": namespace, "name": name, "facets": {**own, **(facets or {})}}


def told(column: str, source: str, field: str) -> dict[str, Any]:
    return {"columnLineage": {"fields": {column: {"inputFields": [{"namespace": DB, "name": source, "field": field}]}}}}


def facts_of(
    sql: str,
    inputs: list[dict[str, Any]],
    outputs: list[dict[str, Any]],
    *,
    event_type: str = "COMPLETE",
    dialect: str | None = None,
) -> Facts:
    facet = {"query": sql} if dialect is None else {"query": sql, "dialect": dialect}
    stated = {
        "eventTime": "2026-05-01T12:00:00Z",
        "eventType": event_type,
        "run": {"runId": "11111111-1111-4111-8111-111111111111"},
        "job": {"namespace": "j", "name": "load", "facets": {"sql": facet}},
        "inputs": inputs,
        "outputs": outputs,
    }
    facts = READER.facts(stated, RECEIVED_US)
    assert facts is not None
    return facts


def reads(facts: Facts) -> set[tuple[str, str, str]]:
    """(table, output or "", basis), names without their database."""
    return {
        (edge.source.name.removeprefix("shop."), edge.flow.rpartition("shop.")[2], edge.basis.word)
        for edge in facts.edges.edges
        if edge.kind is EdgeKind.READ
    }


def derived(facts: Facts, basis: str = "parsed") -> set[tuple[str, str, str]]:
    """(table.column, table.column, how), of one basis."""
    return {
        (_short(edge.source), _short(edge.target), edge.transformation.subtype)
        for edge in facts.edges.edges
        if edge.kind is EdgeKind.DERIVED and edge.basis.word == basis
    }


def _short(node: Any) -> str:
    return node.id.rpartition("shop.")[2].replace(":", ".")


def reasons(facts: Facts) -> dict[str, str]:
    return {said.dataset: said.reason for said in facts.not_linked}


def known(facts: Facts) -> set[str]:
    return {one.node.name for one in facts.described if one.known}


def test_columns_come_from_sql_where_no_column_lineage_came() -> None:
    facts = facts_of("INSERT INTO core.t (x) SELECT a + b FROM core.s", [table("shop.core.s")], [table("shop.core.t")])

    assert derived(facts) == {("core.s.a", "core.t.x", "TRANSFORMATION"), ("core.s.b", "core.t.x", "TRANSFORMATION")}
    assert reads(facts) == {("core.s", "core.t", "parsed")}


def test_a_table_used_only_inside_a_cte_becomes_an_input() -> None:
    sql = "INSERT INTO core.t (x) WITH c AS (SELECT a FROM raw.lost) SELECT c.a FROM c JOIN core.s ON true"

    facts = facts_of(sql, [table("shop.core.s")], [table("shop.core.t", facets=told("x", "shop.raw.lost", "a"))])

    assert reads(facts) == {("raw.lost", "core.t", "column"), ("core.s", "core.t", "parsed")}
    assert "shop.raw.lost" in known(facts)
    assert derived(facts) == set()
    assert facts.not_linked == ()


def test_a_column_told_of_by_the_name_of_a_cte_gets_its_table_and_keeps_its_edge() -> None:
    sql = "with o as (select * from core.s) select o.a as x from o"

    facts = facts_of(sql, [table("shop.core.s")], [table("shop.core.t", facets=told("x", "o", "a"))])

    assert derived(facts) == {("core.s.a", "core.t.x", "IDENTITY")}
    assert len(derived(facts, "column")) == 1
    assert "CTE" in reasons(facts)[f"dataset:{DB}:o"]
    assert "o" not in known(facts)


def test_column_lineage_stands_above_sql() -> None:
    sql = "INSERT INTO core.t (x, y) SELECT a, b FROM core.s WHERE c > 1"

    facts = facts_of(sql, [table("shop.core.s")], [table("shop.core.t", facets=told("x", "shop.core.s", "other"))])

    assert derived(facts, "column") == {("core.s.other", "core.t.x", "")}
    assert derived(facts) == {("core.s.b", "core.t.y", "IDENTITY")}


def test_the_lineage_facet_is_the_whole_of_it() -> None:
    stated = {"lineage": {"inputs": [{"namespace": DB, "name": "shop.core.s", "type": "DATASET"}]}}
    sql = "INSERT INTO core.t (x) SELECT a FROM core.other"

    facts = facts_of(sql, [table("shop.core.s")], [table("shop.core.t", facets=stated)])

    assert reads(facts) == {("core.s", "core.t", "explicit")}


def test_each_output_of_a_text_gets_the_tables_of_its_own_statement() -> None:
    sql = "CREATE TABLE core.t1 AS SELECT a FROM core.s1; CREATE TABLE core.t2 AS SELECT b FROM core.s2"

    facts = facts_of(
        sql, [table("shop.core.s1"), table("shop.core.s2")], [table("shop.core.t1"), table("shop.core.t2")]
    )

    assert reads(facts) == {("core.s1", "core.t1", "parsed"), ("core.s2", "core.t2", "parsed")}


def test_star_is_read_by_the_schemas_of_the_event() -> None:
    facts = facts_of(
        "INSERT INTO core.t SELECT * FROM core.s", [table("shop.core.s", "A b")], [table("shop.core.t", "x y")]
    )

    assert derived(facts) == {("core.s.A", "core.t.x", "IDENTITY"), ("core.s.b", "core.t.y", "IDENTITY")}


def test_a_statement_that_cannot_be_read_keeps_its_tables_and_is_said() -> None:
    facts = facts_of("SELEC a FROM FROM core.s", [table("shop.core.s")], [table("shop.core.t")])

    assert reads(facts) == {("core.s", "core.t", "implicit_single")}
    assert "can't be read" in reasons(facts)["job:j:load"]


def test_an_output_that_a_producer_lost_is_written_once_the_run_has_ended() -> None:
    sql = "CREATE VIEW marts.v AS SELECT a FROM core.s"

    begun = facts_of(sql, [table("shop.core.s")], [], event_type="START")
    ended = facts_of(sql, [table("shop.core.s")], [])
    failed = facts_of(sql, [table("shop.core.s")], [], event_type="FAIL")

    assert reads(ended) == {("core.s", "marts.v", "parsed")}
    assert "shop.marts.v" in known(ended)
    assert reads(begun) == reads(failed) == {("core.s", "", "implicit_single")}


def test_tables_are_found_whatever_their_case_and_unknown_ones_are_folded() -> None:
    sql = 'INSERT INTO Core.T (x) SELECT a FROM Core.Dim JOIN Raw.Lost ON true JOIN "Raw"."Kept" ON true'

    facts = facts_of(sql, [table("shop.Core.Dim", "a")], [table("shop.core.t")])

    assert {name for name, _, _ in reads(facts)} == {"Core.Dim", "raw.lost", "Raw.Kept"}


def test_a_table_without_a_schema_is_where_all_others_are_or_is_said() -> None:
    one = facts_of("INSERT INTO t (x) SELECT a FROM lost", [table("shop.core.s")], [table("shop.core.t")])
    several = facts_of("INSERT INTO t (x) SELECT a FROM lost", [table("shop.raw.s")], [table("shop.core.t")])

    assert ("core.lost", "core.t", "parsed") in reads(one)
    assert "lost" in reasons(several)["job:j:load"]


def test_the_dialect_is_the_namespaces_where_the_facet_names_none() -> None:
    space = "bigquery"
    sql = "INSERT INTO `p.d.t` (x) SELECT a FROM `p.d.s`"

    facts = facts_of(sql, [table("p.d.s", namespace=space)], [table("p.d.t", namespace=space)])

    assert {edge.basis.word for edge in facts.edges.edges} == {"parsed"}


def test_system_tables_and_functions_are_no_inputs() -> None:
    sql = "INSERT INTO core.t (x) SELECT g FROM generate_series(1, 3) g, information_schema.columns"

    assert reads(facts_of(sql, [], [table("shop.core.t")])) == set()


def test_an_update_reads_its_sources_and_not_itself() -> None:
    facts = facts_of("UPDATE core.t SET x = s.a, n = n + 1 FROM core.s WHERE t.i = s.i", [], [table("shop.core.t")])

    assert reads(facts) == {("core.s", "core.t", "parsed")}


def test_a_text_without_any_dataset_is_left_alone() -> None:
    facts = facts_of("CREATE TABLE t AS SELECT a FROM s", [], [])

    assert facts.edges.edges == ()


TEXTS = [
    "INSERT INTO core.a (x) SELECT p FROM core.b JOIN core.c ON true",
    "CREATE TABLE core.a AS SELECT * FROM core.b; CREATE TABLE core.c AS SELECT q FROM core.a",
    "SELECT p FROM core.b",
    "MERGE INTO core.a USING core.b ON a.i = b.i WHEN MATCHED THEN UPDATE SET x = b.p",
    "nonsense",
]
NAMES = st.lists(st.sampled_from(["shop.core.a", "shop.core.b", "shop.core.c", "shop.raw.d"]), max_size=4)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(TEXTS), NAMES, NAMES, st.randoms(use_true_random=False))
def test_order_and_repetition_of_inputs_and_outputs_change_nothing(
    sql: str, inputs: list[str], outputs: list[str], random: Any
) -> None:
    first = facts_of(sql, [table(name) for name in inputs], [table(name) for name in outputs])
    for names in (inputs, outputs):
        names += names[:1]
        random.shuffle(names)
    READER.remembered = Reader().remembered

    assert facts_of(sql, [table(name) for name in inputs], [table(name) for name in outputs]) == first
