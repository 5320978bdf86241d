"""`chartfeed reconcile`: the daily files against the sources, row by row."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

import click
import orjson

from chartfeed.amounts import amount
from chartfeed.comparing import Wanted, settle
from chartfeed.extract import yesterday
from chartfeed.pause import ask
from chartfeed.reconcile.report import Report
from producers.days import Span
from schemas import dates
from schemas.errors import BadInput
from stream_app.files.months import open_daily

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from stream_app.reconciling import Difference

__all__ = ["reconcile"]

SHOWN: Final = 100


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else dates.iso(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day such as 2022-01-18") from None


@click.command()
@click.option("--date", "wanted", metavar="DAY", callback=_day, help="As 2022-01-18.")
@click.option("--since", metavar="DAY", callback=_day, help="That day and all later ones.")
@click.option("--all", "all_", is_flag=True, help="Every day in the folder or at a source.")
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--output", metavar="DIR", help="A folder or URL; else the configured one.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
@click.option("--repair", is_flag=True, help="Ask for a resync of the centers that differ.")
@click.pass_obj
def reconcile(
    context: Context,
    wanted: date | None,
    since: date | None,
    names: tuple[str, ...],
    output: str | None,
    *,
    all_: bool,
    as_json: bool,
    repair: bool,
) -> int:
    """Compare the daily files with the sources; exit 0 only where they are identical.

    Without a choice of days it is the last day that is over at all centers. What a source changed
    after the files claim to be complete is left out, and counted.
    """
    if sum((wanted is not None, since is not None, all_)) > 1:
        raise BadInput("--date, --since and --all exclude one another", hint="give one of them")
    settings = context.settings
    centers = settings.select(names)
    if not centers:
        raise BadInput(
            f"no center is enabled in {settings.centers_path}", hint="add one, a line each"
        )
    if not (all_ or since):
        wanted = wanted or yesterday(centers, datetime.now(UTC))
    span = Span(wanted or since, wanted)
    target = open_daily(output or settings.output_path, by_month=settings.output.by_month)
    report = settle(Wanted(settings, centers, target, span))
    if as_json:
        click.echo(_json(report), nl=False)
    else:
        _print(report)
    if repair:
        _repair(settings, report)
    return report.exit_code


def _repair(settings: Settings, report: Report) -> None:
    differing = report.differing
    if differing:
        ask(settings, differing, "resync", {})
    for center in differing:
        click.echo(f"{center}: a resync is asked for", err=True)


def _print(report: Report) -> None:
    for problem in report.problems[:SHOWN]:
        click.echo(f"{problem.day}  {problem.file}: {problem.problem}")
    found = report.differences
    for one in found[:SHOWN]:
        click.echo(f"{one.day}  {one.center_id}  {one.kind}{_place(one)}")
    hidden = max(0, len(found) - SHOWN) + max(0, len(report.problems) - SHOWN)
    if hidden:
        click.echo(f"and {hidden:,} more; --json prints all")
    if report.note is not None:
        click.echo(report.note, err=True)
    for center in report.centers:
        if center.error is not None:
            click.echo(f"not compared: {center.error}", err=True)
        if center.undecided is not None:
            click.echo(f"{center.center_id}: {center.undecided}", err=True)
    _summarise(report)


def _place(one: Difference) -> str:
    if one.patient_id is None:
        return "  the rows are all there"
    entry = "" if one.entry_id is None else f", entry {one.entry_id}"
    fields = f": {', '.join(one.fields)}" if one.fields else ""
    return f"  patient {one.patient_id}{entry}{fields}"


def _summarise(report: Report) -> None:
    compared = [center for center in report.centers if center.error is None]
    rows = sum(center.rows for center in compared)
    scope = (
        f"{amount(rows, 'row')} of {amount(len(compared), 'center')}, "
        f"{amount(report.days, 'day with files', 'days with files')}"
    )
    left_out = sum(len(center.left_out) for center in compared)
    later = f"; {left_out:,} changed later and left out" if left_out else ""
    if report.is_identical:
        click.echo(f"identical: {scope}{later}")
        return
    counted = Counter(one.kind for one in report.differences)
    said = [f"{count:,} {kind}" for kind, count in sorted(counted.items())]
    if report.problems:
        said.append(amount(len(report.problems), "problem of files", "problems of files"))
    if report.missing:
        said.append(f"{amount(len(report.missing), 'center')} not compared")
    click.echo(f"{', '.join(said)}: {scope}{later}")
    if report.differing:
        click.echo("  next: chartfeed reconcile --repair with the same days", err=True)


def _json(report: Report) -> bytes:
    content = {
        "identical": report.is_identical,
        "note": report.note,
        "days": report.days,
        "unwritten": sorted(report.unwritten),
        "rows": sum(center.rows for center in report.centers),
        "files": report.problems,
        "differences": report.differences,
        "left_out": [one for center in report.centers for one in center.left_out],
        "undecided": {
            center.center_id: center.undecided
            for center in report.centers
            if center.undecided is not None
        },
        "not_compared": {center.center_id: str(center.error) for center in report.missing},
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
