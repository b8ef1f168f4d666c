"""What people say of owners, tags and descriptions wins over what producers say, whenever each was said."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lineage.stores.governance import by_people, criticality_of, description_of, flat_fields, owners_of, tags_of

PRODUCED = {
    "ownership": {"owners": [{"name": "airflow"}]},
    "tags": {"tags": [{"key": "tier", "value": "1"}, {"key": "pii", "field": "mail"}, {"key": "pii", "field": "name"}]},
    "documentation": {"description": "generated"},
    "schema": {"fields": [{"name": "mail"}, {"name": "s", "fields": [{"name": "t", "description": "old"}]}]},
}


def tags_now(said: dict[str, Any]) -> set[tuple[str, str, str, str]]:
    rows = tags_of(by_people(PRODUCED | said)["tags"])
    return {(row["field"], row["key"], row["value"], row["source"]) for row in rows}


def test_owners_by_hand_stand_in_place_of_all_others() -> None:
    said = by_people(PRODUCED | {"headwater_owners": {"owners": [{"name": "ada"}], "author": "x"}})

    assert owners_of(said["ownership"]) == [{"name": "ada", "type": ""}]


def test_a_description_by_hand_stands_in_place_of_another() -> None:
    said = by_people(PRODUCED | {"headwater_description": {"description": "by hand"}})

    assert description_of(said["documentation"]) == "by hand"


def test_tags_by_hand_stand_beside_others_and_take_away_what_is_listed() -> None:
    given_tags = {"tags": [{"key": "gold"}], "removed": [{"key": "tier"}]}

    assert tags_now({"headwater_tags": given_tags}) == {
        ("", "gold", "", "HEADWATER"),
        ("mail", "pii", "", ""),
        ("name", "pii", "", ""),
    }


def test_a_tag_is_taken_away_by_its_value_only_if_one_is_given() -> None:
    assert ("", "tier", "1", "") in tags_now({"headwater_tags": {"removed": [{"key": "tier", "value": "2"}]}})
    assert ("", "tier", "1", "") not in tags_now({"headwater_tags": {"removed": [{"key": "tier", "value": "1"}]}})


def test_tags_of_a_column_are_about_that_column_alone() -> None:
    now = tags_now({"headwater_tags.mail": {"tags": [{"key": "secret"}], "removed": [{"key": "pii"}]}})

    assert now == {("", "tier", "1", ""), ("name", "pii", "", ""), ("mail", "secret", "", "HEADWATER")}


def test_descriptions_of_columns_go_into_the_schema_by_path() -> None:
    said = {"headwater_description.s.t": {"description": "new"}, "headwater_description.mail": {"description": "m"}}

    told = {column["name"]: column["description"] for column in flat_fields(by_people(PRODUCED | said)["schema"])}

    assert told == {"mail": "m", "s": None, "s.t": "new"}


def test_a_word_taken_back_leaves_what_producers_say() -> None:
    assert by_people(PRODUCED | {"headwater_owners": {"_deleted": True}})["ownership"] == PRODUCED["ownership"]


def test_criticality_is_of_the_node_or_of_a_column() -> None:
    said = {"headwater_criticality": {"criticality": "high"}, "headwater_criticality.x": {"criticality": "low"}}

    assert (criticality_of(said), criticality_of(said, "x"), criticality_of(said, "y")) == ("high", "low", None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tags", "removed", "key", "value", "fields", "name", "owners"]), inner, max_size=3
        )
    ),
    max_leaves=10,
)
KEYS = ["ownership", "tags", "documentation", "schema", "headwater_owners", "headwater_tags", "headwater_tags.a"]


@given(st.dictionaries(st.sampled_from([*KEYS, "headwater_description", "headwater_description.a", "x"]), JSON))
def test_whatever_stands_in_facets_an_answer_comes(facets: dict[str, Any]) -> None:
    present = by_people(facets)

    owners_of(present.get("ownership")), tags_of(present.get("tags")), flat_fields(present.get("schema"))
    criticality_of(present)
