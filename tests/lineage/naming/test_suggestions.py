"""Suggestions: who is suggested, why, and never surely across environments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lineage.model import dataset
from lineage.suggestions import APART, Known, Suggestion, suggest

COLUMNS = frozenset({"id", "customer_id", "amount", "placed_at"})
ONE = Known(dataset("postgres://db:5432", "shop.public.orders"))


def _only(one: Known, other: Known) -> Suggestion:
    (found,) = suggest(one, [other])
    return found


def _known(namespace: str, name: str, columns: frozenset[str] = frozenset(), owner: str = "") -> Known:
    return Known(dataset(namespace, name), columns, frozenset({owner} if owner else ()))


@pytest.mark.parametrize(
    ("namespace", "name", "reason"),
    [
        ("postgres://db.example.com:5432", "shop.public.orders", "same host, short and with its domain"),
        ("postgres://localhost:5432", "shop.public.orders", "maybe the same host: one of the names is localhost"),
        ("postgres://db:6432", "shop.public.orders", "same host, ports 5432 and 6432"),
        ("postgres://db:5432", "shop.public.Orders", "same namespace"),
        ("redshift://db:5439", "shop.public.orders", "same host, ports 5432 and 5439, as postgres and as redshift"),
        ("postgres://elsewhere:5432", "shop.public.orders", "same name, but for case: shop.public.orders"),
        ("s3://lake", "warehouse/public.db/orders", "same last parts of the name, but for case: public.orders"),
    ],
)
def test_names_that_look_alike_are_suggested_with_the_reason(namespace: str, name: str, reason: str) -> None:
    assert reason in _only(ONE, _known(namespace, name)).reasons


def test_a_locator_and_an_account_are_suggested_and_not_joined() -> None:
    found = _only(_known("snowflake://shop-eu", "A.B.C"), _known("snowflake://xy12345.eu-west-1.aws", "A.B.C"))

    assert any("same account in another form" in reason for reason in found.reasons)
    assert found.score > APART


def test_equal_columns_make_a_suggestion_likelier_and_other_columns_less() -> None:
    one = Known(ONE.node, COLUMNS, frozenset({"team:shop"}))
    place = ("postgres://replica:5432", "shop.public.orders")
    plain = _only(one, _known(*place)).score

    assert _only(one, _known(*place, COLUMNS)).score > plain
    assert _only(one, _known(*place, COLUMNS, "team:shop")).score > _only(one, _known(*place, COLUMNS)).score
    assert _only(one, _known(*place, frozenset({"x", "y", "z"}))).score < plain


def test_equal_columns_suggest_a_table_of_another_name() -> None:
    found = _only(Known(ONE.node, COLUMNS), _known("postgres://db:5432", "shop.public.orders_v2", COLUMNS))

    assert "4 of 4 columns have the same name" in found.reasons


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("postgres://db-dev:5432", "shop.public.orders"), ("postgres://db-prod:5432", "shop.public.orders")),
        (("postgres://db:5432", "shop_uat.public.orders"), ("postgres://db:5432", "shop_qa.public.orders")),
        (("postgres://db:5432", "shop.test.orders"), ("postgres://db:5432", "shop.prod2.orders")),
        (("s3://lake-stg", "raw/orders"), ("s3://lake-live", "raw/orders")),
        (("postgres://db:5432", "shop.public.orders"), ("postgres://dev01.db:5432", "shop.public.orders")),
        (("snowflake://shop-dev", "A.B.C"), ("snowflake://shop-prd", "A.B.C")),
    ],
)
def test_environments_are_never_surely_the_same(one: tuple[str, str], other: tuple[str, str]) -> None:
    found = _only(_known(*one, COLUMNS, "me"), _known(*other, COLUMNS, "me"))

    assert found.environments_differ
    assert found.score <= APART
    assert found.reasons[-1].startswith("environments differ")


def test_a_word_in_the_name_of_the_table_marks_no_environment() -> None:
    found = _only(_known("postgres://db:5432", "a.public.test"), _known("postgres://db2:5432", "a.public.test"))

    assert not found.environments_differ


def test_what_is_canonically_one_is_no_suggestion() -> None:
    assert suggest(ONE, [_known("postgresql://DB", "shop.public.orders"), ONE]) == []


def test_a_name_that_shares_its_last_part_alone_is_no_suggestion() -> None:
    assert suggest(ONE, [_known("mysql://other:3306", "crm.orders")]) == []


def test_the_best_come_first_and_no_more_than_asked_for() -> None:
    others = [_known(f"postgres://host{n:02}:5432", "shop.public.orders") for n in range(50)]
    best = _known("postgres://db.example.com:5432", "shop.public.orders")

    found = suggest(ONE, [*others, best], limit=3)

    assert [each.node for each in found] == [best.node, others[0].node, others[1].node]


WORDS = st.sampled_from(["db", "dev", "prod", "shop", "orders", "public", "a", "raw"])
PLACES = st.builds("{}://{}-{}".format, st.sampled_from(["postgres", "s3", "snowflake", "kafka", "x"]), WORDS, WORDS)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(".".join)
KNOWNS = st.builds(_known, st.one_of(PLACES, st.text()), st.one_of(NAMES, st.text()), st.sets(WORDS).map(frozenset))


@given(KNOWNS, KNOWNS)
def test_scores_are_shares_whichever_of_the_two_is_asked_about(one: Known, other: Known) -> None:
    found, back = suggest(one, [other]), suggest(other, [one])

    assert [each.score for each in found] == [each.score for each in back]
    assert all(0 <= each.score <= (APART if each.environments_differ else 1) for each in found)
