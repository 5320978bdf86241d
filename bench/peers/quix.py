"""The join written for quixstreams; prints how many events a second it takes, as JSON.

PYTHON bench/peers/quix.py BOOTSTRAP IDS BEFORE EVENTS FOLDER     (PYTHON: see requirements.lock)

Set for speed: a commit every ten seconds, lz4, at-least-once. State is keyed by the message's
key, so the keys are read as the center's name: no topic has to be written anew by another key,
which would halve the rate. State is in RocksDB with its changelog in Kafka, as it is by default.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from functools import reduce
from time import perf_counter, process_time
from typing import Any

from quixstreams import Application  # type: ignore[import-not-found] # another environment
from quixstreams.models import Deserializer, Serializer  # type: ignore[import-not-found]

from bench.peers.tables import TOPICS, Join


class Center(bytes):
    """A center's name, which remembers the whole key."""

    whole: bytes


class ByCenter(Deserializer):  # type: ignore[misc] # its base is not known here
    """Reads a key as that of its center's state."""

    def __call__(self, value: bytes, **_: Any) -> Center:
        found = Center(value.partition(b"/")[0])
        found.whole = value
        return found


class Row(Serializer):  # type: ignore[misc] # its base is not known here
    """Writes the value of a row, which is handed on with its key."""

    def __call__(self, value: tuple[bytes, bytes | None], **_: Any) -> bytes | None:
        return value[1]


class Table:
    """The join's tables as a center's state."""

    def __init__(self, state: Any) -> None:
        self._state = state

    def get(self, key: str) -> Any:
        return self._state.get(key)

    def put(self, key: str, value: Any) -> None:
        if value is None:
            self._state.delete(key)
        else:
            self._state.set(key, value)


def main() -> None:
    bootstrap, ids, before, events, folder = sys.argv[1:]
    warm, goal = int(before), int(before) + int(events)
    app = Application(
        broker_address=bootstrap,
        consumer_group="bench-quix",
        auto_offset_reset="earliest",
        commit_interval=10.0,
        processing_guarantee="at-least-once",
        state_dir=folder,
        producer_extra_config={"compression.type": "lz4", "linger.ms": 5},
        loglevel="WARNING",
    )
    out = app.topic("bench-quix-unified", key_serializer="bytes", value_serializer=Row())
    join = Join(json.loads(ids))
    done = 0
    began = 0.0, 0.0

    def dataframe(topic: str) -> Any:
        source = app.topic(topic, key_deserializer=ByCenter(), value_deserializer="bytes")
        named = app.dataframe(source)
        return named.apply(lambda value: (topic, value))

    def joined(
        found: tuple[str, bytes | None], key: Any, _timestamp: int, _headers: Any, state: Any
    ) -> Iterable[tuple[bytes, bytes | None]]:
        nonlocal done, began
        topic, value = found
        rows = list(join.apply(Table(state), topic, key.whole, value))
        done += 1
        if done == warm:
            began = perf_counter(), process_time()
        if done == goal:
            count = goal - warm
            measured = {
                "events": count,
                "per_second": count / (perf_counter() - began[0]),
                "per_cpu_second": count / (process_time() - began[1]),
            }
            print(json.dumps(measured), flush=True)
            os._exit(0)
        return rows

    frames = [dataframe(topic) for topic in TOPICS]
    whole = reduce(lambda one, other: one.concat(other), frames)
    rows = whole.apply(joined, stateful=True, expand=True, metadata=True)
    rows.to_topic(out, key=lambda row: row[0])
    app.run()


if __name__ == "__main__":
    main()
