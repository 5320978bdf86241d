"""The commands by which a person stands for names, or takes that back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from chartfeed import answers, approvals, mapping_tables, mappings
from chartfeed.answers import Answers
from chartfeed.mapping_commands import complain, exit_code
from producers import choices
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings

__all__ = ["approve", "review", "revoke"]


def _now() -> datetime:
    return datetime.now(UTC)


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="CENTER...")
@click.option("--reviewer", required=True, metavar="NAME", help="Who stands for it.")
@click.option(
    "--set", "settings_", multiple=True, metavar="POINT=NAME", help="KARTEI.DATUM=DATUM_7M"
)
@click.option("--unset", multiple=True, metavar="POINT", help="Leave PATIENT.P_NAME open.")
@click.pass_obj
def approve(
    context: Context,
    names: tuple[str, ...],
    reviewer: str,
    settings_: tuple[str, ...],
    unset: tuple[str, ...],
) -> int:
    """Validate a center's mapping and approve it without questions."""
    settings = context.settings
    centers = settings.select(names)
    choices.parse(settings_)
    chosen = answers.given(sorted(settings_, key=_tables_first), unset)
    if chosen and len(centers) > 1:
        raise BadInput("--set is for one center at a time", hint="approve them one by one")
    errors = [
        error
        for error in mappings.each(centers, _approver(settings, chosen, reviewer))
        if error is not None
    ]
    for error in errors:
        complain(error)
    return exit_code(errors, len(centers))


def _tables_first(setting: str) -> int:
    """Order what was given: the schema, a table, its columns, their live values."""
    point = setting.partition("=")[0]
    return -1 if point == "schema" else point.count(".")


def _approver(
    settings: Settings, chosen: Answers, reviewer: str
) -> Callable[[Center], ChartfeedError | None]:
    def work(center: Center) -> ChartfeedError | None:
        try:
            _, report = approvals.approve(settings, center, chosen, reviewer=reviewer, at=_now())
        except ChartfeedError as error:
            return error
        warnings = [finding for finding in report.findings if finding.level == "warning"]
        told = mapping_tables.findings(warnings, mapping_tables.terminal_width())
        click.echo("\n".join([f"{center.id}: approved by {reviewer}", *told]))
        return None

    return work


@click.command()
@click.argument("name", metavar="CENTER")
@click.option("--reviewer", required=True, metavar="NAME", help="Who takes it back.")
@click.option("--reason", required=True, metavar="TEXT", help="Why, for the audit log.")
@click.pass_obj
def revoke(context: Context, name: str, reviewer: str, reason: str) -> int:
    """Take an approval back: nothing reads the center until it is approved again."""
    settings = context.settings
    center = settings.center(name)
    present = mappings.load(settings, center)
    if not present.reviewed:
        raise BadInput(f"{name}: the mapping is not approved", hint=f"chartfeed review {name}")
    approvals.revoke(settings, center, present, reviewer=reviewer, reason=reason, at=_now())
    click.echo(f"{name}: the approval is revoked; next: chartfeed review {name}")
    return 0


@click.command()
@click.argument("name", metavar="CENTER")
@click.pass_obj
def review(context: Context, name: str) -> int:
    """Walk through what is open, validate, look at a day, and approve."""
    from chartfeed import review_shell  # noqa: PLC0415 - only this command talks with a person

    settings = context.settings
    return review_shell.run(settings, settings.center(name), now=_now)
