"""What was published is read back while the registry comes and goes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import pytest
from confluent_kafka import KafkaError

from schemas import avro, topics
from schemas.codec import Encoder
from schemas.errors import RetryLater
from schemas.records import UnifiedEntry
from stream_app.worker import published
from stream_app.worker.errors import LetGo
from stream_app.worker.folder import Folder
from stream_app.worker.published import LENGTHS, Published, Spool
from tests.factories import a_unified_entry

ROW = a_unified_entry()


@pytest.fixture
def spool(tmp_path):
    value = Encoder(UnifiedEntry, 6).encode(ROW)
    path = tmp_path / "published.spool"
    path.write_bytes(LENGTHS.pack(3, len(value)) + b"key" + value)
    return Spool(path, {})


class Registry:
    """One that is down for so many questions."""

    def __init__(self, down):
        self.down = down

    def schema_of(self, _id):
        if self.down:
            self.down -= 1
            raise RetryLater("the registry is down")
        return avro.load(UnifiedEntry)


def test_a_registry_that_is_down_is_waited_for(spool):
    waits = []

    def wait(seconds):
        waits.append(seconds)
        return False

    found = spool.records(Registry(3).schema_of, wait)
    assert [(b"key", ROW)] == list(found)
    assert 3 == len(waits)


def test_nobody_waits_for_a_registry_who_is_told_to_stop(spool):
    with pytest.raises(LetGo):
        list(spool.records(Registry(3).schema_of, lambda _: True))


def test_a_row_of_a_schema_that_is_none_is_as_good_as_none(spool):
    found = spool.records(lambda _: 'syntax = "proto3"; message Row {}', lambda _: True)
    assert [(b"key", None)] == list(found)


class Topic:
    """A consumer of unified-entries with three rows, of which it gives one at a time."""

    def __init__(self, *_arguments, **_options):
        self._left = [Message(offset) for offset in range(3)]

    def get_watermark_offsets(self, _at, timeout):
        del timeout
        return 0, len(self._left)

    def assign(self, places):
        """Read the one partition that there is."""

    def consume(self, _count, timeout):
        del timeout
        return [self._left.pop(0) if self._left else Message(3, End())]

    def close(self):
        """There is nothing to close."""


@dataclass(frozen=True)
class Message:
    at: int
    failed: object = None

    def error(self):
        return self.failed

    def partition(self):
        return 0

    def offset(self):
        return self.at

    def key(self):
        return b"2022-01-18/center_01/%d" % self.at

    def value(self):
        return b"row"


class End:
    def code(self):
        return KafkaError._PARTITION_EOF


def keys_in(spool):
    return [key for key, _ in spool.records(lambda _: None, lambda _: True)]


def test_what_was_read_half_when_told_to_stop_counts_for_nobody(tmp_path, monkeypatch):
    monkeypatch.setattr(published, "Consumer", Topic)
    reading = Published({}, 1, Folder(tmp_path, "one"))
    home = topics.partition_of_center("center_01", 1)
    others = home + 1
    for number in (home, others):
        reading.register(number)
    waits, stopped, found = threading.Event(), iter([False, False]), []

    def goes_on():
        waits.set()
        return False

    waiting = threading.Thread(target=lambda: found.append(reading.ask(home, goes_on)))
    waiting.start()
    assert waits.wait(10)
    # Told to stop when one row has been read.
    assert reading.ask(others, lambda: next(stopped, True)) is None
    reading.forget(others)
    waiting.join(10)

    assert [b"2022-01-18/center_01/%d" % row for row in range(3)] == keys_in(found[0])
    assert not Folder(tmp_path, "one").spool(others).exists()
    reading.forget(home)
    assert [] == list(tmp_path.iterdir())
