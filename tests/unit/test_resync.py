"""What `chartfeed resync` says will happen, by what is known of the center."""

from datetime import timedelta
from typing import Any

import pytest

from chartfeed.resync import answer
from producers.capture.overview import Known
from producers.capture.status import Situation
from tests.factories import A_MOMENT


def said(state: Any, *, after: Any = 5, confirm: Any = False) -> str:
    told = Situation(state=state).record("center_07", "instance", A_MOMENT)
    return answer(Known(told), A_MOMENT + timedelta(seconds=after), confirm=confirm)


@pytest.mark.parametrize(
    ("state", "after", "due"),
    [
        ("streaming", 5, "its producer reads all rows from the next poll on"),
        ("streaming", 60, "no producer runs for it; all rows are read when one starts"),
        ("drift", 5, "it is drift; all rows are read when it runs again"),
        ("needs-confirmation", 5, "its producer looks again at what would be deleted"),
    ],
)
def test_what_is_asked_for_begins_when_somebody_can_do_it(state: str, after: int, due: str) -> None:
    assert f"asked for; {due}" == said(state, after=after)


def test_a_confirmation_has_what_waits_for_it_go_on() -> None:
    state = "needs-confirmation"

    assert "confirmed; its producer goes on within seconds" == said(state, confirm=True)
    assert said(state, after=60, confirm=True).startswith("confirmed; no producer runs for it")


def test_a_confirmation_that_nothing_waits_for_is_told_as_that() -> None:
    assert (
        "nothing waits for a confirmation: a resync is asked for that needs none; "
        "its producer reads all rows from the next poll on"
    ) == said("streaming", confirm=True)


def test_of_a_center_that_nobody_ever_captured_nothing_is_promised() -> None:
    assert "no producer runs for it" in answer(Known(), A_MOMENT, confirm=False)
