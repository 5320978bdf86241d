"""What a terminal or a log may have of a source's values."""

import pytest

from producers import shown
from producers.canonical import Kind
from producers.discovery.given_names import FAMILY, GIVEN


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        (Kind.DATE, 20220118, "202201.."),
        (Kind.DATE, "20220118 ", "202201.."),
        (Kind.DATE, 19650312, "99999999"),
        (Kind.DATE, None, "NULL"),
        (Kind.DATE, "Max", "Aaa"),
        (Kind.ID, 4711, "4711"),
        (Kind.ID, 19650312, "99999999"),
        (Kind.ID, "01701234567", "99999999999"),
        (Kind.ID, "67890/A22", "99999/A99"),
        (Kind.CODE, "13b", "13b"),
        (Kind.CODE, "Ä935", "Ä935"),
        (Kind.CODE, "Müller", "Aaaaaa"),
        (Kind.CODE, "Max", "Aaa"),
        (Kind.CODE, "80331", "99999"),
        (Kind.ART, "P", "P"),
        (Kind.ART, "gkv", "gkv"),
        (Kind.ART, "X1", "X1"),
        (Kind.ART, "MAX", "AAA"),
        (Kind.ART, "Ute", "Aaa"),
        (Kind.ART, "Jo", "Aa"),
        (Kind.FLAG, "J", "J"),
        (Kind.FLAG, "Ute", "Aaa"),
        (Kind.TEXT, "01", "99"),
        (Kind.NAME, "AOK Bayern 1", "AOK Aaaaaa 9"),
        (Kind.NAME, "Techniker Krankenkasse", "Techniker Krankenkasse"),
        (Kind.NAME, "Ute Müller", "Aaa Aaaaaa"),
        (Kind.NAME, "80331 München", "99999 Aaaaaaa"),
        (Kind.TEXT, "AOK", "AAA"),
        (Kind.PERSON, "Ada", "Aaa"),
    ],
)
def test_a_value_is_shown_as(kind: Kind, value: object, expected: str) -> None:
    assert shown.values(kind, [value]) == [expected]


def test_the_same_shape_is_shown_once() -> None:
    assert shown.values(Kind.TEXT, ["Ada", "Eva"]) == ["Aaa"]


def test_no_word_that_is_shown_of_insurers_is_a_person_s_name() -> None:
    people = {name.upper() for name in GIVEN | FAMILY}
    assert shown.INSURERS.isdisjoint(people)


def test_an_art_that_could_be_a_name_is_a_shape() -> None:
    assert shown.art("MAX") == "AAA"
    assert shown.art("P") == "P"
    assert shown.art("") == "blank"


def test_a_long_text_is_cut_and_nothing_moves_the_cursor() -> None:
    assert shown.masked("x" * 50) == "a" * 39 + "…"
    assert shown.masked("a\x1b[2J") == "a\\x1b[9A"
    assert shown.printable("a\nb\u202e") == "a\\x0ab\\x202e"
