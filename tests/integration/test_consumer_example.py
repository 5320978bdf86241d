"""The consumer in the docs: it has nothing of ours, and reads all of ours."""

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from producers.registry import Registry
from schemas import topics
from schemas.codec import Encoder
from schemas.records import UnifiedEntry
from tests.factories import a_unified_entry

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "consumer.py"


def read(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(EXAMPLE), *words, "--once"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_it_prints_every_committed_change(
    stack: Path, services: dict[str, Any], chartfeed: Any
) -> None:
    chartfeed("topics", "create", home=stack)
    bootstrap, url = (services[name]["address"] for name in ("kafka", "registry"))
    encoder = Encoder(UnifiedEntry, Registry(url).register(topics.UNIFIED_ENTRIES))
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "example"})
    producer.init_transactions(30)

    def send(entry: UnifiedEntry, value: bytes | None) -> None:
        key = topics.unified_key(entry.date, entry.center_id, entry.entry_id)
        partition = topics.partition_of_day(entry.date, 12)
        producer.produce(topics.UNIFIED_ENTRIES.name, value, key, partition)

    center = f"praxis_{uuid.uuid4().hex[:8]}"  # Others may have used the same broker.
    kept = a_unified_entry(center_id=center)
    gone = a_unified_entry(center_id=center, entry_id="E 2", patient_id="67890/A22")
    producer.begin_transaction()
    send(kept, encoder.encode(kept))
    send(gone, None)
    producer.commit_transaction(30)
    producer.begin_transaction()
    send(gone, encoder.encode(gone))
    producer.flush(30)
    producer.abort_transaction(30)

    done = read(bootstrap, url)

    added, removed = (line for line in done.stdout.splitlines() if center in line)
    key, _, value = added.removeprefix("+ ").partition(" {")
    assert key == f"2022-01-18/{center}/1"
    assert json.loads("{" + value) == {
        "center_id": center,
        "center_name": "Zahnarztpraxis München",
        "date": "2022-01-18",
        "entry_id": 1,
        "patient_id": 1,
        "insurance_status": "GKV",
        "insurance_name": "AOK Bayern",
        "chart_entry": "Füllung 16",
        "service_codes": ["01", "1040"],
        "revision": 0,
        "captured_at": "2022-01-18 12:00:00.250000+00:00",
    }
    assert removed == f"- 2022-01-18/{center}/E 2"

    again = read(bootstrap, url)
    assert "" == again.stdout, "it goes on where it ended"
    assert "changes that reader-example had not read before: 0\n" == again.stderr
    other = read(bootstrap, url, "--group", f"reader-{center}")
    assert added in other.stdout, "another group begins at the beginning"
