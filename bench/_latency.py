"""From a commit at the source until its event can be read with read_committed."""

from __future__ import annotations

import itertools
import re
import threading
from contextlib import closing
from time import monotonic, sleep

import pyodbc
from confluent_kafka import Consumer, TopicPartition

from bench._rig import Sources
from deploy.local.practices import Practice
from producers.capture.publisher import Options
from producers.connection import connect
from producers.quoting import name, qualified
from schemas import topics

__all__ = ["latencies", "quantile"]

MARK = re.compile(rb"mark-(\d+)-")


def quantile(values: list[float], share: float) -> float:
    """Give the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def latencies(
    found: Sources, kafka: Options, partitions: int, *, rate: float, seconds: float
) -> list[float]:
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
    sleep(1)
    writers = [
        threading.Thread(
            target=_write,
            args=(found, practice, at),
            kwargs={"rate": rate, "seconds": seconds, "committed": committed},
            daemon=True,
        )
        for at, practice in enumerate(found.planned)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    deadline = monotonic() + 15
    while len(seen) < len(committed) and monotonic() < deadline:
        sleep(0.1)
    stop.set()
    reader.join()
    if len(seen) < len(committed):
        raise RuntimeError(f"{len(committed) - len(seen)} of {len(committed)} events never came")
    return [seen[mark] - at for mark, at in committed.items()]


def _write(
    found: Sources,
    practice: Practice,
    at: int,
    *,
    rate: float,
    seconds: float,
    committed: dict[int, float],
) -> None:
    mapping, of = found.mappings[practice.center_id], len(found.planned)
    table = qualified(mapping.schema_name(), mapping.table("KARTEI"))
    text = name(mapping.column("KARTEI", "BEMERKUNG"))
    live = name(mapping.column("KARTEI", "DELKZ"))
    with closing(connect(found.login(practice))) as connection:
        ids = _ids(connection, f"SELECT TOP (200) ID FROM {table} WHERE {live} = 0 ORDER BY ID")
        cursor = connection.cursor()
        began = monotonic()
        for number, id_ in zip(itertools.count(), itertools.cycle(ids)):
            due = (number * of + at) / rate
            if due >= seconds:
                return
            sleep(max(0.0, began + due - monotonic()))
            mark = number * of + at
            cursor.execute(f"UPDATE {table} SET {text} = ? WHERE ID = ?", f"mark-{mark}-", id_)
            committed[mark] = monotonic()


def _ids(connection: pyodbc.Connection, sql: str) -> list[int]:
    return [row[0] for row in connection.execute(sql).fetchall()]
