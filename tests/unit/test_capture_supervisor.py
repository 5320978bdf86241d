"""A process of many centers: each fails for itself, and comes back for itself."""

import threading
from itertools import islice
from typing import Any

from producers.capture.errors import KafkaDown, TakenOver
from producers.capture.spool import Spool
from producers.capture.status import state_of
from producers.capture.supervisor import Supervisor, delays


class Scripted:
    """A center that does what its script says, one line a run: an error, or nothing."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.runs = 0

    def run(self, *, once: Any = False) -> None:
        del once
        self.runs += 1
        error = self.script.pop(0)
        if error is not None:
            raise error


def supervised(*, once: Any = False, **centers: Any) -> Any:
    heard = []
    supervisor = Supervisor(
        centers, threading.Event(), lambda center, error: heard.append((center, state_of(error)))
    )
    supervisor.run(once=once)
    return supervisor, heard


def test_delays_double_up_to_a_limit_and_are_never_the_same_for_all() -> None:
    assert [0.5, 1, 2, 4, 8, 16, 30, 30] == list(islice(delays(lambda: 1.0), 8))
    assert [0.25, 0.5] == list(islice(delays(lambda: 0.0), 2))


def test_a_center_that_may_work_later_is_run_again() -> None:
    center = Scripted(KafkaDown("gone"), None)

    supervisor, heard = supervised(a=center)

    assert 2 == center.runs
    assert [("a", "retrying")] == heard
    assert not supervisor.failures


def test_a_center_that_must_stop_stops_no_other() -> None:
    stopped, good = Scripted(TakenOver("a: another has it")), Scripted(None)

    supervisor, heard = supervised(a=stopped, b=good)

    assert [("a", "fenced")] == heard
    assert ["a"] == list(supervisor.failures)
    assert (1, 1) == (stopped.runs, good.runs)


def test_an_error_that_nobody_foresaw_stops_its_center_and_shows_no_value() -> None:
    supervisor, _ = supervised(a=Scripted(ValueError("Anna Muster")))

    assert "ValueError in run:" in str(supervisor.failures["a"])
    assert "Anna" not in str(supervisor.failures["a"])


def test_once_does_not_try_for_ever() -> None:
    center = Scripted(*[KafkaDown("gone")] * 9)

    supervisor, _ = supervised(once=True, a=center)

    assert 4 == center.runs
    assert isinstance(supervisor.failures["a"], KafkaDown)


def test_told_to_stop_it_returns_though_a_center_waits_to_be_run_again() -> None:
    stop = threading.Event()
    center = Scripted(*[KafkaDown("gone")] * 99)
    supervisor = Supervisor({"a": center}, stop, lambda _center, _error: None)
    timer = threading.Timer(0.3, stop.set)
    timer.start()

    supervisor.run()

    assert not supervisor.failures


def test_a_spool_gives_rows_in_order_whatever_fits_into_memory() -> None:
    for limit in (0, 3, 5, 100):
        spool = Spool(limit)
        for start in range(0, 9, 3):
            spool.add([(number, "ä") for number in range(start, start + 3)])

        assert [(number, "ä") for number in range(9)] == list(spool)
        spool.close()
