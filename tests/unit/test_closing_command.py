"""`chartfeed day` takes a day, as it always did, or something to do with one."""

import click
import pytest

from chartfeed.day import day


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
