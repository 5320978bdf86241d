"""From a commit at the source until a topic, or a day's file, shows it."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Self, TypeAlias

import pyodbc
from confluent_kafka import Consumer, TopicPartition

from bench._rig import Sources
from deploy.local.practices import Practice
from producers.capture.publisher import Options
from producers.connection import connect
from producers.quoting import name, qualified

__all__ = ["Latencies", "in_file", "in_topic", "latencies", "quantile"]

MARK = re.compile(rb"mark-(\d+)-")
WARM_RATE = 30.0
PATIENCE = 30.0
LOOK_SECONDS: Final = 0.02

Seen: TypeAlias = dict[int, float]
"""When each mark was seen first."""
Watcher: TypeAlias = Callable[[Seen, threading.Event, threading.Event], None]
"""Notes what it sees; sets the first event when it is ready, and ends after the second."""


def quantile(values: list[float], share: float) -> float:
    """Give the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


@dataclass(frozen=True)
class Latencies:
    """How long each change took, and how many a second there were."""

    seconds: list[float]
    rate: float
    """Commits a second, from the first to the last."""

    @classmethod
    def of(cls, committed: Mapping[int, float], seen: Mapping[int, float], marks: range) -> Self:
        """Give those of some marks, by when each was committed and seen."""
        moments = [committed[mark] for mark in marks]
        lasted = max(moments) - min(moments)
        return cls(
            [seen[mark] - committed[mark] for mark in marks],
            (len(marks) - 1) / lasted if lasted else 0.0,
        )

    def best_p50(self, seconds: float) -> float:
        """Give the p50 of those that many seconds in which it was least.

        On a machine that others use too, it is nearer to what is ours than that of all.
        """
        count = max(1, int(self.rate * seconds))
        starts = range(0, max(1, len(self.seconds) - count + 1), count)
        return min(quantile(self.seconds[at : at + count], 0.5) for at in starts)


def in_topic(kafka: Options, partitions: int, topic: str) -> Watcher:
    """Watch what can be read of a topic with read_committed, from its end on."""

    def read(seen: Seen, ready: threading.Event, stop: threading.Event) -> None:
        settings = dict(kafka) | {
            "group.id": "bench",
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 50,
            "fetch.error.backoff.ms": 10,
            "log_level": 0,
        }
        with closing(Consumer(settings)) as consumer:
            ends = []
            for partition in range(partitions):
                at = TopicPartition(topic, partition)
                at.offset = consumer.get_watermark_offsets(at, timeout=10)[1]
                ends.append(at)
            consumer.assign(ends)
            ready.set()
            while not stop.is_set():
                for message in consumer.consume(500, timeout=0.02):
                    _see(seen, message.value() or b"")

    return read


def in_file(content: Path, manifest: Path) -> Watcher:
    """Watch a day's file, which is as its manifest says once that is there."""

    def read(seen: Seen, ready: threading.Event, stop: threading.Event) -> None:
        ready.set()
        known = 0
        while not stop.wait(LOOK_SECONDS):
            if manifest.exists() and (changed := manifest.stat().st_mtime_ns) != known:
                known = changed
                _see(seen, content.read_bytes())

    return read


def _see(seen: Seen, content: bytes) -> None:
    now = monotonic()
    for mark in MARK.findall(content):
        seen.setdefault(int(mark), now)


def latencies(
    found: Sources,
    watchers: Sequence[Watcher],
    *,
    rate: float,
    seconds: float,
    day: date | None = None,
    begins: Callable[[], None] = lambda: None,
) -> list[Latencies]:
    """Change one row after the other, of all centers in turn; give what each watcher saw of it.

    With `day`, all rows that are changed are moved there before. `begins` is called when what is
    measured begins.
    """
    committed: dict[int, float] = {}
    watched: list[Seen] = [{} for _ in watchers]
    stop = threading.Event()
    with ExitStack() as stack, ThreadPoolExecutor(len(found.planned)) as pool:
        for watcher, seen in zip(watchers, watched, strict=True):
            ready = threading.Event()
            reader = threading.Thread(target=watcher, args=(seen, ready, stop), daemon=True)
            reader.start()
            stack.callback(reader.join)
            stack.callback(stop.set)  # It comes before the join.
            ready.wait(30)
        # All are logged in before the first begins: to log in costs more than to change a row.
        writers = [
            _Writer(
                found, practice, stack.enter_context(closing(connect(found.login(practice)))), day
            )
            for practice in found.planned
        ]
        # The first change of each is not counted: the stand-in translates a statement when it comes
        # for the first time, which a server that is in use has done long ago.
        first = range(len(writers))
        measured = range(first.stop, first.stop + int(rate * seconds))
        for marks, pace in ((first, WARM_RATE), (measured, rate)):
            if marks is measured:
                begins()
            began = monotonic() + 1
            done = [
                pool.submit(writer.write, began, marks, (at, len(writers)), pace, committed)
                for at, writer in enumerate(writers)
            ]
            for each in done:
                each.result()
            for seen in watched:
                _wait_for(seen, committed)
    return [Latencies.of(committed, seen, measured) for seen in watched]


def _wait_for(seen: Mapping[int, float], committed: Mapping[int, float]) -> None:
    deadline = monotonic() + PATIENCE
    while len(seen) < len(committed):
        if monotonic() > deadline:
            missing = len(committed) - len(seen)
            raise RuntimeError(f"{missing} of {len(committed)} changes were never seen")
        sleep(0.1)


class _Writer:
    """Changes the rows of one practice, on one connection."""

    def __init__(
        self,
        found: Sources,
        practice: Practice,
        connection: pyodbc.Connection,
        day: date | None,
    ) -> None:
        mapping = found.mappings[practice.center_id]
        table = qualified(mapping.schema_name(), mapping.table("KARTEI"))
        text = name(mapping.column("KARTEI", "BEMERKUNG"))
        live = name(mapping.column("KARTEI", "DELKZ"))
        self._change = f"UPDATE {table} SET {text} = ? WHERE ID = ?"
        self._cursor = connection.cursor()
        rows = self._cursor.execute(
            f"SELECT TOP (200) ID FROM {table} WHERE {live} = 0 ORDER BY ID"
        ).fetchall()
        self._ids = [row[0] for row in rows]
        if day is not None:
            when = name(mapping.column("KARTEI", "DATUM"))
            self._cursor.execute(
                f"UPDATE {table} SET {when} = ? WHERE {live} = 0 AND ID <= ?",
                f"{day:%Y%m%d}",
                self._ids[-1],
            )

    def write(
        self,
        began: float,
        marks: range,
        turn: tuple[int, int],
        rate: float,
        committed: dict[int, float],
    ) -> None:
        """Commit a change whenever it is this practice's turn; each is a transaction of its own."""
        at, of = turn
        for mark, id_ in zip(marks[at::of], itertools.cycle(self._ids)):
            sleep(max(0.0, began + (mark - marks.start) / rate - monotonic()))
            self._cursor.execute(self._change, f"mark-{mark}-", id_)
            committed[mark] = monotonic()
