"""One writer for each source partition, and nothing that it can't get rid of, on a real broker."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from schemas.tracing import Context
from stream_app.join import Outgoing, Parcel
from stream_app.join.publication import LARGEST
from stream_app.join.waiting import LONGEST_KEY
from stream_app.tracing import MOST
from stream_app.worker.errors import Fenced, KafkaDown
from stream_app.worker.sender import Sender

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PARTITION = 5
KEY = b"2022-01-18/center_01/1"


@pytest.fixture(scope="module")
def kafka(stack: Any, services: Any, chartfeed: Any) -> dict[str, Any]:
    chartfeed("topics", "create", home=stack)
    return {"bootstrap.servers": services["kafka"]["address"]}


@pytest.fixture
def topic(kafka: dict[str, Any]) -> str:
    name = f"sent-{uuid.uuid4().hex[:8]}"
    admin = AdminClient(kafka)
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(20)
    return name


@pytest.fixture
def a_sender(kafka: dict[str, Any]) -> Iterator[Callable[[str], Sender]]:
    made: list[Sender] = []

    def make(identity: str) -> Sender:
        made.append(Sender(kafka, PARTITION, identity))
        return made[-1]

    yield make
    for one in made:
        one.close()


def taken_over(sender: Sender) -> bool:
    """Open the output, however long a broker that has just begun takes for it."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return sender.open()
        except KafkaDown:
            assert time.monotonic() < deadline


def send(sender: Sender, topic: str, *values: bytes, **options: Any) -> None:
    rows = tuple(Outgoing(topic, 0, KEY, value) for value in values)
    sender.send(Parcel(rows, 1, progress=False), lambda _: (), **options)


def committed(kafka: dict[str, Any], topic: str) -> list[bytes | None]:
    """Read what everybody sees, to the end."""
    found: list[bytes | None] = []
    options: dict[str, Any] = {**kafka, "group.id": "seen", "enable.partition.eof": True}
    with closing(Consumer(options)) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
        while message := consumer.poll(20):
            error = message.error()
            if error is not None:
                assert KafkaError._PARTITION_EOF == error.code(), error
                return found
            found.append(message.value())
    raise AssertionError(f"{topic} was not read to its end")


def test_who_had_the_partition_before_sends_nothing_any_more(
    kafka: dict[str, Any], topic: str, a_sender: Callable[[str], Sender]
) -> None:
    older, newer = a_sender("older"), a_sender("newer")
    taken_over(older)
    send(older, topic, b"before")
    taken_over(newer)
    send(newer, topic, b"now")

    with pytest.raises(Fenced, match=f"partition {PARTITION}: fenced"):
        send(older, topic, b"old")

    assert [b"before", b"now"] == committed(kafka, topic)


def test_a_sender_says_whether_its_state_published_last(
    topic: str, a_sender: Callable[[str], Sender]
) -> None:
    older, newer = a_sender("older"), a_sender("newer")
    taken_over(older)
    send(older, topic, b"1")
    assert taken_over(older)

    assert not taken_over(newer), "another state published last"
    assert taken_over(older), "the newer one sent nothing"
    taken_over(newer)
    send(newer, topic, b"2")
    assert not taken_over(older)
    assert taken_over(newer)


def test_the_largest_row_that_the_join_makes_is_taken_with_a_thousand_traces(
    kafka: dict[str, Any], topic: str, a_sender: Callable[[str], Sender]
) -> None:
    key = KEY.ljust(len("2022-01-18/") + LONGEST_KEY, b"1")
    row = b"x" * (LARGEST + 25)  # With the header, and what stands behind the content.
    trace = Context(2**128 - 1, 2**64 - 1).header()
    sender = a_sender("any")
    taken_over(sender)
    parcel = Parcel((Outgoing(topic, 0, key, row),), 1, progress=False)

    sender.send(parcel, lambda _: (), {b"center_01": [trace] * MOST})

    assert [row] == committed(kafka, topic)


def test_a_row_that_is_too_large_all_the_same_is_named_as_the_reason(
    topic: str, a_sender: Callable[[str], Sender]
) -> None:
    sender = a_sender("any")
    taken_over(sender)

    with pytest.raises(KafkaDown, match="too large") as raised:
        send(sender, topic, b"x" * 1_000_001)

    assert "message.max.bytes" in (raised.value.hint or "")
