"""Artifacts that can't be read, or don't belong together: refused as a whole, with the place and what to do."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.dbt.reading import reading
from ingest.errors import Refused
from ingest.openlineage.parse import Parser
from tests.ingest.dbt.making import DUCKDB, JOBS, POSTGRES, changed, manifest, node, recorded, result, run_results


def refusal_of(files: dict[str, bytes], namespace: str | None = POSTGRES) -> Refused:
    with pytest.raises(Refused) as caught:
        reading(files, namespace, JOBS)
    return caught.value


def test_a_manifest_that_was_cut_off_is_named() -> None:
    refused = refusal_of({"manifest": recorded("postgres")["manifest"][:100_000]})

    assert refused.status == 400
    assert "manifest.json is no JSON" in refused.detail
    assert refused.errors[0]["pointer"] == "/manifest"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b'{"metadata": 5}', b"\xff\xfe", b"[" * 5_000])
def test_what_is_no_manifest_is_refused(body: bytes) -> None:
    assert refusal_of({"manifest": body}).status in (400, 422)


def test_without_a_manifest_nothing_is_read() -> None:
    assert "manifest is missing" in refusal_of({"run_results": run_results()}).detail


def test_a_manifest_of_a_version_to_come_is_read_and_warned_of() -> None:
    found = reading({"manifest": manifest(node("model.shop.a"), version=20)}, POSTGRES, JOBS)

    assert len(list(found.events())) == 1
    assert found.warnings == ["manifest.json is v20, later than v12: what is new in it isn't read"]


@pytest.mark.parametrize("version", [9, 10, 11, 12])
def test_manifests_from_version_9_on_are_read_without_a_word(version: int) -> None:
    assert reading({"manifest": manifest(node("model.shop.a"), version=version)}, POSTGRES, JOBS).warnings == []


def test_an_older_manifest_is_refused_with_what_to_do() -> None:
    refused = refusal_of({"manifest": manifest(node("model.shop.a"), version=8)})

    assert "v9" in refused.detail
    assert "dbt parse" in refused.detail


def test_a_file_in_anothers_place_is_named() -> None:
    files = recorded("postgres")

    assert "is a catalog" in refusal_of({"manifest": files["catalog"]}).detail


def test_a_catalog_of_another_project_is_refused() -> None:
    other = recorded("postgres")
    refused = refusal_of({"manifest": manifest(node("model.shop.a")), "catalog": other["catalog"]})

    assert "another project" in refused.detail
    assert refused.errors[0]["pointer"] == "/catalog"


@pytest.mark.parametrize("kind", ["catalog", "run_results"])
def test_a_file_of_another_target_or_adapter_is_refused(kind: str) -> None:
    files = {**recorded("postgres", catalog=False), kind: recorded("duckdb", "run")[kind]}

    assert f"the {kind} is of another target" in refusal_of(files).detail


def test_results_of_another_project_are_refused() -> None:
    refused = refusal_of(
        {"manifest": manifest(node("model.shop.a")), "run_results": run_results(result("model.bank.a", "success"))}
    )

    assert "'model.bank.a'" in refused.detail


def test_some_nodes_that_the_manifest_does_not_know_are_warned_of() -> None:
    results = run_results(result("model.shop.a", "success"), result("model.shop.gone", "success"))
    found = reading({"manifest": manifest(node("model.shop.a")), "run_results": results}, POSTGRES, JOBS)

    assert found.warnings == ["the manifest doesn't know model.shop.gone of the run_results: left out"]


def test_a_manifest_that_is_older_than_the_run_is_warned_of() -> None:
    def age(value: Any) -> None:
        value["metadata"]["generated_at"] = "2020-01-01T00:00:00Z"

    files = recorded("postgres", "run")
    found = reading({**files, "manifest": changed(files["manifest"], age)}, POSTGRES, JOBS)

    assert "older than the run" in found.warnings[0]


def test_a_cycle_is_named_by_its_members() -> None:
    nodes = [
        node("model.shop.a", "model.shop.c"),
        node("model.shop.b", "model.shop.a"),
        node("model.shop.c", "model.shop.b"),
    ]
    refused = refusal_of({"manifest": manifest(*nodes)})

    assert "cycle" in refused.detail
    assert all(f"model.shop.{name}" in refused.detail for name in "abc")


def test_a_source_that_no_node_describes_is_warned_of_and_left_out() -> None:
    found = reading({"manifest": manifest(node("model.shop.a", "model.mesh.b"))}, POSTGRES, JOBS)
    (event,) = found.events()

    assert event["inputs"] == []
    assert "model.mesh.b" in found.warnings[0]


def test_without_a_namespace_the_answer_says_what_to_give() -> None:
    refused = refusal_of(recorded("duckdb"), None)

    assert "--namespace" in refused.detail
    assert refused.errors[0]["pointer"] == "/query/namespace"


def test_bigquery_needs_no_namespace() -> None:
    (event,) = reading({"manifest": manifest(node("model.shop.a"), adapter="bigquery")}, None).events()

    assert (event["outputs"][0]["namespace"], event["job"]["namespace"]) == ("bigquery", "dbt")


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3) | st.just("model.shop.a"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "nodes", "a", "id"]), inner),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(sorted({*node("model.shop.a"), "meta", "tags", "group", "owner", "language", "version"})), ANY)
def test_whatever_stands_in_a_node_it_is_read_or_refused(member: str, value: Any) -> None:
    odd = {**node("model.shop.a"), member: value, "unique_id": "model.shop.a"}
    results = run_results({**result("model.shop.a", "success"), member: value, "unique_id": "model.shop.a"})
    files = {"manifest": manifest(odd, node("model.shop.b", "model.shop.a")), "run_results": results}

    with suppress(Refused):
        for _, bodies in reading(files, DUCKDB, JOBS).batches():
            for body in bodies:
                Parser().event(body)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["status", "timing", "adapter_response", "failures", "message"]), ANY)
def test_whatever_stands_in_a_result_it_is_read_or_refused(member: str, value: Any) -> None:
    tested = node("test.shop.t", "model.shop.a", attached_node="model.shop.a")
    results = [{**result(uid, "error"), member: value} for uid in ("model.shop.a", "test.shop.t")]
    files = {"manifest": manifest(node("model.shop.a"), tested), "run_results": run_results(*results)}

    with suppress(Refused):
        for _, bodies in reading(files, DUCKDB, JOBS).batches():
            for body in bodies:
                Parser().event(body)
