"""What follows the centers in Kafka, where nobody answers."""

import socket
import threading
import time

import pytest

from schemas import avro, topics
from schemas.codec import Encoder
from schemas.records import CenterStatus, Progress
from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.watcher import PATIENCE, Watcher
from tests.unit.test_sink_claims import a_progress, a_status

SECONDS = 10


class Message:
    """A record of a topic, as the client hands it over."""

    def __init__(self, topic, record):
        self._topic = topic
        self._value = Encoder(type(record), 7).encode(record)

    def topic(self):
        return self._topic.name

    def value(self):
        return self._value


def test_whoever_leaves_does_not_wait_for_a_broker_that_says_nothing():
    claims = Claims((KnownCenter("center_01", "Praxis Süd"),))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kafka = {"bootstrap.servers": f"127.0.0.1:{silent.getsockname()[1]}"}
        watcher = Watcher(kafka, 1, claims, lambda _id: None)
        watcher.start()
        assert not watcher.wait_loaded(0.5)
        began = time.monotonic()
        watcher.close()

    assert time.monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize(
    ("topic", "record"),
    [(topics.PROGRESS, a_progress()), (topics.CENTER_STATUS, a_status())],
)
def test_whoever_asks_for_claims_does_not_wait_for_a_registry_that_hangs(topic, record):
    asked, back = threading.Event(), threading.Event()

    def hanging(_id):
        asked.set()
        assert back.wait(SECONDS)
        return avro.load(Progress if topic is topics.PROGRESS else CenterStatus)

    claims = Claims((KnownCenter("center_01", "Praxis Süd"),))
    watcher = Watcher({}, 1, claims, hanging)
    reading = threading.Thread(target=watcher._take, args=(Message(topic, record),))
    reading.start()
    try:
        assert asked.wait(SECONDS)
        began = time.monotonic()
        assert ["center_01"] == [line.center_id for line in watcher.lines({}, 0, 0)]
        assert time.monotonic() - began < SECONDS / 2
    finally:
        back.set()
        reading.join(SECONDS)
