"""What operators ask of a center: which command stands, and when it is taken away."""

from typing import Any

import pytest

from producers.capture.commands import done, is_confirmed, paused, standing
from schemas.records import Command
from tests.factories import A_MOMENT


def a_command(action: Any = "pause", *, id_: Any = "c1", **arguments: Any) -> Any:
    return Command("center_07", id_, action, arguments, "anna", A_MOMENT)


PAUSE, RESYNC = a_command("pause"), a_command("resync", id_="c2")


@pytest.mark.parametrize(
    ("before", "told", "done_id", "after"),
    [
        (None, PAUSE, None, PAUSE),
        (RESYNC, PAUSE, None, PAUSE),
        (PAUSE, a_command("resume", id_="c3"), None, None),
        (RESYNC, None, "c2", None),
        (RESYNC, None, None, None),
        (PAUSE, None, "c2", PAUSE),
        (None, a_command("dance", id_="c4"), None, None),
    ],
    ids=[
        "a command stands",
        "a newer one takes its place",
        "resume leaves none",
        "what is done is taken away",
        "anybody may take it away",
        "what came meanwhile stays",
        "what nobody knows is nothing",
    ],
)
def test_one_command_stands(before: Any, told: Any, done_id: Any, after: Any) -> None:
    assert after == standing(before, told, done_id)


def test_what_takes_a_command_away_names_it() -> None:
    message = done(RESYNC, 12)

    assert (b"center_07", None, (("command", b"c2"),)) == (
        message.key,
        message.value,
        message.headers,
    )


def test_only_a_resync_can_be_confirmed() -> None:
    assert is_confirmed(a_command("resync", confirm="yes"))
    assert not is_confirmed(RESYNC)
    assert not is_confirmed(a_command("pause", confirm="yes"))
    assert not is_confirmed(None)


def test_a_pause_says_who_and_why_and_what_ends_it() -> None:
    held = paused(a_command("pause", reason="Umbau"))

    assert held is not None
    assert ("paused by anna: Umbau", "chartfeed resume center_07") == (held.message, held.hint)
    assert None is paused(RESYNC)
