"""From a commit at the source until its event can be read with read_committed."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Self

import pyodbc
from confluent_kafka import Consumer, TopicPartition

from bench._rig import Sources
from deploy.local.practices import Practice
from producers.capture.publisher import Options
from producers.connection import connect
from producers.quoting import name, qualified
from schemas import topics

__all__ = ["Latencies", "latencies", "quantile"]

MARK = re.compile(rb"mark-(\d+)-")
WARM_RATE = 30.0
PATIENCE = 30.0


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


def latencies(
    found: Sources, kafka: Options, partitions: int, *, rate: float, seconds: float
) -> Latencies:
    """Change one row after the other, of all centers in turn, and give the seconds of each."""
    committed: dict[int, float] = {}
    seen: dict[int, float] = {}
    ready, stop = threading.Event(), threading.Event()

    def read() -> None:
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
                at = TopicPartition(topics.CHART_ENTRIES.name, partition)
                at.offset = consumer.get_watermark_offsets(at, timeout=10)[1]
                ends.append(at)
            consumer.assign(ends)
            ready.set()
            while not stop.is_set():
                for message in consumer.consume(500, timeout=0.02):
                    now = monotonic()
                    match = MARK.search(message.value() or b"")
                    if match:
                        seen.setdefault(int(match[1]), now)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    ready.wait(30)
    with ExitStack() as stack, ThreadPoolExecutor(len(found.planned)) as pool:
        # All are logged in before the first begins: to log in costs more than to change a row.
        writers = [
            _Writer(found, practice, stack.enter_context(closing(connect(found.login(practice)))))
            for practice in found.planned
        ]
        # The first change of each is not counted: the stand-in translates a statement when it comes
        # for the first time, which a server that is in use has done long ago.
        first = range(len(writers))
        measured = range(first.stop, first.stop + int(rate * seconds))
        for marks, pace in ((first, WARM_RATE), (measured, rate)):
            began = monotonic() + 1
            done = [
                pool.submit(writer.write, began, marks, (at, len(writers)), pace, committed)
                for at, writer in enumerate(writers)
            ]
            for each in done:
                each.result()
            _wait_for(seen, committed)
    stop.set()
    reader.join()
    return Latencies.of(committed, seen, measured)


def _wait_for(seen: Mapping[int, float], committed: Mapping[int, float]) -> None:
    deadline = monotonic() + PATIENCE
    while len(seen) < len(committed):
        if monotonic() > deadline:
            missing = len(committed) - len(seen)
            raise RuntimeError(f"{missing} of {len(committed)} events never came")
        sleep(0.1)


class _Writer:
    """Changes the rows of one practice, on one connection."""

    def __init__(self, found: Sources, practice: Practice, connection: pyodbc.Connection) -> None:
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
