"""`chartfeed replay`: the daily files once more, from the topics, into another folder."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from chartfeed import stream
from chartfeed.topics import require
from producers.capture import cut
from stream_app.files.months import open_daily
from stream_app.join import TOPICS
from stream_app.replay.comparing import Compared, compare
from stream_app.replay.days import refuse_owned
from stream_app.replay.journal import FOLDER, held
from stream_app.replay.work import Done, Order
from stream_app.replay.work import replay as work

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings

__all__ = ["replay"]


@click.command()
@click.option("--output", metavar="DIR", required=True, help="Where the files go: a folder or URL.")
@click.option("--compare", "other", metavar="DIR", help="Then compare with these files.")
@click.pass_obj
def replay(context: Context, output: str, other: str | None) -> int:
    """Make the daily files anew from the topics, into a folder of their own.

    Reads what is committed now, publishes nothing and touches no group. Interrupted, the same
    command goes on where it was.
    """
    settings = context.settings
    require(settings)
    by_month = settings.output.folders == "month"
    target = open_daily(output, by_month=by_month)
    refuse_owned(target)
    contract = stream.contract(settings)
    kafka = {"bootstrap.servers": settings.kafka.bootstrap} | settings.kafka.options
    arguments: dict[str, Any] = {"output": output}
    with held(_folder(settings, output), arguments) as journal:
        if journal.plan is None:
            ends = cut.positions(kafka, contract.partitions)
            journal.plan = {
                "ends": {
                    topic: [ends[topic, number] for number in range(contract.partitions)]
                    for topic in TOPICS
                }
            }
            journal.save()
        order = Order(contract, kafka, target, settings.output.formats)
        with _Bar() as bar:
            done = work(order, journal, bar)
        journal.finish()
    _say(done, output)
    if other is None:
        return 0
    found = compare(target, open_daily(other, by_month=by_month))
    _tell(found, output, other)
    return 0 if found.identical else 1


def _folder(settings: Settings, output: str) -> Path:
    """Give where the state is kept until all is done: with the files, where that is a folder."""
    if "://" not in output:
        return Path(output) / FOLDER
    named = hashlib.sha256(output.encode()).hexdigest()[:16]
    return settings.state / "replays" / named


def _say(done: Done, output: str) -> None:
    click.echo(f"{done.events} records replayed: {done.rows} rows of {done.days} days in {output}")


def _tell(found: Compared, here: str, there: str) -> None:
    for one in found.differences:
        rows = (
            f": {one.missing} rows missing, {one.surplus} surplus"
            if one.missing or one.surplus
            else ""
        )
        click.echo(f"{one.day} {one.extension} {one.problem}{rows}")
    for day in found.only_here:
        click.echo(f"{day} is only in {here}")
    for day in found.only_there:
        click.echo(f"{day} is only in {there}")
    if found.empty:
        days = ", ".join(map(str, found.empty))
        click.echo(f"without a row, with files in one of the two: {days}")
    word = "identical" if found.identical else "not identical"
    click.echo(f"{word}: {found.files} files of {here} and {there} compared")


class _Rate(ProgressColumn):
    """How many a second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s")


class _Bar:
    """How far it is, on standard error: a bar with the rate and the time that is left."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:,}/{task.total:,}"),
            _Rate(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def reading(self, done: int, of: int) -> None:
        self._at("reading", done, of)

    def writing(self, done: int, of: int) -> None:
        self._at("writing", done, of)

    def _at(self, what: str, done: int, of: int) -> None:
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=of)
        self._bar.update(self._tasks[what], completed=done)
