"""Days: YYYYMMDD is read in one place."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import dates
from schemas.errors import SkipRecord

DAYS = st.dates(min_value=date(1000, 1, 1))


@given(DAYS)
def test_a_day_is_read_back_from_a_number_and_from_a_text(day: date) -> None:
    number = dates.yyyymmdd(day)

    assert dates.parse(number) == dates.parse(str(number)) == dates.parse(f"{number} ") == day


@given(st.integers())
def test_any_other_number_is_refused_or_is_a_day(number: int) -> None:
    try:
        day = dates.parse(number)
    except SkipRecord:
        return
    assert dates.yyyymmdd(day) == number


@pytest.mark.parametrize(
    "value",
    [
        20240230,
        "20240230",
        20230229,
        "2022-1-1",
        "2022011",
        " 2022018",
        "20220118x",
        "\uff12\uff10\uff12\uff12\uff10\uff11\uff11\uff18",
        "+2022011",
        0,
        -20220118,
        220118,
        True,
    ],
)
def test_what_is_no_day_is_invalid(value: int | str | None) -> None:
    with pytest.raises(SkipRecord) as caught:
        dates.parse(value)

    assert caught.value.reason == "invalid-date"


@pytest.mark.parametrize("value", [None, "", "        "])
def test_no_date_is_missing(value: int | str | None) -> None:
    with pytest.raises(SkipRecord) as caught:
        dates.parse(value)

    assert caught.value.reason == "missing-date"


def test_leap_days_exist_in_leap_years() -> None:
    assert dates.parse(20240229) == date(2024, 2, 29)


@pytest.mark.parametrize("text", ["20220118", "2022-W03-2", "2022-02-30", "gestern"])
def test_people_write_days_in_one_form(text: str) -> None:
    assert dates.iso("2022-01-18") == date(2022, 1, 18)
    with pytest.raises(ValueError, match=r".+"):
        dates.iso(text)


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_read_back_as_it_was_written(moment: datetime) -> None:
    assert dates.moment(dates.utc(moment)) == moment


def test_moments_are_written_in_utc_to_the_microsecond() -> None:
    berlin = datetime(2022, 1, 18, 13, 0, 0, 250, tzinfo=timezone(timedelta(hours=1)))

    assert dates.utc(berlin) == "2022-01-18T12:00:00.000250Z"


def test_a_moment_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="offset"):
        dates.moment("2022-01-18T12:00:00")
