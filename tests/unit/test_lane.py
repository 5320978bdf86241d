"""A lane waits for the registry alone: the others, and the files, go on."""

import threading

import pytest

from schemas.errors import RetryLater
from schemas.records import ChartEntry, UnifiedEntry
from stream_app.join import TOPICS
from stream_app.transport.fetched import Fetched
from stream_app.worker.counts import Counts
from stream_app.worker.lane import Lane, Shared
from stream_app.worker.published import LENGTHS, Spool
from stream_app.worker.turn import Turn
from tests.factories import a_unified_entry
from tests.naive_join import ENCODERS, ENTRIES, NAMES, SCHEMA_IDS, SCHEMAS, Source, a_contract
from tests.unit.test_join import an_entry
from tests.unit.test_turn import SECONDS, taken_elsewhere

CENTER = next(iter(NAMES))


class Registry:
    """One that does not know an id's schema until it is `back`: it hangs, or refuses."""

    def __init__(self, id_, *, hangs):
        self._id = id_
        self._hangs = hangs
        self.asked = threading.Event()
        self.back = threading.Event()

    def schema_of(self, id_):
        if id_ == self._id and not self.back.is_set():
            self.asked.set()
            if not self._hangs or not self.back.wait(SECONDS):
                raise RetryLater("the registry does not answer")
        return SCHEMAS.get(id_)


class Published:
    """In Kafka's place: what another worker published, one row in a spool."""

    def __init__(self, folder):
        value = ENCODERS[UnifiedEntry].encode(a_unified_entry())
        self._spool = Spool(folder / "published-0.spool", {})
        self._spool.path.write_bytes(LENGTHS.pack(3, len(value)) + b"key" + value)

    def ask(self, _partition, _stopped):
        return self._spool

    def forget(self, _partition):
        """Nobody else reads it."""


class Sender:
    """In Kafka's place: takes all that is sent, and tells when there was something."""

    def __init__(self):
        self.keys = []
        self.sent = threading.Event()

    def open(self):
        return True

    def close(self):
        """There is nothing to close."""

    def send(self, parcel, progress, _marks):
        self.keys += [message.key for message in parcel.rows]
        ends = {0: len(self.keys) - 1} if self.keys else {}
        progress(ends)
        self.sent.set()
        return ends


@pytest.mark.parametrize("hangs", [True, False])
@pytest.mark.parametrize("record", [ChartEntry, UnifiedEntry])
def test_while_a_lane_waits_for_the_registry_others_have_the_turn(tmp_path, record, hangs):
    turn, sender = Turn(1), Sender()
    failures: list[BaseException] = []
    registry = Registry(SCHEMA_IDS[record], hangs=hangs)
    source = Source()
    source.commit(CENTER, [(ENTRIES, 1, an_entry())])
    lane = Lane(
        tmp_path / "join-0.sqlite",
        a_contract(schema_of=turn.outside(registry.schema_of)),
        sender,  # type: ignore[arg-type]  # no broker here
        Shared(
            published=Published(tmp_path),  # type: ignore[arg-type]  # no broker here
            still_member=lambda: True,
            held=lambda: None,
            failed=failures.append,
            records=1000,
            cpu=turn,
        ),
        {topic: (0, source.ends[topic]) for topic in TOPICS},
        counts=Counts(),
    )
    lane.start()
    try:
        assert lane.ready.result(SECONDS) == dict.fromkeys(TOPICS, 0)
        for topic in TOPICS:
            batch = source.batch(topic, 0, 100)
            lane.put(Fetched(topic, 0, batch.records, 0, batch.position))
        assert registry.asked.wait(SECONDS)

        had, other = taken_elsewhere(turn, within=SECONDS / 2)
        assert had, "everybody waited for the registry"
        other.join(SECONDS)
        assert not sender.sent.is_set()

        registry.back.set()
        assert sender.sent.wait(SECONDS)
    finally:
        registry.back.set()
        lane.stop()
        assert lane.join(SECONDS)
    assert [] == failures
    assert 1 == len(sender.keys)
