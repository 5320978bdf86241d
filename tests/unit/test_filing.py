"""What could not be used is in the dead letters, whoever fails or dies on the way there."""

import threading
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from schemas import avro, topics
from schemas.codec import Decoder
from schemas.errors import RetryLater
from schemas.records import DeadLetter
from stream_app.sink.rows import refuse
from stream_app.sink.sink import Options, Sink
from stream_app.transport.fetched import Fetched
from stream_app.worker import burial, filing
from stream_app.worker.burial import Burial
from stream_app.worker.errors import KafkaDown
from stream_app.worker.filing import Counts, Filing
from stream_app.worker.folder import Folder
from stream_app.worker.turn import Turn
from tests.unified import Record, an_entry, batch, records, schema_of

SECONDS = 10
UNIFIED = topics.UNIFIED_ENTRIES.name
NOWHERE = {"bootstrap.servers": "127.0.0.1:1"}
# librdkafka's own broker, for tests, inside the client.
IN_MEMORY = {"bootstrap.servers": "", "test.mock.num.brokers": 1}
JUNK = [Record(0, b"nonsense", None), Record(1, b"2022-01-18/center_01/1", b"junk")]


def a_sink(folder, schema_of=schema_of):
    return Sink(
        Options(
            state=folder / "state",
            output=str(folder / "out"),
            formats=("csv",),
            partitions=2,
            topic_id="made once",
            kafka=NOWHERE,
            centers=(),
        ),
        schema_of,
    )


class Grave:
    """Takes dead letters, but for the first times; tells when there is one."""

    def __init__(self, *, refuses=0):
        self.offsets = []
        self.refusals = refuses
        self.refused = threading.Event()
        self.heard = threading.Event()

    def bury(self, letters, _stopped):
        if self.refusals:
            self.refusals -= 1
            self.refused.set()
            raise KafkaDown("nobody answers")
        self.offsets += [(letter.partition, letter.offset) for letter in letters]
        self.heard.set()


@contextmanager
def running(folder, sink, grave, *fetched):
    failures: list[BaseException] = []
    found = Filing(
        sink,
        Folder(folder, "here"),
        lambda: 0,
        grave.bury,
        held=lambda: None,
        failed=failures.append,
        cpu=Turn(),
        counts=Counts(),
    )
    for one in fetched:
        found.put(one)
    found.start({0: (0, 9), 1: (0, 9)})
    try:
        found.ready.result(SECONDS)
        yield found
    finally:
        found.stop()
        found.join()
    assert [] == failures


def test_a_dead_letter_outlives_a_partition_that_has_to_wait(tmp_path, monkeypatch):
    monkeypatch.setattr(filing, "RETRY_SECONDS", 0.01)
    answers = iter([RetryLater("the registry does not answer")])

    def flaky(id_):
        for error in answers:
            raise error
        return schema_of(id_)

    grave = Grave()
    sink = a_sink(tmp_path, flaky)
    at_once = (
        Fetched(UNIFIED, 0, JUNK[:1], 0, 1),
        Fetched(UNIFIED, 1, records(an_entry()), 0, 1),
    )
    with running(tmp_path, sink, grave, *at_once) as found:
        assert grave.heard.wait(SECONDS)

    assert [(0, 0)] == grave.offsets
    assert {0: 1, 1: 1} == found.offsets


def test_a_dead_letter_outlives_its_worker(tmp_path):
    dying = a_sink(tmp_path)
    dying.assign(0, 0)
    dying.take([batch(JUNK)])
    dying.revoke(0)

    for expected in ([(0, 0), (0, 1)], []):
        grave = Grave()
        with running(tmp_path, a_sink(tmp_path), grave) as found:
            assert not expected or grave.heard.wait(SECONDS)
            assert {0: 2, 1: 0} == found.offsets
        assert expected == grave.offsets


def test_while_nobody_takes_dead_letters_rows_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(filing, "BURY_SECONDS", 0.0)
    grave = Grave(refuses=1)
    junk = Fetched(UNIFIED, 0, JUNK, 0, 2)
    with running(tmp_path, a_sink(tmp_path), grave, junk) as found:
        assert grave.refused.wait(SECONDS)
        found.put(Fetched(UNIFIED, 1, records(an_entry()), 0, 1))
        assert grave.heard.wait(SECONDS)
    assert {0: 2, 1: 1} == found.offsets

    assert [(0, 0), (0, 1)] == grave.offsets


def test_what_is_kept_for_a_dead_letter_is_small_and_names_its_center(tmp_path):
    sink = a_sink(tmp_path)
    sink.assign(0, 0)
    long = b"2022-01-18/center_01/" + b"1" * 1_040_000
    keys = (None, b"", long)
    sink.take([batch([Record(at, key, b"junk") for at, key in enumerate(keys)])])

    assert [(None, None), (b"", None), (long[:1000], "center_01")] == [
        (found.key, found.place and found.place[1]) for found in sink.unburied()
    ]
    sink.revoke(0)


@pytest.fixture
def a_burial():
    made = []

    def make(options):
        made.append(Burial(options, 9, lambda: datetime(2022, 1, 18, tzinfo=UTC)))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_a_letter_is_buried_when_kafka_has_it(a_burial):
    buried = a_burial(IN_MEMORY)
    for offset in range(2):
        buried.bury([refuse(0, offset, b"nonsense", "invalid-key")], lambda: False)


@pytest.mark.parametrize("stopped", [True, False])
def test_a_letter_that_kafka_may_not_have_is_not_buried(a_burial, monkeypatch, stopped):
    monkeypatch.setattr(burial, "PATIENCE", 60.0 if stopped else 0.0)
    with pytest.raises(KafkaDown, match="does not answer"):
        a_burial(NOWHERE).bury([refuse(0, 0, None, "invalid-key")], lambda: stopped)


def test_a_letter_of_a_key_as_large_as_a_message_is_small(a_burial):
    decoder = Decoder(DeadLetter)
    decoder.learn(9, avro.load(DeadLetter))
    center = "c" * 1_040_000
    found = refuse(0, 7, f"2022-01-18/{center}/1".encode(), "undecodable")

    a_burial(IN_MEMORY).bury([found], lambda: False)
    key, value = a_burial(IN_MEMORY)._letter(found)
    letter = decoder.decode(value)
    assert ("2022-01-18/" + center)[:200] == letter.key == key.decode()
    assert center[:200] == letter.center_id
