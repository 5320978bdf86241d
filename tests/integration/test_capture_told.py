"""What a running producer tells of itself: metrics and logs, and nobody's name in any of it."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from deploy.local import practices
from producers.connection import connect
from producers.quoting import name, qualified
from schemas import topics
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(180)]

ROOT = Path(__file__).resolve().parents[2]
READER = "Aa1-" + secrets.token_urlsafe(12)
POLLS = 20


@pytest.fixture(scope="module")
def told(tmp_path_factory: Any, stack: Any, services: Any, chartfeed: Any) -> Any:
    """Let a producer read two practices, one with flaws; give what it said, where, and of whom."""
    chartfeed("topics", "create", home=stack)
    chartfeed("schemas", "register", home=stack)
    folder = tmp_path_factory.mktemp("told")
    request = practices.Request(
        count=2, patients=25, years=1, tables=10, insurers=20, flaws=3, families=("suffixed",)
    )
    planned = [
        replace(practice, center_id=f"erzaehlt_{number}")
        for number, practice in enumerate(practices.plan(request)[:2])
    ]
    with running(tmp_path_factory.mktemp("told_server")) as standin:
        sa = login_of(standin)
        practices.load_missing(
            planned, practices.connector(sa), user="chartfeed", password=READER, threads=2
        )
        mappings = approved.approve_all(folder / "mappings", planned, sa)
        config = approved.configure(folder, {sa.server: planned}, READER)
        settings = json.loads(config.read_text()) | {
            "kafka": {"bootstrap": services["kafka"]["address"]},
            "registry": {"url": services["registry"]["address"]},
            "producers": {"poll_interval": "50ms", "metrics_port": 0},
        }
        config.write_text(json.dumps(settings))
        names = set()
        for practice in planned:
            mapping = mappings[practice.center_id]
            with closing(connect(replace(sa, database=practice.database))) as connection:
                names |= patients(connection, mapping)
        log = folder / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "chartfeed", "--config", str(config), "produce"],
                cwd=ROOT,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stderr=output,
            )
        try:
            wait_for(lambda: 2 == log.read_text().count('"streaming"'), log)
            address = re.search(r"http://127\.0\.0\.1:\d+/metrics", log.read_text())
            assert address is not None
            time.sleep(POLLS * 0.05)
            with urllib.request.urlopen(address[0], timeout=10) as answer:
                metrics = answer.read().decode()
        finally:
            process.send_signal(signal.SIGTERM)
            assert 0 == process.wait(20)
        yield log.read_text(), metrics, names, services["kafka"]["address"]


def patients(connection: Any, mapping: Any) -> Any:
    """Give the parts of all patients' names that are long enough to be told from other words."""
    table = qualified(mapping.schema_name(), mapping.table("PATIENT"))
    columns = [name(mapping.column("PATIENT", column)) for column in ("P_NAME", "P_VORNAME")]
    rows = connection.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
    return {part for row in rows for part in row if part and len(part) > 3}


def wait_for(condition: Any, log: Any) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def test_metrics_of_a_running_producer_can_be_scraped(told: Any) -> None:
    _, text, _, _ = told
    families = {family.name: family for family in text_string_to_metric_families(text)}

    streaming = {
        sample.labels["center"]
        for sample in families["chartfeed_capture_state"].samples
        if sample.labels["state"] == "streaming" and sample.value == 1
    }
    assert {"erzaehlt_0", "erzaehlt_1"} == streaming
    events = families["chartfeed_capture_events"].samples
    assert sum(sample.value for sample in events) > 100
    assert {"KASSEN", "PATKASSE", "KARTEI", "LEISTUNG"} == {one.labels["table"] for one in events}
    rows = families["chartfeed_capture_snapshot_rows"].samples
    assert sum(sample.value for sample in rows) > 100
    headroom = families["chartfeed_capture_retention_headroom_seconds"].samples
    assert all(172_000 < sample.value <= 172_800 for sample in headroom)
    refused = sum(one.value for one in families["chartfeed_capture_dead_letters"].samples)
    assert 0 < sum(one.value for one in families["chartfeed_capture_withdrawn_rows"].samples)
    assert refused >= 1
    assert all(0 == one.value for one in families["chartfeed_capture_lag_versions"].samples)
    assert families["process_resident_memory_bytes"].samples


def test_every_log_line_is_json_and_a_state_is_there_once(told: Any) -> None:
    log, _, _, _ = told
    lines = [json.loads(line) for line in log.splitlines()]

    assert all({"event", "level", "timestamp"} <= set(line) for line in lines)
    states = [(line["center"], line["state"]) for line in lines if line["event"] == "state"]
    assert 2 == sum(state == "streaming" for _, state in states)
    assert len(set(states)) == len(states)


def test_no_patients_name_is_in_logs_metrics_or_topics(told: Any) -> None:
    log, metrics, names, bootstrap = told
    assert len(names) > 20

    known = re.compile("|".join(map(re.escape, names)))
    assert [] == known.findall(log)
    assert [] == known.findall(metrics)
    written = list(messages(bootstrap, ("erzaehlt_0", "erzaehlt_1")))
    assert len(written) > 100
    assert [] == known.findall(b"\n".join(written).decode("utf-8", "replace"))


def messages(bootstrap: Any, centers: Any) -> Any:
    """Give key, headers and value of each of the centers' messages in any topic, all in one."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "t", "enable.partition.eof": True}
    at = {topics.partition_of_center(center, 12) for center in centers}
    unread = {(topic.name, partition) for topic in topics.ALL for partition in at}
    with closing(Consumer(settings)) as consumer:
        consumer.assign([TopicPartition(topic, partition, 0) for topic, partition in unread])
        while unread:
            message = consumer.poll(10)
            assert message is not None
            if message.error():
                unread.discard((message.topic(), message.partition()))
                continue
            key = message.key() or b""
            if key.split(b"/")[0].decode() in centers:
                yield key + repr(message.headers()).encode() + (message.value() or b"")
