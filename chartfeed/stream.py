"""`chartfeed stream`: join what the producers publish, and keep the daily files."""

from __future__ import annotations

import asyncio
import gc
import re
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import structlog
from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from chartfeed import logs, metrics
from chartfeed.clock import Clock, SetBack
from chartfeed.stream_group import GROUP
from chartfeed.topics import require
from chartfeed.tracing import traced
from producers.capture import heap
from schemas import topics
from schemas.errors import BadInput, ChartfeedError, Outside
from schemas.insurance import StatusTable
from schemas.records import DeadLetter, Progress, UnifiedEntry
from stream_app.closing.completion import overdue
from stream_app.join import TOPICS, Contract

if TYPE_CHECKING:
    from prometheus_client import Metric

    from chartfeed.cli import Context
    from chartfeed.settings import Settings
    from stream_app.sink.sink import Sink
    from stream_app.worker.worker import Worker

__all__ = ["contract", "stream"]

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
REQUEST_SECONDS: Final = 10.0
CLOCK_SECONDS: Final = 0.5
WRITTEN: Final = {
    UnifiedEntry: topics.UNIFIED_ENTRIES,
    Progress: topics.PROGRESS,
    DeadLetter: topics.DEAD_LETTERS,
}

log = structlog.get_logger("chartfeed.stream")


def contract(settings: Settings) -> Contract:
    """Give what a join rests on; the partition is put in where one is opened."""
    registry = settings.registry.client()
    return Contract(
        partition=0,
        partitions=settings.kafka.topics.partitions,
        topic_ids=topic_ids(settings),
        centers={center.id: center.name for center in settings.centers},
        statuses=StatusTable.of(settings.insurance_status),
        schema_of=registry.known,
        schema_ids={record: registry.id_of(topic) for record, topic in WRITTEN.items()},
        stale_after=settings.kafka.topics.delete_retention / 2,
        now=lambda: datetime.now(UTC),
    )


def topic_ids(settings: Settings) -> dict[str, str]:
    """Ask Kafka for the ids of the topics that the state rests on."""
    wanted = [*TOPICS, topics.UNIFIED_ENTRIES.name]
    admin = AdminClient({"log_level": 0} | settings.kafka.client)
    try:
        answers = admin.describe_topics(TopicCollection(wanted), request_timeout=REQUEST_SECONDS)
        return {name: str(answer.result().topic_id) for name, answer in answers.items()}
    except KafkaException as error:
        raise Outside(
            f"Kafka does not describe the topics: {error.args[0].str()}",
            hint="chartfeed topics verify",
        ) from error


@click.command()
@click.option("--worker", "name", metavar="ID", help="Its name in the group; else this machine's.")
@click.option(
    "--keep-membership",
    is_flag=True,
    help="Stay in the group when stopped: for a restart within seconds, nobody takes over.",
)
@metrics.option
@logs.options
@click.pass_obj
def stream(
    context: Context,
    name: str | None,
    *,
    keep_membership: bool,
    endpoint: metrics.Endpoint,
    log_format: str,
    log_level: str,
) -> int:
    """Join the centers' events into unified entries and daily files, until told to stop.

    Any number of workers share the work, on one machine or several; each has a name of its own,
    which is also its state's folder.
    """
    from stream_app.transport.app import leave  # noqa: PLC0415 - Faust takes a second to import

    settings = context.settings
    worker = socket.gethostname() if name is None else name
    if not NAME.fullmatch(worker):
        raise BadInput(
            f"{worker!r} can't be a worker's name", hint="letters, digits, and . _ - inside"
        )
    require(settings)
    logs.configure(sys.stderr, log_format, log_level)
    try:
        asyncio.run(_work(settings, worker, keep=keep_membership, endpoint=endpoint))
    except ChartfeedError as error:
        click.echo(f"chartfeed: {error}", err=True)
        leave(error.exit_code)
    except Exception as error:
        log.error("failed", exc_info=error)  # noqa: TRY400 - logs.py tells its type and place
        leave(1)
    leave(0)


async def _work(settings: Settings, worker: str, *, keep: bool, endpoint: metrics.Endpoint) -> None:
    from stream_app.sink.sink import Sink  # noqa: PLC0415 - see above
    from stream_app.tracing import Files, Traces  # noqa: PLC0415
    from stream_app.transport import credentials  # noqa: PLC0415
    from stream_app.transport.app import Membership, StreamApp  # noqa: PLC0415
    from stream_app.worker import rebuilt  # noqa: PLC0415
    from stream_app.worker.folder import locked  # noqa: PLC0415
    from stream_app.worker.turn import Turn  # noqa: PLC0415
    from stream_app.worker.worker import READ, Worker  # noqa: PLC0415

    # A worker has some forty threads: what one lets go of, the others are to use.
    heap.share()
    # Events come by the ten thousand and hold no cycles: looking for some costs as much as a join.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with (
        locked(settings.state / worker) as folder,
        traced(settings, "chartfeed-stream") as tracer,
    ):
        if moved := rebuilt.switch_in(folder.path):
            log.info("a rebuilt state is switched in", files=moved)
        cpu, joined = Turn(), contract(settings)
        joined = replace(joined, schema_of=cpu.outside(joined.schema_of))
        options = _sink_options(settings, folder.path, joined)
        traces = None
        if tracer is not None:
            traces = Traces(tracer, Files(tracer))
            options = replace(options, written=traces.files.written)
        sink = Sink(options, joined.schema_of)
        owner = Worker(folder, joined, settings.kafka.client, sink, traces, cpu=cpu)
        app = StreamApp(
            settings.kafka.bootstrap,
            Membership(GROUP, worker, keep=keep),
            READ,
            owner,
            folder=folder.path,
            credentials=credentials.of(settings.kafka.options),
        )
        folders = {"state": folder.path}
        centers = [(one.id, one.timezone) for one in settings.centers if one.enabled]
        if "://" not in settings.output_path:
            folders["output"] = Path(settings.output_path)
        with metrics.serving(endpoint, lambda: _Collector(owner, sink, centers), folders):
            sink.start()
            log.info("started", worker=worker, state=str(folder.path))
            watching = asyncio.ensure_future(_watch_clock())
            try:
                await owner.run(app, stop)
            finally:
                watching.cancel()
            sink.close(flush=False)
        log.info("stopped", worker=worker)


async def _watch_clock() -> None:
    """End at once where the clock is set back: what hangs then would hang in the way out too."""
    from stream_app.transport.app import leave  # noqa: PLC0415 - see above

    clock = Clock()
    while True:
        await asyncio.sleep(CLOCK_SECONDS)
        try:
            clock.look()
        except SetBack as error:
            click.echo(f"chartfeed: {error}", err=True)
            leave(error.exit_code)


def _sink_options(settings: Settings, folder: Any, joined: Contract) -> Any:
    from stream_app.sink.completeness import KnownCenter  # noqa: PLC0415 - see above
    from stream_app.sink.open_days import open_days  # noqa: PLC0415
    from stream_app.sink.sink import Options  # noqa: PLC0415

    zones = {center.timezone for center in settings.centers} or {"Europe/Berlin"}
    return Options(
        state=folder,
        output=settings.output_path,
        formats=settings.output.formats,
        partitions=joined.partitions,
        topic_id=joined.topic_ids[topics.UNIFIED_ENTRIES.name],
        kafka=settings.kafka.client,
        centers=tuple(
            KnownCenter(center.id, center.name, center.enabled) for center in settings.centers
        ),
        open_days=lambda now: open_days(now, zones),
        by_month=settings.output.by_month,
        flush_interval=settings.stream.flush_interval,
        delete_retention=settings.kafka.topics.delete_retention,
    )


class _Collector:
    """What Prometheus is told of a worker; `centers` are those due every day, with their zones."""

    def __init__(self, worker: Worker, sink: Sink, centers: Sequence[tuple[str, str]] = ()) -> None:
        self._worker = worker
        self._sink = sink
        self._centers = centers

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import (  # noqa: PLC0415 - only where metrics are asked for
            CounterMetricFamily,
            GaugeMetricFamily,
        )

        report = self._worker.report()
        per_lane = (
            ("events", "Source events applied.", CounterMetricFamily),
            ("checkpoints", "Checkpoints applied.", CounterMetricFamily),
            ("rows_sent", "Unified rows and tombstones sent.", CounterMetricFamily),
            ("dead_letters", "Records that could not be used.", CounterMetricFamily),
            ("transactions", "Transactions of output.", CounterMetricFamily),
            ("unsent", "Unified rows and tombstones that wait to be sent.", GaugeMetricFamily),
            ("waiting", "Events that no checkpoint covers yet.", GaugeMetricFamily),
            ("rebuilt_share", "How much of a rebuild is done.", GaugeMetricFamily),
        )
        for name, text, kind in per_lane:
            family: Any = kind(f"chartfeed_stream_{name}", text, labels=["partition"])
            for number, counts in report.lanes.items():
                family.add_metric([str(number)], float(getattr(counts, name)))
            yield family
        kinds = GaugeMetricFamily(
            "chartfeed_stream_unknown_kinds",
            "Insurers whose kind insurance_status does not name.",
            labels=["center", "kind"],
        )
        for counts in report.lanes.values():
            for labels, count in counts.unknown_kinds.items():
                kinds.add_metric(list(labels), count)
        yield kinds
        lag = GaugeMetricFamily("chartfeed_stream_lag", "Records behind.", labels=["topic"])
        for topic, count in report.lag.items():
            lag.add_metric([topic], count)
        yield lag
        yield CounterMetricFamily(
            "chartfeed_stream_filed_rows", "Unified rows taken by the sink.", report.filed.rows
        )
        filed = self._sink.report()
        yield GaugeMetricFamily(
            "chartfeed_stream_dirty_days",
            "Days that changed and are not in the files yet.",
            sum(partition.waiting for partition in filed.partitions),
        )
        yield CounterMetricFamily("chartfeed_stream_writes", "Days written.", filed.writes)
        days = GaugeMetricFamily(
            "chartfeed_day_incomplete_seconds",
            "How long ago yesterday ended at a center while its files lack something; else 0.",
            labels=["center"],
        )
        now = datetime.now(UTC)
        for center, seconds in overdue(self._centers, self._sink.claims, now).items():
            days.add_metric([center], seconds)
        yield days
