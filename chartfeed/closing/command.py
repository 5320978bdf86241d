"""`chartfeed day close`: wait until a day is complete, check it, mark it final, and tell of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

import click
import orjson

from chartfeed.closing.lock import alone
from chartfeed.closing.wait import live, wait
from chartfeed.extract import yesterday
from chartfeed.kinds import duration
from chartfeed.notices import sending
from chartfeed.notices.ways import ways
from schemas import dates
from schemas.errors import BadInput
from stream_app.closing import completion
from stream_app.closing.closer import Center, Closed, Closer
from stream_app.closing.completion import Missing
from stream_app.files.manifest import Damaged
from stream_app.files.months import open_daily

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.notices.sending import Notice, Way
    from chartfeed.settings import Settings

__all__ = ["close", "waited_for"]

UNTOLD: Final = 4
PAUSE: Final = 0.5
NAMED: Final = 5


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else dates.iso(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day such as 2022-01-18") from None


def _wait(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> timedelta | None:
    try:
        return None if value is None else duration(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command()
@click.option("--date", "wanted", metavar="DAY", callback=_day, help="Else yesterday.")
@click.option(
    "--wait",
    "limit",
    metavar="TIME",
    callback=_wait,
    help="Else closing.wait (2h); 0s does not wait.",
)
@click.option("--output", metavar="DIR", help="A folder or URL; else the configured one.")
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
@click.pass_obj
def close(
    context: Context,
    wanted: date | None,
    limit: timedelta | None,
    output: str | None,
    *,
    as_json: bool,
) -> int:
    """Wait until a day is complete at every center, check it, mark it final, and tell of it.

    Days that were closed before, or could not be, are looked at again. Exit code 1: centers are
    missing, or a check says stop; 4: the day is closed, and a notice did not arrive.
    """
    settings = context.settings
    enabled = settings.select(())
    if not enabled:
        raise BadInput(
            f"no center is enabled in {settings.centers_path}", hint="add one, a line each"
        )
    told = ways(settings)
    day = wanted or yesterday(enabled, datetime.now(UTC))
    place = output or settings.output_path
    seconds = (settings.closing.wait if limit is None else limit).total_seconds()
    centers = tuple(Center(one.id, one.name, one.timezone) for one in enabled)
    due = {one.id: completion.end(day, one.timezone) for one in centers}
    if max(due.values()) > datetime.now(UTC) + timedelta(seconds=seconds):
        raise BadInput(f"{day} is not over by then", hint="close a day that has ended")
    with live(settings, due) as now:
        if not now.is_known:
            click.echo("Kafka or the registry does not answer: as the manifests have it", err=True)
        closer = Closer(
            target=open_daily(place, by_month=settings.output.by_month),
            output=place,
            centers=centers,
            names={one.id: one.name for one in settings.centers},
            thresholds=settings.checks,
            lines=now.lines,
            now=lambda: datetime.now(UTC),
            pause=partial(threading.Event().wait, PAUSE),
        )
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        by = "closing.wait" if limit is None else "--wait"

        def tell(missing: tuple[Missing, ...]) -> None:
            click.echo(waited_for(missing, until, by), err=True)

        wait(partial(closer.missing, day), now.passed, seconds, time.monotonic, tell)
        with alone(place):
            found = closer.close(day)
            earlier, broken = _earlier(closer, day, settings.closing.again)
            failed = _notify(settings, told, closer, [found, *earlier])
    _print(found, earlier, as_json=as_json)
    for way, why in failed.items():
        click.echo(f"a notice did not arrive by {way}: {why}", err=True)
    if failed:
        click.echo("  next: chartfeed day close, which tells what was not told", err=True)
    if broken or not found.is_final or any(one.is_new and not one.is_final for one in earlier):
        return 1
    return UNTOLD if failed else 0


def _earlier(closer: Closer, day: date, again: timedelta) -> tuple[list[Closed], bool]:
    """Look again at earlier days; one that can't be looked at keeps nobody from the others."""
    found: list[Closed] = []
    broken = False
    for other in closer.earlier(day, again):
        try:
            found.append(closer.close(other))
        except Damaged as error:
            broken = True
            click.echo(f"{other}: {error}", err=True)
    return found, broken


def waited_for(missing: Sequence[Missing], until: datetime, told_by: str) -> str:
    """Say for whom and until when it waits, what told it to, and how not to."""
    named = ", ".join(f"{one.center_id} ({one.reason})" for one in missing[:NAMED])
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return (
        f"waiting until {until:%H:%M:%S} UTC ({told_by}) for {named}{more}; --wait 0s does not wait"
    )


def _notify(
    settings: Settings, told: tuple[Way, ...], closer: Closer, found: Iterable[Closed]
) -> dict[str, str]:
    given = settings.notices
    due = [one for one in found if given.when == "always" or not one.is_quiet]
    return sending.deliver_all(
        told,
        [_notice(one) for one in due],
        sending.Ledger(closer.reports),
        partial(_send, attempts=given.attempts, timeout=given.timeout.total_seconds()),
    )


def _send(way: Way, notice: Notice, *, attempts: int, timeout: float) -> str | None:
    return sending.deliver(way, notice, attempts, timeout, threading.Event().wait)


def _notice(one: Closed) -> Notice:
    return sending.Notice(
        day=one.day.isoformat(),
        state=one.said["state"],
        headline=one.headline,
        text=one.text,
        said=one.said,
        identity=one.identity,
    )


def _print(found: Closed, earlier: list[Closed], *, as_json: bool) -> None:
    shown = [found, *(one for one in earlier if one.is_new)]
    open_ = [one for one in earlier if not one.is_new and not one.is_final]
    if as_json:
        content = {
            "days": [one.said for one in shown],
            "still_open": [one.day.isoformat() for one in open_],
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        return
    click.echo("\n".join(one.text for one in shown), nl=False)
    for one in open_:
        click.echo(f"still so: {one.headline}")
