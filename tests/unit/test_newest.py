"""Which days are today's work, where some are dated to come."""

from datetime import UTC, datetime, timedelta

from chartfeed import newest

NOW = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
TODAY = NOW.date()


def test_days_to_come_take_no_place_from_those_that_are_worked_on():
    days = [TODAY - timedelta(days=back) for back in range(60, 0, -1)]
    to_come = [TODAY + timedelta(days=ahead) for ahead in range(1, 40)]

    found = newest.of_partition([*days, TODAY, *to_come], 0, 1, NOW)

    # In Berlin it is tomorrow already.
    assert [*days[-29:], TODAY, TODAY + timedelta(days=1)] == found
