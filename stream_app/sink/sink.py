"""The sink of one worker: the partitions that it has, and the two threads beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from schemas.errors import ChartfeedError
from stream_app.files.day import read_manifest
from stream_app.files.manifest import CenterLine
from stream_app.files.months import open_daily
from stream_app.files.targets import Target
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.errors import StateInUse
from stream_app.sink.flusher import Flusher, Plan
from stream_app.sink.rows import RowReader, SchemaOf, Unusable
from stream_app.sink.schedule import Share
from stream_app.sink.store import Identity, Store
from stream_app.sink.watcher import KafkaOptions, Watcher

if TYPE_CHECKING:
    from stream_app.batches import Batch

__all__ = ["Options", "PartitionReport", "Report", "Sink", "Taken"]

# With fewer places to list, such as a folder, files that went missing are noticed sooner.
AUDIT_FOLDER: Final = 30.0
AUDIT_STORE: Final = 300.0

log = structlog.get_logger("chartfeed.sink")


@dataclass(frozen=True, slots=True)
class Options:
    """What a sink needs to know; `output` is a folder or a URL, `kafka` are librdkafka's settings.

    `open_days` says at a moment which days are still written to: their manifests are kept fresh,
    rows or none. A state that rested for more than half of `delete_retention` is made anew, for
    tombstones may be gone.
    """

    state: Path
    output: str
    formats: tuple[str, ...]
    partitions: int
    topic_id: str
    kafka: KafkaOptions
    centers: tuple[KnownCenter, ...]
    open_days: Callable[[datetime], Iterable[date]] = lambda _: ()
    by_month: bool = False
    flush_interval: timedelta = timedelta(seconds=1)
    delete_retention: timedelta = timedelta(days=14)
    written: Callable[[date], None] = lambda _: None
    """Hears of each day whose files have changed."""

    def target(self) -> Target:
        """Give the place that files go to."""
        return open_daily(self.output, by_month=self.by_month)


@dataclass(frozen=True, slots=True)
class Taken:
    """What `take` did; `unusable` are records of which there are dead letters in `unburied`."""

    rows: int
    unusable: tuple[Unusable, ...]


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """How a partition stands; `lost` says who writes its days instead."""

    partition: int
    position: int | None
    waiting: int
    """Days that changed and are not in the files yet."""
    whole: bool
    generation: int | None
    lost: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """How the sink stands; the troubles are None while all is well."""

    partitions: tuple[PartitionReport, ...]
    writes: int
    output_trouble: str | None
    kafka_trouble: str | None


class Sink:
    """Keeps the daily files as the unified topic says; see the package for how it is called."""

    def __init__(
        self,
        options: Options,
        schema_of: SchemaOf,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._options = options
        self._clock = clock
        self._rows = RowReader(schema_of)
        self._target = options.target()
        self._watcher = Watcher(
            options.kafka, options.partitions, Claims(options.centers), schema_of, clock
        )
        plan = Plan(
            formats=options.formats,
            partitions=options.partitions,
            interval=options.flush_interval.total_seconds(),
            open_days=options.open_days,
            audit_every=AUDIT_STORE if "://" in options.output else AUDIT_FOLDER,
        )
        self._flusher = Flusher(self._target, plan, self._watcher, options.written)
        self._stores: dict[int, Store] = {}

    def start(self) -> None:
        """Clean what died writers left, and start both threads."""
        try:
            removed = self._target.remove_leftovers()
        except ChartfeedError as error:
            # The flusher meets it again, says so, and waits until it is over.
            log.warning("leftovers can't be removed", why=error.message)
        else:
            if removed:
                log.info("leftovers removed", files=removed)
        self._watcher.start()
        self._flusher.start()

    def assign(self, partition: int, end: int) -> int | None:
        """Open a partition's state; gives the offset to read on from, None for the beginning.

        Its days are written when it has been read up to the `end` that the topic has now.
        """
        if partition in self._stores:
            raise StateInUse(f"partition {partition} of the unified topic is here already")
        options = self._options
        store = Store(
            options.state / f"days-{partition}.sqlite",
            Identity(partition, options.topic_id, options.delete_retention / 2),
            self._rows,
            self._clock(),
            end=end,
        )
        self._stores[partition] = store
        self._flusher.add(Share(store, store.view()))
        return store.position

    def take(self, batches: Iterable[Batch], backlog: int = 0) -> Taken:
        """Take records in, one transaction for each partition.

        `backlog` says how many records wait for this worker in all topics.
        """
        if self._flusher.failure is not None:
            raise self._flusher.failure
        rows = 0
        unusable: list[Unusable] = []
        ordered = sorted(batches, key=attrgetter("partition"))
        for partition, group in groupby(ordered, key=attrgetter("partition")):
            store = self._stores.get(partition)
            if store is None:
                raise StateInUse(f"partition {partition} of the unified topic is not here")
            taken = store.take(list(group), self._clock())
            self._flusher.changed(partition, taken.days, backlog)
            rows += taken.rows
            unusable += taken.unusable
            for found in taken.unusable:
                log.warning(
                    "unusable", partition=partition, offset=found.offset, reason=found.reason
                )
        return Taken(rows, tuple(unusable))

    def unburied(self) -> list[Unusable]:
        """Give what belongs to the dead letters, until `buried` says that it is there."""
        return [found for store in self._stores.values() for found in store.unburied()]

    def buried(self, letters: Iterable[Unusable]) -> None:
        """Hear that these are in the dead letters, for certain."""
        for partition, some in groupby(letters, key=attrgetter("partition")):
            self._stores[partition].buried(max(found.offset for found in some))

    def behind(self, backlog: int) -> None:
        """Hear how many records wait in all topics, though none of them are taken."""
        self._flusher.behind(backlog)

    def flush(self, seconds: float) -> None:
        """Write what changed, as far as that takes no longer."""
        self._flusher.flush(seconds)

    def revoke(self, partition: int) -> None:
        """Give a partition away: a write under way is broken off, and the state closed."""
        store = self._stores.pop(partition)
        self._flusher.remove(partition).view.close()
        store.close()

    def report(self) -> Report:
        """Give how everything stands."""
        return Report(
            partitions=tuple(
                PartitionReport(
                    partition=partition,
                    position=share.store.position,
                    waiting=len(share.since),
                    whole=share.store.whole,
                    generation=share.generation,
                    lost=share.lost,
                )
                for partition, share in sorted(self._flusher.shares().items())
            ),
            writes=self._flusher.writes,
            output_trouble=self._flusher.trouble,
            kafka_trouble=self._watcher.trouble,
        )

    def claims(self, day: date) -> Sequence[CenterLine] | None:
        """Give what a day's files claim now, whoever writes them; None where there are none."""
        try:
            manifest = read_manifest(self._target, day)
        except ChartfeedError:
            # The flusher meets the same trouble, and says so.
            return None
        return None if manifest is None else self._watcher.renewed(manifest)

    def close(self, *, flush: bool = True) -> None:
        """Write what changed, unless `flush` is off, and end."""
        self._flusher.close(flush=flush)
        self._watcher.close()
        for partition in list(self._stores):
            self.revoke(partition)
