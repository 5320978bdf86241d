"""`chartfeed produce`: capture the centers' changes into Kafka."""

from __future__ import annotations

import os
import re
import signal
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final, NoReturn

import click
import structlog

from chartfeed import logs, metrics, running
from chartfeed import settings as configuration
from chartfeed.clock import Clock, SetBack
from chartfeed.fleet import Crew, Fleet
from chartfeed.topics import require
from chartfeed.tracing import traced
from producers.capture import heap
from producers.capture.errors import Paused
from producers.capture.feed import Contract
from producers.capture.learning import Learning
from producers.capture.orders import Orders
from producers.capture.others import Others
from producers.capture.overview import Known, Overview
from producers.capture.status import Board, after_failure, told_before
from producers.capture.supervisor import Supervisor
from producers.capture.tally import Tally
from producers.capture.watch import Waiting, Watch
from schemas import avro, topics
from schemas.codec import Encoder
from schemas.errors import BadInput, ChartfeedError, Outside
from schemas.records import CenterStatus, Checkpoint, Command
from schemas.subjects import RECORDS

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from schemas.tracing import Tracer

__all__ = ["contract", "produce"]

# Together with telling of it, under the five seconds in which a process is to be gone.
LEAVING_SECONDS: Final = 3.0
LOOK_SECONDS: Final = 0.2
# What was told of a center before is shown until it is known anew; that is worth no long search.
LOOKING_BACK_SECONDS: Final = 3.0

log = structlog.get_logger("chartfeed.capture")

WRITTEN: Final = (
    *topics.SOURCE,
    topics.CHECKPOINTS,
    topics.DEAD_LETTERS,
    topics.CENTER_STATUS,
)


def contract(settings: Settings, tracer: Tracer | None = None) -> Contract:
    """Ask the registry for the ids of what the capture writes, and give its side of Kafka."""
    registry = settings.registry.client()
    checkpoints = Learning(Checkpoint, registry.known)
    commands = Learning(Command, registry.known)
    # What this version writes is read though the registry is gone.
    checkpoints.learn(registry.id_of(topics.CHECKPOINTS), avro.load(Checkpoint))
    commands.learn(registry.id_of(topics.COMMANDS), avro.load(Command))
    return Contract(
        kafka=settings.kafka.client,
        partitions=settings.kafka.topics.partitions,
        encoders={
            RECORDS[topic]: Encoder(RECORDS[topic], registry.id_of(topic)).encode
            for topic in WRITTEN
        },
        checkpoints=checkpoints,
        commands=commands,
        tracer=tracer,
    )


def _shard(
    _ctx: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[int, int] | None:
    if value is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise click.BadParameter(f"{value!r} is no shard such as 2/5")
    return int(match[1]), int(match[2])


@click.group(invoke_without_command=True)
@click.option("--center", "names", multiple=True, metavar="ID", help="Only this one; repeatable.")
@click.option("--shard", metavar="K/N", callback=_shard, help="The K-th part of N, as 2/5.")
@click.option("--once", is_flag=True, help="Catch up with where the sources are now, and end.")
@metrics.option
@logs.options
@click.pass_context
def produce(
    ctx: click.Context,
    names: tuple[str, ...],
    shard: tuple[int, int] | None,
    *,
    once: bool,
    endpoint: metrics.Endpoint,
    log_format: str,
    log_level: str,
) -> int:
    """Capture all centers' changes into Kafka, each event once, until told to stop.

    A center that is not approved, or that stopped, joins when its files or its source are right
    again; nothing has to be started anew for it. SIGHUP, or `chartfeed produce reload`, reads the
    configuration and the centers file again.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    settings = ctx.obj.settings
    fleet = Fleet(names, shard)
    centers = fleet.centers(settings)
    if not centers:
        raise BadInput("no center is enabled, or none is in this shard", hint="look at centers.yml")
    heap.share()
    require(settings)
    logs.configure(sys.stderr, log_format, log_level)
    with (
        _told_by_signals() as told,
        _registered(settings, once=once),
        traced(settings, "chartfeed-produce") as tracer,
    ):
        crew, supervisor = _wired(settings, [center.id for center in centers], tracer, once=once)
        with (
            crew.board,
            metrics.serving(
                endpoint.or_port(settings.producers.metrics_port), lambda: _collector(crew)
            ),
            crew.orders,
            Watch(crew.board.situations),
        ):
            supervisor.want(fleet.posts(settings, crew))
            try:
                stopped = _attend(
                    supervisor, told, partial(_reload, settings, fleet, crew, supervisor)
                )
            except SetBack as error:
                click.echo(f"chartfeed: {error}", err=True)
                _leave(error.exit_code)
            have_ended = supervisor.leave(LEAVING_SECONDS)
    code = 0 if stopped else _exit_code(supervisor, len(centers))
    if not have_ended:
        # A thread hangs in a driver, and would keep the process from ending in order.
        _leave(code)
    return code


@produce.command(name="reload")
@click.pass_obj
def reload_(context: Context) -> int:
    """Have the producers of this configuration on this machine read their files again.

    Centers that were added join, those removed or disabled leave, and those that stopped look
    again. A file that is not right is refused here, and by the producers, which go on as they were.
    """
    settings = context.settings
    told = running.pids(settings.path)
    if not told:
        raise Outside(
            f"no producer with {settings.path} runs here as this user",
            hint="chartfeed produce, or send SIGHUP to the one that you mean",
        )
    for pid in told:
        os.kill(pid, signal.SIGHUP)
        click.echo(f"told the producer {pid} to read its files again; its log says what changed")
    return 0


def _wired(
    settings: Settings, centers: list[str], tracer: Tracer | None, *, once: bool
) -> tuple[Crew, Supervisor]:
    """Give what the centers share, and the supervisor that hears of their commands."""
    side, instance_id, tally = contract(settings, tracer), uuid.uuid4().hex, Tally()
    waiting = Waiting()
    registry = settings.registry.client()

    def follow(some: Iterable[str]) -> Overview:
        return Overview(side.kafka, side.partitions, registry.schema, some, (CenterStatus,))

    others = Others(instance_id, follow)
    board = Board(side.kafka, side.partitions, side.encoders[CenterStatus], instance_id, others)
    with Overview(side.kafka, side.partitions, registry.schema, centers) as overview:
        before = overview.read(LOOKING_BACK_SECONDS)

    def came(center_id: str) -> None:
        known = before.get(center_id, Known())
        board.join(center_id, told_before(known.status, known.checkpoint))

    def failed(center_id: str, error: ChartfeedError) -> None:
        if not isinstance(error, Paused):
            tally.failed(center_id, error)
        board.update(center_id, lambda found: after_failure(found, error))
        if not once:
            waiting.look(board.situations())

    orders = Orders(side.kafka, side.partitions, side.commands)
    supervisor = Supervisor(
        failed,
        held=orders.held,
        came=came,
        gone=lambda center: board.leave(center, "not in the configuration, or disabled there"),
        once=once,
    )
    orders.tell(supervisor.look)
    return Crew(side, board, tally, orders, instance_id), supervisor


def _reload(settings: Settings, fleet: Fleet, crew: Crew, supervisor: Supervisor) -> None:
    """Go on with what the files say now, or as before where they are not right."""
    try:
        now = configuration.load(settings.path, settings.environment)
        posts = fleet.posts_again(settings, now, crew)
    except ChartfeedError as error:
        log.error("the files are not right, all goes on as before", error=str(error))  # noqa: TRY400 - no trace of our own
        return
    supervisor.want(posts)
    log.info("files read again", centers=len(posts))


def _attend(supervisor: Supervisor, told: SimpleQueue[int], read_again: Callable[[], None]) -> bool:
    """Wait for the centers' end or a signal to stop; tell whether it was the signal."""
    clock = Clock()
    while supervisor.is_running():
        clock.look()
        with suppress(Empty):
            if told.get(timeout=LOOK_SECONDS) != signal.SIGHUP:
                return True
            read_again()
    return False


def _leave(code: int) -> NoReturn:
    """End at once, whatever threads do: what they publish is whole at every moment."""
    sys.stderr.flush()
    os._exit(code)


def _collector(crew: Crew) -> Collector:
    from producers.capture.metrics import Capture  # noqa: PLC0415 - as metrics.serving says

    return Capture(crew.board.situations, crew.tally)


@contextmanager
def _registered(settings: Settings, *, once: bool) -> Iterator[None]:
    """Be found by `produce reload`; a machine that does not let us has SIGHUP."""
    with ExitStack() as stack:
        if not once:
            try:
                stack.enter_context(running.registered(settings.path))
            except (OSError, Outside) as error:
                log.warning("chartfeed produce reload won't find this producer", error=str(error))
        yield


@contextmanager
def _told_by_signals() -> Iterator[SimpleQueue[int]]:
    """Give the signals that come; afterwards they mean what they meant before.

    A handler runs wherever the main thread is: it may only put into a queue that allows that.
    """
    told: SimpleQueue[int] = SimpleQueue()
    before = {
        number: signal.signal(number, lambda number, _frame: told.put(number))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        yield told
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
