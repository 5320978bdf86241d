"""`chartfeed days` and `chartfeed day`: the daily files as they are, and what they claim now."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from chartfeed import logs, newest
from chartfeed.amounts import amount
from producers.shown import printable
from schemas import dates
from schemas.errors import Failed
from schemas.topics import partition_of_day
from stream_app.files import day as files
from stream_app.files.manifest import CenterLine, Damaged, Manifest, Measured
from stream_app.files.months import open_daily
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.survey import days_in
from stream_app.sink.watcher import Watcher

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from stream_app.files.targets import Target

__all__ = ["beside", "day", "days", "now"]

LIVE_SECONDS: Final = 10.0

Renew = Callable[[Manifest, int], tuple[CenterLine, ...]]
"""Brings a manifest's lines up to now, told how much of its partition the files of any day show."""


def _day(_ctx: click.Context, _parameter: click.Parameter, value: str) -> date:
    try:
        return dates.iso(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no day such as 2022-01-18") from None


def _target(settings: Settings, output: str | None) -> Target:
    return open_daily(output or settings.output_path, by_month=settings.output.by_month)


@contextmanager
def _live(settings: Settings) -> Iterator[Renew | None]:
    """Give what knows more than the manifests do, None where Kafka does not answer."""
    # What fails is told in a line of our own.
    logs.configure(sys.stderr, level="error")
    registry = settings.registry.client()
    watcher = Watcher(
        settings.kafka.client,
        settings.kafka.topics.partitions,
        Claims(KnownCenter(center.id, center.name, center.enabled) for center in settings.centers),
        registry.schema,
    )
    watcher.start()
    try:
        yield watcher.renewed if watcher.wait_loaded(LIVE_SECONDS) else None
    finally:
        watcher.close()


def now(
    wanted: Iterable[Manifest], found: Sequence[Manifest], renew: Renew | None
) -> list[tuple[Manifest, tuple[CenterLine, ...]]]:
    """Give the wanted manifests with their lines as they are now; `found` are those of any days.

    Rows that another day's files show are not on their way to an older day of the same partition.
    """
    if renew is None:
        return [(manifest, manifest.centers) for manifest in wanted]
    shown = cache(partial(newest.shown, found))
    return [
        (manifest, renew(manifest, shown(at.partition) if (at := manifest.position) else 0))
        for manifest in wanted
    ]


def beside(target: Target, wanted: date, partitions: int) -> list[Manifest]:
    """Give the manifests of the newest days that share a day's partition."""
    of = partition_of_day(wanted, partitions)
    found, _ = _read(
        target, newest.of_partition(days_in(target.names()), of, partitions, datetime.now(UTC))
    )
    return found


def _read(target: Target, wanted: Iterable[date]) -> tuple[list[Manifest], dict[date, Damaged]]:
    """Give the manifests of days, and what is wrong with those that say nothing any more."""
    found, damaged = [], {}
    for one in wanted:
        try:
            manifest = files.read_manifest(target, one)
        except Damaged as error:
            damaged[one] = error
        else:
            if manifest is not None:
                found.append(manifest)
    return found, damaged


@click.command()
@click.option("--output", metavar="DIR", help="A folder or URL; else the configured one.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def days(context: Context, output: str | None, *, as_json: bool) -> int:
    """List the days that have files: rows, centers that are behind, and the last change.

    Where Kafka answers, a day counts as complete through what has been applied since its files
    were written, too. Exit code 1 where a day's manifest is damaged.
    """
    settings = context.settings
    target = _target(settings, output)
    found, damaged = _read(target, days_in(target.names()))
    with _live(settings) as renew:
        listed = now(found, found, renew)
    if as_json:
        content = {
            "live": renew is not None,
            "days": [_summary(manifest, lines) for manifest, lines in listed],
            "damaged": [one.isoformat() for one in damaged],
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        return int(bool(damaged))
    _warn(renew)
    table = _table("day", "rows", "complete", "behind", "last change (UTC)", folded="behind")
    for manifest, lines in listed:
        said = _summary(manifest, lines)
        complete = f"{said['complete']} of {len(lines)}"
        table.add_row(
            said["date"],
            f"{said['record_count']:,}",
            complete,
            _words(said["behind"]),
            _when(manifest.changed_at or manifest.written_at),
        )
    Console().print(table)
    for error in damaged.values():
        click.echo(error.message, err=True)
    if damaged:
        click.echo(f"  next: {next(iter(damaged.values())).hint}", err=True)
    return int(bool(damaged))


def _summary(manifest: Manifest, lines: tuple[CenterLine, ...]) -> dict[str, Any]:
    through = [line.complete_through.captured_at for line in lines if line.complete_through]
    whole = len(through) == len(lines) > 0
    return {
        "date": manifest.target_date.isoformat(),
        "record_count": manifest.record_count,
        "centers": len(lines),
        "complete": sum(line.behind is None for line in lines),
        "behind": {line.center_id: line.behind for line in lines if line.behind is not None},
        "complete_through": dates.utc(min(through)) if whole else None,
        "changed_at": None if manifest.changed_at is None else dates.utc(manifest.changed_at),
        "written_at": dates.utc(manifest.written_at),
    }


def _table(*columns: str, folded: str) -> Table:
    """Give a table of which one column alone gives way where the terminal is narrow."""
    table = Table(box=None)
    for name in columns:
        table.add_column(name, no_wrap=name != folded)
    return table


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _words(behind: Mapping[str, str]) -> str:
    """Group centers by the word for why they are behind."""
    by_word: dict[str, list[str]] = {}
    for center, word in behind.items():
        by_word.setdefault(word, []).append(center)
    return "; ".join(
        f"{word}: {', '.join(centers)}" if len(centers) <= 3 else f"{word}: {len(centers)} centers"
        for word, centers in sorted(by_word.items())
    )


@click.command()
@click.argument("wanted", metavar="DAY", callback=_day)
@click.option("--output", metavar="DIR", help="A folder or URL; else the configured one.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.pass_obj
def day(context: Context, wanted: date, output: str | None, *, as_json: bool) -> int:
    """Show one day: each center's rows and completeness, and the files by their hashes.

    Exit code 1 where there are no files of the day, or they are not what the manifest says.
    """
    settings = context.settings
    target = _target(settings, output)
    manifest = files.read_manifest(target, wanted)
    if manifest is None:
        raise Failed(
            f"there are no files of {wanted} in {target}",
            hint="chartfeed days lists the days there are",
        )
    checked = {format_: _checked(target, file) for format_, file in manifest.files.items()}
    partitions = settings.kafka.topics.partitions
    with _live(settings) as renew:
        ((_, lines),) = now([manifest], [manifest, *beside(target, wanted, partitions)], renew)
    if as_json:
        content = _summary(manifest, lines) | {
            "live": renew is not None,
            "centers": [_line(line) for line in lines],
            "files": {
                format_: {"name": file.name, "bytes": file.bytes, "sha256": file.sha256}
                | {"found": checked[format_]}
                for format_, file in manifest.files.items()
            },
            "generation": manifest.generation,
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2))
    else:
        _warn(renew)
        _show(manifest, lines, checked)
    return int(any(found != "good" for found in checked.values()))


def _checked(target: Target, file: Any) -> str:
    """Give `good`, `missing`, or `other` for bytes that are not the manifest's."""
    measured = Measured(file.name, target.pieces(file.name))
    try:
        for _ in measured:
            pass
    except FileNotFoundError:
        return "missing"
    return "good" if measured.found() == file else "other"


def _line(line: CenterLine) -> dict[str, Any]:
    through = line.complete_through
    return {
        "center_id": line.center_id,
        "center_name": line.center_name,
        "record_count": line.record_count,
        "dead_letters": line.dead_letters,
        "complete_through": through
        and {"captured_at": dates.utc(through.captured_at), "version": through.version},
        "behind": line.behind,
    }


def _show(manifest: Manifest, lines: tuple[CenterLine, ...], checked: Mapping[str, str]) -> None:
    console = Console()
    changed = manifest.changed_at or manifest.written_at
    console.print(
        f"{manifest.target_date}: {amount(manifest.record_count, 'row')}, "
        f"changed {_when(changed)} (UTC)"
    )
    table = _table(
        "center", "name", "rows", "withdrawn", "complete through", "behind", folded="name"
    )
    for line in lines:
        through = line.complete_through
        table.add_row(
            line.center_id,
            escape(printable(line.center_name)),
            f"{line.record_count:,}",
            f"{line.dead_letters:,}" if line.dead_letters else "",
            _when(through.captured_at) if through else "",
            line.behind or "",
        )
    console.print(table)
    for format_, file in manifest.files.items():
        console.print(
            f"{file.name}: {amount(file.bytes, 'byte')}, {checked[format_]}", markup=False
        )


def _warn(renew: Renew | None) -> None:
    if renew is None:
        click.echo("Kafka or the registry does not answer: as the manifests have it", err=True)
