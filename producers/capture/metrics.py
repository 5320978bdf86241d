"""What Prometheus is told of the capture; docs/metrics.md explains each.

The labels are centers, tables, operations, states, reasons and kinds of errors: nothing that a
row of a source says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from producers.capture.tally import Counts

if TYPE_CHECKING:
    from producers.capture.status import Situation
    from producers.capture.tally import Tally

__all__ = ["METRICS", "STATES", "Capture", "Described"]

STATES: Final = (
    "starting",
    "snapshot",
    "streaming",
    "retrying",
    "unreviewed",
    "drift",
    "resync",
    "needs-confirmation",
    "fenced",
    "denied",
    "stopped",
)

NOTHING: Final = Counts()

Value = tuple[tuple[str, ...], float | None]
"""The labels after the center's, and the value; None is not told."""


@dataclass(frozen=True, slots=True)
class Described:
    """A metric as Prometheus is told of it, and what its value is for a center."""

    name: str
    help: str
    labels: tuple[str, ...]
    values: Callable[[Situation, Counts, datetime], Iterable[Value]]

    @property
    def is_counter(self) -> bool:
        return self.name.endswith("_total")

    def family(self) -> CounterMetricFamily | GaugeMetricFamily:
        labels = ("center", *self.labels)
        kind = CounterMetricFamily if self.is_counter else GaugeMetricFamily
        return kind(self.name, self.help, labels=labels)


def _one(value: float | None) -> list[Value]:
    return [((), value)]


def _lag_seconds(known: Situation, _: Counts, now: datetime) -> list[Value]:
    return _one(known.record("", "", now).lag_seconds)


def _lag_versions(known: Situation, _: Counts, _now: datetime) -> list[Value]:
    if known.version is None or known.source_version is None:
        return []
    return _one(max(0, known.source_version - known.version))


def _headroom(known: Situation, _: Counts, now: datetime) -> list[Value]:
    return _one(known.record("", "", now).retention_headroom_seconds)


def _last_event(known: Situation, _: Counts, _now: datetime) -> list[Value]:
    return [] if known.last_event_at is None else _one(known.last_event_at.timestamp())


def _retention(known: Situation, _: Counts, _now: datetime) -> list[Value]:
    return [] if known.retention is None else _one(known.retention.total_seconds())


def _share(known: Situation, _: Counts, _now: datetime) -> list[Value]:
    progress = known.snapshot
    return (
        []
        if progress is None
        else _one(progress.rows_done / max(1, progress.rows_total, progress.rows_done))
    )


METRICS: Final = (
    Described(
        "chartfeed_capture_state",
        "1 for the state that the center is in, 0 for the others.",
        ("state",),
        lambda known, _, _now: [((state,), float(state == known.state)) for state in STATES],
    ),
    Described(
        "chartfeed_capture_lag_seconds",
        "Age of the oldest source state that is not published yet; 0 when all is published.",
        (),
        _lag_seconds,
    ),
    Described(
        "chartfeed_capture_lag_versions",
        "Versions of the source, each a transaction of the practice, that are not published yet.",
        (),
        _lag_versions,
    ),
    Described(
        "chartfeed_capture_last_event_timestamp_seconds",
        "When the last event was committed to Kafka by this process, as Unix time.",
        (),
        _last_event,
    ),
    Described(
        "chartfeed_capture_events_total",
        "Events committed to Kafka, by the source's table and the operation.",
        ("table", "op"),
        lambda _, counts, _now: counts.events.items(),
    ),
    Described(
        "chartfeed_capture_transactions_total",
        "Kafka transactions committed, those of idle refreshes included.",
        (),
        lambda _, counts, _now: _one(counts.transactions),
    ),
    Described(
        "chartfeed_capture_snapshot_rows_total",
        "Rows read and committed while all rows of a center were read.",
        (),
        lambda _, counts, _now: _one(counts.snapshot_rows),
    ),
    Described(
        "chartfeed_capture_snapshot_ratio",
        "Share of the rows that are read, from 0 to 1; absent while no snapshot or resync runs.",
        (),
        _share,
    ),
    Described(
        "chartfeed_capture_retention_headroom_seconds",
        "How long the center may stay down before the source cleans up unread changes.",
        (),
        _headroom,
    ),
    Described(
        "chartfeed_capture_retention_seconds",
        "How long the source keeps changes.",
        (),
        _retention,
    ),
    Described(
        "chartfeed_capture_dead_letters_total",
        "Rows refused since the process started, by reason.",
        ("reason",),
        lambda _, counts, _now: (((reason,), n) for reason, n in counts.dead_letters.items()),
    ),
    Described(
        "chartfeed_capture_withdrawn_rows",
        "Rows that are withdrawn now because they break a rule.",
        (),
        lambda known, _, _now: _one(known.dead_letters),
    ),
    Described(
        "chartfeed_capture_restarts_total",
        "How often the center was started again after an error that may pass.",
        (),
        lambda known, _, _now: _one(known.restarts),
    ),
    Described(
        "chartfeed_capture_errors_total",
        "Errors that ended the center for good or for a while, by kind.",
        ("error",),
        lambda _, counts, _now: (((kind,), n) for kind, n in counts.errors.items()),
    ),
)


class Capture(Collector):
    """Tells the situation and the counts of every center, as they are when it is asked."""

    def __init__(self, situations: Callable[[], Mapping[str, Situation]], tally: Tally) -> None:
        self._situations = situations
        self._tally = tally

    def describe(self) -> Iterable[Metric]:
        return [metric.family() for metric in METRICS]

    def collect(self) -> Iterator[Metric]:
        now = datetime.now(UTC)
        situations, counts = self._situations(), self._tally.counts()
        for metric in METRICS:
            family = metric.family()
            for center, known in situations.items():
                for labels, value in metric.values(known, counts.get(center) or NOTHING, now):
                    if value is not None:
                        family.add_metric((center, *labels), value)
            yield family
