"""The order of a review, its answers, and what it may show."""

from dataclasses import replace

import pytest

from producers import review
from producers.mapping import Rival
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


RIVALS = Step("KARTEI", None, 0.0, (), (Rival("A", 0.9), Rival("B", 0.8)))


@pytest.mark.parametrize(
    ("answer", "expected"), [("", None), (" 2 ", "B"), ("KARTEI_X", "KARTEI_X"), ("1", "A")]
)
def test_an_answer_means(answer: str, expected: str | None) -> None:
    assert review.answered(RIVALS, answer) == expected


def test_a_number_that_is_no_rival_is_refused() -> None:
    with pytest.raises(BadInput, match="no rival 3"):
        review.answered(RIVALS, "3")
