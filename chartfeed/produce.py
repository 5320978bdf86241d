"""`chartfeed produce`: capture the centers' changes into Kafka."""

from __future__ import annotations

import re
import signal
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from chartfeed import logs, metrics, sources
from chartfeed.topics import require
from producers.capture.center import Center, Job
from producers.capture.feed import Contract
from producers.capture.status import Board, after_failure
from producers.capture.supervisor import Supervisor
from producers.capture.tally import Tally
from producers.connection import connect
from producers.registry import Registry
from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.errors import BadInput, ChartfeedError
from schemas.records import CenterStatus, Checkpoint, Command
from schemas.subjects import RECORDS

if TYPE_CHECKING:
    import pyodbc
    from prometheus_client.registry import Collector

    from chartfeed.cli import Context
    from chartfeed.settings import Center as CenterSettings
    from chartfeed.settings import Settings

__all__ = ["contract", "in_shard", "produce"]

WRITTEN: Final = (
    *topics.SOURCE,
    topics.CHECKPOINTS,
    topics.DEAD_LETTERS,
    topics.CENTER_STATUS,
)


def contract(settings: Settings) -> Contract:
    """Ask the registry for the ids of what the capture writes, and give its side of Kafka."""
    registry = Registry(settings.registry.url)
    checkpoints = Decoder(Checkpoint)
    commands = Decoder(Command)
    for decoder, topic in ((checkpoints, topics.CHECKPOINTS), (commands, topics.COMMANDS)):
        decoder.learn(registry.id_of(topic), avro.load(RECORDS[topic]))
    return Contract(
        kafka={"bootstrap.servers": settings.kafka.bootstrap} | settings.kafka.options,
        partitions=settings.kafka.topics.partitions,
        encoders={
            RECORDS[topic]: Encoder(RECORDS[topic], registry.id_of(topic)).encode
            for topic in WRITTEN
        },
        checkpoints=checkpoints,
        commands=commands,
    )


def in_shard(center_id: str, shard: tuple[int, int] | None) -> bool:
    """Tell whether a center is this process's, the same on every machine and for ever."""
    if shard is None:
        return True
    number, of = shard
    return topics.partition_of_center(center_id, of) == number - 1


def _shard(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{value!r} is no shard such as 2/5")
    return int(match[1]), int(match[2])


def _connection(settings: Settings, center: CenterSettings) -> pyodbc.Connection:
    # A first look at many changes may take a server minutes; nothing waits for it but its center.
    return connect(sources.of(settings, center), statement_timeout=300)


@click.command()
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--shard", metavar="K/N", callback=_shard, help="The K-th part of N, as 2/5.")
@click.option("--once", is_flag=True, help="Catch up with where the sources are now, and end.")
@metrics.option
@logs.options
@click.pass_obj
def produce(
    context: Context,
    names: tuple[str, ...],
    shard: tuple[int, int] | None,
    *,
    once: bool,
    metrics_port: int | None,
    log_format: str,
    log_level: str,
) -> int:
    """Capture all centers' changes into Kafka, each event once, until told to stop."""
    settings = context.settings
    centers = [center for center in settings.select(names) if in_shard(center.id, shard)]
    if not centers:
        raise BadInput("no center is enabled, or none is in this shard", hint="look at centers.yml")
    require(settings)
    logs.configure(sys.stderr, log_format, log_level)
    side, stop, instance_id = contract(settings), threading.Event(), uuid.uuid4().hex
    tally = Tally()
    board = Board(
        side.kafka,
        side.partitions,
        side.encoders[CenterStatus],
        instance_id,
        [center.id for center in centers],
    )
    runners = {
        center.id: Center(
            Job(
                center_id=center.id,
                mapping=partial(sources.approved_mapping, settings, center),
                connect=partial(_connection, settings, center),
                contract=side,
                instance_id=instance_id,
                poll_interval=settings.producers.poll_interval.total_seconds(),
                guard=settings.producers.resync_guard,
                update=partial(board.update, center.id),
                tally=tally,
            ),
            stop,
        )
        for center in centers
    }

    def failed(center_id: str, error: ChartfeedError) -> None:
        tally.failed(center_id, error)
        board.update(center_id, lambda found: after_failure(found, error))

    supervisor = Supervisor(runners, stop, failed)
    port = settings.producers.metrics_port if metrics_port is None else metrics_port
    with _told_by_signals(stop), board, metrics.serving(port, lambda: _collector(board, tally)):
        supervisor.run(once=once)
    return _exit_code(supervisor, len(centers))


def _collector(board: Board, tally: Tally) -> Collector:
    from producers.capture.metrics import Capture  # noqa: PLC0415 - as metrics.serving says

    return Capture(board.situations, tally)


@contextmanager
def _told_by_signals(stop: threading.Event) -> Iterator[None]:
    """Stop in order on SIGTERM and SIGINT; afterwards they mean what they meant before."""
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_code(supervisor: Supervisor, centers: int) -> int:
    codes = [failure.exit_code for failure in supervisor.failures.values()]
    if not codes:
        return 0
    if len(codes) < centers:
        return 1
    return 3 if 3 in codes else min(codes)
