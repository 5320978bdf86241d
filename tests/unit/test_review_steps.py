"""The order of a review, its answers, and what it may show."""

from dataclasses import replace

import pytest

from producers import review
from producers.catalog import Catalog, Column, Table
from producers.mapping import ColumnMapping, Mapping, Rival
from producers.review import Step
from schemas.errors import BadInput
from tests.factories import a_mapping
from tests.unit.discovery.schemas import TRAPS, trap


def walked(name: str) -> list[str]:
    mapping = trap(TRAPS / f"{name}.yml").center.propose()
    done: list[str] = []
    while (step := review.next_step(mapping, done)) is not None:
        done.append(step.point)
    return done


def test_open_points_come_first() -> None:
    assert walked("rival_columns")[0] == "KARTEI.DATUM"


def test_columns_of_an_open_table_are_not_asked() -> None:
    assert walked("rival_tables") == ["KARTEI"]


def test_names_that_are_not_sure_are_asked_and_sure_ones_are_not() -> None:
    assert walked("suffixes_that_are_words") == []
    assert "KARTEI.BEMERKUNG" in walked("synonyms")


def test_an_open_schema_is_the_only_question() -> None:
    mapping = replace(a_mapping(), schema=None, schema_rivals=("ck", "dbo"))
    assert [step.point for step in review.steps(mapping)] == ["schema"]


def test_an_unsure_table_is_asked_before_its_open_columns() -> None:
    mapping = an_unsure_kartei()
    first = review.next_step(mapping, [])
    assert first is not None
    assert first.point == "KARTEI"
    second = review.next_step(mapping, ["KARTEI"])
    assert second is not None
    assert second.point == "KARTEI.DATUM"


def an_unsure_kartei() -> Mapping:
    """Give a mapping whose KARTEI is not sure and whose KARTEI.DATUM is open."""
    mapping = a_mapping()
    table = mapping.tables["KARTEI"]
    columns = {**table.columns, "DATUM": ColumnMapping(None)}
    kartei = replace(table, confidence=0.5, columns=columns)
    return replace(mapping, tables={**mapping.tables, "KARTEI": kartei})


def test_another_table_has_its_columns_asked_anew() -> None:
    done = ["KARTEI", "KARTEI.DATUM", "LEISTUNG.DATUM"]
    assert review.still_done(done, "KARTEI") == ["KARTEI", "LEISTUNG.DATUM"]
    assert review.still_done(done, "KARTEI.DATUM") == done
    assert review.still_done(["schema", *done], "schema") == ["schema"]


def test_what_failed_is_asked_again_although_it_is_sure() -> None:
    mapping = a_mapping()
    assert review.next_step(mapping, []) is None
    again = review.failed(mapping, {"KARTEI.PATNR", "change tracking"})
    assert again == ["KARTEI.PATNR"]
    step = review.next_step(mapping, [], again)
    assert step is not None
    assert step.point == "KARTEI.PATNR"
    assert review.next_step(mapping, again, again) is None


CATALOG = Catalog((Table("ck", "KARTEI_8Y", (Column("DATUM_7M", "int"),)),))


@pytest.mark.parametrize(
    ("point", "name"),
    [("schema", "ck"), ("PATIENT", "kartei_8y"), ("KARTEI.PATNR", "datum_7m")],
)
def test_a_name_that_is_there_is_taken(point: str, name: str) -> None:
    review.require_there(CATALOG, a_mapping(), point, name)


@pytest.mark.parametrize(
    ("point", "name", "near"),
    [
        ("schema", "dbo", None),
        ("KARTEI", "KARTEI_8X", "KARTEI_8Y"),
        ("KARTEI.DATUM", "DATUM_M7", "DATUM_7M"),
        ("PATIENT.ID", "ID", None),
    ],
)
def test_a_name_that_is_not_there_is_refused(point: str, name: str, near: str | None) -> None:
    also = f"; did you mean {near}" if near else "\n"
    with pytest.raises(BadInput, match=f"{name} is not there{also}"):
        review.require_there(CATALOG, a_mapping(), point, name)


def test_a_refused_name_moves_no_cursor() -> None:
    with pytest.raises(BadInput) as caught:
        review.require_there(CATALOG, a_mapping(), "KARTEI.DATUM", "\x1b[2J")
    assert "\x1b" not in str(caught.value)


RIVALS = Step("KARTEI", None, 0.0, (), (Rival("A", 0.9), Rival("B", 0.8)))


@pytest.mark.parametrize(
    ("answer", "expected"), [("", None), (" 2 ", "B"), ("KARTEI_X", "KARTEI_X"), ("1", "A")]
)
def test_an_answer_means(answer: str, expected: str | None) -> None:
    assert review.answered(RIVALS, answer) == expected


def test_a_number_that_is_no_rival_is_refused() -> None:
    with pytest.raises(BadInput, match="no rival 3"):
        review.answered(RIVALS, "3")
