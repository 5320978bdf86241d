"""Numbers of things, as a person reads them."""

import pytest

from chartfeed.amounts import amount


@pytest.mark.parametrize(
    ("number", "due"),
    [(0, "0 centers"), (1, "1 center"), (2, "2 centers"), (22733, "22,733 centers")],
)
def test_one_is_one_and_thousands_are_set_apart(number: int, due: str) -> None:
    assert due == amount(number, "center")


def test_a_plural_may_be_another_word() -> None:
    assert ("1 day with files", "2 days with files") == (
        amount(1, "day with files", "days with files"),
        amount(2, "day with files", "days with files"),
    )
