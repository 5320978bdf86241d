"""Days that wait to be written, found on a real broker."""

from datetime import UTC, date, datetime, timedelta

import pytest
from confluent_kafka import Producer

from chartfeed.reconcile import unwritten as reconcile_unwritten
from chartfeed.reconcile.unwritten import unwritten
from producers.capture.errors import KafkaDown
from schemas import topics
from stream_app.files import day as files
from stream_app.files.manifest import Position
from stream_app.files.rendering import manifest_name
from stream_app.files.targets import Folder

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

PARTITIONS = 12
# Days that no other test has.
FIRST = date(1931, 3, 1)
DAYS = [
    day
    for day in (FIRST + timedelta(days=number) for number in range(400))
    if topics.partition_of_day(day, PARTITIONS) == topics.partition_of_day(FIRST, PARTITIONS)
]


@pytest.fixture(scope="module")
def kafka(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    return {"bootstrap.servers": services["kafka"]["address"]}


@pytest.fixture
def publish(kafka):
    """Give what publishes a tombstone of a day, and says where it is."""
    producer = Producer({**kafka, "transactional.id": "test-unwritten"})
    producer.init_transactions(20)

    def send(day, *, commit=True):
        found = []
        producer.begin_transaction()
        producer.produce(
            topics.UNIFIED_ENTRIES.name,
            None,
            topics.unified_key(day, "center_01", 1),
            topics.partition_of_day(day, PARTITIONS),
            lambda _, message: found.append(message.offset()),
        )
        producer.flush(20)
        producer.commit_transaction(20) if commit else producer.abort_transaction(20)
        return found[0]

    return send


def write(target, day, offset):
    files.write_entries(
        target,
        day,
        [],
        formats=("csv",),
        centers=[],
        written_at=datetime.now(UTC),
        generation=1,
        position=Position(topics.partition_of_day(day, PARTITIONS), offset),
    )


def test_days_whose_files_show_less_than_the_topic_holds_wait(kafka, publish, tmp_path):
    shown, late, absent, broken, none = DAYS[:5]
    target = Folder(tmp_path)
    start = publish(shown)
    for day in (late, absent, broken):
        publish(day)
    publish(shown, commit=False)
    write(target, shown, start + 1)
    write(target, late, start)
    target.replace(manifest_name(broken), [b"{"])

    found = unwritten(kafka, PARTITIONS, target, [shown, late, absent, broken, none])

    assert {late, absent} == found
    assert frozenset() == unwritten(kafka, PARTITIONS, target, [shown])


def test_a_broker_that_does_not_say_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(reconcile_unwritten, "REQUEST_SECONDS", 0.5)
    nowhere = {"bootstrap.servers": "127.0.0.1:1"}

    with pytest.raises(KafkaDown, match=r"Kafka at 127\.0\.0\.1:1"):
        unwritten(nowhere, PARTITIONS, Folder(tmp_path), [FIRST])
