"""The commands that find names and show them: what is proposed, approved, different."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from chartfeed import learning, mapping_tables, mappings
from producers import audit, drift, mapping_format, survey
from producers.discovery.evidence import SURE
from schemas.errors import BadInput, ChartfeedError

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings
    from producers.mapping import Mapping

__all__ = ["complain", "discover", "discover_raw", "exit_code", "mapping", "show_mapping"]

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


def exit_code(errors: Sequence[ChartfeedError], centers: int) -> int:
    """Give 0 where all went well, 1 where some did, else why none did."""
    if not errors:
        return 0
    return 1 if len(errors) < centers else max(error.exit_code for error in errors)


def complain(error: ChartfeedError) -> None:
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
        complain(error)
    found = [outcome for outcome in outcomes if outcome.mapping is not None]
    if as_json:
        _print_json(
            {
                "centers": [
                    {"written": outcome.kept is None, "kept": outcome.kept}
                    | mapping_format.as_data(outcome.mapping)
                    for outcome in found
                    if outcome.mapping is not None
                ]
            }
        )
        return exit_code(errors, len(centers))
    for outcome in found:
        if outcome.mapping is None:
            continue
        said = _found(outcome.mapping)
        kept = f"; the file is left as it is: {outcome.kept}" if outcome.kept else ""
        click.echo(f"{outcome.center.id}: {said}{kept}")
    if found:
        click.echo(f"mappings in {settings.mappings}; next: chartfeed review CENTER")
    return exit_code(errors, len(centers))


def _found(proposed: Mapping) -> str:
    points = proposed.decisions()
    doubtful = len(proposed.unsure(SURE))
    unsure = f"{doubtful} less than {SURE} sure" if doubtful else ""
    if points:
        return f"open: {', '.join(points)}" + (f"; {unsure}" if unsure else "")
    return "every name found" + (f", {unsure}" if unsure else "")


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
    if as_json and problem is not None and found.approval_problem() is None:
        click.echo(f"chartfeed: {name}: NOT approved, though the file says so: {problem}", err=True)
    if as_json:
        _print_json(mapping_format.as_data(found))
    else:
        _print(mapping_tables.mapping(found, problem, mapping_tables.terminal_width()))
    return 0


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
    rows = [(one.center.id, one.word, _told(one)) for one in states]
    _print(mapping_tables.wrapped(rows, mapping_tables.terminal_width()))
    return 0


def _told(one: mappings.State) -> str:
    by = [f"by {one.reviewed_by}"] if one.reviewed_by else []
    left = [f"stays open: {', '.join(one.open_points)}"] if by and one.open_points else []
    return "; ".join([*by, *left, *([one.detail] if one.detail else [])])


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
    fresh = mappings.propose(settings, center, learning.bank(settings))
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
