"""`chartfeed replay`: the daily files once more, from the topics, into another folder."""

from __future__ import annotations

import gc
import hashlib
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from chartfeed import settings as configuration
from chartfeed import stream
from chartfeed.amounts import amount
from chartfeed.meter import Meter
from chartfeed.topics import require
from producers.capture import cut
from schemas.errors import BadInput
from stream_app.files.months import open_daily
from stream_app.join import TOPICS
from stream_app.replay import source, wishes
from stream_app.replay.comparing import Compared, compare
from stream_app.replay.days import refuse_owned
from stream_app.replay.journal import FOLDER, Journal, held
from stream_app.replay.plan import Plan, Wish, make
from stream_app.replay.steps import Stepper
from stream_app.replay.work import Done, Order, hands_for
from stream_app.replay.work import replay as work
from stream_app.sink.open_days import open_days
from stream_app.sink.survey import days_in

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from stream_app.files.targets import Target
    from stream_app.join import Contract
    from stream_app.replay.bounds import Cut

__all__ = ["replay"]

FORMS = "a moment such as 2026-01-18T08:00:00Z, or what `chartfeed status --positions` printed"


@click.command()
@click.option("--output", metavar="DIR", required=True, help="Where the files go: a folder or URL.")
@click.option(
    "--from",
    "since",
    multiple=True,
    metavar="earliest|TIME|FILE|TOPIC:PARTITION:OFFSET…",
    help="Write only the days that changed since; positions may be several.",
)
@click.option(
    "--until", metavar="latest|TIME|FILE", default="latest", help="Files as they were then."
)
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--dates", metavar="A..B", help="Only these days; one end may be left out.")
@click.option("--compare", "other", metavar="DIR", help="Then compare with these files.")
@click.option(
    "--processes",
    type=click.IntRange(1, 64),
    metavar="N",
    help="That share the work; else as many as there are cores, for much.",
)
@click.argument("more", metavar="", nargs=-1)
@click.pass_obj
def replay(
    context: Context,
    *,
    output: str,
    since: tuple[str, ...],
    until: str,
    names: tuple[str, ...],
    dates: str | None,
    other: str | None,
    processes: int | None,
    more: tuple[str, ...],
) -> int:
    """Make the daily files anew from the topics, into a folder of their own.

    Reads what is committed now, publishes nothing and touches no group. Interrupted, the same
    command goes on where it was. A TIME means of each center its last checkpoint that the source's
    clock says was captured by then, so no transaction is cut.
    """
    settings = context.settings
    partitions = settings.kafka.topics.partitions
    if more and not since:
        raise BadInput(f"{more[0]!r} is no option", hint="chartfeed replay --help")
    wish = Wish(_since((*since, *more), partitions), _until(until, partitions), names)
    wanted = wishes.days(dates)
    require(settings)
    by_month = settings.output.folders == "month"
    target = open_daily(output, by_month=by_month)
    refuse_owned(target)
    theirs = None if other is None else _compared(other, by_month=by_month)
    contract = stream.contract(settings)
    arguments = {
        "from": _described(wish.since),
        "until": _described(wish.until),
        "center": sorted(names),
        "dates": dates,
        "formats": list(settings.output.formats),
        "topics": dict(contract.topic_ids),
    }
    order = replace(
        _order(settings, contract, output, names),
        wants=wanted.__contains__,
        open_days=lambda: () if wish.until is not None else _open_days(settings),
    )
    with held(_folder(settings, output), arguments) as journal:
        plan = _plan(order, wish, journal, settings)
        for note in plan.notes:
            click.echo(note, err=True)
        make = partial(_stepper, settings.path, output, names, journal.folder)
        hands = hands_for(plan) if processes is None else processes
        with Meter("records", "days") as meter:
            done = work(order, plan, journal, meter, make=make, hands=hands)
        journal.finish()
    _say(done, output)
    if before := len(set(days_in(target.names())).difference(done.days)):
        click.echo(f"days in {output} that were there before and are left: {before}", err=True)
    missing = bool(done.lost or (done.unheard and wish.until is None))
    if theirs is None:
        return int(missing)
    chosen = frozenset(done.days)
    found = compare(
        target,
        theirs,
        wanted.__contains__ if wish.since is None else chosen.__contains__,
        names,
    )
    _tell(found, output, str(other))
    return int(missing or not found.identical)


def _stepper(config: Path, output: str, names: tuple[str, ...], folder: Path) -> Stepper:
    """Make what does the steps, in whichever process."""
    settings = configuration.load(config)
    # Records come by the ten thousand and hold no cycles: looking for some costs a tenth more.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return Stepper(_order(settings, stream.contract(settings), output, names), folder)


def _order(settings: Settings, contract: Contract, output: str, names: tuple[str, ...]) -> Order:
    return Order(
        contract=contract,
        kafka=settings.kafka.client,
        target=open_daily(output, by_month=settings.output.folders == "month"),
        formats=settings.output.formats,
        centers=names,
    )


def _compared(other: str, *, by_month: bool) -> Target:
    """Give the files that are compared with, before anything is replayed for nothing."""
    target = open_daily(other, by_month=by_month)
    if not days_in(target.names()):
        raise BadInput(f"{other} holds no daily files", hint="name a folder of them with --compare")
    return target


def _plan(order: Order, wish: Wish, journal: Journal, settings: Settings) -> Plan:
    """Give the plan of the run that was interrupted, or else make one and keep it."""
    if journal.plan is not None:
        click.echo("going on with the replay that was interrupted", err=True)
        return Plan.of(journal.plan)
    contract: Contract = order.contract
    at = cut.positions(order.kafka, contract.partitions)
    ends = {topic: [at[topic, number] for number in range(contract.partitions)] for topic in TOPICS}
    with ExitStack() as stack:
        plan = make(
            wish,
            ends,
            lambda: stack.enter_context(source.opened(order.kafka)),
            contract.schema_of,
            centers=contract.centers,
            kept=settings.kafka.topics.min_compaction_lag,
            now=datetime.now(UTC),
        )
    journal.plan = plan.content()
    journal.save()
    return plan


def _since(texts: tuple[str, ...], partitions: int) -> Cut | None:
    places = [text for text in texts if ":" in text and text.startswith("chartfeed.")]
    if places and len(places) == len(texts):
        return wishes.positions(places, partitions, whole=False)
    if len(texts) > 1:
        raise BadInput("--from is given more than once", hint="only positions may be several")
    if not texts or texts[0] == "earliest":
        return None
    return _cut("--from", texts[0], partitions, whole=False)


def _until(text: str, partitions: int) -> Cut | None:
    return None if text == "latest" else _cut("--until", text, partitions, whole=True)


def _cut(option: str, text: str, partitions: int, *, whole: bool) -> Cut:
    found = wishes.moment(text)
    if found is not None:
        return found
    try:
        lines = Path(text).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{option} {text} is no moment, and no file that can be read"
        raise BadInput(problem, hint=f"give {FORMS}") from error
    return wishes.positions(lines, partitions, whole=whole)


def _described(wish: Cut | None) -> Any:
    """Give what a run that goes on must have been told again."""
    return None if wish is None else wish.described()


def _open_days(settings: Settings) -> set[Any]:
    zones = {center.timezone for center in settings.centers} or {"Europe/Berlin"}
    return open_days(datetime.now(UTC), zones)


def _folder(settings: Settings, output: str) -> Path:
    """Give where the state is kept until all is done: with the files, where that is a folder."""
    if "://" not in output:
        return Path(output) / FOLDER
    named = hashlib.sha256(output.encode()).hexdigest()[:16]
    return settings.state / "replays" / named


def _say(done: Done, output: str) -> None:
    click.echo(
        f"{amount(done.records, 'record')} replayed: {amount(done.rows, 'row')} of "
        f"{amount(len(done.days), 'day')} in {output}"
    )
    if done.lost:
        click.echo(
            "not as it was, for the topics have not all events of then any more: "
            + ", ".join(done.lost),
            err=True,
        )
    if done.unheard:
        click.echo(f"no checkpoint, so no rows: {', '.join(done.unheard)}", err=True)


def _tell(found: Compared, here: str, there: str) -> None:
    for one in found.differences:
        counts = {"missing": one.missing, "surplus": one.surplus, "different": one.different}
        rows = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
        click.echo(f"{one.day}  {one.extension} {one.problem}{rows and f': rows {rows}'}")
    for day in found.only_here:
        click.echo(f"{day}  only in {here}")
    for day in found.only_there:
        click.echo(f"{day}  only in {there}")
    if found.empty:
        days = ", ".join(map(str, found.empty))
        click.echo(f"without a row, with files in one of the two: {days}")
    word = "identical" if found.identical else "not identical"
    click.echo(f"{word}: {amount(found.files, 'file')} of {here} and {there} compared")
