"""Properties of every name: canonical of canonical is itself, nothing raises, what is canonical comes back unmarked."""

from __future__ import annotations

from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from lineage.naming import canonical, canonical_uri
from lineage.naming_rules import load

SCHEMES = sorted(load().schemes)
PIECES = st.sampled_from([*SCHEMES, *(Path(__file__).parent / "pieces.txt").read_text().split("\n"), "\n", "\0", " "])
TEXTS = st.one_of(st.lists(PIECES, max_size=9).map("".join), st.text(max_size=30))


@st.composite
def namespaces(draw: st.DrawFn) -> str:
    scheme = draw(st.sampled_from(SCHEMES))
    return f"{scheme}{draw(st.sampled_from(['://', ':/', ':', '', ':///']))}{draw(TEXTS)}"


@given(st.one_of(namespaces(), TEXTS), TEXTS)
@example("file", "srv/x/dt=1/y.csv")
@example("file:", "file:///srv/x")
@example("snowflake://x", '"a"."B"."c.d"')
@settings(max_examples=600, deadline=None)
def test_the_canonical_name_of_a_canonical_name_is_itself_and_no_rule_is_named(namespace: str, name: str):
    once = canonical(namespace, name)
    again = canonical(once.namespace, once.name)
    assert (again.namespace, again.name) == (once.namespace, once.name)
    assert again.rules == ()
    assert again.folded == ""


@given(st.one_of(namespaces(), TEXTS), TEXTS)
@settings(max_examples=400, deadline=None)
def test_rules_are_named_exactly_if_something_changed_and_all_of_them_are_in_the_table(namespace: str, name: str):
    done = canonical(namespace, name)
    assert bool(done.rules) == ((done.namespace, done.name) != (namespace, name))
    assert set(done.rules) <= {rule.id for rule in load().rules}
    assert not done.folded or {"partition", "bigquery"} & set(done.rules)


@given(st.one_of(namespaces(), TEXTS), TEXTS)
@settings(max_examples=400, deadline=None)
def test_no_rule_makes_an_empty_name_or_namespace_of_one_that_said_something(namespace: str, name: str):
    done = canonical(namespace, name)
    assert bool(done.name) == bool(name) or "namespace-path" in done.rules
    assert bool(done.namespace) == bool(namespace)


@given(st.one_of(namespaces(), TEXTS))
@settings(max_examples=400, deadline=None)
def test_a_uri_is_a_canonical_name_or_none(uri: str):
    found = canonical_uri(uri)
    assert found is None or canonical(found.namespace, found.name).rules == ()


def test_a_very_long_name_is_judged_by_the_same_rules():
    assert canonical("POSTGRES://DB", "a" * 5000).namespace == "postgres://db:5432"
    assert canonical("s3://lake", "x" * 4000 + "/dt=1" * 800).folded.count("dt=1") == 800
