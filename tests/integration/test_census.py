"""Which centers have events in a partition is found by reading it once for all of them."""

import uuid
from typing import Any

import pytest
from confluent_kafka import Producer

from chartfeed import settings as configuration
from chartfeed.produce import contract
from producers.capture.census import Census
from producers.capture.readback import Readback
from schemas import topics

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(60)]


class Counting(Readback):
    """Reads back, and counts what it has read."""

    count = 0

    def messages(self, topic: Any, start: int, end: int, isolation: str = "read_committed") -> Any:
        for message in super().messages(topic, start, end, isolation):
            self.count += 1
            yield message


@pytest.fixture(scope="module")
def side(stack: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    return contract(configuration.load(stack / "chartfeed.yml"))


def put(side: Any, partition: int, *keys: str, topic: Any = topics.SERVICES) -> None:
    producer = Producer(dict(side.kafka))
    for key in keys:
        producer.produce(topic.name, b"x", key.encode(), partition)
    assert 0 == producer.flush(10)


def test_a_center_is_found_by_any_event_and_one_that_is_named_like_it_is_not(side: Any) -> None:
    first, partition = f"c-{uuid.uuid4().hex[:6]}", 5
    readback = Readback(side.kafka, partition)
    census = Census()

    assert not census.has(first, readback)
    put(side, partition, f"{first}/17")
    assert census.has(first, readback)
    assert not census.has(first[:-1], readback)


def test_a_partition_is_read_once_and_then_what_is_new(side: Any) -> None:
    one, other, partition = f"c-{uuid.uuid4().hex[:6]}", f"c-{uuid.uuid4().hex[:6]}", 5
    put(side, partition, *(f"{one}/{number}" for number in range(50)))
    readback = Counting(side.kafka, partition)
    census = Census()

    assert census.has(one, readback)
    before = readback.count
    assert before >= 50
    assert not census.has(other, readback)
    assert before == readback.count
    put(side, partition, f"{other}/1", topic=topics.INSURERS)
    assert census.has(other, readback)
    assert before + 1 == readback.count
