"""Running producers are looked at, paused, told to read again, and stopped, from outside."""

import io
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from chartfeed import stream_group
from chartfeed.cli import main
from deploy.local import practices
from producers import approval, mapping_file, quoting
from producers.capture import supervisor
from producers.capture.commands import done
from producers.capture.errors import KafkaDown
from producers.capture.publisher import Publisher
from producers.connection import connect
from schemas import avro, topics
from schemas.codec import Decoder, schema_id
from schemas.records import CenterStatus, Command
from tests import approved
from tests.factories import A_MOMENT
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.practices_on import settings as login_of
from tests.producing import producing
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(240)]

ROOT = Path(__file__).resolve().parents[2]
READER = "Aa1-" + secrets.token_urlsafe(12)


class Office:
    """A configuration with approved practices, and the commands that its operators give."""

    def __init__(self, folder: Any, planned: Any, sa: Any, *, mappings: Any, services: Any) -> None:
        self.services = services
        self.folder = folder
        self.config = folder / "chartfeed.yml"
        self.planned = {practice.center_id: practice for practice in planned}
        self.sa = sa
        self.mappings = mappings
        self.kafka = {"bootstrap.servers": services["kafka"]["address"]}
        self.number = 0

    def command(self, *arguments: Any, check: Any = True, config: Any = None) -> Any:
        """Give a command as a user would, with its exit code and what it printed."""
        said, complained, code = io.StringIO(), io.StringIO(), 0
        with redirect_stdout(said), redirect_stderr(complained):
            try:
                main(["--config", str(config or self.config), *arguments])
            except SystemExit as left:
                code = int(left.code or 0)
        assert not check or code == 0, said.getvalue() + complained.getvalue()
        return Said(code, said.getvalue(), complained.getvalue())

    @contextmanager
    def producer(self, *arguments: Any) -> Any:
        """Run `chartfeed produce`; killed in the end if it still runs."""
        self.number += 1
        log = self.folder / f"produce.{self.number}.log"
        log.touch()
        with producing(self.config, log, *arguments) as process:
            yield Running(process)

    def status(self, *names: Any) -> Any:
        options = [option for name in names for option in ("--center", name)]
        done = self.command("status", "--json", *options, check=False)
        assert done.code in {0, 1}, done.err
        return {one["center_id"]: one for one in json.loads(done.out)["centers"]}

    def told(self, center: Any, state: Any) -> Any:
        """Give a center's status as soon as it is this one: its producer logs a moment earlier."""
        wait_for(lambda: self.status(center)[center]["state"] == state, 10)
        return self.status(center)[center]

    def run(self, center: Any, sql: Any) -> None:
        mapping = self.mappings[center]

        def actual(match: Any) -> Any:
            table, _, column = match[1].partition(".")
            if column:
                return quoting.name(mapping.column(table, column))
            return quoting.qualified(mapping.schema_name(), mapping.table(table))

        login = replace(self.sa, database=self.planned[center].database)
        with closing(connect(login)) as connection:
            connection.execute(re.sub(r"<([A-Z_.]+)>", actual, sql)).close()

    def messages(self, topic: Any, center: Any, isolation: Any = "read_committed") -> Any:
        """Give what a center's partition of a topic holds of it."""
        settings = self.kafka | {
            "group.id": "test",
            "isolation.level": isolation,
            "enable.partition.eof": True,
        }
        found: list[Any] = []
        with closing(Consumer(settings)) as consumer:
            consumer.assign([TopicPartition(topic.name, topics.partition_of_center(center, 12), 0)])
            while True:
                message = consumer.poll(10)
                assert message is not None
                if message.error():
                    return found
                if (message.key() or b"").split(b"/")[0] == center.encode():
                    found.append(message)

    def operations(self, center: Any) -> Any:
        """Count the center's events by operation."""
        return Counter(
            dict(message.headers())["operation"].decode()
            for topic in topics.SOURCE
            for message in self.messages(topic, center)
        )

    def approve(self, center: Any) -> None:
        approved.approve_all(self.folder / "mappings", [self.planned[center]], self.sa)

    def revoke(self, center: Any) -> None:
        folder = self.folder / "mappings"
        present = mapping_file.load(mapping_file.path_of(folder, center), center=center)
        approval.revoke(folder, present, reviewer="test", reason="a test", at=A_MOMENT)


class Said(NamedTuple):
    code: int
    out: str
    err: str


class Running:
    def __init__(self, process: Any) -> None:
        self.process = process

    def said(self) -> Any:
        return self.process.said()

    def wait_for(self, text: Any, seconds: Any = 40) -> None:
        wait_for(lambda: re.search(text, self.said()), seconds, self.said)

    def stop(self) -> Any:
        """Stop it by SIGTERM and give the seconds that it took."""
        began = time.monotonic()
        assert 0 == self.process.stop(), self.said()
        return time.monotonic() - began


def wait_for(condition: Any, seconds: Any = 40, said: Any = lambda: "") -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, said()
        time.sleep(0.1)


def state_is(center: Any, state: Any) -> Any:
    return rf'"{center}", "state": "{state}"'


@pytest.fixture(scope="module")
def office(tmp_path_factory: Any, stack: Any, services: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    folder = tmp_path_factory.mktemp("office")
    small: Any = {"patients": 8, "years": 1, "tables": 10, "families": ("suffixed",), "flaws": 0}
    planned = [
        replace(practice, center_id=f"betrieb_{number:02}", database=f"Betrieb_{number:02}")
        for number, practice in enumerate(
            [
                *practices.plan(practices.Request(count=4, insurers=20, seed=8, **small))[:4],
                *practices.plan(practices.Request(count=1, insurers=6_000, seed=9, **small))[:1],
            ],
            1,
        )
    ]
    with running(tmp_path_factory.mktemp("operating")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        config = approved.configure(folder, {sa.server: planned}, READER)
        settings = json.loads(config.read_text()) | {
            "kafka": {"bootstrap": services["kafka"]["address"]},
            "registry": {"url": services["registry"]["address"]},
            "producers": {"poll_interval": "100ms"},
        }
        config.write_text(json.dumps(settings))
        chartfeed("--config", config, "schemas", "register")
        mappings = approved.approve_all(folder / "mappings", planned, sa)
        known = services | {"sqlserver": {"pid": standin.pid}}
        yield Office(folder, planned, sa, mappings=mappings, services=known)


def test_a_center_comes_and_goes_with_its_approval_while_the_producer_runs(office: Any) -> None:
    told = office.status()
    assert {"stopped"} == {one["state"] for one in told.values()}
    assert "chartfeed produce --center betrieb_01" == told["betrieb_01"]["next_command"]
    office.revoke("betrieb_02")
    told = office.status("betrieb_02")["betrieb_02"]
    assert ("unreviewed", "chartfeed review betrieb_02") == (told["state"], told["next_command"])

    with office.producer("--center", "betrieb_01", "--center", "betrieb_02") as producer:
        producer.wait_for(state_is("betrieb_01", "streaming"))
        producer.wait_for("betrieb_02.*not approved")

        office.approve("betrieb_02")
        producer.wait_for(state_is("betrieb_02", "streaming"))
        office.told("betrieb_01", "streaming")
        office.told("betrieb_02", "streaming")

        office.revoke("betrieb_02")
        began = time.monotonic()
        wait_for(lambda: 2 == len(re.findall("not approved", producer.said())))
        assert time.monotonic() - began < 3
        office.run("betrieb_02", "UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'neu'")
        office.told("betrieb_02", "unreviewed")
        assert 0 == office.operations("betrieb_02")["update"]

        office.approve("betrieb_02")
        wait_for(lambda: office.operations("betrieb_02")["update"])
        assert producer.stop() < 5


def test_a_paused_center_waits_over_a_restart_until_it_is_resumed(office: Any) -> None:
    both = ("betrieb_01", "betrieb_02")
    selected = ("--center", both[0], "--center", both[1])
    with office.producer(*selected) as producer:
        producer.wait_for(state_is(both[0], "streaming"))

        office.command("pause", both[0], "--reason", "Umbau")
        producer.wait_for("paused by .*: Umbau", 3)
        office.run(both[0], "UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'anders'")
        told = office.told(both[0], "stopped")
        assert f"chartfeed resume {both[0]}" == told["next_command"]
        assert told["detail"].endswith(": Umbau")
        assert 172_000 < told["retention_headroom_seconds"] <= 172_800
        producer.stop()

    before = office.operations(both[0])
    with office.producer(*selected) as producer:
        producer.wait_for(state_is(both[1], "streaming"))
        producer.wait_for("paused by .*: Umbau", 3)
        told = office.told(both[0], "stopped")
        assert before == office.operations(both[0])
        assert 172_000 < told["retention_headroom_seconds"] <= 172_800

        office.command("resume", both[0])
        producer.wait_for(state_is(both[0], "streaming"), 3)
        wait_for(lambda: office.operations(both[0])["update"] > before["update"])
        producer.stop()

    told = office.status(both[0])[both[0]]
    assert ("stopped", f"chartfeed produce --center {both[0]}") == (
        told["state"],
        told["next_command"],
    )


def test_a_resync_asked_for_happens_once_though_it_is_cut_short(
    office: Any, monkeypatch: Any
) -> None:
    center = "betrieb_03"

    def once() -> Any:
        return office.command("produce", "--center", center, "--once", check=False).code

    assert 0 == once()
    rows = office.operations(center)["snapshot"]
    office.command("resync", center)
    commit, calls = Publisher.commit, iter(range(1000))

    def breaking(self: Any, *arguments: Any) -> Any:
        if next(calls) > 1:
            raise KafkaDown("gone in the middle of it")
        return commit(self, *arguments)

    monkeypatch.setattr(Publisher, "commit", breaking)
    monkeypatch.setattr(supervisor, "FIRST_DELAY", 0.05)
    assert 3 == once()
    assert 0 < office.operations(center)["resync"] < rows
    monkeypatch.undo()

    assert 0 == once()
    assert 0 == once()

    assert rows == office.operations(center)["resync"]
    assert None is office.messages(topics.COMMANDS, center)[-1].value()


def test_a_pause_that_comes_with_the_end_of_a_resync_outlives_it(office: Any) -> None:
    center = "betrieb_04"
    office.command("resync", center)
    resync = office.messages(topics.COMMANDS, center)[-1]
    asked = decoded(resync.value())
    office.command("pause", center)
    pause = office.messages(topics.COMMANDS, center)[-1].value()
    end = done(asked, 1)
    with closing(Producer(office.kafka)) as producer:
        producer.produce(
            end.topic,
            key=end.key,
            headers=list(end.headers),
            partition=topics.partition_of_center(center, 12),
        )
        producer.flush(10)

    assert 2 == office.command("produce", "--center", center, "--once", check=False).code

    assert pause == office.messages(topics.COMMANDS, center)[-1].value()
    assert f"chartfeed resume {center}" == office.status(center)[center]["next_command"]
    office.command("resume", center)


def decoded(value: bytes, type_: Any = Command) -> Any:
    decoder = Decoder(type_)
    decoder.learn(schema_id(value), avro.load(type_))
    return decoder.decode(value)


def test_a_producer_that_can_not_work_does_not_talk_over_one_that_does(office: Any) -> None:
    center = "betrieb_01"
    settings = json.loads(office.config.read_text())
    settings["sqlserver"] |= {"user": "nobody"}
    other = office.config.with_name("locked_out.yml")
    other.write_text(json.dumps(settings))

    def tried() -> Any:
        return office.command(
            "produce", "--center", center, "--once", check=False, config=other
        ).code

    with office.producer("--center", center) as producer:
        producer.wait_for(state_is(center, "streaming"))
        wait_for(lambda: office.status(center)[center]["state"] == "streaming")
        before = len(office.messages(topics.CENTER_STATUS, center))
        assert 3 == tried()
        wait_for(lambda: len(office.messages(topics.CENTER_STATUS, center)) > before)
        said = [
            decoded(message.value(), CenterStatus)
            for message in office.messages(topics.CENTER_STATUS, center)[before - 1 :]
        ]
        assert [("streaming", said[0].instance_id)] * len(said) == [
            (status.state, status.instance_id) for status in said
        ]
        assert "streaming" == office.status(center)[center]["state"]
        producer.stop()
    assert 3 == tried()
    assert "denied" == office.status(center)[center]["state"]


def test_centers_that_another_producer_had_are_taken_back_by_a_reload(office: Any) -> None:
    lost, kept = "betrieb_01", "betrieb_02"
    with office.producer("--center", lost, "--center", kept) as first:
        first.wait_for(state_is(lost, "streaming"))
        first.wait_for(state_is(kept, "streaming"))
        with office.producer("--center", lost) as second:
            second.wait_for(state_is(lost, "streaming"))
            office.run(lost, "UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'Befund 16'")
            first.wait_for("another producer took over")
            second.stop()
        assert str(first.process.pid) in office.command("produce", "reload").out
        wait_for(lambda: 2 == first.said().count(state_is(lost, "streaming")), said=first.said)
        office.told(lost, "streaming")
        assert 1 == first.said().count(state_is(kept, "streaming"))
        first.stop()


def test_a_reload_takes_back_what_was_lost_without_a_notice_of_it(office: Any) -> None:
    center = "betrieb_01"
    with office.producer("--center", center) as first:
        first.wait_for(state_is(center, "streaming"))
        os.kill(first.process.pid, signal.SIGSTOP)
        before = len(office.messages(topics.CHECKPOINTS, center))
        with office.producer("--center", center) as second:
            wait_for(lambda: len(office.messages(topics.CHECKPOINTS, center)) > before)
            second.stop()
        os.kill(first.process.pid, signal.SIGHUP)
        os.kill(first.process.pid, signal.SIGCONT)
        wait_for(lambda: 2 == first.said().count(state_is(center, "streaming")), said=first.said)
        first.stop()


def test_the_files_are_read_again_and_wrong_ones_change_nothing(office: Any) -> None:
    centers = office.folder / "centers.yml"
    before = centers.read_text()
    blocks = re.split(r"(?m)^(?=\s*- )", before)
    head, one, two, _, four = blocks[:5]
    try:
        centers.write_text(head + one + two)
        with office.producer() as producer:
            producer.wait_for(state_is("betrieb_01", "streaming"))
            producer.wait_for(state_is("betrieb_02", "streaming"))
            centers.write_text(head + one + "  - {id: betrieb_04, nome: x}\n")
            refused = office.command("produce", "reload", check=False)
            assert 2 == refused.code
            assert "nome" in refused.err
            producer.process.tell(signal.SIGHUP)
            producer.wait_for("all goes on as before")

            centers.write_text(head + one + four)
            assert f"{producer.process.pid}" in office.command("produce", "reload").out
            producer.wait_for(state_is("betrieb_04", "streaming"))
            producer.wait_for('"betrieb_02", "state": "stopped"')
            assert 1 == producer.said().count(state_is("betrieb_01", "streaming"))
            centers.write_text(head + one + two + four)
            told = office.status()
            assert ["streaming", "stopped", "streaming"] == [
                each["state"] for each in told.values()
            ]
            assert producer.stop() < 5
        assert 3 == office.command("produce", "reload", check=False).code
    finally:
        centers.write_text(before)


@contextmanager
def standing_still(pid: Any) -> Any:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("who", ["kafka", "sqlserver"])
def test_it_leaves_in_time_though_nobody_answers(office: Any, who: Any) -> None:
    with office.producer("--center", "betrieb_01") as producer:
        producer.wait_for(state_is("betrieb_01", "streaming"))
        with standing_still(office.services[who]["pid"]):
            if who == "kafka":
                office.run("betrieb_01", "UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'haengt'")
            time.sleep(0.5)  # Five polls: one of them, or the commit it leads to, has no answer.
            assert producer.stop() < 5


def test_it_leaves_in_time_in_the_middle_of_a_slow_statement(office: Any) -> None:
    with office.producer("--center", "betrieb_01") as producer:
        producer.wait_for(state_is("betrieb_01", "streaming"))
        try:
            office.run("betrieb_01", "EXEC standin.slow @milliseconds = 9000")
            time.sleep(0.5)
            assert producer.stop() < 5
        finally:
            office.run("betrieb_01", "EXEC standin.reset")


def test_it_leaves_in_time_in_the_middle_of_a_large_transaction(office: Any) -> None:
    center = "betrieb_05"
    with office.producer("--center", center) as producer:
        wait_for(lambda: office.messages(topics.INSURERS, center, "read_uncommitted"))
        assert producer.stop() < 5

    office.command("produce", "--center", center, "--once")
    keys = [message.key() for message in office.messages(topics.INSURERS, center)]
    assert len(keys) == len(set(keys)) > 5_900


def test_positions_are_where_the_committed_records_end(office: Any) -> None:
    office.command("produce", "--center", "betrieb_01", "--once")

    printed = office.command("status", "--positions").out.split()

    found = {tuple(line.rsplit(":", 2)[:2]): int(line.rsplit(":", 2)[2]) for line in printed}
    assert len(printed) == 5 * 12
    with closing(Consumer(office.kafka | {"group.id": "test"})) as consumer:
        for (topic, partition), offset in found.items():
            at = TopicPartition(topic, int(partition))
            assert offset == consumer.get_watermark_offsets(at, timeout=5)[1]


def test_the_stream_app_is_seen_by_its_group(office: Any) -> None:
    group = f"test-{secrets.token_hex(4)}"
    unread = stream_group.look(office.kafka, group)
    assert 0 == unread.workers
    assert unread.lag_events > 0
    settings = office.kafka | {"group.id": group, "enable.auto.commit": False}
    with closing(Consumer(settings)) as consumer:
        consumer.subscribe([topics.CHECKPOINTS.name])
        wait_for(lambda: consumer.poll(0.2) is None and consumer.assignment())
        at = [TopicPartition(topics.CHECKPOINTS.name, number, 0) for number in range(12)]
        consumer.commit(offsets=at, asynchronous=False)

        found = stream_group.look(office.kafka, group)

    assert 1 == found.workers
    assert unread.lag_events == found.lag_events


def test_without_a_broker_status_says_what_is_missing(office: Any) -> None:
    settings = json.loads(office.config.read_text()) | {"kafka": {"bootstrap": "127.0.0.1:1"}}
    other = office.config.with_name("elsewhere.yml")
    other.write_text(json.dumps(settings))

    done = office.command("status", check=False, config=other)

    assert 3 == done.code
    assert "Kafka at 127.0.0.1:1 does not answer: " in done.err
    assert "next: chartfeed local up kafka, or correct kafka.bootstrap" in done.err


def test_watching_ends_in_order(office: Any) -> None:
    command = [sys.executable, "-m", "chartfeed", "--config", office.config, "status", "--watch"]
    watching = subprocess.Popen(
        [*command, "--json"], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert watching.stdout is not None
        for _ in range(2):
            assert "centers" in json.loads(watching.stdout.readline())
        watching.send_signal(signal.SIGINT)
        _, said = watching.communicate(timeout=10)
        assert (0, "") == (watching.returncode, said)
    finally:
        watching.kill()
        watching.communicate()
