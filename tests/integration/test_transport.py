"""What we change in Faust, on a real broker: it fails here where an upgrade breaks it."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]


class Worker:
    """A process that records what it is handed."""

    def __init__(self, given):
        self.given = given
        self.out = Path(given["out"])
        with self.out.with_suffix(".log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.recording_worker", json.dumps(given)],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )

    def said(self, event):
        lines = self.out.read_text().splitlines() if self.out.exists() else []
        return [line for line in map(json.loads, lines) if line["event"] == event]

    def partitions(self):
        taken = self.said("take over")
        return {tuple(at) for at in taken[-1]["partitions"]} if taken else set()

    @property
    def keys(self):
        return [key for batch in self.said("batch") for key in batch["keys"]]

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(20)


def until(condition, seconds=40.0):
    """Wait for what another process does; there is no event to wait for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
    return found


@pytest.fixture(scope="session")
def kafka(services):
    return services["kafka"]["address"]


@pytest.fixture
def topics(kafka):
    """Make topics of this test's own, each with six partitions."""
    names = [f"{uuid.uuid4().hex[:8]}-{name}" for name in ("entries", "links", "checkpoints")]
    admin = AdminClient({"bootstrap.servers": kafka})
    made = admin.create_topics(
        [NewTopic(name, num_partitions=6, replication_factor=1) for name in names]
    )
    for answer in made.values():
        answer.result(20)
    return names


@pytest.fixture
def worker(kafka, topics, tmp_path):
    started: list[Worker] = []
    group = f"test-{uuid.uuid4().hex[:8]}"

    def start(name="one", **changes):
        given = {
            "bootstrap": kafka,
            "group": group,
            "name": name,
            "keep": False,
            "topics": topics,
            "out": str(tmp_path / f"{name}-{len(started)}.jsonl"),
            "offsets": {},
            "patience": None,
        }
        started.append(Worker(given | changes))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait(10)


@pytest.fixture
def send(kafka):
    """`send(topic, partition, *keys, commit=True)` is one transaction."""
    producer = Producer({"bootstrap.servers": kafka, "transactional.id": uuid.uuid4().hex})
    producer.init_transactions(30)

    def one(topic, partition, *keys, commit=True):
        producer.begin_transaction()
        for key in keys:
            producer.produce(topic, key=key, value=b"x", partition=partition)
        producer.flush(10)
        if commit:
            producer.commit_transaction(10)
        else:
            producer.abort_transaction(10)

    return one


def test_a_worker_is_handed_whole_batches_of_what_was_committed_and_nothing_else(
    worker, send, topics, kafka
):
    entries = topics[0]
    send(entries, 1, *(f"first {number}" for number in range(500)))
    send(entries, 1, "aborted", commit=False)
    one = worker()
    until(lambda: len(one.keys) == 500)
    send(entries, 1, "never seen", "nor this", commit=False)
    send(entries, 1, "last")
    until(lambda: "last" in one.keys)

    assert [*(f"first {number}" for number in range(500)), "last"] == one.keys
    batches = [batch for batch in one.said("batch") if batch["partition"] == 1]
    assert len(batches) < 6, "records are handed over one by one"
    # 500 records and their marker, one aborted and its, two and theirs, the last and its.
    assert (0, 508) == (batches[0]["start"], batches[-1]["position"])
    ends = [batch["position"] for batch in batches]
    assert ends[:-1] == [batch["start"] for batch in batches[1:]], "a hole between batches"

    found = psutil.Process(one.process.pid).net_connections("inet")
    assert [] == [at for at in found if at.status == psutil.CONN_LISTEN], "something listens"
    assert one.end() == 0
    assert one.said("end")
    # Not what was read: what the owner says of its state, which here stays at the beginning.
    consumer = Consumer({"bootstrap.servers": kafka, "group.id": one.given["group"]})
    told = consumer.committed([TopicPartition(entries, 1)], timeout=10)
    consumer.close()
    assert [0] == [at.offset for at in told]


def test_a_position_moves_although_there_is_no_record(worker, send, topics):
    send(topics[1], 2, "aborted", commit=False)
    one = worker()

    until(lambda: [batch for batch in one.said("batch") if batch["position"] == 2])

    assert [] == one.keys


def test_reading_begins_where_the_state_is_whatever_the_group_has_committed(worker, send, topics):
    for number in range(4):
        send(topics[0], 0, f"record {number}")
    first = worker(offsets={f"{topics[0]}:0": 8})
    until(lambda: first.said("take over"))
    time.sleep(0.2)
    assert first.end() == 0

    # The group says 8, this state 2: one record and its marker have been taken in.
    second = worker(offsets={f"{topics[0]}:0": 2})
    until(lambda: "record 3" in second.keys)

    assert ["record 1", "record 2", "record 3"] == second.keys


def test_an_agent_that_fails_ends_the_process_and_is_handed_nothing_more(worker, send, topics):
    one = worker()
    until(lambda: one.said("take over"))
    send(topics[0], 0, "fail")
    assert one.process.wait(20) != 0
    send(topics[0], 0, "next")

    assert ["fail"] == one.keys
    assert not one.said("end")


def test_an_offset_that_is_gone_ends_the_process(worker, topics):
    """Faust would begin anew, and skip what it never had in silence."""
    one = worker(offsets={f"{topics[0]}:0": 1000})

    assert one.process.wait(40) != 0


def test_a_fetch_that_lasts_over_a_rebalance_loses_nothing(worker, send):
    """What it finds after the new beginning was sought is read, and read by nobody else."""
    one = worker(patience=30)
    until(lambda: one.said("sought"))
    other = worker("two")
    until(lambda: other.said("take over"))
    until(lambda: 3 * 3 in {at["partitions"] for at in one.said("sought")})

    for topic, number in sorted(one.partitions()):
        send(topic, number, f"{topic}/{number}")
    due = {f"{topic}/{number}" for topic, number in one.partitions()}
    until(lambda: due == set(one.keys), seconds=20)

    assert len(due) == len(one.keys)
    at: dict[tuple[str, int], int] = {}
    for batch in one.said("batch"):
        assert batch["start"] == at.get((batch["topic"], batch["partition"]), 0)
        at[batch["topic"], batch["partition"]] = batch["position"]


def test_workers_share_partitions_and_keep_them_over_a_restart(worker, send, topics):
    workers = [worker(name) for name in ("a", "b", "c")]
    a, b, c = workers
    until(lambda: [2 * 3] * 3 == [len(one.partitions()) for one in workers])
    for one in workers:
        for number in {partition for _, partition in one.partitions()}:
            together = {(topic, number) for topic in topics}
            assert together <= one.partitions(), "a center's topics are on two workers"
    before = b.partitions()
    calm = [len(one.said("let go")) for one in (a, c)]

    # Blocked for longer than the session lasts, and killed and back within it: nobody notices.
    number = min(partition for _, partition in a.partitions())
    send(topics[0], number, "block")
    b.end(signal.SIGKILL)
    again = worker("b", keep=True)
    until(lambda: again.partitions() == before)
    until(lambda: a.said("unblocked"))
    time.sleep(1)
    assert calm == [len(one.said("let go")) for one in (a, c)]

    # Told to stop and to keep its membership, it is expected back.
    assert again.end() == 0
    again = worker("b")
    until(lambda: again.partitions() == before)
    assert calm == [len(one.said("let go")) for one in (a, c)]

    # Told to stop, it leaves the group: others have its partitions long before the session ends.
    began = time.monotonic()
    assert c.end() == 0
    until(lambda: len(a.partitions() | again.partitions()) == 6 * 3, seconds=9)
    assert time.monotonic() - began < 9
