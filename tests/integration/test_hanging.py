"""Transactions that the broker has lost are ended as what they were, and nothing is held back."""

import threading
import uuid
from dataclasses import replace
from typing import Any

import pytest

from producers.capture.checkpoint import Ground
from producers.capture.ends import UNCOMMITTED, Ends
from producers.capture.events import Message, headers
from producers.capture.feed import Contract, Feed
from producers.capture.publisher import Publisher
from producers.capture.readback import Readback
from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.records import Checkpoint, Command, Offset
from tests.hanging import hang
from tests.unit.test_capture_position import a_checkpoint

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

PARTITION = 12 - 1
ENCODE = Encoder(Checkpoint, 1).encode
CHECKPOINTS: Decoder[Checkpoint] = Decoder(Checkpoint)
CHECKPOINTS.learn(1, avro.load(Checkpoint))


@pytest.fixture(scope="module")
def kafka(stack: Any, services: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    return {"bootstrap.servers": services["kafka"]["address"]}


@pytest.fixture
def center() -> str:
    """Give a new center of the last partition."""
    while True:
        name = f"haengt_{uuid.uuid4().hex[:8]}"
        if topics.partition_of_center(name, 12) == PARTITION:
            return name


def opened(kafka: Any, center: str) -> Feed:
    """Take the center over as its capture does."""
    contract = Contract(kafka, 12, {Checkpoint: ENCODE}, CHECKPOINTS, Decoder(Command))
    ground = Ground(center, "", "", "instance")
    feed = Feed(contract, ground, threading.Event(), lambda *_: None)
    feed.open()
    return feed


def an_event(center: str, row: int, topic: Any = topics.CHART_ENTRIES) -> Message:
    return Message(topic.name, f"{center}/{row}".encode(), b"x", headers("insert", 1), "KARTEI", 1)


def a_checkpoint_of(center: str, version: int, **offsets: int) -> Any:
    found = tuple(
        Offset(f"chartfeed.{name.replace('_', '-')}", PARTITION, offset)
        for name, offset in offsets.items()
    )
    return replace(a_checkpoint(), center_id=center, version=version, offsets=found)


def as_message(checkpoint: Checkpoint) -> Message:
    key = checkpoint.center_id.encode()
    return Message(topics.CHECKPOINTS.name, key, ENCODE(checkpoint), (), "", 0)


def committed(kafka: Any, center: str, *messages: Message, version: int) -> Any:
    """Commit a transaction as it should be, and give its checkpoint."""
    publisher = Publisher(kafka, center, PARTITION, ENCODE)
    publisher.open()
    try:
        return publisher.commit(messages, a_checkpoint_of(center, version))
    finally:
        publisher.close()


def marked(kafka: Any, center: str, message: Message) -> None:
    """Commit a part of a transaction alone, as where only its markers arrived."""
    publisher = Publisher(kafka, center, PARTITION, ENCODE)
    publisher.open()
    try:
        publisher.settle([message], commit=True)
    finally:
        publisher.close()


def rows(kafka: Any, center: str, topic: Any = topics.CHART_ENTRIES) -> set[str]:
    found = Readback(kafka, PARTITION).keys(topic, f"{center}/".encode())
    return {key.decode().split("/")[1] for _, key in found}


def end_of(kafka: Any, topic: Any) -> int:
    return Ends(kafka).of([(topic.name, PARTITION)], UNCOMMITTED)[topic.name, PARTITION]


def test_one_of_which_nothing_was_marked_never_was(kafka: Any, center: str) -> None:
    before = committed(kafka, center, an_event(center, 1), version=10)
    at = end_of(kafka, topics.CHART_ENTRIES)
    lost = as_message(a_checkpoint_of(center, 11, chart_entries=at))
    hang(kafka["bootstrap.servers"], center, PARTITION, [an_event(center, 2), lost])

    feed = opened(kafka, center)

    assert before == feed.checkpoint
    assert {"1"} == rows(kafka, center)
    feed.commit([an_event(center, 3)], a_checkpoint_of(center, 12))
    assert {"1", "3"} == rows(kafka, center)
    feed.close()


def test_one_whose_events_were_marked_was_committed(kafka: Any, center: str) -> None:
    seen = committed(kafka, center, an_event(center, 1), version=10)
    [entries] = seen.offsets
    lost = a_checkpoint_of(center, 11, chart_entries=entries.offset + 2)
    marked(kafka, center, an_event(center, 2))
    assert entries.offset + 4 == end_of(kafka, topics.CHART_ENTRIES)
    hang(kafka["bootstrap.servers"], center, PARTITION, [as_message(lost)])

    feed = opened(kafka, center)

    assert lost == feed.checkpoint
    assert {"1", "2"} == rows(kafka, center)
    feed.close()


def test_events_that_a_checkpoint_covers_were_committed(kafka: Any, center: str) -> None:
    at = end_of(kafka, topics.SERVICES)
    event = an_event(center, 5, topics.SERVICES)
    hang(kafka["bootstrap.servers"], center, PARTITION, [event])
    covering = a_checkpoint_of(center, 10, services=at)
    marked(kafka, center, as_message(covering))

    feed = opened(kafka, center)

    assert covering == feed.checkpoint
    assert {"5"} == rows(kafka, center, topics.SERVICES)
    feed.close()


def test_events_that_no_checkpoint_covers_never_were(kafka: Any, center: str) -> None:
    before = committed(kafka, center, version=10)
    event = an_event(center, 5, topics.SERVICES)
    hang(kafka["bootstrap.servers"], center, PARTITION, [event])

    feed = opened(kafka, center)

    assert before == feed.checkpoint
    assert set() == rows(kafka, center, topics.SERVICES)
    feed.close()
