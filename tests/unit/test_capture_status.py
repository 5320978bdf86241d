"""A center's situation as the topic tells it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from producers.capture import errors
from producers.capture.status import Situation, after_commit, after_failure, state_of
from producers.errors import CenterDown, Denied, Drift, StatementFailed, Unapproved
from schemas.records import SnapshotProgress
from tests.factories import A_MOMENT
from tests.unit.test_capture_position import a_checkpoint

LATER = A_MOMENT + timedelta(seconds=30)


def record(situation: Any) -> Any:
    return situation.record("center_07", "instance", LATER)


def test_a_center_that_nothing_is_known_of_has_no_lag_and_no_headroom() -> None:
    told = record(Situation())

    assert ("starting", None, None) == (
        told.state,
        told.lag_seconds,
        told.retention_headroom_seconds,
    )
    assert LATER < told.expires_at


def test_lag_counts_only_while_something_is_not_published() -> None:
    known = after_commit(Situation(retention=timedelta(days=2)), a_checkpoint(), 3)

    assert 0 == record(known).lag_seconds
    assert 30 == record(replace(known, source_version=11)).lag_seconds
    assert 2 * 86400 - 30 == record(known).retention_headroom_seconds
    assert ("streaming", 3) == (known.state, known.events_total)


def test_while_all_rows_are_read_the_progress_is_told() -> None:
    progress = SnapshotProgress("resync", "KARTEI", 5, 100, 900, A_MOMENT)

    known = after_commit(Situation(), a_checkpoint(snapshot=progress), 3)

    assert ("resync", progress) == (known.state, known.snapshot)
    assert 30 == record(known).lag_seconds


def test_a_failure_says_what_to_do_and_success_takes_it_back() -> None:
    known = after_failure(Situation(), Drift("a column is gone", hint="look"))

    assert ("drift", "a column is gone", "look") == (
        known.state,
        known.detail,
        known.next_command,
    )
    assert None is after_commit(known, a_checkpoint(), 0).detail


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (CenterDown("x"), "retrying"),
        (errors.KafkaDown("x"), "retrying"),
        (Unapproved("x"), "unreviewed"),
        (Denied("x"), "denied"),
        (errors.NotTracked("x"), "denied"),
        (errors.TakenOver("x"), "fenced"),
        (errors.NeedsConfirmation("x"), "needs-confirmation"),
        (StatementFailed("x"), "stopped"),
    ],
)
def test_every_error_has_its_word(error: Any, state: Any) -> None:
    assert state == state_of(error)
    assert (state == "retrying") == after_failure(Situation(), error).restarts
