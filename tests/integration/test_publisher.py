"""One writer per center, and nothing seen that was not committed, on a real broker."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from producers.capture.errors import Fenced, KafkaDown, Unpublished
from producers.capture.events import Message, headers
from producers.capture.publisher import Publisher, transactional_id
from producers.capture.readback import Readback
from producers.registry import Registry, Unregistered
from schemas import avro, topics
from schemas.codec import Decoder, Encoder
from schemas.compatibility import breaks
from schemas.errors import Failed, Outside
from schemas.records import Checkpoint
from schemas.subjects import RECORDS
from tests.unit.test_capture_position import a_checkpoint

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
ENCODE = Encoder(Checkpoint, 1).encode
PARTITION = 3


@pytest.fixture(scope="session")
def kafka(stack: Any, services: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    return {"bootstrap.servers": services["kafka"]["address"]}


@pytest.fixture
def center() -> Any:
    return f"center_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def publisher(kafka: Any, center: Any) -> Any:
    made = []

    def make(**options: Any) -> Any:
        made.append(Publisher(kafka | options, center, PARTITION, ENCODE))
        made[-1].open()
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def readback(kafka: Any) -> Any:
    return Readback(kafka, PARTITION)


def events(center: Any, *values: Any, topic: Any = topics.CHART_ENTRIES) -> Any:
    return [
        Message(topic.name, f"{center}/{value}".encode(), b"x", headers("insert", 1), "KARTEI", 1)
        for value in values
    ]


def checkpoint_of(center: Any, version: Any = 10) -> Any:
    return replace(a_checkpoint(), center_id=center, version=version)


def last_checkpoint(readback: Any, center: Any) -> Any:
    decoder = Decoder(Checkpoint)
    decoder.learn(1, avro.load(Checkpoint))
    value = readback.last(topics.CHECKPOINTS, center.encode())
    return None if value is None else decoder.decode(value)


def seen(readback: Any, center: Any, topic: Any = topics.CHART_ENTRIES) -> Any:
    return {key.decode().split("/")[1] for _, key in readback.keys(topic, f"{center}/".encode())}


def test_what_is_read_back_is_what_was_committed(
    publisher: Any, readback: Any, center: Any
) -> None:
    first = publisher()
    assert last_checkpoint(readback, center) is None

    written = first.commit(events(center, 1, 2), checkpoint_of(center))
    kept = first.commit(events(center, 3, topic=topics.SERVICES), written)

    assert kept == last_checkpoint(readback, center)
    assert {"1", "2"} == seen(readback, center)
    # An offset says where a topic's events end, whether this transaction added any or not.
    assert {topics.CHART_ENTRIES.name, topics.SERVICES.name} == {at.topic for at in kept.offsets}
    assert set(written.offsets) < set(kept.offsets)


def test_a_checkpoint_is_found_behind_thousands_of_others_records(
    publisher: Any, readback: Any, center: Any, kafka: Any
) -> None:
    written = publisher().commit([], checkpoint_of(center))
    others = Producer(kafka)
    for _ in range(3000):
        others.produce(topics.CHECKPOINTS.name, key=b"other", value=b"", partition=PARTITION)
    others.flush(20)

    assert written == last_checkpoint(readback, center)


def test_the_second_producer_fences_the_first(publisher: Any, readback: Any, center: Any) -> None:
    first = publisher()
    first.commit(events(center, 1), checkpoint_of(center))

    second = publisher()

    with pytest.raises(Fenced):
        first.commit(events(center, 3), checkpoint_of(center, 11))
    assert 10 == last_checkpoint(readback, center).version
    second.commit(events(center, 4), checkpoint_of(center, 12))
    assert {"1", "4"} == seen(readback, center)
    assert 12 == last_checkpoint(readback, center).version


def test_what_an_older_producer_left_open_is_never_seen(
    publisher: Any, readback: Any, center: Any, kafka: Any
) -> None:
    older = Producer(kafka | {"transactional.id": transactional_id(center)})
    older.init_transactions(20)
    older.begin_transaction()
    older.produce(topics.CHART_ENTRIES.name, key=f"{center}/2", value=b"x", partition=PARTITION)
    older.flush(10)

    publisher().commit(events(center, 4), checkpoint_of(center))

    assert {"4"} == seen(readback, center)


def test_an_event_that_kafka_refuses_takes_its_whole_transaction_with_it(
    publisher: Any, readback: Any, center: Any
) -> None:
    first = publisher()
    messages = events(center, 1, 2)
    messages[0] = replace(messages[0], value=b"x" * 2_000_000)

    with pytest.raises((Unpublished, ValueError)):
        first.commit(messages, checkpoint_of(center))
    first.close()

    second = publisher()
    second.commit(events(center, 3), checkpoint_of(center))
    assert {"3"} == seen(readback, center)


def test_a_newer_checkpoint_behind_anothers_open_transaction_is_waited_for(
    publisher: Any, readback: Any, center: Any, kafka: Any
) -> None:
    """The last stable offset would show the old position, and events would be sent twice."""
    ours = publisher()
    ours.commit([], checkpoint_of(center, 10))
    other = Producer(kafka | {"transactional.id": f"other-{center}"})
    other.init_transactions(20)
    other.begin_transaction()
    other.produce(topics.CHECKPOINTS.name, key=b"other", value=b"x", partition=PARTITION)
    other.flush(10)
    ours.commit([], checkpoint_of(center, 11))

    found = []
    reading = threading.Thread(target=lambda: found.append(last_checkpoint(readback, center)))
    reading.start()
    reading.join(1.5)
    assert reading.is_alive(), "it settled for what can be seen"
    other.abort_transaction(20)
    reading.join(30)

    assert [11] == [checkpoint.version for checkpoint in found]


CRASHING = """
    import os, signal, sys
    from dataclasses import replace
    from confluent_kafka import Producer
    from tests.integration.test_publisher import ENCODE, PARTITION, Publisher
    from tests.integration.test_publisher import checkpoint_of, events
    bootstrap, center, step = sys.argv[1:]
    kafka = {"bootstrap.servers": bootstrap}
    publisher = Publisher(kafka, center, PARTITION, ENCODE)
    publisher.open()
    written = publisher.commit(events(center, "old"), checkpoint_of(center, 1))

    class Dying:
        def __init__(self, producer):
            self.producer = producer
        def __getattr__(self, name):
            def call(*arguments, **options):
                if step == f"before {name}":
                    os.kill(os.getpid(), signal.SIGKILL)
                found = getattr(self.producer, name)(*arguments, **options)
                if step == f"after {name}":
                    os.kill(os.getpid(), signal.SIGKILL)
                return found
            return call

    publisher._producer = Dying(publisher._producer)
    publisher.commit(events(center, "new", "newer"), replace(written, version=2))
"""
STEPS = {
    "before begin_transaction": 1,
    "after begin_transaction": 1,
    "after produce": 1,
    "after flush": 1,
    "before commit_transaction": 1,
    "after commit_transaction": 2,
}


@pytest.mark.parametrize("step", STEPS)
def test_after_a_kill_events_and_position_are_both_there_or_both_not(
    publisher: Any, readback: Any, center: Any, kafka: Any, step: Any
) -> None:
    died = subprocess.run(
        [
            sys.executable,
            "-c",
            textwrap.dedent(CRASHING),
            kafka["bootstrap.servers"],
            center,
            step,
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
        capture_output=True,
    )
    assert -signal.SIGKILL == died.returncode, died.stderr.decode()

    next_ = publisher()

    assert STEPS[step] == last_checkpoint(readback, center).version
    expected = {"old"} | ({"new", "newer"} if STEPS[step] == 2 else set())
    assert expected == seen(readback, center)
    next_.commit(events(center, "last"), checkpoint_of(center, 3))
    assert 3 == last_checkpoint(readback, center).version


def test_a_broker_that_does_not_answer_is_told_as_such(center: Any) -> None:
    nowhere: Any = {"bootstrap.servers": "127.0.0.1:9", "socket.connection.setup.timeout.ms": 1000}
    publisher = Publisher(nowhere, center, PARTITION, ENCODE)

    began = time.monotonic()
    with pytest.raises(KafkaDown):
        publisher.open()
    publisher.close()
    assert time.monotonic() - began < 30


def test_no_configuration_takes_the_guarantees_away(kafka: Any, center: Any) -> None:
    loose = {"enable.idempotence": False, "transactional.id": "mine", "transaction.timeout.ms": 1}
    publisher = Publisher(kafka | loose, center, PARTITION, ENCODE)

    assert transactional_id(center) == publisher._settings["transactional.id"]
    assert publisher._settings["enable.idempotence"]


def test_schemas_are_registered_once_and_found_by_id(services: Any) -> None:
    registry = Registry(services["registry"]["address"])

    ids = {topic: registry.register(topic) for topic in RECORDS}

    assert ids == {topic: registry.register(topic) for topic in RECORDS}
    assert ids == {topic: registry.id_of(topic) for topic in RECORDS}
    assert len(set(ids.values())) == len(RECORDS)
    for topic, record in RECORDS.items():
        ours, theirs = avro.load(record), registry.schema(ids[topic])
        assert [] == breaks(ours, theirs) == breaks(theirs, ours)
        assert theirs == registry.latest(topic)


def test_a_schema_that_is_not_registered_names_the_next_command(
    services: Any, monkeypatch: Any
) -> None:
    registry = Registry(services["registry"]["address"])
    changed = avro.text(RECORDS[topics.PROGRESS]).replace('"applied_at"', '"applied"')
    monkeypatch.setattr(avro, "text", lambda _record: changed)

    with pytest.raises(Unregistered, match="chartfeed schemas register"):
        registry.id_of(topics.PROGRESS)


def test_a_schema_that_old_values_do_not_fit_is_refused(services: Any, monkeypatch: Any) -> None:
    registry = Registry(services["registry"]["address"])
    registry.register(topics.COMMANDS)
    changed = avro.text(RECORDS[topics.COMMANDS]).replace('"command_id"', '"other_id"')
    monkeypatch.setattr(avro, "text", lambda _record: changed)

    with pytest.raises(Failed, match="not BACKWARD compatible"):
        registry.register(topics.COMMANDS)


def test_a_registry_that_does_not_answer_is_told_with_the_next_command() -> None:
    with pytest.raises(Outside, match="chartfeed local up registry"):
        Registry("http://127.0.0.1:9/x").id_of(topics.COMMANDS)
