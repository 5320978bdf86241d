"""The join's rules one by one, and what goes wrong without each of its mechanisms."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from schemas import avro, topics
from schemas.codec import Encoder
from schemas.errors import RetryLater
from schemas.insurance import StatusTable
from schemas.records import Checkpoint, Service, SnapshotProgress, UnifiedEntry
from stream_app.batches import Batch
from stream_app.join import TOPICS, Partition, mirror, publication, rebuild, rows
from stream_app.join import waiting as waits
from stream_app.join.tables import key_of
from tests.factories import a_unified_entry
from tests.naive_join import (
    CHECKPOINTS,
    ENCODERS,
    ENTRIES,
    INSURERS,
    LINKS,
    NAMES,
    SCHEMA_IDS,
    SCHEMAS,
    SERVICES,
    START,
    Kafka,
    Record,
    Source,
    a_contract,
    expected,
    live,
    read_all,
)
from tests.naive_join import rebuild as rebuild_all

A_DAY = date(2022, 1, 18)
ANOTHER_DAY = date(2022, 2, 1)
CENTER = "center_01"


def an_entry(**changes: Any) -> dict[str, Any]:
    return {"patient_id": 1, "entry_date": A_DAY, "chart_entry": "Füllung 16", **changes}


def a_service(**changes: Any) -> dict[str, Any]:
    return {"patient_id": 1, "service_date": A_DAY, "code": "01", **changes}


class Running:
    """A partition at work: what the source commits is read and sent."""

    def __init__(self, path: Path, **contract: Any) -> None:
        self.path = path
        self.source, self.kafka = Source(), Kafka()
        self.partition = live(path, self.source, self.kafka, **contract)

    def commit(self, *changes: Any, center: str = CENTER, **about: Any) -> int:
        offset = self.source.commit(center, changes, **about)
        self.catch_up()
        return offset

    def catch_up(self) -> None:
        read_all(self.partition, self.source)
        self.kafka.drain(self.partition)

    def reopen(self, **contract: Any) -> None:
        self.partition.close()
        self.partition = Partition.open(self.path, a_contract(**contract))

    def row(self, day: date = A_DAY, entry: int | str = 1, center: str = CENTER) -> UnifiedEntry:
        return self.kafka.rows[topics.unified_key(day, center, entry)]


@pytest.fixture
def running(tmp_path: Path):
    found = Running(tmp_path / "join-0.sqlite")
    yield found
    found.partition.close()


def test_an_entry_carries_insurance_and_services(running: Running) -> None:
    offset = running.commit(
        (INSURERS, 7, {"name": "AOK Bayern", "kind": "1"}),
        (LINKS, 1, {"patient_id": 1, "insurer_id": 7}),
        (ENTRIES, 1, an_entry()),
        (SERVICES, 2, a_service(code=" 1040")),
        (SERVICES, 1, a_service()),
    )

    row = running.row()
    assert ("GKV", "AOK Bayern", ("01", "1040")) == (
        row.insurance_status,
        row.insurance_name,
        row.service_codes,
    )
    assert (row.revision, row.captured_at) == (offset, START + timedelta(seconds=1))
    assert "Praxis Eins" == row.center_name


def test_an_insurer_that_comes_later_reaches_all_days_of_its_patients(running: Running) -> None:
    running.commit(
        (LINKS, 1, {"patient_id": 1, "insurer_id": 7}),
        (ENTRIES, 1, an_entry()),
        (ENTRIES, 2, an_entry(entry_date=ANOTHER_DAY)),
        (ENTRIES, 3, an_entry(patient_id=2)),
    )
    sent = len(running.kafka.log)
    assert "Selbstzahler" == running.row().insurance_status
    running.commit((INSURERS, 7, {"name": "PRIVAT", "kind": "P"}))

    assert "PKV" == running.row().insurance_status
    assert "PKV" == running.row(ANOTHER_DAY, 2).insurance_status
    assert sent + 2 == len(running.kafka.log)


def test_a_link_of_text_counts_before_all_numbers(running: Running) -> None:
    running.commit(
        (INSURERS, 1, {"name": "AOK", "kind": "1"}),
        (INSURERS, 2, {"name": "DAK", "kind": "1"}),
        (LINKS, 999, {"patient_id": 1, "insurer_id": 1}),
        (LINKS, "1/A", {"patient_id": 1, "insurer_id": 2}),
        (ENTRIES, 1, an_entry()),
    )
    assert "DAK" == running.row().insurance_name

    running.commit((LINKS, "1/A", None))
    assert "AOK" == running.row().insurance_name


def test_an_entry_that_moves_leaves_its_old_day(running: Running) -> None:
    running.commit((ENTRIES, 1, an_entry()), (SERVICES, 1, a_service()))
    running.commit((ENTRIES, 1, an_entry(entry_date=ANOTHER_DAY)))

    assert [topics.unified_key(ANOTHER_DAY, CENTER, 1)] == list(running.kafka.rows)
    assert () == running.row(ANOTHER_DAY).service_codes


def test_progress_says_what_was_applied_and_where_its_rows_end(running: Running) -> None:
    offset = running.commit((ENTRIES, 1, an_entry()), (ENTRIES, 2, an_entry()))

    progress = running.kafka.progress[CENTER]
    assert (offset, 1, None, 0) == (
        progress.checkpoint_offset,
        progress.version,
        progress.behind,
        progress.dead_letters,
    )
    assert [1] == [end.offset for end in progress.offsets]


def test_progress_waits_for_the_rows_before_it(running: Running) -> None:
    for number in range(3):
        running.source.commit(CENTER, [(ENTRIES, number, an_entry())])
        read_all(running.partition, running.source)
    running.kafka.send(running.partition, limit=1)
    assert START + timedelta(seconds=1) == running.kafka.progress[CENTER].captured_at

    running.kafka.drain(running.partition)
    assert START + timedelta(seconds=3) == running.kafka.progress[CENTER].captured_at


def test_an_idle_checkpoint_is_progress_too(running: Running) -> None:
    running.commit()
    assert 1 == running.kafka.progress[CENTER].version
    assert not running.kafka.log


class TestWholeTransactions:
    def test_nothing_shows_before_every_topic_has_been_read(self, running: Running) -> None:
        running.source.commit(
            CENTER, [(ENTRIES, 1, an_entry()), (SERVICES, 1, a_service())], partial=True
        )
        source, partition = running.source, running.partition
        for topic in (ENTRIES, CHECKPOINTS):
            taken = partition.take([source.batch(topic, 0, 9)])
            assert (0, 0) == (taken.events, taken.rows)
        running.kafka.drain(partition)
        assert not running.kafka.log

        partition.take([source.batch(SERVICES, 0, 9)])
        running.kafka.drain(partition)
        assert [("01",)] == [row.service_codes for row in running.kafka.rows.values()]

    def test_a_checkpoint_that_does_not_say_its_offsets_would_show_half(
        self, running: Running
    ) -> None:
        """What the mechanism is for: with nothing to wait for, the entry shows alone."""
        source = running.source
        source.commit(CENTER, [(ENTRIES, 1, an_entry()), (SERVICES, 1, a_service())])
        hollow = replace(source.checkpoint(CENTER), offsets=source.checkpoint(CENTER).offsets[:1])
        assert ENTRIES == hollow.offsets[0].topic
        source.logs[CHECKPOINTS] = [Record(0, CENTER.encode(), ENCODERS[Checkpoint].encode(hollow))]
        for topic in (ENTRIES, CHECKPOINTS):
            running.partition.take([source.batch(topic, 0, 9)])
        running.kafka.drain(running.partition)

        assert [()] == [row.service_codes for row in running.kafka.rows.values()]

    def test_holes_at_the_end_are_passed_by_the_position(self, running: Running) -> None:
        running.source.commit(CENTER, [(ENTRIES, 1, an_entry())])
        log = running.source.logs[ENTRIES]
        running.partition.take([running.source.batch(CHECKPOINTS, 0, 9)])
        taken = running.partition.take([Batch(ENTRIES, 0, (), 1)])
        assert 1 == taken.checkpoints
        assert log

    def test_the_offset_kept_is_the_lowest_that_waits(self, running: Running) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.source.commit(CENTER, [(ENTRIES, 2, an_entry())])
        running.source.commit("center_02", [(ENTRIES, 1, an_entry())])
        first = running.source.logs[ENTRIES][1].offset
        running.partition.take([running.source.batch(ENTRIES, first, 9)])

        assert first == running.partition.offsets()[ENTRIES]

    def test_topics_that_are_far_ahead_pause_and_never_the_one_that_is_waited_for(
        self, running: Running, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(waits, "MANY", 2)
        running.source.commit(
            CENTER, [*((ENTRIES, n, an_entry()) for n in range(3)), (SERVICES, 1, a_service())]
        )
        take, batch = running.partition.take, running.source.batch
        assert frozenset(TOPICS) - {CHECKPOINTS} == take([batch(ENTRIES, 0, 9)]).ahead
        assert frozenset(TOPICS) - {SERVICES} == take([batch(CHECKPOINTS, 0, 9)]).ahead
        assert frozenset() == take([batch(SERVICES, 0, 9)]).ahead


def test_what_is_applied_is_not_taken_back_by_reading_it_again(running: Running) -> None:
    """Another center's waiting event keeps the offset low, so older events come again."""
    running.source.commit("center_02", [(ENTRIES, 9, an_entry())])
    running.source.logs[CHECKPOINTS].clear()
    running.source.commit(CENTER, [(ENTRIES, 1, an_entry(chart_entry="old"))])
    running.source.commit(CENTER, [(ENTRIES, 1, an_entry(chart_entry="new"))])
    running.catch_up()
    assert 0 == running.partition.offsets()[ENTRIES]
    sent = len(running.kafka.log)

    running.reopen()
    checkpoint = running.source.logs[CHECKPOINTS][0]
    running.partition.take([running.source.batch(ENTRIES, 0, 2)])
    running.partition.take([Batch(CHECKPOINTS, 0, [checkpoint], checkpoint.offset + 1)])
    running.kafka.drain(running.partition)
    assert "new" == running.row().chart_entry
    assert sent == len(running.kafka.log)


def test_without_that_memory_it_would_be(running: Running) -> None:
    """What the mechanism is for: the state forgets what it applied, and goes back in time."""
    running.commit((ENTRIES, 1, an_entry(chart_entry="old")))
    running.commit((ENTRIES, 1, an_entry(chart_entry="new")))
    connection = running.partition._connection
    connection.execute("DELETE FROM applied")
    connection.execute("DELETE FROM position")
    running.reopen()
    first = running.source.logs[CHECKPOINTS][0]
    running.partition.take([running.source.batch(ENTRIES, 0, 1)])
    running.partition.take([Batch(CHECKPOINTS, 0, [first], 1)])
    running.kafka.drain(running.partition)

    assert "old" == running.row().chart_entry


class TestRebuild:
    def test_nothing_goes_out_before_the_comparison(self, tmp_path: Path) -> None:
        source, kafka = Source(), Kafka()
        source.commit(CENTER, [(ENTRIES, 1, an_entry())])
        partition = Partition.open(tmp_path / "join-0.sqlite", a_contract())
        assert "there is no state yet" == partition.rebuilding
        with pytest.raises(RuntimeError, match="begin_rebuild"):
            partition.take([])
        partition.begin_rebuild(source.ends)
        read_all(partition, source)
        assert not partition.outbox(10)
        partition.finish_rebuild((), {})
        kafka.drain(partition)
        partition.close()

        assert expected(source) == kafka.content()

    def test_a_rebuild_that_publishes_as_it_reads_would_send_rows_of_long_ago(
        self, running: Running, tmp_path: Path
    ) -> None:
        """What the mechanism is for: a fresh state taken as live shows each old row again."""
        for text in ("first", "second"):
            running.commit((ENTRIES, 1, an_entry(chart_entry=text)))
        kafka = running.kafka
        partition = Partition.open(tmp_path / "fresh.sqlite", a_contract())
        partition.begin_rebuild({})
        partition.finish_rebuild((), {})
        for topic in TOPICS:
            partition.take([running.source.batch(topic, 0, 1)])
        kafka.drain(partition)
        partition.close()

        assert "first" == running.row().chart_entry

    def test_a_published_row_that_is_nowhere_is_withdrawn(self, running: Running) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        ghost = a_unified_entry(center_id=CENTER, entry_id=99)
        junk = [(b"no day/center_01/1", None), (b"\xff", None), (b"2022-01-18/center_01", ghost)]
        running.kafka.log += [*junk, (b"2022-01-18/center_01/99", ghost)]
        running.kafka.rows[b"2022-01-18/center_01/99"] = ghost
        rebuild_all(running.partition, running.source, running.kafka)
        running.kafka.drain(running.partition)

        assert expected(running.source) == running.kafka.content()

    def test_a_state_of_before_another_worker_says_nothing_old(
        self, running: Running, tmp_path: Path
    ) -> None:
        running.commit((ENTRIES, 1, an_entry()), (ENTRIES, 2, an_entry()))
        running.partition.close()
        copy = tmp_path / "copy.sqlite"
        shutil.copy(running.path, copy)
        running.reopen()
        running.commit((ENTRIES, 1, an_entry(chart_entry="new")), (ENTRIES, 2, None))
        running.commit((ENTRIES, 1, an_entry(chart_entry="newer")))
        sent = len(running.kafka.log)
        partition = Partition.open(copy, a_contract())
        rebuild_all(partition, running.source, running.kafka)
        running.kafka.drain(partition)
        assert sent == len(running.kafka.log)

        running.source.commit(CENTER, [(ENTRIES, 1, an_entry(chart_entry="newest"))])
        read_all(partition, running.source)
        running.kafka.drain(partition)
        partition.close()
        assert expected(running.source) == running.kafka.content()
        assert sent + 1 == len(running.kafka.log)

    def test_it_goes_on_where_it_was_killed(self, tmp_path: Path) -> None:
        path, source, kafka = tmp_path / "join-0.sqlite", Source(), Kafka()
        for number in range(4):
            source.commit(CENTER, [(ENTRIES, number, an_entry())])
        partition = Partition.open(path, a_contract())
        partition.begin_rebuild(source.ends)
        partition.take([source.batch(ENTRIES, 0, 2)])
        partition.close()
        partition = Partition.open(path, a_contract())
        assert partition.rebuilding
        assert 3 == partition.offsets()[ENTRIES]
        rebuild_all(partition, source, kafka)
        kafka.drain(partition)
        partition.close()

        assert expected(source) == kafka.content()

    def test_events_at_the_ends_wait_for_their_checkpoint(self, running: Running) -> None:
        """The ends of several topics are never taken in one moment."""
        running.commit((ENTRIES, 1, an_entry()))
        source, partition = running.source, running.partition
        source.commit(
            CENTER, [(ENTRIES, 1, an_entry(chart_entry="new")), (SERVICES, 1, a_service())]
        )
        ends = source.ends | {SERVICES: 0, CHECKPOINTS: 2}
        partition.begin_rebuild(ends)
        partition.take([source.batch(ENTRIES, 2, 9)])
        assert partition.read_to_ends
        partition.finish_rebuild(running.kafka.log, {0: 0})
        running.kafka.drain(partition)
        assert "Füllung 16" == running.row().chart_entry

        running.catch_up()
        assert expected(source) == running.kafka.content()

    def test_junk_behind_the_last_event_holds_no_center_back(
        self, running: Running, tmp_path: Path
    ) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.source.event(ENTRIES, b"center_01/5", b"junk")
        partition = live(tmp_path / "fresh.sqlite", running.source, running.kafka)
        running.source.commit(CENTER, [(SERVICES, 1, a_service())])
        read_all(partition, running.source)
        running.kafka.drain(partition)
        partition.close()

        assert expected(running.source) == running.kafka.content()

    def test_a_center_in_the_middle_of_its_snapshot_keeps_what_is_published(
        self, running: Running, tmp_path: Path
    ) -> None:
        running.commit((ENTRIES, 1, an_entry()), (ENTRIES, 2, an_entry()))
        source, kafka = Source(), running.kafka
        reading = SnapshotProgress("initial", "KARTEI", 1, 1, 2, START)
        source.commit(CENTER, [(ENTRIES, 1, an_entry())], partial=True, snapshot=reading)
        partition = live(tmp_path / "fresh.sqlite", source, kafka)
        kafka.drain(partition)
        assert 2 == len(kafka.rows)

        source.commit(CENTER, [])
        read_all(partition, source)
        kafka.drain(partition)
        partition.close()
        assert expected(source) == kafka.content()

    def test_a_center_that_is_not_configured_keeps_its_published_name(
        self, running: Running, tmp_path: Path
    ) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        sent = len(running.kafka.log)
        partition = live(tmp_path / "fresh.sqlite", running.source, running.kafka, centers={})
        running.kafka.drain(partition)
        partition.close()

        assert sent == len(running.kafka.log)

    def test_where_the_rows_end_survives_it(self, running: Running, tmp_path: Path) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        partition = live(tmp_path / "fresh.sqlite", running.source, running.kafka)
        running.kafka.progress.clear()
        running.kafka.drain(partition)
        partition.close()

        assert [0] == [end.offset for end in running.kafka.progress[CENTER].offsets]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"topic_ids": {ENTRIES: "made again"}}, "the state is of another topics"),
        ({"partitions": 2}, "the state is of another partition"),
        ({"now": lambda: START + timedelta(days=8)}, "deletions may have been missed"),
    ],
)
def test_a_state_that_does_not_fit_is_put_aside(
    running: Running, changes: dict[str, Any], reason: str
) -> None:
    running.reopen(**changes)
    assert running.partition.rebuilding is not None
    assert reason in running.partition.rebuilding
    assert {} == running.partition.offsets()
    assert running.path.with_name("join-0.sqlite.aside").exists()


def test_so_is_one_that_is_no_state(tmp_path: Path) -> None:
    path = tmp_path / "join-0.sqlite"
    path.write_bytes(b"something else, and long enough to be looked at" * 100)
    partition = Partition.open(path, a_contract())
    partition.close()

    assert "can't be read" in (partition.rebuilding or "")


class TestUnusable:
    GOOD = ENCODERS[Service].encode(Service(CENTER, 2, 1, A_DAY, "1040", 1, START))

    @pytest.mark.parametrize(
        ("value", "reason"),
        [
            (b"", "undecodable"),
            (b'{"json": true}', "undecodable"),
            (GOOD[:-3], "undecodable"),
            (GOOD + b"\0", "undecodable"),
            (b"\0\0\0\0\x63" + GOOD[5:], "unknown-schema"),
            (b"\0" + SCHEMA_IDS[Checkpoint].to_bytes(4, "big") + GOOD[5:], "undecodable"),
            (
                ENCODERS[Service].encode(Service(CENTER, 3, 1, A_DAY, "01", 1, START)),
                "wrong-key",
            ),
            (
                ENCODERS[Service].encode(Service("center_02", 2, 1, A_DAY, "01", 1, START)),
                "wrong-key",
            ),
        ],
    )
    def test_a_record_that_is_none_withdraws_its_row_until_its_key_comes_again(
        self, running: Running, value: bytes, reason: str
    ) -> None:
        running.commit(
            (ENTRIES, 1, an_entry()), (SERVICES, 1, a_service()), (SERVICES, 2, a_service(code="b"))
        )
        offset = running.source.event(SERVICES, b"center_01/2", value)
        running.catch_up()
        (letter,) = running.kafka.dead_letters
        assert (reason, CENTER, SERVICES, 0, offset, "center_01/2", "stream") == (
            letter.reason,
            letter.center_id,
            letter.topic,
            letter.partition,
            letter.offset,
            letter.key,
            letter.stage,
        )
        progress = running.kafka.progress[CENTER]
        assert ("dead-letter", 1) == (progress.behind, progress.dead_letters)

        running.commit((SERVICES, 3, a_service(code="c")))
        assert ("01", "c") == running.row().service_codes
        running.reopen()
        running.commit((SERVICES, 2, a_service(code="b")))
        assert ("01", "b", "c") == running.row().service_codes
        progress = running.kafka.progress[CENTER]
        assert (None, 0) == (progress.behind, progress.dead_letters)
        assert 1 == len(running.kafka.dead_letters)

    @pytest.mark.parametrize("key", [None, b"", b"center_01", b"/1", b"\xff/1"])
    def test_a_key_that_names_no_row_is_a_dead_letter(
        self, running: Running, key: bytes | None
    ) -> None:
        running.source.event(ENTRIES, key, b"x")
        running.commit((ENTRIES, 1, an_entry()))

        running.partition.take([])
        connection = running.partition._connection
        connection.execute("UPDATE position SET offset = 0")
        running.reopen()
        running.catch_up()
        assert ["unusable-key"] == [letter.reason for letter in running.kafka.dead_letters]
        assert expected(running.source) == running.kafka.content()

    def test_a_checkpoint_that_is_none_holds_its_center_until_the_next(
        self, running: Running
    ) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.source.event(CHECKPOINTS, CENTER.encode(), b"junk")
        running.catch_up()
        assert "dead-letter" == running.kafka.progress[CENTER].behind

        running.commit((ENTRIES, 2, an_entry()))
        assert running.kafka.progress[CENTER].behind is None
        assert expected(running.source) == running.kafka.content()

    @pytest.mark.parametrize(
        ("topic", "key"),
        [
            (ENTRIES, b"center_01/" + b"1" * 1_040_000),
            (ENTRIES, b"c" * 1_040_000 + b"/1"),
            (CHECKPOINTS, b"\xff" * 1_040_000),
        ],
    )
    def test_a_key_that_is_too_long_for_a_message_is_a_dead_letter_that_is_not(
        self, running: Running, topic: str, key: bytes
    ) -> None:
        running.source.event(topic, key, b"x")
        running.commit((ENTRIES, 1, an_entry()))
        running.source.event(ENTRIES, key, None)
        running.commit((ENTRIES, 2, an_entry()))

        for letter in running.kafka.dead_letters:
            assert letter.key == key[:200].decode(errors="replace")
        assert running.kafka.dead_letters
        assert expected(running.source) == running.kafka.content()

    def test_a_checkpoint_of_a_center_with_too_long_a_name_is_none(self, running: Running) -> None:
        center = "c" * 6000
        running.source.commit(center, [])
        running.commit((ENTRIES, 1, an_entry()))

        (letter,) = running.kafka.dead_letters
        assert ("unusable-key", center[:200]) == (letter.reason, letter.center_id)
        assert {CENTER} == set(running.kafka.progress)

    def test_reading_it_again_makes_no_second_dead_letter(self, running: Running) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.source.event(ENTRIES, b"center_01/1", b"junk")
        running.catch_up()
        running.reopen()
        running.catch_up()

        assert 1 == len(running.kafka.dead_letters)


class TestTooLargeRows:
    """An entry and the name of its insurer are each small enough, and together they are not."""

    LONG = "x" * 600_000

    @pytest.fixture(autouse=True)
    def insured(self, running: Running) -> None:
        running.commit(
            (INSURERS, 7, {"name": "AOK Bayern", "kind": "1"}),
            (LINKS, 1, {"patient_id": 1, "insurer_id": 7}),
            (ENTRIES, 1, an_entry(chart_entry=self.LONG)),
            (ENTRIES, 2, an_entry()),
        )

    def too_large(self, running: Running) -> None:
        running.commit((INSURERS, 7, {"name": self.LONG, "kind": "1"}))

    def behind(self, running: Running) -> tuple[str | None, int]:
        progress = running.kafka.progress[CENTER]
        return progress.behind, progress.dead_letters

    def test_one_is_withdrawn_with_a_dead_letter_and_holds_nothing_up(
        self, running: Running
    ) -> None:
        self.too_large(running)

        key = topics.unified_key(A_DAY, CENTER, 1)
        assert {topics.unified_key(A_DAY, CENTER, 2)} == set(running.kafka.rows)
        (letter,) = running.kafka.dead_letters
        assert ("too-large", CENTER, key.decode(), topics.UNIFIED_ENTRIES.name, None, None) == (
            letter.reason,
            letter.center_id,
            letter.key,
            letter.topic,
            letter.partition,
            letter.offset,
        )
        assert ("dead-letter", 1) == self.behind(running)

    @pytest.mark.parametrize(
        "change",
        [
            (INSURERS, 7, {"name": "AOK", "kind": "1"}),
            (ENTRIES, 1, None),
            (ENTRIES, 1, an_entry()),
            (ENTRIES, 1, an_entry(entry_date=ANOTHER_DAY)),
            (ENTRIES, 1, an_entry(patient_id=2, chart_entry=LONG)),
        ],
    )
    def test_it_is_over_when_the_row_is_smaller_or_gone(
        self, running: Running, change: Any
    ) -> None:
        self.too_large(running)
        running.reopen()
        running.commit(change)
        if change[0] == ENTRIES:
            assert (None, 0) == self.behind(running)
            running.commit((INSURERS, 7, {"name": "AOK", "kind": "1"}))

        assert (None, 0) == self.behind(running)
        assert expected(running.source) == running.kafka.content()
        assert 1 == len(running.kafka.dead_letters)

    def test_it_is_told_once_while_the_row_stays_too_large(self, running: Running) -> None:
        self.too_large(running)
        running.commit((SERVICES, 1, a_service()))
        running.reopen()
        running.commit((SERVICES, 2, a_service(code="02")))

        assert ("dead-letter", 1) == self.behind(running)
        assert 1 == len(running.kafka.dead_letters)

    @pytest.mark.parametrize("gone", [False, True])
    def test_after_a_rebuild_it_counts_while_it_is_there(
        self, running: Running, *, gone: bool
    ) -> None:
        self.too_large(running)
        if gone:
            running.source.commit(CENTER, [(ENTRIES, 1, None)])
        rebuild_all(running.partition, running.source, running.kafka)
        running.kafka.drain(running.partition)

        assert ((None, 0) if gone else ("dead-letter", 1)) == self.behind(running)
        assert {topics.unified_key(A_DAY, CENTER, 2)} == set(running.kafka.rows)


class Registry:
    """A registry that can be away."""

    def __init__(self) -> None:
        self.away = False

    def __call__(self, id_: int) -> Any:
        if self.away:
            raise RetryLater("the registry can't be reached")
        return {**SCHEMAS, 50: avro.load(Service)}.get(id_)


def test_while_the_registry_is_away_known_schemas_go_on_and_unknown_ones_wait(
    tmp_path: Path,
) -> None:
    registry = Registry()
    running = Running(tmp_path / "join-0.sqlite", schema_of=registry)
    running.commit((ENTRIES, 1, an_entry()), (SERVICES, 1, a_service()))
    registry.away = True
    running.commit((ENTRIES, 2, an_entry()), (SERVICES, 2, a_service(code="02")))
    assert ("01", "02") == running.row().service_codes

    source, position = running.source, running.partition.offsets()
    source.commit(CENTER, [(SERVICES, 3, a_service(code="03")), (SERVICES, 4, a_service())])
    newer = Encoder(Service, 50)
    record = Service(CENTER, 4, 1, A_DAY, "04", 1, START)
    last = source.logs[SERVICES][-1]
    source.logs[SERVICES][-1] = replace(last, value=newer.encode(record))
    batches = [source.batch(topic, position[topic], 9) for topic in TOPICS]
    for _ in range(2):
        with pytest.raises(RetryLater):
            running.partition.take(batches)
    registry.away = False
    running.partition.take(batches)
    running.kafka.drain(running.partition)
    running.partition.close()

    assert ("01", "02", "03", "04") == running.row().service_codes


class TestConfiguration:
    def test_a_renamed_center_renames_its_rows(self, running: Running) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.commit((ENTRIES, 1, an_entry()), center="center_02")
        before = running.row()
        running.reopen(centers=NAMES | {CENTER: "Praxis Neu"})
        running.kafka.drain(running.partition)

        assert "Praxis Neu" == running.row().center_name
        assert before.revision < running.row().revision
        assert before.captured_at == running.row().captured_at
        assert 3 == len(running.kafka.log)

    def test_another_status_table_reaches_only_the_rows_it_changes(self, running: Running) -> None:
        running.commit(
            (INSURERS, 1, {"name": "Bund", "kind": " b"}),
            (INSURERS, 2, {"name": "AOK", "kind": "1"}),
            (LINKS, 1, {"patient_id": 1, "insurer_id": 1}),
            (LINKS, 2, {"patient_id": 2, "insurer_id": 2}),
            (ENTRIES, 1, an_entry()),
            (ENTRIES, 2, an_entry(patient_id=2)),
        )
        assert {(CENTER, "B"): 1} == running.partition.unknown_kinds()
        statuses = StatusTable.of({"1": "GKV", "B": "PKV"})
        running.reopen(statuses=statuses)
        running.kafka.drain(running.partition)

        assert expected(running.source, statuses=statuses) == running.kafka.content()
        assert 3 == len(running.kafka.log)

    def test_a_center_that_is_no_longer_configured_keeps_its_rows(self, running: Running) -> None:
        running.commit((ENTRIES, 1, an_entry()))
        running.reopen(centers={})
        running.commit((ENTRIES, 2, an_entry()))

        assert {"Praxis Eins"} == {row.center_name for row in running.kafka.rows.values()}


def test_a_change_that_touches_very_many_rows_goes_in_parts(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once = []
    differing = rows.Rows.differing

    def counted(*arguments: Any) -> Any:
        found = list(differing(*arguments))
        at_once.append(len(found))
        return iter(found)

    monkeypatch.setattr(rows.Rows, "differing", counted)
    monkeypatch.setattr(publication, "GROUPS", 50)
    running.commit(
        (INSURERS, 1, {"name": "AOK", "kind": "1"}),
        *((LINKS, n, {"patient_id": n, "insurer_id": 1}) for n in range(120)),
    )
    running.commit(*((ENTRIES, n, an_entry(patient_id=n)) for n in range(120)))
    at_once.clear()
    running.commit((INSURERS, 1, {"name": "AOK Bayern", "kind": "1"}))

    assert [50, 50, 20] == at_once
    assert 240 == len(running.kafka.log)


@pytest.mark.parametrize(
    "statement",
    [
        *mirror.WIDEN,
        *mirror.DELETE.values(),
        rows.ENTRIES,
        rows.SERVICES,
        rebuild.GHOSTS,
        rebuild.MATCH,
        rebuild.UNMATCH,
        mirror.TOUCH_CENTER,
    ],
)
def test_no_statement_reads_a_table_of_the_state_from_end_to_end(
    running: Running, statement: str
) -> None:
    given = (1,) * statement.count("?")
    plan = running.partition._connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
    steps = [row[3] for row in plan]

    assert steps
    assert not [step for step in steps if step.startswith("SCAN") and step.split()[1] != "t"], steps
    assert not [step for step in steps if "AUTOMATIC" in step or "TEMP B-TREE" in step], steps


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("17", 17),
        ("-3", -3),
        ("017", "017"),
        ("+3", "+3"),
        ("-", "-"),
        ("--1", "--1"),
        ("²", "²"),
        ("", ""),
        (str(2**63), str(2**63)),
        (str(-(2**63)), -(2**63)),
        ("67890/A22", "67890/A22"),
    ],
)
def test_a_row_is_known_by_its_number_where_its_key_reads_like_one(text: str, key: Any) -> None:
    assert key == key_of(text)


def test_a_row_is_encoded_as_the_codec_does() -> None:
    row = a_unified_entry(revision=77)
    value = Encoder(UnifiedEntry, 9).encode(row)

    assert value[5:] == rows.content_of(row) + rows.value_end(row.revision, row.captured_at)
