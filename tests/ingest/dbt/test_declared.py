"""What a manifest says, with and without a catalog, as events."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from ingest.dbt.reading import reading
from tests.ingest.dbt.making import JOBS, POSTGRES, manifest, node, recorded

Event = dict[str, Any]


def events_of(files: dict[str, bytes], namespace: str = POSTGRES) -> list[Event]:
    return list(reading(files, namespace, JOBS).events())


def job_named(events: list[Event], name: str) -> Event:
    (found,) = [one for one in events if one.get("job", {}).get("name") == name]
    return found


def output_of(events: list[Event], name: str) -> Event:
    found: Event = job_named(events, name)["outputs"][0]
    return found


def reads(event: Event) -> list[str]:
    return [one["name"] for one in event["inputs"]]


@pytest.fixture(scope="module")
def shop() -> list[Event]:
    return events_of(recorded("postgres"))


def test_every_table_of_the_project_is_told_once(shop: list[Event]) -> None:
    models = [one for one in shop if one.get("job", {}).get("facets", {}).get("jobType", {}).get("jobType") == "MODEL"]

    assert len(models) == 15
    assert {one["schemaURL"].rpartition("/")[2] for one in shop} == {"JobEvent", "DatasetEvent"}


def test_a_versioned_model_has_the_names_that_dbt_ol_gives(shop: list[Event]) -> None:
    event = job_named(shop, "warehouse.analytics_marts.shop.customer_orders.v1")

    assert event["job"]["namespace"] == JOBS
    assert event["outputs"][0]["namespace"] == POSTGRES
    assert event["outputs"][0]["name"] == "warehouse.analytics_marts.customer_orders_v1"


def test_an_ephemeral_model_is_no_dataset_and_what_it_reads_is_read_by_its_readers(shop: list[Event]) -> None:
    event = job_named(shop, "warehouse.analytics_marts.shop.fct_orders")

    assert reads(event) == [
        "warehouse.analytics_intermediate.int_order_lines",
        "warehouse.analytics_staging.stg_orders",
        "warehouse.analytics_staging.stg_payments",
    ]
    assert not [one for one in shop if "int_order_amounts" in one.get("job", {}).get("name", "")]


def test_a_model_that_reads_a_seed_says_so(shop: list[Event]) -> None:
    event = job_named(shop, "warehouse.analytics_marts.shop.dim_customers")

    assert "warehouse.analytics_raw.country_codes" in reads(event)


def test_columns_have_the_databases_types_and_the_projects_words(shop: list[Event]) -> None:
    (source,) = [one for one in shop if one.get("dataset", {}).get("name") == "warehouse.analytics_raw.raw_customers"][
        :1
    ]
    fields = source["dataset"]["facets"]["schema"]["fields"]

    assert fields[0] == {"name": "id", "type": "integer"}
    assert {"name": "email", "type": "text", "description": "Contact address"} in fields


def test_tags_and_meta_of_models_and_of_columns_are_tags(shop: list[Event]) -> None:
    tags = output_of(shop, "warehouse.analytics_marts.shop.dim_customers")["facets"]["tags"]["tags"]

    assert {"key": "gdpr", "value": "true", "source": "DBT"} in tags
    assert {"key": "retention_days", "value": "730", "source": "DBT_META"} in tags
    assert {"key": "pii", "value": "true", "source": "DBT", "field": "email"} in tags
    assert {"key": "category", "value": "contact", "source": "DBT_META", "field": "email"} in tags


def test_owners_are_those_of_meta_and_of_the_group(shop: list[Event]) -> None:
    of_meta = output_of(shop, "warehouse.analytics_marts.shop.dim_customers")["facets"]["ownership"]["owners"]
    of_group = output_of(shop, "warehouse.analytics_marts.shop.customer_orders.v2")["facets"]["ownership"]["owners"]

    assert of_meta == [{"name": "crm@example.com"}]
    assert of_group == [{"name": "finance-analytics@example.com", "type": "GROUP"}]


def test_a_seed_that_is_declared_as_a_source_too_has_what_both_say(shop: list[Event]) -> None:
    seed = output_of(shop, "warehouse.analytics_raw.shop.raw_orders")["facets"]
    source = next(one for one in shop if one.get("dataset", {}).get("name") == "warehouse.analytics_raw.raw_orders")

    assert seed == source["dataset"]["facets"]
    assert {"seed", "source"} <= {one["key"] for one in seed["tags"]["tags"]}
    assert seed["ownership"]["owners"] == [{"name": "data-platform"}]


def test_contracts_versions_and_deprecation_are_kept(shop: list[Event]) -> None:
    contracted = output_of(shop, "warehouse.analytics_marts.shop.dim_customers")["facets"]["dbt_resource"]
    old = output_of(shop, "warehouse.analytics_marts.shop.customer_orders.v1")["facets"]["dbt_resource"]

    assert contracted["contract"]["enforced"] is True
    assert contracted["access"] == "public"
    assert contracted["constraints"][0]["type"] == "primary_key"
    assert (old["version"], old["latest_version"], old["deprecation_date"][:10]) == (1, 2, "2027-01-01")
    assert old["group"]["owner"]["slack"] == "#finance"


def test_tests_that_never_ran_are_named_on_what_they_test(shop: list[Event]) -> None:
    tests = output_of(shop, "warehouse.analytics_staging.shop.stg_orders")["facets"]["dbt_tests"]["tests"]

    assert {f"{one['assertion']} {one['column']}" for one in tests} == {
        "accepted_values status",
        "not_null order_id",
        "relationships customer_id",
        "unique order_id",
    }


def test_an_exposure_is_a_job_that_reads_and_writes_nothing(shop: list[Event]) -> None:
    event = job_named(shop, "exposure.shop.weekly_revenue_dashboard")

    assert reads(event) == ["warehouse.analytics_marts.dim_customers", "warehouse.analytics_marts.fct_revenue_daily"]
    assert event["outputs"] == []
    assert event["job"]["facets"]["dbt_exposure"]["url"] == "https://bi.example.com/dashboards/31"
    assert event["job"]["facets"]["ownership"]["owners"] == [{"name": "finance-analytics@example.com"}]


def test_a_stale_source_is_a_check_that_failed_at_the_time_of_looking(shop: list[Event]) -> None:
    (event,) = [one for one in shop if "dbt_freshness" in one.get("dataset", {}).get("facets", {})]
    (check,) = event["dataset"]["facets"]["dataQualityAssertions"]["assertions"]

    assert event["eventTime"].startswith("2026-11-21T09:09:14")
    assert (check["assertion"], check["success"], check["severity"]) == ("freshness", False, "warn")


def test_metrics_and_semantic_models_lie_between_tables_and_exposures() -> None:
    semantic = node("semantic_model.shop.orders", "model.shop.orders", measures=[{"name": "revenue"}])
    metric = node("metric.shop.revenue", "semantic_model.shop.orders", label="Revenue")
    exposure = node("exposure.shop.board", "metric.shop.revenue", type="dashboard")
    events = events_of(
        {
            "manifest": manifest(
                node("model.shop.orders"), semantic_models=[semantic], metrics=[metric], exposures=[exposure]
            )
        }
    )

    assert reads(job_named(events, "semantic_model.shop.orders")) == ["wh.main.orders"]
    assert reads(job_named(events, "metric.shop.revenue")) == ["semantic_model.shop.orders"]
    assert reads(job_named(events, "exposure.shop.board")) == ["metric.shop.revenue"]
    assert output_of(events, "metric.shop.revenue")["namespace"] == JOBS


def test_compiled_sql_goes_with_its_dialect_and_a_template_is_no_sql() -> None:
    compiled = node("model.shop.a", language="sql", raw_code="select {{ 1 }}", compiled_code="select 1")
    parsed = node("model.shop.b", language="sql", raw_code="select {{ 1 }}")
    python = node("model.shop.c", language="python", raw_code="def model(dbt, session): ...")
    events = events_of({"manifest": manifest(compiled, parsed, python, adapter="snowflake")})
    facets = [job_named(events, f"wh.main.shop.{name}")["job"]["facets"] for name in "abc"]

    assert (facets[0]["sql"]["query"], facets[0]["sql"]["dialect"]) == ("select 1", "snowflake")
    assert "sql" not in facets[1]
    assert facets[1]["sourceCode"]["language"] == "jinja-sql"
    assert facets[2]["sourceCode"]["language"] == "python"


def test_columns_that_only_the_project_documents_are_marked_as_such() -> None:
    documented = node("model.shop.a", columns={"id": {"name": "id", "data_type": "int"}})
    contracted = node(
        "model.shop.b", columns={"id": {"name": "id", "data_type": "int"}}, config={"contract": {"enforced": True}}
    )
    events = events_of({"manifest": manifest(documented, contracted)})

    assert "dbt_model" in output_of(events, "wh.main.shop.a")["facets"]
    assert "dbt_model" not in output_of(events, "wh.main.shop.b")["facets"]


def test_an_engine_without_databases_has_names_of_two_parts() -> None:
    events = events_of({"manifest": manifest(node("model.shop.a", database=None), adapter="spark")}, "spark://h:10001")

    assert output_of(events, "main.shop.a")["name"] == "main.a"


@pytest.mark.parametrize("empty", [None, {}, []])
def test_members_that_are_null_or_empty_are_read_as_nothing(empty: Any) -> None:
    stated = node("model.shop.a", columns=empty, meta=empty, tags=empty, group=None, constraints=empty)
    stated["config"] = empty
    events = events_of({"manifest": manifest(stated)})

    assert [one["job"]["name"] for one in events] == ["wh.main.shop.a"]


def test_a_chain_of_ephemeral_models_is_seen_through_whatever_its_length() -> None:
    names = [f"model.shop.e{n}" for n in range(3_000)]
    chain = [node(name, before, config={"materialized": "ephemeral"}) for before, name in pairwise(names)]
    made = manifest(node(names[0]), *chain, node("model.shop.z", names[-1], names[-2]))
    events = events_of({"manifest": made})

    assert reads(job_named(events, "wh.main.shop.z")) == ["wh.main.e0"]
