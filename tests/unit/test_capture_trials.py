"""A resync that has to be tried again is told once."""

from structlog.testing import capture_logs

from producers.capture.resync import Trials


def told(*steps: tuple[str, str | None] | None) -> list[str]:
    """Give what is logged for trials of resyncs, each with its reason; None begins the last."""
    trials = Trials("praxis")
    with capture_logs() as lines:
        for step in steps:
            if step is None:
                trials.begun()
            else:
                trials.tell(*step)
    return [line["why"] for line in lines]


def test_the_same_resync_is_told_once_until_it_begins() -> None:
    assert ["restored"] == told(("restored", None), ("restored", None))


def test_another_reason_is_told_too() -> None:
    assert ["restored", "truncated"] == told(("restored", None), ("truncated", "KARTEI"))


def test_the_next_one_of_the_same_kind_is_told_again() -> None:
    assert ["truncated"] * 2 == told(("truncated", "KARTEI"), None, ("truncated", "KARTEI"))
