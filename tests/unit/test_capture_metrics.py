"""What Prometheus is told, as its own client reads it."""

import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as open_metrics
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as open_metrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from producers.capture.errors import KafkaDown
from producers.capture.metrics import METRICS, STATES, Capture
from producers.capture.status import Situation, after_commit
from producers.capture.tally import Tally
from schemas.records import SnapshotProgress
from tests.factories import A_MOMENT
from tests.unit.test_capture_events import ENTRY, of_change
from tests.unit.test_capture_position import a_checkpoint

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"


def progress(done: Any, of: Any = 400) -> Any:
    return SnapshotProgress("initial", "KARTEI", 5, done, of, A_MOMENT)


def a_tally() -> Any:
    tally = Tally()
    messages = [
        *of_change("KARTEI", "U", 5, ENTRY),
        *of_change("KARTEI", "D", 6),
        *of_change("KARTEI", "D", 7),
        *of_change("LEISTUNG", "I", 5, (5, None, 20220118, "x", 0)),
    ]
    tally.committed(None, a_checkpoint(snapshot=progress(100)), messages)
    tally.committed(a_checkpoint(snapshot=progress(100)), a_checkpoint(snapshot=progress(150)), [])
    tally.failed("center_07", KafkaDown("gone"))
    return tally


@pytest.fixture
def registry() -> Any:
    known = after_commit(Situation(), a_checkpoint(snapshot=progress(100)), 3)
    registry = CollectorRegistry()
    registry.register(Capture(lambda: {"center_07": known, "center_08": Situation()}, a_tally()))
    return registry


def samples(registry: Any) -> Any:
    text = generate_latest(registry).decode()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_events_are_counted_by_table_and_operation_and_refused_rows_by_reason(
    registry: Any,
) -> None:
    found = samples(registry)

    assert 1 == found["chartfeed_capture_events_total", "KARTEI", "center_07", "update"]
    assert 2 == found["chartfeed_capture_events_total", "KARTEI", "center_07", "delete"]
    assert 1 == found["chartfeed_capture_events_total", "LEISTUNG", "center_07", "delete"]
    letters = "chartfeed_capture_dead_letters_total", "center_07", "missing-patient"
    assert 1 == found[letters]
    assert 1 == found["chartfeed_capture_errors_total", "KafkaDown", "center_07"]


def test_rows_of_a_snapshot_are_counted_by_how_far_it_went_on(registry: Any) -> None:
    found = samples(registry)

    assert 150 == found["chartfeed_capture_snapshot_rows_total", "center_07"]
    assert 2 == found["chartfeed_capture_transactions_total", "center_07"]
    assert 0.25 == found["chartfeed_capture_snapshot_ratio", "center_07"]
    assert ("chartfeed_capture_snapshot_ratio", "center_08") not in found


def test_a_process_that_goes_on_with_a_snapshot_counts_what_it_read_itself() -> None:
    tally = Tally()

    tally.committed(a_checkpoint(snapshot=progress(90)), a_checkpoint(snapshot=progress(100)), [])
    tally.committed(a_checkpoint(snapshot=progress(100)), a_checkpoint(), [])

    assert 10 == tally.counts()["center_07"].snapshot_rows


def test_every_center_is_in_exactly_one_state(registry: Any) -> None:
    found = samples(registry)

    for center, due in (("center_07", "snapshot"), ("center_08", "starting")):
        states = {
            state: found["chartfeed_capture_state", *sorted((center, state))] for state in STATES
        }
        assert {due: 1.0} == {state: value for state, value in states.items() if value}


def test_the_newer_format_that_prometheus_prefers_is_right_too(registry: Any) -> None:
    families = list(open_metrics_families(open_metrics(registry).decode()))

    assert {metric.name.removesuffix("_total") for metric in METRICS} == {
        family.name for family in families
    }


def test_every_metric_is_in_the_document_as_it_is_told() -> None:
    rows = re.findall(
        r"^\| `(chartfeed_capture_\w+)` \| (.*?) \| (.*?) \|$", DOCUMENT.read_text(), re.MULTILINE
    )

    assert [
        (
            metric.name,
            ", ".join(f"`{label}`" for label in ("center", *metric.labels)),
            metric.help,
        )
        for metric in METRICS
    ] == rows
