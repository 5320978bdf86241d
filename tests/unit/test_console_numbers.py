import pytest

from chartfeed.console.numbers import whole


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), ("99999999", 99999999)])
def test_a_number_is_read(text, number):
    assert number == whole(text, otherwise=1)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "+1", " 1", "9" * 9, "9" * 5000, "\u0663", "\u00b2"]
)
def test_what_is_no_number_or_longer_than_any_is_no_error(text):
    assert 1 == whole(text, otherwise=1)
    assert whole(text, otherwise=None) is None
