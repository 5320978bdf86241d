"""The join written with Faust Tables; prints how many events a second it takes, as JSON.

python bench/peers/faust_tables.py BOOTSTRAP IDS BEFORE EVENTS FOLDER

Set for speed: tables in memory (their changelogs in Kafka, as Faust has it), no acknowledgement
waited for, large buffers, lz4, a commit every ten seconds, no web server, no declaring of topics
that are there. One agent reads the four topics, and decodes as the worker's join does.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import faust
from faust.transport.producer import ProducerBuffer

from bench.peers.tables import TOPICS, Join


class Table:
    """The join's tables as one of Faust's."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def get(self, key: str) -> Any:
        return self._table.get(key)

    def put(self, key: str, value: Any) -> None:
        if value is None:
            self._table.pop(key, None)
        else:
            self._table[key] = value


def main() -> None:
    bootstrap, ids, before, events, folder = sys.argv[1:]
    warm, goal = int(before), int(before) + int(events)
    # Faust waits at each message while a hundred are under way, unless it is told otherwise.
    ProducerBuffer.max_messages = 10_000
    app = faust.App(
        "bench-faust",
        broker=f"kafka://{bootstrap}",
        datadir=Path(folder),
        store="memory://",
        autodiscover=False,
        web_enabled=False,
        topic_partitions=12,
        topic_disable_leader=True,
        stream_buffer_maxsize=65_536,
        stream_wait_empty=False,
        broker_commit_interval=10.0,
        producer_linger=0.005,
        producer_compression_type="lz4",
        producer_max_batch_size=1_000_000,
        producer_acks=1,
    )
    source = app.topic(
        *TOPICS,
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
    )
    unified = app.topic("bench-faust-unified", partitions=12)
    table = Table(app.Table("join", key_type=str, partitions=12))
    join = Join(json.loads(ids))
    done = 0
    began = 0.0, 0.0

    @app.agent(source)
    async def joins(stream: Any) -> None:
        nonlocal done, began
        async for event in stream.events():
            for key, value in join.apply(table, event.message.topic, event.key, event.value):
                _ = await unified.send(
                    key=key, value=value, key_serializer="raw", value_serializer="raw"
                )
            done += 1
            if done == warm:
                began = perf_counter(), process_time()
            if done == goal:
                count = goal - warm
                found = {
                    "events": count,
                    "per_second": count / (perf_counter() - began[0]),
                    "per_cpu_second": count / (process_time() - began[1]),
                }
                # What is printed as usual goes to the worker's log.
                print(json.dumps(found), file=sys.__stdout__, flush=True)
                os._exit(0)

    worker = faust.Worker(app, loglevel="WARN", loop=asyncio.new_event_loop())
    worker.execute_from_commandline()


if __name__ == "__main__":
    main()
