"""Random histories: whatever the order, kills and compaction, the rows are the naive ones."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stream_app.batches import Batch
from stream_app.join import TOPICS, Partition
from tests.naive_join import (
    ENTRIES,
    INSURERS,
    LINKS,
    NAMES,
    SERVICES,
    Kafka,
    Source,
    a_contract,
    expected,
    live,
    read_all,
    rebuild,
)

DAYS = (date(2022, 1, 18), date(2022, 1, 19))
# Some differ only in their type; as keys of events they are the same.
IDS = (1, 2, 10, "2", "A/7", "Ä")
PATIENTS = (1, "1", 2)
PICKED = st.sampled_from

ENTRY = st.fixed_dictionaries(
    {
        "patient_id": PICKED(PATIENTS),
        "entry_date": PICKED(DAYS),
        "chart_entry": PICKED(["", "Füllung 16", "Kontrolle"]),
    }
)
SERVICE = st.fixed_dictionaries(
    {
        "patient_id": PICKED(PATIENTS),
        "service_date": PICKED(DAYS),
        "code": PICKED(["01", " 01", "1040", "13b", ""]),
    }
)
LINK = st.fixed_dictionaries(
    {"patient_id": PICKED(PATIENTS), "insurer_id": PICKED([None, 1, "1", "x"])}
)
INSURER = st.fixed_dictionaries(
    {"name": PICKED([None, "AOK", "DAK"]), "kind": PICKED([None, "P", "1", " p ", "?"])}
)
CHANGE = st.one_of(
    st.tuples(PICKED([ENTRIES]), PICKED(IDS), st.none() | ENTRY),
    st.tuples(PICKED([SERVICES]), PICKED(IDS), st.none() | SERVICE),
    st.tuples(PICKED([LINKS]), PICKED(IDS), st.none() | LINK),
    st.tuples(PICKED([INSURERS]), PICKED([1, "1", "x"]), st.none() | INSURER),
)
COMMIT = st.tuples(PICKED(list(NAMES)), st.lists(CHANGE, max_size=6))
HISTORY = st.lists(COMMIT, min_size=1, max_size=10)
CHANCE = st.integers(0, 2**32).map(random.Random)
TRIES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)

Commits = list[tuple[str, list[tuple[str, Any, Any]]]]


@pytest.fixture
def fresh(tmp_path: Path) -> Callable[[], Path]:
    """Give a new path for each example."""
    numbers = iter(range(1_000_000))
    return lambda: tmp_path / str(next(numbers)) / "join-0.sqlite"


def source_of(history: Commits) -> Source:
    source = Source()
    for center, changes in history:
        source.commit(center, changes)
    return source


def wander(
    partition: Partition, source: Source, choose: random.Random, reopen: Callable[[], Partition]
) -> Iterator[Partition]:
    """Read a little of a topic at a time, in no order; now and then the process is killed.

    That happens between two steps, or in the middle of a transaction.
    """
    positions = dict.fromkeys(TOPICS, 0) | partition.offsets()
    while behind := [topic for topic in TOPICS if positions[topic] < source.ends[topic]]:
        topic = choose.choice(behind)
        batch = source.batch(topic, positions[topic], choose.randrange(1, 4))
        match choose.randrange(8):
            case 0:
                if choose.randrange(2):
                    fail(partition, batch, choose)
                partition.close()
                partition = reopen()
                positions = dict.fromkeys(TOPICS, 0) | partition.offsets()
            case 1:
                again = choose.choice(TOPICS)
                before = choose.randrange(positions[again] + 1)
                partition.take([source.batch(again, before, 2)])
            case _:
                partition.take([batch])
                positions[topic] = batch.position
        yield partition


def rebuilt(path: Path, source: Source, kafka: Kafka, choose: random.Random) -> Partition:
    """Rebuild a state, with kills in between."""

    def reopen() -> Partition:
        partition = Partition.open(path, a_contract())
        assert partition.rebuilding
        partition.begin_rebuild(source.ends)
        return partition

    partition = reopen()
    for partition in wander(partition, source, choose, reopen):  # noqa: B020 - it is opened anew
        assert not partition.outbox(9)
    rebuild(partition, source, kafka)
    return partition


def fail(partition: Partition, batch: Batch, choose: random.Random) -> None:
    """Have taking a batch end somewhere in the middle."""
    partition._connection.set_progress_handler(lambda: choose.random() < 0.1, 20)
    with suppress(sqlite3.OperationalError):
        partition.take([batch])


@TRIES
@given(HISTORY, CHANCE)
def test_any_order_of_reading_and_any_kill_gives_the_rows_of_whole_transactions(
    fresh, history: Commits, choose: random.Random
) -> None:
    path, kafka, source = fresh(), Kafka(), Source()
    partition = live(path, source, kafka)
    source = source_of(history)
    for partition in wander(  # noqa: B020 - a killed process opens another
        partition, source, choose, lambda: Partition.open(path, a_contract())
    ):
        if choose.randrange(3):
            kafka.send(partition, limit=choose.randrange(1, 4), committed=choose.random() < 0.7)
            continue
        kafka.drain(partition)
        shown: dict[bytes, Any] = {}
        for center, progress in kafka.progress.items():
            then = source.after[center, progress.checkpoint_offset]
            shown |= then.rows(NAMES[center])
        assert shown == kafka.content()
    kafka.drain(partition)
    partition.close()

    assert expected(source) == kafka.content()


@TRIES
@given(HISTORY)
def test_revisions_grow_with_each_change_and_no_row_is_sent_twice(fresh, history: Commits) -> None:
    kafka, source = Kafka(), Source()
    partition = live(fresh(), source, kafka)
    for center, changes in history:
        source.commit(center, changes)
        read_all(partition, source)
        kafka.drain(partition)
    partition.close()

    for revisions in kafka.revisions.values():
        assert all(before < after for before, after in pairwise(revisions))
    latest: dict[bytes, Any] = {}
    for key, row in kafka.log:
        said = None if row is None else (row.chart_entry, row.insurance_name, row.service_codes)
        said_before = latest.get(key, "nothing")
        if row is None:
            assert said_before not in {None, "nothing"}
        latest[key] = said


@TRIES
@given(HISTORY, CHANCE)
def test_redelivery_from_any_offset_changes_nothing(
    fresh, history: Commits, choose: random.Random
) -> None:
    path, kafka, source = fresh(), Kafka(), Source()
    live(path, source, kafka).close()
    source = source_of(history)
    partition = Partition.open(path, a_contract())
    read_all(partition, source)
    kafka.drain(partition)
    sent = len(kafka.log)
    partition.close()
    for topic in TOPICS:
        partition = Partition.open(path, a_contract())
        for record in range(choose.randrange(5), source.ends[topic]):
            partition.take([source.batch(topic, record, choose.randrange(1, 5))])
        kafka.drain(partition)
        partition.close()

    assert sent == len(kafka.log)
    assert expected(source) == kafka.content()


@TRIES
@given(HISTORY, HISTORY, st.booleans(), CHANCE)
def test_a_rebuild_from_compacted_topics_publishes_only_the_differences(
    fresh, before: Commits, since: Commits, tombstones_gone, choose: random.Random
) -> None:
    kafka, source = Kafka(), Source()
    partition = live(fresh(), source, kafka)
    for center, changes in before:
        source.commit(center, changes)
    read_all(partition, source)
    kafka.drain(partition)
    partition.close()
    was = dict(kafka.content())
    sent = len(kafka.log)
    for center, changes in since:
        source.commit(center, changes)
    source.compact(tombstones_gone=tombstones_gone)
    partition = rebuilt(fresh(), source, kafka, choose)
    kafka.drain(partition)
    partition.close()

    now = expected(source)
    assert now == kafka.content()
    differences = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
    assert sorted(differences) == sorted(key for key, _ in kafka.log[sent:])
    for revisions in kafka.revisions.values():
        assert all(one < other for one, other in pairwise(revisions))
