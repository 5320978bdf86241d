"""The commands that find names, show them and have a person approve them."""

from __future__ import annotations

import getpass
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from chartfeed import mapping_tables, mappings
from producers import audit, choices, drift, mapping_file, survey
from producers.choices import Choices
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings

__all__ = ["approve", "discover", "discover_raw", "mapping", "review", "revoke", "show_mapping"]

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def _now() -> datetime:
    return datetime.now(UTC)


def _print_json(data: object) -> None:
    click.echo(json.dumps(data, ensure_ascii=False, indent=2))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def _selected(settings: Settings, names: Sequence[str], *, every: bool) -> tuple[Center, ...]:
    if bool(names) == every:
        raise BadInput("which centers?", hint="name some, or say --all")
    centers = settings.select(tuple(names))
    if not centers:
        raise BadInput(f"no center is enabled in {settings.centers_path}", hint="add one")
    return centers


def _exit_code(errors: Sequence[ChartfeedError], centers: int) -> int:
    """Give 0 where all went well, 1 where some did, else why none did."""
    if not errors:
        return 0
    return 1 if len(errors) < centers else max(error.exit_code for error in errors)


def _complain(error: ChartfeedError) -> None:
    click.echo(f"chartfeed: {error}", err=True)


@click.command()
@click.argument("names", nargs=-1, metavar="[CENTER]...")
@click.option("--all", "every", is_flag=True, help="All centers that are enabled.")
@click.option("--again", is_flag=True, help="Also where a file is approved or edited by hand.")
@_json
@click.pass_obj
def discover(
    context: Context, names: tuple[str, ...], *, every: bool, again: bool, as_json: bool
) -> int:
    """Propose a mapping for each center and write it to mappings/CENTER.yml."""
    settings = context.settings
    centers = _selected(settings, names, every=every)
    outcomes = mappings.write(settings, centers, by=_user(), now=_now, again=again)
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    for error in errors:
        _complain(error)
    found = [outcome for outcome in outcomes if outcome.mapping is not None]
    if as_json:
        _print_json(
            {
                "centers": [
                    {"written": outcome.kept is None, "kept": outcome.kept}
                    | mapping_file.as_data(outcome.mapping)
                    for outcome in found
                    if outcome.mapping is not None
                ]
            }
        )
        return _exit_code(errors, len(centers))
    for outcome in found:
        if outcome.mapping is None:
            continue
        points = list(outcome.mapping.open_points())
        said = f"open: {', '.join(points)}" if points else "every name found"
        kept = f"; the file is left as it is: {outcome.kept}" if outcome.kept else ""
        click.echo(f"{outcome.center.id}: {said}{kept}")
    if found:
        click.echo(f"mappings in {settings.mappings}; next: chartfeed review CENTER")
    return _exit_code(errors, len(centers))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@click.command("discover-raw")
@click.option("-c", "--center", "name", required=True, metavar="CENTER", help="Which center.")
@_json
@click.pass_obj
def discover_raw(context: Context, name: str, *, as_json: bool) -> int:
    """Show a center's catalog as it is: tables, columns, types, keys, numbers of rows."""
    settings = context.settings
    center = settings.center(name)
    with mappings.opened(settings, center) as connection:
        catalog = survey.read_catalog(connection, center.id)
    if as_json:
        _print_json(
            {
                "center": center.id,
                "database": center.database,
                "tables": [
                    {
                        "schema": table.schema,
                        "name": table.name,
                        "rows": table.rows,
                        "primary_key": list(table.primary_key),
                        "columns": [
                            {
                                "name": column.name,
                                "type": column.described,
                                "nullable": column.nullable,
                            }
                            for column in table.columns
                        ],
                    }
                    for table in catalog.tables
                ],
            }
        )
    else:
        _print(mapping_tables.catalog(catalog))
    return 0


@click.command("show-mapping")
@click.argument("name", metavar="CENTER")
@_json
@click.pass_obj
def show_mapping(context: Context, name: str, *, as_json: bool) -> int:
    """Show a center's mapping with its evidence."""
    settings = context.settings
    center = settings.center(name)
    found = mappings.load(settings, center)
    problem = mappings.approval_problem(settings, center)
    if problem is not None and found.approval_problem() is None:
        click.echo(f"chartfeed: {name}: NOT approved, though the file says so: {problem}", err=True)
    if as_json:
        _print_json(mapping_file.as_data(found))
    else:
        _print(mapping_tables.mapping(found))
    return 0


@click.command()
@click.argument("names", nargs=-1, required=True, metavar="CENTER...")
@click.option("--reviewer", required=True, metavar="NAME", help="Who stands for it.")
@click.option(
    "--set", "settings_", multiple=True, metavar="POINT=NAME", help="KARTEI.DATUM=DATUM_7M"
)
@click.pass_obj
def approve(
    context: Context, names: tuple[str, ...], reviewer: str, settings_: tuple[str, ...]
) -> int:
    """Validate a center's mapping and approve it without questions."""
    settings = context.settings
    centers = settings.select(names)
    chosen = choices.parse(settings_)
    if settings_ and len(centers) > 1:
        raise BadInput("--set is for one center at a time", hint="approve them one by one")
    errors = [
        error
        for error in mappings.each(centers, _approver(settings, chosen, reviewer))
        if error is not None
    ]
    for error in errors:
        _complain(error)
    return _exit_code(errors, len(centers))


def _approver(
    settings: Settings, chosen: Choices, reviewer: str
) -> Callable[[Center], ChartfeedError | None]:
    def work(center: Center) -> ChartfeedError | None:
        try:
            _, report = mappings.approve(settings, center, chosen, reviewer=reviewer, at=_now())
        except ChartfeedError as error:
            return error
        warnings = [finding for finding in report.findings if finding.level == "warning"]
        lines = [f"{center.id}: approved by {reviewer}", *mapping_tables.findings(warnings)]
        click.echo("\n".join(lines))
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
    mappings.revoke(settings, center, present, reviewer=reviewer, reason=reason, at=_now())
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


@click.group()
def mapping() -> None:
    """All mappings at a glance, and what differs."""


@mapping.command()
@_json
@click.pass_obj
def status(context: Context, *, as_json: bool) -> int:
    """Show where each center's mapping stands: approved, open points, drift."""
    settings = context.settings
    states = mappings.each(settings.centers, lambda center: mappings.state(settings, center))
    if as_json:
        _print_json(
            {
                "centers": [
                    {
                        "center_id": one.center.id,
                        "state": one.word,
                        "reviewed": one.word == "approved",
                        "reviewed_by": one.reviewed_by,
                        "open": list(one.open_points),
                        "detail": one.detail,
                    }
                    for one in states
                ]
            }
        )
        return 0
    rows = [
        (
            one.center.id,
            one.word,
            f"by {one.reviewed_by}" if one.reviewed_by else "",
            one.detail or "",
        )
        for one in states
    ]
    _print(mapping_tables.aligned(rows))
    return 0


@mapping.command("diff")
@click.argument("name", metavar="CENTER")
@_json
@click.pass_obj
def difference(context: Context, name: str, *, as_json: bool) -> int:
    """Compare a center's mapping with the live schema and with what discovery says now."""
    settings = context.settings
    center = settings.center(name)
    present = mappings.load(settings, center)
    moved: list[str] = []
    if not present.missing():
        with mappings.opened(settings, center) as connection:
            moved = drift.differences(present, drift.live(connection, present))
    fresh = mappings.propose(settings, center, mappings.bank(settings))
    changed = audit.changes(present, fresh)
    problem = mappings.approval_problem(settings, center)
    if as_json:
        _print_json(
            {
                "center": name,
                "approved": problem is None,
                "drift": moved,
                "changes": [
                    {"point": one.point, "mapping": one.before, "discovery": one.after}
                    for one in changed
                ],
            }
        )
        return 1 if moved or changed else 0
    click.echo(f"{name}: {problem or f'approved by {present.reviewed_by}'}")
    for line in moved:
        click.echo(f"  moved: {mapping_tables.printable(line)}")
    for one in changed:
        click.echo(f"  {one.point}: mapping has {_said(one.before)}, discovery {_said(one.after)}")
    if not moved and not changed:
        click.echo("  no difference")
    elif moved:
        click.echo(f"  next: chartfeed discover {name}, then chartfeed review {name}")
    return 1 if moved or changed else 0


def _said(value: object) -> str:
    return "nothing" if value is None else mapping_tables.printable(str(value))
