"""`chartfeed day 2022-01-18` and `chartfeed day close`: one name, a day or something to do."""

from __future__ import annotations

import click

from chartfeed.closing.command import close
from chartfeed.days import day as show

__all__ = ["day"]


class _DayOrCommand(click.Group):
    """A group whose commands go before a day; whatever names none of them is shown."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or args[0] not in {*self.commands, "-h", "--help"}:
            args = ["show", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        del ctx
        return ["DAY [OPTIONS]", "|", "COMMAND [OPTIONS]"]


@click.group(cls=_DayOrCommand)
def day() -> None:
    """Show a day (`day 2022-01-18`: rows, completeness, files by their hashes), or close it.

    `day show --help` has the options of showing.
    """


day.add_command(show, "show")
day.add_command(close, "close")
