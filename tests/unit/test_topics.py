from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import topics

LAYOUT = topics.Layout(12, 1, timedelta(days=7), timedelta(days=14))


@pytest.mark.parametrize(
    ("data", "signed"),
    [
        # The vectors of Kafka's own Java client.
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_the_hash_is_the_one_of_kafkas_clients(data, signed):
    assert signed & 0xFFFFFFFF == topics.murmur2(data)


@given(st.text(max_size=40), st.integers(1, 1000))
def test_every_center_has_a_partition_that_exists(center, partitions):
    assert 0 <= topics.partition_of_center(center, partitions) < partitions


def test_keys_name_the_row():
    assert b"center_01/17" == topics.row_key("center_01", 17)
    assert b"center_01/67890/A22" == topics.row_key("center_01", "67890/A22")
    assert b"2022-01-18/center_01/17" == topics.unified_key(date(2022, 1, 18), "center_01", 17)


def test_compacted_topics_keep_their_history_for_a_while():
    assert {
        "cleanup.policy": "compact",
        "min.compaction.lag.ms": "604800000",
        "delete.retention.ms": "1209600000",
    } == topics.CHART_ENTRIES.configuration(LAYOUT)


def test_heartbeats_are_compacted_by_the_hour():
    found = topics.CENTER_STATUS.configuration(LAYOUT)

    assert ("3600000", "3600000") == (found["min.compaction.lag.ms"], found["segment.ms"])


def test_progress_is_compacted_by_the_day():
    found = topics.PROGRESS.configuration(LAYOUT)

    assert ("86400000", "86400000") == (found["min.compaction.lag.ms"], found["segment.ms"])


def test_dead_letters_are_kept_for_thirty_days():
    assert {
        "cleanup.policy": "delete",
        "retention.ms": "2592000000",
    } == topics.DEAD_LETTERS.configuration(LAYOUT)


def test_a_cluster_of_three_waits_for_two():
    layout = topics.Layout(12, 3, timedelta(days=7), timedelta(days=14))

    assert "2" == topics.PROGRESS.configuration(layout)["min.insync.replicas"]
