"""`chartfeed status`: every center's state in words, from the topics alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from chartfeed import sources, stream_group
from producers.capture import cut
from producers.capture.overview import Known, Overview
from producers.capture.view import View, view
from schemas.errors import ChartfeedError, RetryLater

if TYPE_CHECKING:
    from chartfeed.cli import Context
    from chartfeed.settings import Center, Settings
    from chartfeed.stream_group import Stream
    from producers.capture.publisher import Options

__all__ = ["status"]

WATCH_SECONDS: Final = 1.0
GOOD: Final = frozenset({"streaming", "snapshot", "resync", "starting"})


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
    kafka = {"bootstrap.servers": settings.kafka.bootstrap} | settings.kafka.options
    partitions = settings.kafka.topics.partitions
    if positions:
        for (topic, partition), offset in sorted(cut.positions(kafka, partitions).items()):
            click.echo(f"{topic}:{partition}:{offset}")
        return 0
    registry = settings.registry.client()
    with Overview(kafka, partitions, registry.schema, [one.id for one in centers]) as overview:
        if watch:
            return _watch(settings, centers, overview, kafka, as_json=as_json)
        views = _views(settings, centers, overview.read())
    stream = stream_group.look(kafka)
    if as_json:
        click.echo(_document(views, stream))
    else:
        console = Console()
        console.print(_table(views, stream))
        for one in views:
            if one.next_command and one.needs_somebody:
                console.print(f"{one.center_id}: {one.next_command}", markup=False, soft_wrap=True)
    return int(any(one.needs_somebody for one in views))


def _views(settings: Settings, centers: Sequence[Center], known: dict[str, Known]) -> list[View]:
    now = datetime.now(UTC)
    return [
        view(
            center.id,
            known[center.id],
            now,
            enabled=center.enabled,
            problem=partial(_problem, settings, center),
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
    views, stream = _views(settings, centers, overview.read()), stream_group.look(kafka)
    never = threading.Event()
    try:
        if as_json:
            while True:
                click.echo(_document(views, stream, indent=None))
                never.wait(WATCH_SECONDS)
                views, stream = _views(settings, centers, overview.read()), stream_group.look(kafka)
        with Live(_table(views, stream), console=Console(), auto_refresh=False) as live:
            while True:
                problem = None
                try:
                    views = _views(settings, centers, overview.read())
                    stream = stream_group.look(kafka)
                except RetryLater as error:
                    problem = error.message
                live.update(_table(views, stream, problem), refresh=True)
                never.wait(WATCH_SECONDS)
    except KeyboardInterrupt:
        return 0


def _document(views: Sequence[View], stream: Stream, indent: int | None = 1) -> str:
    content = {
        "centers": [one.as_json() for one in views],
        "stream": {"workers": stream.workers, "lag_events": stream.lag_events},
    }
    return json.dumps(content, indent=indent, ensure_ascii=False)


def _table(views: Sequence[View], stream: Stream, problem: str | None = None) -> Table:
    lag = "" if stream.lag_events is None else f", {stream.lag_events} events behind"
    caption = problem or f"stream: {stream.workers} workers{lag}"
    table = Table(box=None, caption=caption, caption_justify="left", pad_edge=False)
    for name in ("center", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("version", "behind", "lag", "last event", "events", "dead", "left", "restarts"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in views:
        colour = "green" if one.state in GOOD else "red" if one.needs_somebody else "yellow"
        table.add_row(
            one.center_id,
            f"[{colour}]{one.state}[/]",
            _shown(one.version),
            _shown(one.lag_versions),
            _span(one.lag_seconds),
            "" if one.last_event_at is None else f"{one.last_event_at:%m-%d %H:%M:%S}Z",
            str(one.events_total),
            str(one.dead_letters),
            _span(one.retention_headroom_seconds),
            str(one.restarts),
            _escaped(_remark(one)),
        )
    return table


def _remark(one: View) -> str:
    if one.snapshot is None or one.state not in {"snapshot", "resync"}:
        return one.detail or ""
    done, total = one.snapshot.rows_done, max(one.snapshot.rows_total, one.snapshot.rows_done, 1)
    return f"{one.snapshot.table}: {done} of {total} rows ({100 * done // total} %)"


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")


def _shown(value: int | None) -> str:
    return "" if value is None else str(value)


def _span(seconds: float | None) -> str:
    """Say a length of time as a person would: 0.2 s, 3 min, 47 h."""
    if seconds is None:
        return ""
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h"
