"""Ids: one type a role, one order everywhere."""

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import SkipRecord
from schemas.ids import IdType, normalise, normaliser, sort_key

LONGS = st.integers(-(2**63), 2**63 - 1)
# What varchar and nvarchar columns hold: any text, surrogates in pairs only.
TEXTS = st.text(st.characters(codec="utf-8"))


def test_integers_come_before_texts_and_texts_by_their_bytes() -> None:
    ids: list[int | str] = ["b", 10, "Ä", "10", 9, "a", -1, "B"]

    assert sorted(ids, key=sort_key) == [-1, 9, 10, "10", "B", "a", "b", "Ä"]


@given(TEXTS, TEXTS)
def test_texts_are_ordered_as_their_utf8_bytes(one: str, other: str) -> None:
    assert (sort_key(one) < sort_key(other)) == (one.encode() < other.encode())


@given(st.lists(st.one_of(LONGS, TEXTS)))
def test_the_order_is_total_and_does_not_depend_on_where_it_began(ids: list[int | str]) -> None:
    backwards = ids[::-1]

    assert sorted(ids, key=sort_key) == sorted(backwards, key=sort_key)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (17, 17),
        ("17 ", 17),
        (" 0017", 17),
        ("-3", -3),
        (Decimal("17.0"), 17),
        (None, None),
        ("", None),
        ("  ", None),
    ],
)
def test_an_integer_role_reads_numbers_wherever_they_stand(
    value: object, expected: int | str | None
) -> None:
    assert normalise(value, IdType.INTEGER) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("67890/A22 ", "67890/A22"),
        (17, "17"),
        (Decimal(17), "17"),
        (" x", " x"),
        (
            UUID("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            "6F9619FF-8B86-D011-B42D-00C04FC964FF",
        ),
        (None, None),
        ("", None),
        ("   ", None),
    ],
)
def test_a_text_role_keeps_all_but_trailing_blanks(
    value: object, expected: int | str | None
) -> None:
    assert normalise(value, IdType.TEXT) == expected


@pytest.mark.parametrize(
    "value", ["67890/A22", "1.5", "1 2", "٣", "1_0", Decimal("1.5"), True, 2**63, b"1", 1.0]
)
def test_what_an_integer_role_cannot_hold_is_a_dead_letter(value: object) -> None:
    with pytest.raises(SkipRecord) as caught:
        normalise(value, IdType.INTEGER)

    assert caught.value.reason == "invalid-id"


@given(LONGS)
def test_a_number_means_the_same_in_a_text_column(number: int) -> None:
    assert normalise(f"{number} ", IdType.INTEGER) == normalise(number, IdType.INTEGER) == number


@pytest.mark.parametrize("kind", IdType)
@given(value=st.one_of(st.none(), st.integers(), TEXTS, st.booleans()))
def test_the_loops_normaliser_says_what_normalise_says(kind: IdType, value: object) -> None:
    def outcome(function: Callable[..., object], *arguments: object) -> object:
        try:
            return function(*arguments)
        except SkipRecord as error:
            return error.reason

    assert outcome(normaliser(kind), value) == outcome(normalise, value, kind)
