"""Daily files from the unified topic, on a real broker: true at any time, and whole at the end."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Producer

from producers.registry import Registry
from schemas import topics
from schemas.codec import Encoder
from schemas.records import CenterStatus, Progress, UnifiedEntry
from schemas.unified import file_order
from stream_app.files import day as files
from stream_app.files.rendering import file_name, manifest_name, render
from stream_app.files.targets import Folder
from stream_app.sink.completeness import KnownCenter
from stream_app.sink.flushing import whole
from stream_app.sink.sink import Options, Sink
from tests.driving import UNIFIED, Driver
from tests.unified import an_entry, key_of
from tests.unit.test_sink_claims import a_progress, a_status

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]

ROOT = Path(__file__).resolve().parents[2]
PARTITIONS = 12


@pytest.fixture(scope="session")
def kafka(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    return {"bootstrap.servers": services["kafka"]["address"], "log_level": 0}


@pytest.fixture(scope="session")
def registry(kafka, services):  # noqa: ARG001 - the schemas have to be there
    return Registry(services["registry"]["address"])


@pytest.fixture
def scene(tmp_path, kafka, registry):
    return Scene(tmp_path, kafka, registry)


class Scene:
    """A center of its own, a day of its own, and what a join and a producer say of them."""

    def __init__(self, folder, kafka, registry):
        self.folder = folder
        self.kafka = kafka
        self.registry = registry
        self.center = f"center_{uuid.uuid4().hex[:8]}"
        self.day = date(1950, 1, 1) + timedelta(days=uuid.uuid4().int % 15000)
        self.partition = topics.partition_of_day(self.day, PARTITIONS)
        self.target = Folder(folder / "out")
        self.ends = {}
        self.version = 0
        self.producer = Producer(kafka | {"transactional.id": f"join-{self.center}"})
        self.producer.init_transactions(20)
        self._encode = {
            record: Encoder(record, registry.id_of(topic)).encode
            for record, topic in (
                (UnifiedEntry, topics.UNIFIED_ENTRIES),
                (Progress, topics.PROGRESS),
                (CenterStatus, topics.CENTER_STATUS),
            )
        }

    def entry(self, **changes):
        return an_entry(**({"center_id": self.center, "date": self.day} | changes))

    def publish(self, *changes, commit=True, progress=True, **said):
        """Commit rows and the Progress that follows from them, as the join does."""
        self.version += 1
        self.producer.begin_transaction()
        for change in changes:
            key = change if isinstance(change, bytes) else key_of(change)
            day = date.fromisoformat(key.decode()[:10])
            self.producer.produce(
                UNIFIED,
                key=key,
                value=None if isinstance(change, bytes) else self._encode[UnifiedEntry](change),
                partition=topics.partition_of_day(day, PARTITIONS),
                on_delivery=self._delivered,
            )
        self.producer.flush(20)
        if progress:
            record = a_progress(
                self.version,
                self.ends,
                center_id=self.center,
                captured_at=self.captured_at(self.version),
                applied_at=datetime.now(UTC),
            )
            self._tell(topics.PROGRESS, self.producer, replace(record, **said))
        if commit:
            self.producer.commit_transaction(20)

    def _delivered(self, error, message):
        assert error is None
        self.ends[message.partition()] = message.offset()

    def _tell(self, topic, producer, record):
        producer.produce(
            topic.name,
            key=self.center,
            value=self._encode[type(record)](record),
            partition=topics.partition_of_center(self.center, PARTITIONS),
        )

    def tell_status(self, state="streaming", **changes):
        now = datetime.now(UTC)
        record = a_status(state, center_id=self.center, version=self.version, **changes)
        plain = Producer(self.kafka)
        record = replace(record, heartbeat_at=now, expires_at=now + timedelta(seconds=60))
        self._tell(topics.CENTER_STATUS, plain, record)
        plain.flush(20)

    def captured_at(self, version):
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=version)

    def options(self, **changes):
        found = Options(
            state=self.folder / "state",
            output=str(self.folder / "out"),
            formats=("csv", "json"),
            partitions=PARTITIONS,
            topic_id="of this run",
            kafka=self.kafka,
            centers=(KnownCenter(self.center, "Praxis Süd"),),
            flush_interval=timedelta(milliseconds=200),
            open_days=lambda _now: (self.day,),
        )
        return replace(found, **changes)

    @contextmanager
    def sinking(self, *, flush=True, partitions=None, **changes):
        sink = Sink(self.options(**changes), self.registry.schema)
        sink.start()
        owned = (self.partition,) if partitions is None else partitions
        with Driver(self.kafka, sink, owned) as driver:
            yield driver
            sink._flusher.close(flush=flush)
        sink.close()

    def manifest(self):
        return files.read_manifest(self.target, self.day)

    def line(self):
        manifest = self.manifest()
        return None if manifest is None else manifest.centers[0]

    def shows(self, *rows):
        manifest = self.manifest()
        if manifest is None or not whole(self.target, manifest):
            return False
        expected = render("csv", self.day, sorted(rows, key=file_order))
        return self.target.read(file_name(self.day, "csv")) == expected


def soon(driver, check, seconds=40):
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        driver.step(0.05)


def test_files_follow_the_topic_and_say_through_when_they_are_complete(scene):
    scene.tell_status()
    with scene.sinking() as driver:
        scene.publish(scene.entry(), scene.entry(entry_id=2))
        soon(driver, lambda: scene.shows(scene.entry(), scene.entry(entry_id=2)))
        soon(driver, lambda: scene.line().complete_through is not None)
        through = scene.line().complete_through
        assert (scene.captured_at(1), 1, None) == (
            through.captured_at,
            through.version,
            scene.line().behind,
        )
        moved = scene.entry(entry_id=2, date=scene.day + timedelta(days=1))
        scene.publish(key_of(scene.entry(entry_id=2)), moved)
        soon(driver, lambda: scene.shows(scene.entry()))
        # An open day's manifest follows checkpoints that change nothing.
        scene.publish()
        soon(driver, lambda: scene.line().complete_through.version == 3)


def test_what_is_not_committed_is_neither_shown_nor_claimed(scene):
    scene.tell_status()
    scene.publish(scene.entry())
    with scene.sinking() as driver:
        soon(driver, lambda: scene.shows(scene.entry()))
        scene.publish(scene.entry(entry_id=2), commit=False)
        other = Scene(scene.folder, scene.kafka, scene.registry)
        for _ in range(10):
            driver.step()
        assert scene.shows(scene.entry())
        assert 1 == scene.line().complete_through.version
        scene.producer.abort_transaction(20)
        other.day, other.partition = scene.day, scene.partition
        other.publish(other.entry())
        soon(driver, lambda: scene.shows(scene.entry(), other.entry()))
        assert "stopped" == scene.manifest().centers[1].behind or "stopped" == scene.line().behind


def test_a_sink_that_is_behind_claims_only_what_it_has_read(scene):
    scene.tell_status()
    scene.publish(scene.entry())
    with scene.sinking() as driver:
        soon(driver, lambda: scene.shows(scene.entry()))
        soon(driver, lambda: scene.line().complete_through is not None)
        for number in range(2, 6):
            scene.publish(scene.entry(entry_id=number))
        # The watcher hears of version 5 at once, but its rows are not read.
        seen = scene.manifest().written_at
        deadline = time.monotonic() + 30
        while scene.manifest().written_at == seen:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert scene.line().complete_through.version == 1
        assert scene.shows(scene.entry())
    with scene.sinking() as driver:
        soon(
            driver,
            lambda: (
                scene.line().complete_through is not None
                and scene.line().complete_through.version == 5
            ),
        )
        assert scene.shows(*(scene.entry(entry_id=number) for number in range(1, 6)))


def test_days_move_between_workers_and_stay_true(scene):
    """Each keeps a state of its own; whoever comes back finds files that another has written."""
    scene.tell_status()
    rows = {}
    for turn in range(4):
        row = scene.entry(entry_id=turn % 3, chart_entry=f"turn {turn}")
        rows[row.entry_id] = row
        scene.publish(row)
        state = scene.folder / f"state-{turn % 2}"
        with scene.sinking(state=state) as driver:
            driver.to_the_end()
            soon(driver, lambda: scene.shows(*rows.values()))
            soon(
                driver,
                lambda turn=turn: (
                    scene.line().complete_through is not None
                    and scene.line().complete_through.version == turn + 1
                ),
            )


def test_a_worker_that_lost_its_days_without_knowing_writes_them_no_more(scene):
    scene.tell_status()
    scene.publish(scene.entry())
    with scene.sinking() as older:
        soon(older, lambda: scene.shows(scene.entry()))
        generation = scene.manifest().generation
        with scene.sinking(state=scene.folder / "other") as newer:
            soon(newer, lambda: scene.manifest().generation > generation)
            scene.publish(scene.entry(chart_entry="new"))
            soon(newer, lambda: scene.shows(scene.entry(chart_entry="new")))
            soon(older, lambda: older.sink.report().partitions[0].lost is not None)
        assert scene.shows(scene.entry(chart_entry="new"))


def test_a_poisonous_record_is_handed_back_and_its_center_is_behind(scene):
    scene.tell_status()
    scene.publish(scene.entry())
    with scene.sinking() as driver:
        soon(driver, lambda: scene.shows(scene.entry()))
        scene.producer.begin_transaction()
        scene.producer.produce(
            UNIFIED, key=key_of(scene.entry()), value=b"poison", partition=scene.partition
        )
        scene.producer.commit_transaction(20)
        soon(driver, scene.shows)
        soon(driver, lambda: scene.line().behind == "dead-letter")
        assert 1 == scene.line().dead_letters
        scene.publish(scene.entry())
        soon(driver, lambda: scene.shows(scene.entry()))
        soon(driver, lambda: scene.line().behind is None)


def test_all_partitions_at_once_and_again_from_nothing_give_the_same_bytes(scene):
    days = [scene.day + timedelta(days=number) for number in range(20)]
    scene.publish(*(scene.entry(date=day, entry_id=number) for day in days for number in range(9)))
    contents = []
    for turn in range(2):
        out = scene.folder / f"out-{turn}"
        changes = {"state": scene.folder / f"state-{turn}", "output": str(out)}
        with scene.sinking(partitions=tuple(range(PARTITIONS)), **changes) as driver:
            driver.to_the_end()
            soon(
                driver,
                lambda: (
                    not any(
                        one.waiting or one.generation is None
                        for one in driver.sink.report().partitions
                    )
                ),
            )
        names = [file_name(day, "csv") for day in days]
        contents.append([(out / name).read_bytes() for name in names])
    assert contents[0] == contents[1]
    assert all(content.count(b"\n") == 10 for content in contents[0])


@pytest.fixture
def configured(scene, services):
    """Give what runs a command with a configuration of the scene's own."""
    (scene.folder / "centers.yml").write_text(
        f'centers: [{{id: {scene.center}, name: Süd, server: "127.0.0.1,9", database: D}}]'
    )
    (scene.folder / "chartfeed.yml").write_text(
        f"kafka: {{bootstrap: '{services['kafka']['address']}'}}\n"
        f"registry: {{url: '{services['registry']['address']}'}}\n"
        "output: {path: out}\n"
    )
    config = ("--config", scene.folder / "chartfeed.yml")

    def run(*arguments, **options):
        return subprocess.Popen(
            [sys.executable, "-m", "chartfeed", *map(str, (*config, *arguments))],
            env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    return run


def ended(process, code=0):
    out, error = process.communicate(timeout=60)
    assert code == process.returncode, out + error
    assert "Traceback" not in error
    return out


def test_days_and_a_day_are_shown_as_they_stand_now(scene, configured):
    scene.tell_status()
    scene.publish(scene.entry(), scene.entry(entry_id=2))
    with scene.sinking(open_days=lambda _now: ()) as driver:
        soon(driver, lambda: scene.shows(scene.entry(), scene.entry(entry_id=2)))
    scene.publish()
    scene.tell_status()
    stated = scene.line().complete_through

    listed = {one["date"]: one for one in json.loads(ended(configured("days", "--json")))["days"]}
    found = listed[scene.day.isoformat()]
    assert (2, 1, {}) == (found["record_count"], found["complete"], found["behind"])
    # The day was not written again, and is complete through the later checkpoint nevertheless.
    assert stated is None or stated.version == 1
    assert found["complete_through"].startswith("2026-01-01T00:00:02")

    shown = json.loads(ended(configured("day", scene.day, "--json")))
    assert ["good", "good"] == [file["found"] for file in shown["files"].values()]
    assert 2 == shown["centers"][0]["complete_through"]["version"]
    assert scene.day.isoformat() in ended(configured("days"))
    (scene.folder / "out" / file_name(scene.day, "csv")).write_text("x")
    assert "other" in ended(configured("day", scene.day), code=1)
    (scene.folder / "out" / file_name(scene.day, "csv")).unlink()
    assert "missing" in ended(configured("day", scene.day), code=1)
    ended(configured("day", "2022-02-30"), code=2)
    (scene.folder / "out" / manifest_name(scene.day)).unlink()
    ended(configured("day", scene.day), code=1)


def test_the_unified_rows_are_followed_until_ctrl_c(scene, configured):
    following = configured("tail", "--center", scene.center, "--json", "--from", "earliest")
    plain = configured("tail", "--date", scene.day, "--from", "earliest", "--max", 2)
    row = scene.entry(chart_entry="Füllung\x1b[31m")
    scene.publish(row, key_of(row))
    lines = [json.loads(following.stdout.readline()) for _ in range(2)]

    assert row.chart_entry == lines[0]["entry"]["chart_entry"]
    gone = {"date": scene.day.isoformat(), "center_id": scene.center, "row": "1"}
    assert gone == lines[1]["gone"]
    following.send_signal(signal.SIGINT)
    ended(following)
    shown = ended(plain).splitlines()
    assert [f"{scene.day}  {scene.center}"] * 2 == [
        line[: 12 + len(scene.center)] for line in shown
    ]
    assert "\x1b" not in shown[0]
    assert shown[1].endswith("gone")


def test_commands_say_so_when_kafka_does_not_answer(scene, configured):
    scene.publish(scene.entry())
    with scene.sinking() as driver:
        soon(driver, lambda: scene.shows(scene.entry()))
    path = scene.folder / "chartfeed.yml"
    path.write_text("kafka: {bootstrap: '127.0.0.1:9'}\noutput: {path: out}\n")

    shown = json.loads(ended(configured("day", scene.day, "--json")))
    assert (False, 1) == (shown["live"], shown["record_count"])
    ended(configured("tail"), code=3)
