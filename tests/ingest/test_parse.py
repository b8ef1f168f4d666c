"""What is an event, what is none, and why."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.errors import Refused
from ingest.limits import Limits
from ingest.openlineage.gate import Gate
from ingest.openlineage.parse import Parser, event_of, kind_of, parse
from ingest.openlineage.times import time_us
from tests.ingest.bad_inputs import event
from tests.ingest.conftest import recorded

PARSER = Parser()
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/"


def encoded(value: Any) -> bytes:
    return json.dumps(value).encode()


def refusal(body: bytes, parser: Parser = PARSER) -> Refused:
    with pytest.raises(Refused) as caught:
        parser.event(body)
    return caught.value


def faults(patch: dict[str, Any]) -> list[tuple[str, str]]:
    refused = refusal(encoded(event(patch)))
    assert refused.status == 422
    return [(one["pointer"], one["reason"]) for one in refused.errors]


def raw(text: str) -> bytes:
    """The sound event with one more member, `z`, of this JSON text."""
    return encoded(event())[:-1] + b',"z":' + text.encode("utf-8", "surrogatepass") + b"}"


# The gate


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"  \n", 400),
        (b"42", 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"x"', 422),
        (encoded(event()) + b" x", 400),
        (encoded(event()) * 2, 400),
        (json.dumps(event()).encode("utf-16"), 400),
        (json.dumps(event()).encode("utf-32"), 400),
        (raw("NaN"), 400),
        (raw("-Infinity"), 400),
        (raw("1e999"), 422),
        (raw("-1e999"), 422),
        (raw("9" * 309), 422),
        (raw("9" * 5000), 422),
        (raw("01"), 400),
        (raw("'x'"), 400),
        (raw('"\\x"'), 400),
        (raw('"\t"'), 400),
        (raw('"\ud83d"'), 400),
        (raw("[1,]"), 400),
        (raw("[" * 100_000), 400),
        (raw("[" * 64 + "]" * 64), 400),
        (raw('{"a":' * 2000 + "1" + "}" * 2000), 400),
    ],
)
def test_what_is_no_event_is_refused(body: bytes, status: int) -> None:
    assert refusal(body).status == status


@pytest.mark.parametrize(
    "text",
    [
        "[" * 63 + "]" * 63,
        "1e308",
        "9" * 308,
        "-" + "9" * 300,
        str(2**63),
        str(2**64),
        "1e-999",
        '"\\ud83d"',
        '"\\u0000"',
        '""',
    ],
)
def test_what_is_odd_but_json_is_taken(text: str) -> None:
    assert PARSER.event(raw(text)).raw == raw(text)


def test_brackets_in_texts_are_no_depth() -> None:
    PARSER.event(raw(json.dumps("[{" * 5000 + '"')))


def test_depth_hidden_between_texts_is_found() -> None:
    assert refusal(raw('["]",' * 70 + "1" + "]" * 70)).status == 400


@pytest.mark.parametrize("depth", [8, 64, 200, 300, 500])
def test_depth_is_measured_exactly_whatever_the_limit(depth: int) -> None:
    gate = Gate(Limits(depth=depth))
    nested = b"[" * depth + b"]" * depth
    assert gate.read(nested).canonical == nested
    with pytest.raises(Refused, match="nested deeper"):
        gate.read(b"[" + nested + b"]")


def test_a_body_of_nothing_but_brackets_is_refused_before_it_is_read() -> None:
    parser = Parser(Limits(containers=1_000))
    assert refusal(b"[" + b"[]," * 1_000 + b"[]]", parser).status == 413
    assert refusal(b"[" + b"[]," * 998 + b"[]]", parser).status == 422


def test_a_byte_order_mark_is_passed_over_and_not_kept() -> None:
    body = encoded(event())
    read = PARSER.event(b"\xef\xbb\xbf" + body)
    assert read.raw == body


@pytest.mark.parametrize(
    ("find", "put", "pointer"),
    [
        ('"name": "base_job"', '"name": "base_job", "name": "evil"', "/job"),
        ('"name": "base_job"', '"name": "base_job", "n\\u0061me": "evil"', "/job"),
        ('"job": {', '"job": 1, "job": {', ""),
        ('"name": "in1"', '"name": "x:y", "name": "in1"', "/inputs/0"),
        ('"runId":', '"runId": "a\\u003ab", "runId":', "/run"),
        # A colon written as an escape makes up for the colon of the name that is dropped.
        ('"name": "base_job"', '"name": "evil", "name": "base\\u003ajob"', "/job"),
    ],
)
def test_a_name_that_stands_twice_where_it_matters_is_refused(find: str, put: str, pointer: str) -> None:
    refused = refusal(json.dumps(event()).replace(find, put, 1).encode())
    assert (refused.status, refused.errors[0]["pointer"]) == (400, pointer)


def test_a_name_that_stands_twice_in_a_facet_is_read_once_and_not_kept_as_it_came() -> None:
    read = PARSER.event(raw('{"password":"x1","password":"x2"}'))
    assert read.body["z"] == {"password": "x2"}
    assert read.raw is None


def test_equal_events_have_equal_canonical_forms() -> None:
    body = event({"/run/facets/x": {"b": 1, "a": "é"}})
    forms = [json.dumps(body), json.dumps(body, ensure_ascii=False, indent=2), json.dumps(body, sort_keys=True)]
    assert len({PARSER.event(form.encode()).canonical for form in forms}) == 1


@pytest.mark.parametrize(("one", "other"), [("1" * 30, "1" * 29 + "2"), ('"\\ud83d"', '"\\ufffd"'), ("1", "1.5")])
def test_different_values_have_different_canonical_forms(one: str, other: str) -> None:
    assert PARSER.event(raw(one)).canonical != PARSER.event(raw(other)).canonical


def test_the_settled_event_can_be_stored_anywhere() -> None:
    body = raw('["\\ud83d", "a\\u0000b", {"k\\u0000": 1' + "0" * 30 + "}]")
    cleaned = ["\ufffd", "a\ufffdb", {"k\ufffd": 1e30}]
    assert parse(body)["z"] == cleaned
    assert event_of(body)["z"] == cleaned


def test_one_run_has_one_spelling() -> None:
    spelled = encoded(event({"/run/runId": "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"}))
    assert parse(spelled)["run"]["runId"] == event_of(spelled)["run"]["runId"] == "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"


# The event


@pytest.mark.parametrize(
    ("members", "kind"),
    [
        ({"schemaURL": SCHEMA + "RunEvent", "job": {}}, "run"),
        ({"schemaURL": SCHEMA + "JobEvent", "run": {}}, "job"),
        ({"schemaURL": SCHEMA + "DatasetEvent"}, "dataset"),
        ({"schemaURL": "https://openlineage.io/spec/1-0-0/OpenLineage.json#/definitions/RunEvent"}, "run"),
        ({"schemaURL": "https://openlineage.io/spec/1-0-0/OpenLineage.json", "run": {}, "job": {}}, "run"),
        ({"run": {}, "job": {}}, "run"),
        ({"eventType": "OTHER", "job": {}}, "run"),
        ({"job": {}}, "job"),
        ({"dataset": {}}, "dataset"),
        ({"dataset": {}, "job": {}}, "job"),
        ({}, "run"),
    ],
)
def test_the_kind_is_told_by_the_schema_or_by_the_members(members: dict[str, Any], kind: str) -> None:
    assert kind_of(members) == kind


def test_producers_of_1_x_may_leave_out_producer_and_schema() -> None:
    old = event({"/producer": {"$delete": True}, "/schemaURL": {"$delete": True}, "/inputs": None, "/eventType": None})
    assert PARSER.event(encoded(old)).kind == "run"


def test_a_dataset_event_needs_neither_job_nor_run() -> None:
    body = {"eventTime": "2026-01-01T00:00:00Z", "dataset": {"namespace": "n", "name": "d"}}
    assert PARSER.event(encoded(body)).kind == "dataset"


def test_every_fault_is_named_at_once() -> None:
    patch = {
        "/eventTime": "x",
        "/run/runId": 7,
        "/job/name": "",
        "/inputs/0/namespace": {"$delete": True},
        "/outputs": 5,
    }
    assert [place for place, _ in faults(patch)] == [
        "/eventTime",
        "/run/runId",
        "/job/name",
        "/inputs/0/namespace",
        "/outputs",
    ]


@pytest.mark.parametrize(
    ("patch", "pointer", "reason"),
    [
        ({"/eventTime": {"$delete": True}}, "/eventTime", "is missing"),
        ({"/eventTime": -1}, "/eventTime", "is no text"),
        ({"/eventType": "complete"}, "/eventType", "is none of"),
        ({"/eventType": ["START"]}, "/eventType", "is none of"),
        ({"/producer": 5}, "/producer", "is no text"),
        ({"/schemaURL": []}, "/schemaURL", "is no text"),
        ({"/run": []}, "/run", "is no object"),
        ({"/run/runId": "not-a-uuid"}, "/run/runId", "UUID"),
        ({"/run/runId": "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"}, "/run/runId", "UUID"),
        ({"/run/runId": "a0eebc999c0b4ef8bb6d6bb9bd380a11"}, "/run/runId", "UUID"),
        ({"/job": {"$delete": True}}, "/job", "is missing"),
        ({"/job/namespace": None}, "/job/namespace", "is missing"),
        ({"/job/name": "a\0b"}, "/job/name", "NUL"),
        ({"/job/name": "\ud83d"}, "/job/name", "surrogate"),
        ({"/job/name": "x" * 4097}, "/job/name", "4,096 bytes"),
        ({"/job/name": "é" * 2049}, "/job/name", "4,096 bytes"),
        ({"/inputs": {}}, "/inputs", "is no array"),
        ({"/inputs/0": 5}, "/inputs/0", "is no object"),
        (
            {"/outputs/0/facets": {"schema": {"fields": [{"name": ""}]}}},
            "/outputs/0/facets/schema/fields/0/name",
            "empty",
        ),
        (
            {"/outputs/0/facets": {"schema": {"fields": [{"name": "a", "fields": [{"name": "x\0"}]}]}}},
            "/outputs/0/facets/schema/fields/0/fields/0/name",
            "NUL",
        ),
        (
            {"/outputs/0/facets": {"columnLineage": {"fields": {"": {"inputFields": []}}}}},
            "/outputs/0/facets/columnLineage/fields/",
            "empty",
        ),
        (
            {"/outputs/0/facets": {"columnLineage": {"fields": {"a": {"inputFields": [{"field": "y" * 5000}]}}}}},
            "/outputs/0/facets/columnLineage/fields/a/inputFields/0/field",
            "4,096",
        ),
        (
            {"/outputs/0/facets": {"columnLineage": {"dataset": [{"namespace": "", "name": "n"}]}}},
            "/outputs/0/facets/columnLineage/dataset/0/namespace",
            "empty",
        ),
        (
            {"/run/facets/parent": {"job": {"namespace": "n", "name": "x" * 5000}}},
            "/run/facets/parent/job/name",
            "4,096",
        ),
        (
            {"/outputs/0/facets": {"symlinks": {"identifiers": [{"namespace": "n", "name": "x" * 5000}]}}},
            "/outputs/0/facets/symlinks/identifiers/0/name",
            "4,096",
        ),
        (
            {"/job/facets": {"lineage": {"entries": [{"inputs": [{"namespace": "x" * 5000}]}]}}},
            "/job/facets/lineage/entries/0/inputs/0/namespace",
            "4,096",
        ),
    ],
)
def test_a_fault_is_named_with_its_place(patch: dict[str, Any], pointer: str, reason: str) -> None:
    ((place, why),) = faults(patch)
    assert place == pointer
    assert reason in why


@pytest.mark.parametrize(
    "patch",
    [
        {"/job/name": "x" * 4096},
        {"/job/name": "é" * 2048},
        {"/job/name": " "},
        {"/run/facets": []},
        {"/run/facets/weird": 5},
        {"/run/facets/parent": {"job": {"namespace": "", "name": None}}},
        {"/outputs/0/facets": None},
        {"/outputs/0/facets": {"schema": 5}},
        {"/outputs/0/facets": {"schema": {"fields": {"a": 1}}}},
        {"/outputs/0/facets": {"schema": {"fields": [5, {"name": 7}, {"type": "x"}]}}},
        {"/outputs/0/facets": {"columnLineage": {"fields": [1]}}},
        {"/outputs/0/facets": {"columnLineage": {"fields": {"a": 5, "b": {"inputFields": [7, {"field": 5}]}}}}},
        {"/outputs/0/facets": {"lineage": {"fields": {"a": {"inputs": [1]}}, "inputs": 5}}},
        {"/outputs/0/facets": {"symlinks": {"identifiers": 5}}},
        {"/run/runId": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_facets_are_forgiven(patch: dict[str, Any]) -> None:
    PARSER.event(encoded(event(patch)))


def test_columns_are_counted_inside_structs_too() -> None:
    parser = Parser(Limits(columns=10))
    inner = [{"name": f"i{n}"} for n in range(6)]
    fields = [{"name": "a", "fields": inner}, *({"name": f"c{n}"} for n in range(4))]
    refused = refusal(encoded(event({"/outputs/0/facets": {"schema": {"fields": fields}}})), parser)
    assert refused.errors == [{"pointer": "/outputs/0/facets/schema/fields", "reason": "has more than 10 columns"}]


def test_input_fields_are_counted_over_all_columns() -> None:
    parser = Parser(Limits(input_fields=5))
    origins = [{"namespace": "n", "name": "d", "field": "f"}] * 2
    facet = {"fields": {"a": {"inputFields": origins}, "b": {"inputFields": origins}}, "dataset": origins}
    refused = refusal(encoded(event({"/outputs/0/facets": {"columnLineage": facet}})), parser)
    assert refused.errors[0]["reason"] == "has more than 5 input fields"


def test_inputs_of_a_lineage_facet_are_counted() -> None:
    parser = Parser(Limits(input_fields=5))
    facet = {"entries": [{"inputs": [{"namespace": "n", "name": "d"}] * 3}] * 2}
    refused = refusal(encoded(event({"/job/facets": {"lineage": facet}})), parser)
    assert refused.errors == [{"pointer": "/job/facets/lineage", "reason": "has more than 5 inputs"}]


def test_a_facet_above_its_limit_leaves_its_size_and_hash() -> None:
    large = {"_producer": "p", "text": "x" * 2000}
    read = Parser(Limits(facet=1000)).event(encoded(event({"/run/facets/large": large})))
    assert read.cut == ("/run/facets/large",)
    assert set(read.body["run"]["facets"]["large"]) == {"_truncated", "_bytes", "_sha256"}
    assert read.raw is None


@pytest.mark.parametrize("key", ["schema", "columnLineage", "symlinks", "lineage"])
def test_a_facet_that_carries_edges_is_never_cut(key: str) -> None:
    body = event({"/outputs/0/facets": {key: {"note": "x" * 2000}}})
    assert Parser(Limits(facet=1000)).event(encoded(body)).cut == ()


def test_each_event_of_a_batch_is_judged_alone() -> None:
    body = encoded([event(), 5, event({"/job/name": ""}), event({"/eventType": "START"})])
    first, second, third, fourth = PARSER.batch(body)
    assert isinstance(second, Refused)
    assert isinstance(third, Refused)
    assert second.errors == [{"pointer": "/1", "reason": "is no object"}]
    assert third.errors == [{"pointer": "/2/job/name", "reason": "is empty"}]
    assert [one.body["eventType"] for one in (first, fourth) if not isinstance(one, Refused)] == ["COMPLETE", "START"]


def test_an_event_is_judged_in_a_batch_as_it_is_alone() -> None:
    deep = event({"/run/facets/x": {}})
    deep["z"] = json.loads("[" * 63 + "]" * 63)
    twice = json.dumps(event()).replace('"name": "base_job"', '"name": "base_job", "name": "evil"', 1)
    found = list(PARSER.batch(f"[{json.dumps(deep)}, {twice}]".encode()))
    assert PARSER.event(encoded(deep)).canonical == getattr(found[0], "canonical", None)
    assert isinstance(found[1], Refused)
    assert (found[1].status, found[1].errors[0]["pointer"]) == (400, "/1/job")


@pytest.mark.parametrize(("body", "status"), [(b"{}", 422), (b"5", 422), (b"[", 400), (b"[1,2,3,4]", 413)])
def test_what_is_no_batch_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(Refused) as caught:
        list(Parser(Limits(batch_events=3)).batch(body))
    assert caught.value.status == status


# Times


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01t00:00:00.5z", 500_000),
        ("1970-01-01T01:30:00+01:30", 0),
        ("1969-12-31T23:59:59.999999-00:00", -1),
        ("1970-01-01T00:00:00.123456999999Z", 123_456),
        ("2016-12-31T23:59:60Z", 1_483_228_799_999_999),
        ("2017-01-01T00:59:60.5+01:00", 1_483_228_799_999_999),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
    ],
)
def test_a_time_is_read_to_the_microsecond(text: str, expected: int) -> None:
    assert time_us(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01 00:00:00Z",
        "2026-01-01T00:00Z",
        "20260101T000000Z",
        "-1",
        "2026-01-01T24:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:60:00Z",
        "0000-01-01T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+00:60",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "２０２６-01-01T00:00:00Z",
        "2026-01-01T00:00:00,5Z",
        "2026-01-01T00:00:00Z\n",
        " 2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00+0100",
        "2026-W01-1T00:00:00Z",
        "1700000000",
        "2026-01-01T00:00:00+01:00[Europe/Paris]",
        "+2026-01-01T00:00:00Z",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is |lies|has"):
        time_us(text)


# Anything at all

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
places = st.sampled_from(
    [
        "/eventTime",
        "/eventType",
        "/producer",
        "/schemaURL",
        "/run",
        "/run/runId",
        "/run/facets",
        "/run/facets/parent",
        "/job",
        "/job/facets/lineage",
        "/job/name",
        "/inputs",
        "/inputs/0",
        "/inputs/0/facets",
        "/outputs/0/facets/schema",
        "/dataset",
        "/outputs/0/facets/columnLineage",
        "/outputs/0/facets/symlinks",
        "/outputs/0/name",
        "/z",
    ]
)


def answered(judge: Callable[[bytes], Any], body: bytes) -> int:
    try:
        judge(body)
    except Refused as refused:
        return refused.status
    return 201


def judged(body: bytes) -> None:
    answers = {answered(judge, body) for judge in (PARSER.event, lambda whole: list(PARSER.batch(whole)), parse)}
    assert answers <= {201, 400, 413, 422}


def placed(whole: dict[str, Any], where: str, value: Any) -> None:
    """Puts a value at a pointer, where the way there is still one of objects and arrays."""
    *parts, last = where.strip("/").split("/")
    inside: Any = whole
    for part in parts:
        by_name = inside.get(part) if isinstance(inside, dict) else None
        inside = inside[0] if isinstance(inside, list) and inside else by_name
    if isinstance(inside, dict):
        inside[last] = value


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(places, json_values, max_size=3))
def test_no_value_anywhere_raises_anything_but_a_refusal(patch: dict[str, Any]) -> None:
    whole = event()
    for where, value in patch.items():
        placed(whole, where, value)
    judged(encoded(whole))
    judged(encoded([whole, patch]))


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[]",:\\u01deE+-. \ud83d', max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_no_bytes_raise_anything_but_a_refusal(body: bytes) -> None:
    judged(body)
    judged(raw("0")[:-2] + body + b"}")


@settings(max_examples=200, deadline=None)
@given(json_values)
def test_the_fast_way_and_the_exact_way_agree(value: Any) -> None:
    gate = Gate(Limits())
    text = encoded(value)
    fast, exact = gate.read(text), gate._read_exactly(text, 64)
    assert fast.canonical == exact.canonical


# What was really recorded


def test_every_recorded_event_is_sound_and_kept_as_it_came() -> None:
    for line in recorded():
        assert PARSER.event(line).raw == line
