"""`chartfeed day` takes a day, as it always did, or something to do with one."""

from datetime import UTC, datetime

import click
import pytest

from chartfeed.closing.command import waited_for
from chartfeed.day import day
from stream_app.closing.completion import Missing


def meant(*words):
    context = click.Context(day)
    day.parse_args(context, list(words))
    name, _, rest = day.resolve_command(context, [*context._protected_args, *context.args])
    return name, rest


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("2022-01-18",), "show"),
        (("2022-01-18", "--json"), "show"),
        (("--output", "close", "2022-01-18"), "show"),
        (("2022-01-18", "--help"), "show"),
        ((), "show"),
        (("show", "2022-01-18"), "show"),
        (("close",), "close"),
        (("close", "--date", "2022-01-18"), "close"),
    ],
)
def test_a_day_is_shown_unless_something_else_is_asked(words, name):
    rest = words[1:] if words[:1] == (name,) else words

    assert (name, list(rest)) == meant(*words)


def test_who_waits_is_told_until_when_and_how_not_to():
    until = datetime(2026, 1, 2, 20, 49, 5, tzinfo=UTC)
    missing = [Missing(f"center_0{n}", "unreviewed", None) for n in range(1, 8)]

    assert (
        "waiting until 20:49:05 UTC (closing.wait) for center_01 (unreviewed), center_02 "
        "(unreviewed), center_03 (unreviewed), center_04 (unreviewed), center_05 (unreviewed) "
        "and 2 more; --wait 0s does not wait"
    ) == waited_for(missing, until, "closing.wait")
