"""From a practice's Change Tracking to Kafka: every event once, whatever happens in between."""

import itertools
import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from chartfeed.cli import Context
from chartfeed.produce import produce
from chartfeed.resync import resync
from deploy.local import practices
from producers import quoting
from producers.canonical import TRACKED
from producers.capture import snapshot
from producers.capture.errors import KafkaDown
from producers.capture.events import TABLES
from producers.capture.publisher import Publisher
from producers.connection import connect
from producers.errors import Drift
from producers.rows import COLUMNS, Rules
from schemas import avro, topics
from schemas.codec import Decoder
from schemas.errors import Outside, SkipRecord
from schemas.records import CenterStatus, Checkpoint, DeadLetter
from tests import approved
from tests.events import Watch, committed
from tests.factories import A_MOMENT
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
READER = "Aa1-" + secrets.token_urlsafe(12)
PRODUCE = """
import sys
from chartfeed.cli import Context
from chartfeed.produce import produce
sys.exit(produce(sys.argv[2:], obj=Context(sys.argv[1]), standalone_mode=False))
"""


class Group:
    """Approved practices on a stand-in, and a broker and a registry for them."""

    def __init__(self, folder: Any, planned: Any, sa: Any, mappings: Any, kafka: Any) -> None:
        self.config = folder / "chartfeed.yml"
        self.planned = planned
        self.sa = sa
        self.mappings = mappings
        self.kafka = kafka
        self.watch = Watch(kafka)
        self._next = iter(planned)

    def practice(self) -> Any:
        """Give a practice that no other test has."""
        return Practice(self, next(self._next))


class Practice:
    def __init__(self, group: Any, planned: Any) -> None:
        self.id = planned.center_id
        self._group = group
        self._login = replace(group.sa, database=planned.database)
        self.mapping = group.mappings[self.id]
        self.partition = topics.partition_of_center(self.id, 12)

    def named(self, sql: Any) -> Any:
        """Put the actual names in: <KARTEI> for a table, <KARTEI.DATUM> for a column."""

        def actual(match: Any) -> Any:
            table, _, column = match[1].partition(".")
            if column:
                return quoting.name(self.mapping.column(table, column))
            return quoting.qualified(self.mapping.schema_name(), self.mapping.table(table))

        return re.sub(r"<([A-Z_.]+)>", actual, sql)

    def run(self, *sql: Any) -> None:
        """Run each text as one transaction, as the practice's own software would."""
        with closing(connect(self._login)) as connection:
            for text in sql:
                connection.execute("BEGIN TRANSACTION; " + self.named(text) + "; COMMIT;").close()

    def rows(self, sql: Any) -> Any:
        with closing(connect(self._login)) as connection:
            return connection.execute(self.named(sql)).fetchall()

    def once(self, command: Any = produce, *arguments: Any) -> Any:
        given = list(arguments) or ["--center", self.id, "--once"]
        return CliRunner().invoke(
            command, given, obj=Context(str(self._group.config)), standalone_mode=False
        )

    def caught_up(self) -> None:
        done = self.once()
        assert 0 == done.return_value, done.stderr or done.exception

    def start(self, *arguments: Any) -> Any:
        return subprocess.Popen(
            [sys.executable, "-c", PRODUCE, self._group.config, "--center", self.id, *arguments],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stderr=subprocess.PIPE,
            text=True,
        )

    def messages(self, topic: Any, since: Any = 0) -> Any:
        """Give this center's committed messages of a topic, in order."""
        own = f"{self.id}/".encode()
        found = [
            message
            for message in committed(self._group.kafka, [topic], [self.partition])
            if message.key() == self.id.encode() or (message.key() or b"").startswith(own)
        ]
        return found[since:]

    def until(self, condition: Any) -> Any:
        """Wait until the condition holds of the center's checkpoints and its status."""
        return self._group.watch.until(self.id, condition)

    def version(self) -> Any:
        return self.rows("SELECT CHANGE_TRACKING_CURRENT_VERSION()")[0][0]

    def until_read(self) -> Any:
        """Wait until what the source holds now is covered by a checkpoint."""
        due = self.version()
        return self.until(lambda seen: seen.checkpoint and seen.checkpoint.version >= due)

    def published(self) -> Any:
        """Give what the topics say of every row now: its record as of no version and time."""
        found = {}
        for table, (topic, type_) in TABLES.items():
            for message in self.messages(topic):
                found[table, message.key()] = decoded(type_, message)
        return {key: value for key, value in found.items() if value is not None}

    def at_source(self) -> Any:
        """Give what the topics should say."""
        rules = Rules.of(self.mapping)
        make = {
            "KASSEN": rules.insurer,
            "PATKASSE": rules.patient_insurance,
            "KARTEI": rules.chart_entry,
            "LEISTUNG": rules.service,
        }
        found = {}
        for table in TRACKED:
            columns = ", ".join(f"<{table}.{name}>" for name in COLUMNS[table])
            for row in self.rows(f"SELECT {columns} FROM <{table}>"):
                try:
                    record = make[table](row, 0, A_MOMENT)
                except SkipRecord:
                    continue
                if record is not None:
                    key = topics.row_key(self.id, rules.row_id(table, row[0]))
                    found[table, key] = record
        return found

    def events(self, since: Any) -> Any:
        """Give the events after those counted in `since`, as topic, row, operation."""
        return [
            (
                topic.name.removeprefix("chartfeed."),
                message.key().decode().split("/")[1],
                dict(message.headers())["operation"].decode(),
            )
            for topic in topics.SOURCE
            for message in self.messages(topic, since[topic])
        ]

    def counted(self) -> Any:
        return {topic: len(self.messages(topic)) for topic in topics.SOURCE}

    def checkpoint(self) -> Any:
        return decoded(Checkpoint, self.messages(topics.CHECKPOINTS)[-1], plain=False)

    def status(self) -> Any:
        return decoded(CenterStatus, self.messages(topics.CENTER_STATUS)[-1], plain=False)

    def dead_letters(self) -> Any:
        """Give the rows whose dead letters stand, as table, key and reason."""
        letters = {}
        for message in self.messages(topics.DEAD_LETTERS):
            at = message.headers(), message.key()
            letters[str(at)] = decoded(DeadLetter, message, plain=False)
        return sorted((at.table, at.key, at.reason) for at in letters.values() if at is not None)


def decoded(type_: Any, message: Any, *, plain: Any = True) -> Any:
    if message.value() is None:
        return None
    decoder = Decoder(type_)
    decoder.learn(int.from_bytes(message.value()[1:5], "big"), avro.load(type_))
    record = decoder.decode(message.value())
    return replace(record, source_version=0, captured_at=A_MOMENT) if plain else record


@pytest.fixture(scope="module")
def group(tmp_path_factory: Any, stack: Any, services: Any, chartfeed: Any) -> Any:
    chartfeed("topics", "create", home=stack)
    folder = tmp_path_factory.mktemp("group")
    request = practices.Request(
        count=10,
        patients=8,
        years=1,
        tables=10,
        insurers=20,
        flaws=3,
        seed=7,
        families=("suffixed",),
    )
    planned = [
        replace(practice, center_id=f"kapitel_{number:02}")
        for number, practice in enumerate(practices.plan(request)[:10], 1)
    ]
    with running(tmp_path_factory.mktemp("capture")) as standin:
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
        kafka = {"bootstrap.servers": services["kafka"]["address"]}
        ready = Group(folder, planned, sa, mappings, kafka)
        with ready.watch:
            yield ready


@pytest.fixture
def practice(group: Any) -> Any:
    return group.practice()


def test_topics_that_are_not_as_declared_are_not_written_to(group: Any) -> None:
    settings = json.loads(group.config.read_text())
    settings["kafka"]["topics"] = {"partitions": 24}
    other = group.config.with_name("other.yml")
    other.write_text(json.dumps(settings))

    done = CliRunner().invoke(produce, ["--once"], obj=Context(str(other)), standalone_mode=False)

    assert isinstance(done.exception, Outside)
    assert "partitions is 12, due is 24" in done.exception.message
    assert "chartfeed topics create" in str(done.exception.hint)


def test_all_rows_then_every_deed_reach_kafka_once(practice: Any) -> None:
    practice.caught_up()

    assert practice.at_source() == practice.published()
    everything = practice.events(dict.fromkeys(topics.SOURCE, 0))
    assert {"snapshot", "delete"} == {operation for _, _, operation in everything}
    assert len(practice.dead_letters()) == practice.checkpoint().dead_letters > 0
    before = practice.counted()
    [(entry,), (other,)] = practice.rows(
        "SELECT TOP (2) ID FROM <KARTEI> WHERE <KARTEI.DELKZ> = 0 AND <KARTEI.DATUM> = '20220118'"
        " ORDER BY ID"
    )

    practice.run(
        f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'eins' WHERE ID = {entry}",
        f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'zwei' WHERE ID = {entry}",
        f"UPDATE <KARTEI> SET <KARTEI.DELKZ> = 1 WHERE ID = {other}",
    )
    practice.caught_up()
    assert sorted(
        [("chart-entries", f"{entry}", "update"), ("chart-entries", f"{other}", "delete")]
    ) == sorted(practice.events(before))

    before = practice.counted()
    practice.run(
        f"UPDATE <KARTEI> SET <KARTEI.DELKZ> = 0 WHERE ID = {other}",
        f"UPDATE <KARTEI> SET ID = 900001 WHERE ID = {entry}",
    )
    practice.caught_up()
    practice.caught_up()
    assert sorted(
        [
            ("chart-entries", f"{other}", "update"),
            ("chart-entries", f"{entry}", "delete"),
            ("chart-entries", "900001", "insert"),
        ]
    ) == sorted(practice.events(before))
    assert practice.at_source() == practice.published()


def test_a_broken_row_is_withdrawn_and_comes_back_when_it_is_repaired(practice: Any) -> None:
    practice.caught_up()
    letters = practice.dead_letters()
    [(entry,)] = practice.rows(
        "SELECT TOP (1) ID FROM <KARTEI> WHERE <KARTEI.DELKZ> = 0 AND <KARTEI.DATUM> = '20220118'"
    )

    practice.run(f"UPDATE <KARTEI> SET <KARTEI.DATUM> = 20240230 WHERE ID = {entry}")
    practice.caught_up()

    assert sorted([*letters, ("KARTEI", f"{entry}", "invalid-date")]) == practice.dead_letters()
    assert practice.at_source() == practice.published()
    assert len(letters) + 1 == practice.checkpoint().dead_letters

    practice.run(f"UPDATE <KARTEI> SET <KARTEI.DATUM> = 20240229 WHERE ID = {entry}")
    practice.caught_up()

    assert letters == practice.dead_letters()
    assert practice.at_source() == practice.published()
    assert len(letters) == practice.checkpoint().dead_letters


def test_a_table_emptied_by_truncate_waits_for_a_person(practice: Any) -> None:
    practice.caught_up()
    practice.run("UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'davor'")
    practice.caught_up()
    practice.run("TRUNCATE TABLE <LEISTUNG>")
    before = practice.counted()

    stopped = practice.once()

    assert 2 == stopped.return_value
    assert f"chartfeed resync {practice.id} --confirm" in stopped.stderr
    assert [] == practice.events(before)

    confirmed = practice.once(resync, practice.id, "--confirm")
    assert 0 == confirmed.return_value
    practice.caught_up()

    assert practice.at_source() == practice.published()
    assert [] == [key for key in practice.published() if key[0] == "LEISTUNG"]
    # The confirmation was for once.
    assert practice.messages(topics.COMMANDS)[-1].value() is None


def test_rows_deleted_while_changes_expired_are_noticed(practice: Any) -> None:
    practice.caught_up()
    [(entry,)] = practice.rows("SELECT TOP (1) ID FROM <KARTEI> WHERE <KARTEI.DELKZ> = 0")
    practice.run(
        f"DELETE FROM <KARTEI> WHERE ID = {entry}",
        "UPDATE <KASSEN> SET <KASSEN.NAME> = N'Neue Kasse'",
    )
    practice.rows("EXEC standin.age_changes @seconds = 200000; SELECT 1")
    practice.rows("EXEC sys.sp_flush_CT_internal_table_on_demand; SELECT 1")

    done = practice.once()

    assert 0 == done.return_value
    assert "cleaned up" in done.stderr
    assert practice.at_source() == practice.published()


def test_a_renamed_column_stops_the_center_and_loses_nothing(practice: Any) -> None:
    practice.caught_up()
    before = practice.checkpoint()
    column = practice.mapping.column("KARTEI", "BEMERKUNG")
    table = f"{practice.mapping.schema_name()}.{practice.mapping.table('KARTEI')}"
    practice.rows(f"EXEC sp_rename '{table}.{column}', 'NEU_1A', 'COLUMN'; SELECT 1")

    stopped = practice.once()

    assert Drift.exit_code == stopped.return_value
    assert f"column {practice.mapping.table('KARTEI')}.{column}" in stopped.stderr
    assert before.version == practice.checkpoint().version
    told = practice.status()
    assert ("drift", f"chartfeed mapping diff {practice.id}") == (told.state, told.next_command)
    assert before.version == told.version
    assert 172_000 < told.retention_headroom_seconds <= 172_800


def killed_while_it_works(practice: Any, checkpoints: Any) -> None:
    """Kill a producer when it has committed so many checkpoints, while rows change on and on."""
    wanted = len(practice.until(lambda _: True).checkpoints) + checkpoints
    process = practice.start()
    deadline = time.monotonic() + 60
    for number in itertools.count():
        assert time.monotonic() < deadline
        practice.run(f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'Nr. {number}'")
        if len(practice.until(lambda _: True).checkpoints) >= wanted:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=30)


def test_after_kills_at_any_moment_the_topics_say_what_the_source_says(practice: Any) -> None:
    practice.caught_up()
    for checkpoints in (1, 2, 4):
        killed_while_it_works(practice, checkpoints)

    practice.caught_up()

    assert practice.at_source() == practice.published()
    versions: dict[Any, int] = {}
    for message in practice.messages(topics.CHART_ENTRIES):
        version = int(dict(message.headers())["source_version"])
        assert versions.get(message.key(), -1) < version, "an event was sent twice, or late"
        versions[message.key()] = version


def test_of_two_producers_the_newer_stays_and_the_older_says_so(practice: Any) -> None:
    older = practice.start()
    practice.until(lambda seen: seen.checkpoint)
    newer = practice.start()

    _, said = older.communicate(timeout=60)
    assert 2 == older.returncode, said
    assert "another producer took over" in said

    practice.run("UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'neu'")
    practice.until_read()
    assert practice.at_source() == practice.published()
    told = practice.status()
    assert "streaming" == told.state
    assert 172_000 < told.retention_headroom_seconds <= 172_800
    newer.send_signal(signal.SIGTERM)
    began = time.monotonic()
    _, said = newer.communicate(timeout=20)
    assert 0 == newer.returncode, said
    assert time.monotonic() - began < 5
    assert "stopped" == practice.status().state


def test_a_snapshot_that_was_cut_short_goes_on_where_it_was(
    practice: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(snapshot.read, "__kwdefaults__", {"chunk_rows": 5, "done": ()})
    commit, calls = Publisher.commit, iter(range(10_000))

    def breaking(self, *what: Any) -> Any:
        if next(calls) in {7, 8, 30}:
            raise KafkaDown("gone in the middle of it")
        return commit(self, *what)

    monkeypatch.setattr(Publisher, "commit", breaking)

    practice.caught_up()

    assert practice.at_source() == practice.published()
    # No row was read again: each was published once, though it took three attempts.
    said = [message for topic in topics.SOURCE for message in practice.messages(topic)]
    assert len(said) == len({(message.topic(), message.key()) for message in said})
    progress = [
        decoded(Checkpoint, message, plain=False)
        for message in practice.messages(topics.CHECKPOINTS)
    ]
    assert len(progress) > 10
    assert {True} == {at.partial and at.snapshot is not None for at in progress[:-1]}
    assert None is progress[-1].snapshot


def test_a_center_without_approval_or_tracking_is_told_what_to_do(practice: Any) -> None:
    practice.rows(practice.named("ALTER TABLE <KASSEN> DISABLE CHANGE_TRACKING; SELECT 1"))

    stopped = practice.once()

    assert 2 == stopped.return_value
    assert "ENABLE CHANGE_TRACKING" in stopped.stderr
