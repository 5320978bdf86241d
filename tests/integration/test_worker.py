"""The stream's worker, on a real broker and as a process of its own."""

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
import yaml
from confluent_kafka import Producer

from producers.registry import Registry
from schemas import topics
from schemas.subjects import RECORDS
from tests.centers_at_work import ENTRIES, INSURERS, LINKS, SERVICES, Centers
from tests.own_stack import services, stack  # noqa: F401 - fixtures, by their names
from tests.streaming import configuration, until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

DAY = date(2022, 1, 18)


@pytest.fixture(scope="module")
def schema_ids(stack, services, chartfeed):
    chartfeed("topics", "create", home=stack)
    registry = Registry(services["registry"]["address"])
    return {record: registry.register(topic) for topic, record in RECORDS.items()}


@pytest.fixture
def centers(services, schema_ids):
    return lambda count=6, seed=1: Centers(services["kafka"]["address"], schema_ids, count, seed)


@pytest.fixture
def config(tmp_path, services):
    def write(centers):
        bootstrap, registry = (services[name]["address"] for name in ("kafka", "registry"))
        return configuration(tmp_path, bootstrap, registry, centers.names)

    return write


def shows(centers):
    return lambda: centers.published() == centers.expected()


def an_entry(id_=1, patient=1, text="Kontrolle", day=DAY):
    return ENTRIES, id_, {"patient_id": patient, "entry_date": day, "chart_entry": text}


def test_rows_follow_whole_transactions_and_bad_records_stop_nothing(centers, config):
    town = centers()
    one, other, *_ = town.names
    town.work(20)
    path = config(town)
    with workers(path) as start:
        worker = start("one", "--metrics-port", "0")
        until(shows(town))

        town.commit(one, [an_entry(900, patient=99)], abort=True)
        town.commit(
            one,
            [
                (INSURERS, 50, {"name": "AOK Bayern", "kind": "1"}),
                (LINKS, 500, {"patient_id": 99, "insurer_id": 50}),
                (SERVICES, 500, {"patient_id": 99, "service_date": DAY, "code": "01"}),
                an_entry(901, patient=99, text="one transaction"),
            ],
        )
        until(shows(town))
        versions = [row for at, row in town.log() if at.key.endswith(b"/901")]
        assert [("GKV", "AOK Bayern", ("01",))] == [
            (row.insurance_status, row.insurance_name, row.service_codes) for row in versions
        ]
        assert not [at for at, _ in town.log() if at.key.endswith(b"/900")]

        # A poisonous value withdraws its row; the rest of the transaction is applied.
        town.commit(one, [an_entry(902)], raw=[(ENTRIES, f"{one}/901".encode(), b"no record")])
        town.commit(other, [an_entry(903)])
        key = topics.unified_key(DAY, one, 901)
        until(lambda: key not in town.published())
        until(lambda: [letter.key for letter in town.letters()] == [f"{one}/901"])
        (letter,) = town.letters()
        assert (letter.stage, letter.reason, letter.topic) == ("stream", "undecodable", ENTRIES)
        town.commit(one, [an_entry(901, patient=99, text="again")])
        until(shows(town))

        # So does one among the unified rows, whose dead letter is the daily files' matter.
        junk = topics.unified_key(DAY, one, 904)
        unified = topics.UNIFIED_ENTRIES.name
        sender = Producer({"bootstrap.servers": town.bootstrap})
        sender.produce(unified, b"no record", junk, topics.partition_of_day(DAY, 12))
        sender.flush(10)
        until(lambda: (unified, junk.decode()) in {(at.topic, at.key) for at in town.letters()})

        files = path.parent / "output"
        until((files / f"ivoris_chart_entries_{DAY}.manifest.json").exists)
        listening = [
            at.laddr.ip
            for at in psutil.Process(worker.process.pid).net_connections("inet")
            if at.status == psutil.CONN_LISTEN
        ]
        assert ["127.0.0.1"] == listening, "only the metrics listen"

        second = subprocess.run(
            [sys.executable, "-m", "chartfeed", "--config", path, "stream", "--worker", "one"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert (2, True) == (second.returncode, "another worker works with" in second.stderr)

        began = time.monotonic()
        assert worker.end() == 0
        assert time.monotonic() - began < 5


def test_a_row_is_there_a_moment_after_its_commit(centers, config):
    town = centers(count=3)
    with workers(config(town)) as start:
        start("quick")
        town.work(3)
        until(shows(town))
        center = next(iter(town.names))
        committed = {}
        for number in range(30):
            town.commit(center, [an_entry(2000 + number)])
            committed[f"/{2000 + number}".encode()] = time.time()
            time.sleep(0.03)
        until(shows(town))
    delays = sorted(
        at.timestamp / 1000 - committed[end]
        for at, _ in town.log()
        if (end := b"/" + at.key.split(b"/")[2]) in committed
    )
    # Idle but for this; other tests' work is not measured here.
    assert delays[len(delays) // 2] < 0.25, delays


def test_a_state_that_is_gone_is_rebuilt_and_only_differences_are_published(
    centers, config, services
):
    town = centers()
    town.work(40)
    center = next(iter(town.names))
    ghost = topics.unified_key(DAY, center, 777)
    with workers(config(town)) as start:
        first = start()
        until(shows(town))
        assert first.end(signal.SIGKILL) == -signal.SIGKILL
        for path in first.state.glob("*"):
            if path.is_file():
                path.unlink()
        before = town.log()
        row = next(row for _, row in before if row is not None)
        # A row that an older, broken version left behind.
        sender = Producer({"bootstrap.servers": services["kafka"]["address"]})
        value = next(at.value for at, row in before if row is not None)
        assert row is not None
        sender.produce(
            topics.UNIFIED_ENTRIES.name,
            key=ghost,
            value=value,
            partition=topics.partition_of_day(DAY, 12),
        )
        sender.flush(10)
        town.commit(center, [an_entry(901)])

        start()
        until(shows(town))

    after = town.log()[len(before) :]
    written = {at.key: row for at, row in town.log() if (at, row) not in before}
    assert {ghost: None} == {key: row for key, row in written.items() if row is None}
    assert {topics.unified_key(DAY, center, 901), ghost} == set(written)
    assert len(after) == 3, "more than the differences was published"


def test_a_state_is_trusted_after_a_restart_and_compared_after_a_boot(centers, config):
    town = centers(count=2)
    town.work(10)
    ours = {town.partition(center) for center in town.names}

    def compared(worker):
        """Give how often each partition with a center has been compared with what is published."""
        lines = map(json.loads, worker.said().splitlines())
        begun = [line for line in lines if line.get("event") == "rebuilding" and "why" in line]
        return [sum(line["partition"] == one for line in begun) for one in sorted(ours)]

    path = config(town)
    name = path.parent / "state" / "one" / "identity"
    with workers(path) as start:
        for turn, times in enumerate((1, 1, 2)):
            if turn == 2:
                # Another boot is another end of this name, which only the kernel can give.
                name.write_text(f"{name.read_text()}/another boot")
            worker = start()
            town.commit(next(iter(town.names)), [an_entry(901 + turn)])
            until(shows(town))
            assert worker.end() == 0
            assert [times] * len(ours) == compared(worker)


def test_a_worker_heals_what_it_finds_at_its_start(centers, config):
    town = centers(count=4)
    renamed, disabled, *_ = town.names
    town.work(30)
    insurers = [
        (INSURERS, 9, {"name": "BG", "kind": "C"}),
        (INSURERS, 10, {"name": "X", "kind": "X"}),
    ]
    town.commit(renamed, [an_entry(901), *insurers])
    path = config(town)
    output = path.parent / "output"
    with workers(path) as start:
        first = start()
        until(shows(town))
        keys = [at.key for at, _ in town.log()]
        assert len(keys) == len(set(keys)), "a row went out before its insurance was known"
        until(lambda: first.says("a kind of insurer that insurance_status does not name"))
        until(lambda: '"kind": "X"' in first.said())
        assert '"kind": "C"' not in first.said(), "a special payer was warned of"
        town.commit(renamed, [an_entry(902, text="a moment before the end")])
        until(shows(town))
        time.sleep(0.2)  # It may still be on its way to the sink.
        assert first.end() == 0
        assert "a moment before the end" in rows_of(output)

        # A topic that lost its end, a file that lost its middle, a name and a center corrected.
        days = first.state / f"days-{topics.partition_of_day(DAY, 12)}.sqlite"
        with closing(sqlite3.connect(days)) as state:
            state.execute("UPDATE meta SET value = 1000000 WHERE key = 'position'")
            state.commit()
        join = first.state / f"join-{town.partition(disabled)}.sqlite"
        join.write_bytes(join.read_bytes()[:4096] + b"\xff" * 8192)
        town.names[renamed] = "Praxis Neu"
        town.commit(disabled, [an_entry(903)])
        disable(config(town), disabled)
        second = start()
        until(shows(town))
        until(lambda: f"{renamed},Praxis Neu,{DAY}" in rows_of(output))
        assert second.says("days put aside") == 1
        manifest = output / f"ivoris_chart_entries_{DAY}.manifest.json"
        until(
            lambda: (
                ("stopped", 1)
                == next(
                    (line["behind"], [line["center_id"] for line in lines].count(disabled))
                    for lines in [json.loads(manifest.read_text())["centers"]]
                    for line in lines
                    if line["center_id"] == disabled
                )
            )
        )
        assert second.process.poll() is None
        assert second.end() == 0


def rows_of(output):
    return (output / f"ivoris_chart_entries_{DAY}.csv").read_text("utf-8")


def disable(path, center):
    file = path.parent / "centers.yml"
    content = yaml.safe_load(file.read_text("utf-8"))
    for one in content["centers"]:
        one["enabled"] = one["id"] != center
    file.write_text(yaml.safe_dump(content), "utf-8")


def test_without_the_registry_known_schemas_go_on_and_unknown_ones_wait(
    centers, tmp_path, services
):
    town = centers(count=8)
    one, other = two_apart(town)
    with Gate(services["registry"]["address"]) as gate:
        path = configuration(tmp_path, services["kafka"]["address"], gate.url, town.names)
        with workers(path) as start:
            worker = start()
            town.work(10)
            until(shows(town))
            gate.shut()
            unknown = (1_000_000).to_bytes(5, "big") + b"x"
            town.commit(other, [an_entry(901)], raw=[(ENTRIES, f"{other}/902".encode(), unknown)])
            until(lambda: worker.says("waiting"))
            town.commit(one, [an_entry(903)])
            key = topics.unified_key(DAY, one, 903)
            until(lambda: key in town.published())
            assert topics.unified_key(DAY, other, 901) not in town.published()

            gate.open()
            until(shows(town))
            until(lambda: [letter.reason for letter in town.letters()] == ["unknown-schema"])


def test_partitions_that_come_back_while_the_registry_is_away_go_on(centers, tmp_path, services):
    town = centers(count=4)
    every = [
        an_entry(),
        (SERVICES, 1, {"patient_id": 1, "service_date": DAY, "code": "01"}),
        (LINKS, 1, {"patient_id": 1, "insurer_id": 1}),
        (INSURERS, 1, {"name": "AOK Bayern", "kind": "1"}),
    ]
    with Gate(services["registry"]["address"]) as gate:
        path = configuration(tmp_path, services["kafka"]["address"], gate.url, town.names)
        with workers(path) as start:
            stays = start()
            for center in town.names:
                town.commit(center, every)
            until(shows(town))
            alone = stays.says("assigned")
            goes = start("two")
            until(lambda: goes.says("assigned") and stays.says("assigned") > alone)
            for center in town.names:
                town.commit(center, [an_entry(900)])
            until(shows(town))
            gate.shut()
            shared = stays.says("assigned")
            assert goes.end() == 0
            until(lambda: stays.says("assigned") > shared)
            for center in town.names:
                town.commit(center, [an_entry(901)])
            until(shows(town))
            assert not stays.says("waiting")


def two_apart(town):
    """Give two centers whose events are in different partitions."""
    first, *others = town.names
    return first, next(name for name in others if town.partition(name) != town.partition(first))


class Gate:
    """A way to the registry that can be shut."""

    def __init__(self, address):
        self._address = address.rstrip("/")
        self._shut = False
        gate = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                gate.answer(self, None)

            def do_POST(self):
                gate.answer(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_arguments):
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/apis/ccompat/v7"

    def shut(self):
        self._shut = True

    def open(self):
        self._shut = False

    def answer(self, handler, content):
        if self._shut:
            handler.close_connection = True
            return
        path = handler.path.removeprefix("/apis/ccompat/v7")
        kind = {"Content-Type": handler.headers.get("Content-Type") or "application/json"}
        request = Request(self._address + path, data=content, headers=kind)
        try:
            with urlopen(request, timeout=10) as found:
                code, body = found.status, found.read()
        except HTTPError as error:
            code, body = error.code, error.read()
        handler.send_response(code)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def __enter__(self):
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        return self

    def __exit__(self, *_exc):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
