"""`headwater ingest dbt`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.cli.conftest import Call
from tests.ingest.dbt.making import POSTGRES, recorded

PROFILES = "shop: {target: pg, outputs: {pg: {type: postgres, host: 127.0.0.1, port: 5499, password: hunter2}}}\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "shop" / "target"
    folder.mkdir(parents=True)
    for name, body in recorded("postgres", "run").items():
        (folder / f"{name}.json").write_bytes(body)
    (tmp_path / "shop" / "profiles.yml").write_text(PROFILES)
    return folder


def test_a_target_folder_is_taken_in_and_can_be_traced(call: Call, target: Path, tmp_path: Path) -> None:
    taken = call("ingest", "dbt", target, "--data", tmp_path / "data")
    traced = call("trace", f"dataset:{POSTGRES}:warehouse.analytics_marts.fct_orders", "--data", tmp_path / "data")

    assert taken.status == 0, taken.err
    assert all(word in taken.out for word in ("shop", "52", "26", "126"))
    assert "warehouse.analytics_staging.stg_payments" in traced.out
    assert "exposure.shop.weekly_revenue_dashboard" in traced.out


def test_a_second_time_everything_is_known(call: Call, target: Path, tmp_path: Path) -> None:
    call("ingest", "dbt", target, "--data", tmp_path / "data")
    again = call("ingest", "dbt", target, "--data", tmp_path / "data")

    assert again.out.count("52") == 2


def test_without_a_connection_it_says_what_to_give(
    call: Call, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBT_PROFILES_DIR", str(tmp_path / "nowhere"))
    failed = call("ingest", "dbt", target, "--data", tmp_path / "data")

    assert failed.status == 1
    assert "no profiles.yml in" in failed.err
    assert "--namespace" in failed.err
    assert not (tmp_path / "data").exists()


def test_a_namespace_that_is_given_needs_no_profile(call: Call, target: Path, tmp_path: Path) -> None:
    (target.parent / "profiles.yml").unlink()
    taken = call("ingest", "dbt", target, "--namespace", POSTGRES, "--data", tmp_path / "data")

    assert taken.status == 0, taken.err


@pytest.mark.parametrize("name", ["manifest", "run_results", "catalog", "sources"])
def test_a_file_that_was_cut_off_is_named_and_nothing_is_stored(
    call: Call, target: Path, tmp_path: Path, name: str
) -> None:
    path = target / f"{name}.json"
    path.write_bytes(path.read_bytes()[:-10])
    failed = call("ingest", "dbt", target, "--data", tmp_path / "data")

    assert failed.status == 1
    assert f"{name}.json is no JSON" in failed.err
    assert not (tmp_path / "data").exists()


def test_a_folder_without_a_manifest_is_named(call: Call, tmp_path: Path) -> None:
    failed = call("ingest", "dbt", tmp_path, "--data", tmp_path / "data")

    assert failed.status == 1
    assert "has no manifest.json" in failed.err
