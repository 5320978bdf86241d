"""What is said of a center, from its last status, its checkpoint and what is asked of it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from producers.capture.errors import NeedsConfirmation
from producers.capture.overview import Known
from producers.capture.status import Situation, after_commit, after_failure
from producers.capture.view import view
from producers.errors import CenterDown, Drift, Unapproved
from tests.unit.test_capture_commands import a_command
from tests.unit.test_capture_position import a_checkpoint

CENTER = "center_07"
PRODUCE = f"chartfeed produce --center {CENTER}"
CHECKPOINT = a_checkpoint()
AT = CHECKPOINT.captured_at
STREAMING = after_commit(Situation(retention=timedelta(days=2)), CHECKPOINT, 3)


def seen(known: Any, after: Any = 5, *, enabled: Any = True, problem: Any = None) -> Any:
    """Give the view some seconds after the checkpoint."""
    now = AT + timedelta(seconds=after)
    return view(CENTER, known, now, enabled=enabled, problem=lambda: problem)


def known(situation: Any = STREAMING, **others: Any) -> Any:
    return Known(situation.record(CENTER, "instance", AT), CHECKPOINT, **others)


def test_a_center_that_runs_is_told_as_its_producer_tells_it() -> None:
    found = seen(known())

    assert ("streaming", 3, 0, False) == (
        found.state,
        found.events_total,
        found.lag_versions,
        found.needs_somebody,
    )
    assert 2 * 86400 == found.retention_headroom_seconds


def test_a_heartbeat_that_expired_is_believed_no_more() -> None:
    found = seen(known(), after=3600)

    assert ("stopped", PRODUCE, True) == (found.state, found.next_command, found.needs_somebody)
    assert found.detail.startswith("no word from its producer since ")
    assert found.detail.endswith("when it was streaming")
    assert (3600, 2 * 86400 - 3600) == (found.lag_seconds, found.retention_headroom_seconds)


def test_its_last_detail_stays() -> None:
    drifted = after_failure(STREAMING, Drift("a column is gone", hint="look"))

    assert seen(known(drifted), after=3600).detail.endswith("drift: a column is gone")
    stopped = replace(STREAMING, state="stopped", detail="the producer was stopped")
    assert seen(known(stopped), after=3600).detail.startswith("the producer was stopped (at ")


def test_a_paused_center_says_so_though_no_producer_runs() -> None:
    found = seen(known(command=a_command("pause", reason="Umbau")), after=3600)

    assert ("stopped", "paused by anna: Umbau", f"chartfeed resume {CENTER}") == (
        found.state,
        found.detail,
        found.next_command,
    )


@pytest.mark.parametrize(
    ("what", "problem", "state", "next_command"),
    [
        (Known(), None, "stopped", PRODUCE),
        (Known(checkpoint=CHECKPOINT), None, "stopped", PRODUCE),
        (Known(), Unapproved(f"{CENTER}: no", hint="review"), "unreviewed", "review"),
    ],
)
def test_of_a_center_that_nobody_speaks_of_is_said_what_is_known(
    what: Any, problem: Any, state: Any, next_command: Any
) -> None:
    found = seen(what, problem=problem)

    assert (state, next_command, True) == (found.state, found.next_command, found.needs_somebody)
    assert (None if what.checkpoint is None else 10) == found.version


UNAPPROVED = Unapproved(f"{CENTER}: the mapping is not approved", hint="review")


@pytest.mark.parametrize("last", [after_failure(Situation(), UNAPPROVED), STREAMING])
def test_a_center_whose_mapping_is_not_approved_is_reviewed_first_whatever_was_last_said(
    last: Any,
) -> None:
    found = seen(known(last), after=3600, problem=UNAPPROVED)

    assert ("unreviewed", "the mapping is not approved", "review") == (
        found.state,
        found.detail,
        found.next_command,
    )


def test_a_center_that_ended_unapproved_and_was_approved_since_is_produced() -> None:
    found = seen(known(after_failure(Situation(), UNAPPROVED)), after=3600)

    assert ("stopped", PRODUCE) == (found.state, found.next_command)


def test_a_center_that_ended_by_drift_is_compared_before_it_is_produced() -> None:
    drifted = after_failure(STREAMING, Drift("a column is gone", hint="chartfeed mapping diff"))

    assert f"chartfeed mapping diff, then {PRODUCE}" == seen(known(drifted), 3600).next_command


def test_what_waited_for_a_confirmation_waits_until_somebody_gives_it() -> None:
    asking = after_failure(STREAMING, NeedsConfirmation("200 rows", hint="confirm"))
    confirmed = a_command("resync", confirm="yes")

    assert "confirm" == seen(known(asking), 3600).next_command
    assert PRODUCE == seen(known(asking, command=confirmed), 3600).next_command


def test_a_disabled_center_needs_nobody() -> None:
    found = seen(known(), after=3600, enabled=False)

    assert ("stopped", None, False) == (found.state, found.next_command, found.needs_somebody)


def test_a_center_that_is_retried_needs_somebody_after_a_while() -> None:
    retrying = after_failure(STREAMING, CenterDown("down"))
    told = retrying.record(CENTER, "instance", AT + timedelta(minutes=6))

    assert not seen(known(retrying)).needs_somebody
    assert seen(Known(told, CHECKPOINT), after=6 * 60).needs_somebody


def test_scripts_read_these_names() -> None:
    assert [
        "center_id",
        "state",
        "detail",
        "next_command",
        "version",
        "source_version",
        "lag_seconds",
        "last_event_at",
        "events_total",
        "dead_letters",
        "snapshot",
        "retention_headroom_seconds",
        "restarts",
    ] == list(seen(known()).as_json())
