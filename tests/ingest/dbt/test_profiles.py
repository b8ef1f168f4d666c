"""The namespace out of profiles.yml, as dbt-ol makes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.dbt.profiles import NoNamespace, namespace_of

SHOP = """
shop:
  target: "{{ env_var('WHICH', 'duck') }}"
  outputs:
    duck: {type: duckdb, path: "{{ env_var('SHOP_DUCKDB', '/srv/demo/data/shop.duckdb') }}"}
    pg: {type: postgres, host: 127.0.0.1, port: 5499, user: u, password: p}
    pg2: {type: postgres, host: db2, port: 5432, user: u, password: p}
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "profiles.yml").write_text(SHOP)
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def test_the_runs_own_target_decides(target: Path) -> None:
    assert namespace_of(target, "postgres", "pg", {}) == "postgres://127.0.0.1:5499"


def test_without_it_the_only_output_of_the_manifests_adapter_decides(target: Path) -> None:
    assert namespace_of(target, "duckdb", "", {"WHICH": "pg"}) == "duckdb:///srv/demo/data/shop.duckdb"


def test_environment_variables_are_filled_in(target: Path) -> None:
    assert namespace_of(target, "duckdb", "", {"SHOP_DUCKDB": "/x.duckdb"}) == "duckdb:///x.duckdb"


def test_two_outputs_that_fit_are_not_guessed_between(target: Path) -> None:
    with pytest.raises(NoNamespace, match=r"2 outputs of type 'postgres'.*--namespace"):
        namespace_of(target, "postgres", "", {})


def test_the_folder_of_dbts_own_variable_wins(target: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "profiles.yml").write_text("shop: {target: a, outputs: {a: {type: postgres, host: prod}}}")

    assert namespace_of(target, "postgres", "", {"DBT_PROFILES_DIR": str(other)}) == "postgres://prod:5432"


@pytest.mark.parametrize("text", ["", "shop: [", "shop: {outputs: {a: {type: snowflake}}}", "shop: 5", "\x00"])
def test_profiles_that_do_not_tell_it_are_named(target: Path, text: str) -> None:
    (target.parent / "profiles.yml").write_text(text)

    with pytest.raises(NoNamespace, match="--namespace"):
        namespace_of(target, "snowflake", "", {})


@pytest.mark.parametrize(
    ("output", "namespace"),
    [
        ("type: snowflake, account: xy12345.eu-west-1", "snowflake://xy12345.eu-west-1"),
        ("type: databricks, host: dbc.example.com", "databricks://dbc.example.com"),
        ("type: sqlserver, server: ms", "mssql://ms:1433"),
        ("type: athena, region_name: eu-west-1", "awsathena://athena.eu-west-1.amazonaws.com"),
        ("type: spark, method: thrift, host: s", "spark://s:10001"),
        ("type: bigquery", "bigquery"),
    ],
)
def test_each_adapter_has_its_form(target: Path, output: str, namespace: str) -> None:
    (target.parent / "profiles.yml").write_text(f"shop: {{target: a, outputs: {{a: {{{output}}}}}}}")
    adapter = output.split(",")[0].removeprefix("type: ")

    assert namespace_of(target, adapter, "", {}) == namespace
