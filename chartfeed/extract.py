"""`chartfeed extract`: a day's files straight from the sources."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from chartfeed import sources
from chartfeed.amounts import amount
from producers import approval, shown
from producers import extract as direct
from producers.connection import connect
from producers.errors import Denied, Drift, MappingDamaged, StatementFailed, Unapproved
from schemas import dates
from schemas.errors import BadInput, ChartfeedError
from schemas.insurance import StatusTable
from schemas.unified import file_order
from stream_app.files import day, manifest
from stream_app.files.manifest import CenterLine, CompleteThrough, Manifest
from stream_app.files.months import open_daily
from stream_app.files.rendering import FORMATS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings
    from producers.extract import CenterDay
    from producers.mapping import Mapping
    from stream_app.files.targets import Target

__all__ = ["Missing", "Reading", "extract", "read", "write"]

# Waiting for servers, not computing: more threads than cores, and a bound for many centers.
MOST_THREADS: Final = 32


@dataclass(frozen=True, slots=True)
class Missing:
    """A center that gave nothing, and why."""

    center: Center
    error: ChartfeedError

    @property
    def behind(self) -> str:
        """Give the manifest's word for it."""
        match self.error:
            case Drift():
                return "drift"
            case Unapproved() | MappingDamaged():
                return "unreviewed"
            case Denied() | BadInput():
                return "denied"
            case StatementFailed():
                return "stopped"
            case _:
                return "down"


@dataclass(frozen=True, slots=True)
class Reading:
    """What all centers gave for a day."""

    wanted: date
    read: tuple[tuple[Center, CenterDay], ...]
    missing: tuple[Missing, ...]

    @property
    def exit_code(self) -> int:
        """Give 0 when every center was read, 1 when some were, else why none was: 2 or 3."""
        if self.read:
            return 1 if self.missing else 0
        return 2 if all(missing.error.exit_code == 2 for missing in self.missing) else 3

    def lines(self) -> list[CenterLine]:
        """Give the manifest's line of every center, in the order of files."""
        lines = [
            CenterLine(
                center_id=center.id,
                center_name=center.name,
                record_count=len(found.rows),
                dead_letters=found.dead_letters.total(),
                complete_through=CompleteThrough(found.captured_at, found.version),
                behind=None,
            )
            for center, found in self.read
        ]
        lines += [
            CenterLine(missing.center.id, missing.center.name, 0, 0, None, missing.behind)
            for missing in self.missing
        ]
        return sorted(lines, key=lambda line: line.center_id.encode())

    def unknown_kinds(self) -> Counter[str]:
        """Count the values of ART that the status table does not name."""
        return sum((found.unknown_kinds for _, found in self.read), Counter())


def read(settings: Settings, centers: Sequence[Center], wanted: date) -> Reading:
    """Read a day from all centers at once; one that fails holds up no other."""
    table = StatusTable.of(settings.insurance_status)

    def attempt(center: Center, mapping: Mapping) -> tuple[Center, CenterDay] | Missing:
        try:
            return center, _read_center(settings, center, mapping, wanted, table)
        except ChartfeedError as error:
            return Missing(center, error)

    started: list[Future[tuple[Center, CenterDay] | Missing]] = []
    with ThreadPoolExecutor(max_workers=max(1, min(MOST_THREADS, len(centers)))) as pool:
        # Reading a mapping is computing: one file after the other, while those read log in.
        for center in centers:
            try:
                mapping = sources.approved_mapping(settings, center)
            except ChartfeedError as error:
                started.append(Future())
                started[-1].set_result(Missing(center, error))
            else:
                started.append(pool.submit(attempt, center, mapping))
        outcomes = [one.result() for one in started]
    return Reading(
        wanted=wanted,
        read=tuple(outcome for outcome in outcomes if not isinstance(outcome, Missing)),
        missing=tuple(outcome for outcome in outcomes if isinstance(outcome, Missing)),
    )


def _read_center(
    settings: Settings, center: Center, mapping: Mapping, wanted: date, table: StatusTable
) -> CenterDay:
    with closing(connect(sources.of(settings, center))) as connection:
        # Invariant 1: nothing is read without an approved mapping that fits the schema today.
        approval.require_fit(connection, mapping)
        return direct.read(connection, mapping, wanted, center_name=center.name, table=table)


def write(
    reading: Reading, target: Target, formats: Sequence[str], written_at: datetime
) -> Manifest:
    """Write the day's files and their manifest from what the centers gave."""
    rows = sorted((row for _, found in reading.read for row in found.rows), key=file_order)
    target.remove_leftovers()
    return day.write(
        target,
        reading.wanted,
        rows,
        formats=formats,
        centers=reading.lines(),
        written_at=written_at,
    )


def require_whole(target: Target, wanted: date, centers: Sequence[Center]) -> None:
    """Raise BadInput where the day's present files have centers that these would replace."""
    try:
        present = day.read_manifest(target, wanted)
    except manifest.Damaged:
        return  # It claims nothing any more; writing heals it.
    if present is None:
        return
    chosen = {center.id for center in centers}
    lost = [line.center_id for line in present.centers if line.center_id not in chosen]
    if lost:
        raise BadInput(
            f"the files of {wanted} have {len(lost)} more centers, which would vanish: "
            f"{', '.join(lost)}",
            hint="name another folder by --output DIR, or leave --center out",
        )


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> date | None:
    try:
        return None if value is None else dates.iso(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day such as 2022-01-18") from None


def _formats(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = tuple(dict.fromkeys(name.strip() for name in value.split(",")))
    for name in names:
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(FORMATS)}")
    return names


def yesterday(centers: Sequence[Center], now: datetime) -> date:
    """Give the last day that is over at all of the centers."""
    today = min(now.astimezone(ZoneInfo(center.timezone)).date() for center in centers)
    return today - timedelta(days=1)


@click.command()
@click.option(
    "--date", "wanted", metavar="DAY", callback=_day, help="As 2022-01-18; else yesterday."
)
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--format", "formats", metavar="LIST", callback=_formats, help="csv,json,parquet")
@click.option("--output", metavar="DIR", help="A folder or URL; else the configured one.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest.")
@click.pass_obj
def extract(
    context: Context,
    wanted: date | None,
    names: tuple[str, ...],
    formats: tuple[str, ...] | None,
    output: str | None,
    *,
    as_json: bool,
) -> int:
    """Read a day from all centers and write its files, without the stream."""
    settings = context.settings
    centers = settings.select(names)
    if not centers:
        raise BadInput(
            f"no center is enabled in {settings.centers_path}", hint="add one, a line each"
        )
    now = datetime.now(UTC)
    place = output or settings.output_path
    target = open_daily(place, by_month=settings.output.by_month)
    wanted = wanted or yesterday(centers, now)
    if names and place == settings.output_path:
        require_whole(target, wanted, centers)
    reading = read(settings, centers, wanted)
    for missing in reading.missing:
        click.echo(f"{missing.behind}: {missing.error}", err=True)
    for kind, count in sorted(reading.unknown_kinds().items()):
        click.echo(
            f"ART {shown.art(kind)} is not in insurance_status: {amount(count, 'insurer')}",
            err=True,
        )
    if not reading.read:
        click.echo(f"{reading.wanted}: no center could be read; nothing is written", err=True)
        return reading.exit_code
    written = write(reading, target, formats or settings.output.formats, now)
    if as_json:
        click.echo(manifest.render(written), nl=False)
    else:
        _summarise(written, len(reading.read), len(centers), place)
    return reading.exit_code


def _summarise(written: Manifest, read_: int, wanted: int, place: str) -> None:
    click.echo(
        f"{written.target_date}: {amount(written.record_count, 'row')} from {read_:,} of "
        f"{amount(wanted, 'center')}"
    )
    for file in written.files.values():
        click.echo(f"  {Path(place) / file.name if '://' not in place else file.name}")
