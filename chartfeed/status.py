"""`chartfeed status`: every center's state in words, from the topics alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from chartfeed import sources, stream_group
from chartfeed.interrupts import told_to_stop
from chartfeed.status_table import shown
from producers.capture import cut
from producers.capture.overview import Known, Overview
from producers.capture.view import View, view
from schemas.errors import ChartfeedError, RetryLater

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings
    from chartfeed.stream_group import Stream
    from producers.capture.publisher import Options

__all__ = ["status", "views"]

WATCH_SECONDS: Final = 1.0


@click.command()
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--watch", is_flag=True, help="Stay, and show what changes; Ctrl-C ends it.")
@click.option("--json", "as_json", is_flag=True, help="For scripts.")
@click.option(
    "--positions", is_flag=True, help="Print where the topics end now, for `replay --from FILE`."
)
@click.pass_obj
def status(
    context: Context, names: tuple[str, ...], *, watch: bool, as_json: bool, positions: bool
) -> int:
    """Say where each center stands, wherever its producer runs; exit 1 if one needs somebody.

    What is told is what the producers told last, and for how long it may be believed; so it needs
    Kafka alone, and no access to the practices.
    """
    settings = context.settings
    centers = [settings.center(name) for name in names] or list(settings.centers)
    kafka = settings.kafka.client
    partitions = settings.kafka.topics.partitions
    if positions:
        for (topic, partition), offset in sorted(cut.positions(kafka, partitions).items()):
            click.echo(f"{topic}:{partition}:{offset}")
        return 0
    registry = settings.registry.client()
    with Overview(kafka, partitions, registry.schema, [one.id for one in centers]) as overview:
        if watch:
            return _watch(settings, centers, overview, kafka, as_json=as_json)
        found = views(settings, centers, overview.read())
    stream = stream_group.look(kafka)
    if as_json:
        click.echo(_document(found, stream, indent=1))
    else:
        console = Console()
        for part in shown(found, stream, console.width).renderables:
            # A line stays one line, so that a command can be copied from it.
            console.print(part, soft_wrap=isinstance(part, Text))
    return int(any(one.needs_somebody for one in found))


def views(
    settings: Settings,
    centers: Sequence[Center],
    known: dict[str, Known],
    problem: Callable[[Center], ChartfeedError | None] | None = None,
) -> list[View]:
    """Give what is said of each center now, from what the topics say of it.

    `problem` says why a center has no approved mapping; where it is not given the files are read.
    """
    problem = partial(_problem, settings) if problem is None else problem
    now = datetime.now(UTC)
    return [
        view(
            center.id,
            known[center.id],
            now,
            enabled=center.enabled,
            problem=partial(problem, center),
        )
        for center in centers
    ]


def _problem(settings: Settings, center: Center) -> ChartfeedError | None:
    try:
        sources.approved_mapping(settings, center)
    except ChartfeedError as error:
        return error
    return None


def _watch(
    settings: Settings,
    centers: Sequence[Center],
    overview: Overview,
    kafka: Options,
    *,
    as_json: bool,
) -> int:
    """Show it again and again; a broker that is gone for a while ends nothing."""
    show: Callable[[Sequence[View], Stream, str | None], None] = _printed
    with told_to_stop() as stop, ExitStack() as stack:
        if not as_json:
            console = Console()
            live = stack.enter_context(Live(console=console, auto_refresh=False))
            show = partial(_drawn, console, live)
        found, stream = views(settings, centers, overview.read()), stream_group.look(kafka)
        show(found, stream, None)
        while not stop.wait(WATCH_SECONDS):
            problem = None
            try:
                found = views(settings, centers, overview.read())
                stream = stream_group.look(kafka)
            except RetryLater as error:
                problem = error.message
            show(found, stream, problem)
    return 0


def _printed(found: Sequence[View], stream: Stream, problem: str | None) -> None:
    """Print a line; while Kafka does not answer there is none, for it would tell the past."""
    click.echo(problem, err=True) if problem else click.echo(_document(found, stream))


def _drawn(
    console: Console, live: Live, found: Sequence[View], stream: Stream, problem: str | None
) -> None:
    live.update(shown(found, stream, console.width, problem), refresh=True)


def _document(views: Sequence[View], stream: Stream, indent: int | None = None) -> str:
    content = {
        "centers": [one.as_json() for one in views],
        "stream": {"workers": stream.workers, "lag_events": stream.lag_events},
    }
    return json.dumps(content, indent=indent, ensure_ascii=False)
