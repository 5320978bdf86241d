"""A process of many centers: each fails for itself, and comes back for itself."""

import gc
import math
import threading
import time
import weakref
from itertools import islice
from typing import Any

import pytest

from producers.capture import supervisor as module
from producers.capture.errors import KafkaDown, NotTracked, Paused, TakenOver
from producers.capture.spool import Spool
from producers.capture.status import state_of
from producers.capture.supervisor import Supervisor, comes_back_after, delays
from producers.errors import Denied, Drift, Unapproved
from schemas.errors import ChartfeedError


class Told:
    """A run that ends with an error when it is told to."""

    def __init__(self, error: ChartfeedError) -> None:
        self.error = error
        self.ends = threading.Event()

    def wait(self) -> ChartfeedError:
        assert self.ends.wait(20)
        return self.error


class Scripted:
    """A center that does what its script says, one line a run, and then runs until it leaves."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.runs = self.made = 0
        self.news = False
        self.leave = threading.Event()
        self.last_commit = -math.inf

    def __call__(self, leave: Any) -> Any:
        self.leave = leave
        self.made += 1
        return self

    def run(self, *, once: Any = False) -> None:
        self.runs += 1
        if self.script:
            error = self.script.pop(0)
            if isinstance(error, Told):
                error = error.wait()
            if error is not None:
                raise error
        elif not once:
            assert self.leave.wait(20)

    def has_news(self) -> bool:
        return self.news


@pytest.fixture
def started() -> Any:
    """Start a supervisor whose heard errors are in `heard`; it is ended with the test."""
    running = []

    def start(*, once: Any = False, held: Any = lambda _: None, **centers: Any) -> Any:
        heard: list[Any] = []
        supervisor = Supervisor(
            lambda center, error: heard.append((center, state_of(error))),
            held=held,
            came=lambda center: heard.append((center, "came")),
            gone=lambda center: heard.append((center, "gone")),
            once=once,
        )
        supervisor.want(centers)
        running.append(supervisor)
        return supervisor, heard

    yield start
    for supervisor in running:
        assert supervisor.leave(5)


def wait_for(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_delays_double_up_to_a_limit_and_are_never_the_same_for_all() -> None:
    assert [0.5, 1, 2, 4, 8, 16, 30, 30] == list(islice(delays(lambda: 1.0), 8))
    assert [0.25, 0.5] == list(islice(delays(lambda: 0.0), 2))


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (TakenOver("x"), None),
        (Paused("x"), math.inf),
        (Unapproved("x"), math.inf),
        (Drift("x"), 60),
        (NotTracked("x"), 60),
        (Denied("x", number=229), 60),
        (Denied("x", number=18456), 600),
    ],
)
def test_what_only_a_person_can_end_is_looked_at_again_as_it_deserves(
    error: Any, seconds: Any
) -> None:
    assert seconds == comes_back_after(error)


def test_a_center_that_may_work_later_is_run_again(started: Any) -> None:
    center = Scripted(KafkaDown("gone"), None)

    supervisor, heard = started(once=True, a=center)
    wait_for(lambda: not supervisor.is_running())

    assert 2 == center.runs
    assert [("a", "came"), ("a", "retrying")] == heard
    assert not supervisor.failures


def test_a_center_that_must_stop_stops_no_other(started: Any) -> None:
    stopped, good = Scripted(TakenOver("a: another has it")), Scripted()

    supervisor, heard = started(a=stopped, b=good)
    wait_for(lambda: supervisor.failures)

    assert ("a", "fenced") in heard
    assert ["a"] == list(supervisor.failures)
    assert (1, 1) == (stopped.runs, good.runs)
    assert supervisor.is_running()


def test_a_center_that_was_taken_over_is_taken_back_when_the_files_are_read_again(
    started: Any,
) -> None:
    lost, good = Scripted(TakenOver("a: another has it")), Scripted()
    supervisor, heard = started(a=lost, b=good)
    wait_for(lambda: supervisor.failures)

    supervisor.look("a")  # A command reaches every producer: all of them would take it.
    assert "a" in supervisor.failures
    supervisor.want({"a": lost, "b": good})

    wait_for(lambda: 2 == lost.runs)
    assert not supervisor.failures
    assert (1, 1) == (good.runs, heard.count(("a", "came")))


def test_what_was_taken_over_unnoticed_when_the_files_were_read_again_is_taken_back_once(
    started: Any,
) -> None:
    unnoticed, again = Told(TakenOver("a: another had it")), Told(TakenOver("a: and has it"))
    lost = Scripted(unnoticed, again)
    supervisor, heard = started(a=lost)

    supervisor.want({"a": lost})
    unnoticed.ends.set()
    wait_for(lambda: 2 == lost.runs)
    assert 2 == lost.made, "the first one would leave the center to the other for ever"
    assert not supervisor.failures
    again.ends.set()

    wait_for(lambda: supervisor.failures)
    assert 2 == lost.runs
    assert ("a", "fenced") in heard


def test_what_is_taken_over_after_a_commit_since_the_files_were_read_again_stays_away(
    started: Any,
) -> None:
    taken = Told(TakenOver("a: another has it"))
    lost = Scripted(taken)
    supervisor, _ = started(a=lost)

    supervisor.want({"a": lost})
    lost.last_commit = time.monotonic()
    taken.ends.set()

    wait_for(lambda: supervisor.failures)
    assert 1 == lost.runs


def test_a_center_that_was_taken_over_leaves_as_any_other_does(started: Any) -> None:
    good = Scripted()
    supervisor, heard = started(a=Scripted(TakenOver("a: another has it")), b=good)
    wait_for(lambda: supervisor.failures)

    supervisor.want({"b": good})

    wait_for(lambda: ("a", "gone") in heard)
    assert not supervisor.failures


def test_a_process_whose_centers_are_all_taken_over_ends(started: Any) -> None:
    supervisor, _ = started(a=Scripted(TakenOver("a: another has it")))

    wait_for(lambda: not supervisor.is_running())


def test_what_a_failed_run_had_in_hand_is_let_go_before_the_next(started: Any) -> None:
    class Rows:
        """Stands for what a read or a commit that failed had in its frames."""

    held: list[weakref.ref[Rows]] = []

    class Failing(Scripted):
        def run(self, *, once: Any = False) -> None:
            if not self.runs:
                self.runs += 1
                rows = Rows()
                held.append(weakref.ref(rows))
                try:
                    int("gone")
                except ValueError as error:
                    raise KafkaDown("down") from error
            super().run(once=once)

    center = Failing()
    started(center_01=center)
    wait_for(lambda: center.runs == 2)

    gc.collect()
    assert [None] == [found() for found in held]


def test_an_error_that_nobody_foresaw_stops_its_center_and_shows_no_value(started: Any) -> None:
    supervisor, _ = started(once=True, a=Scripted(ValueError("Anna Muster")))
    wait_for(lambda: not supervisor.is_running())

    assert "ValueError in run:" in str(supervisor.failures["a"])
    assert "Anna" not in str(supervisor.failures["a"])


def test_once_does_not_try_for_ever(started: Any) -> None:
    center = Scripted(*[KafkaDown("gone")] * 9)

    supervisor, _ = started(once=True, a=center)
    wait_for(lambda: not supervisor.is_running())

    assert 4 == center.runs
    assert isinstance(supervisor.failures["a"], KafkaDown)


def test_told_to_leave_it_ends_though_a_center_waits_to_be_run_again(started: Any) -> None:
    supervisor, _ = started(a=Scripted(*[KafkaDown("gone")] * 99), b=Scripted(Unapproved("x")))

    assert supervisor.leave(5)

    assert not supervisor.failures


def test_a_center_that_hangs_keeps_nobody_from_leaving() -> None:
    released = threading.Event()

    class Hanging(Scripted):
        def run(self, *, once: Any = False) -> None:
            del once
            released.wait(20)

    supervisor = Supervisor(lambda _center, _error: None)
    supervisor.want({"a": Hanging()})

    assert not supervisor.leave(0.1)
    released.set()
    assert supervisor.leave(5)


def test_a_stopped_center_comes_back_when_its_approval_is_another_one(
    started: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "NEWS_SECONDS", 0.01)
    center = Scripted(Unapproved("x"))
    _, heard = started(a=center)
    wait_for(lambda: ("a", "unreviewed") in heard)
    time.sleep(0.05)
    assert 1 == center.runs

    center.news = True

    wait_for(lambda: 2 == center.runs)


def test_centers_join_and_leave_and_the_others_do_not_notice(started: Any) -> None:
    staying, leaving, joining = Scripted(), Scripted(), Scripted()
    supervisor, heard = started(a=staying, b=leaving)
    wait_for(lambda: (1, 1) == (staying.runs, leaving.runs))

    supervisor.want({"a": staying, "c": joining})

    wait_for(lambda: ("b", "gone") in heard and joining.runs)
    assert (1, 1, 1) == (staying.runs, leaving.runs, joining.runs)
    supervisor.want({})
    wait_for(lambda: ("a", "gone") in heard and ("c", "gone") in heard)
    assert supervisor.is_running()


def test_a_center_with_other_settings_starts_over(started: Any) -> None:
    before, after = Scripted(), Scripted()
    supervisor, heard = started(a=before)
    wait_for(lambda: before.runs)

    supervisor.want({"a": after})

    wait_for(lambda: after.runs)
    assert [("a", "came")] == heard


def test_a_paused_center_leaves_and_goes_on_when_it_is_resumed(
    started: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "NEWS_SECONDS", 0.01)
    held: dict[str, Any] = {}
    center = Scripted()
    center.news = True
    supervisor, heard = started(held=held.get, a=center)
    wait_for(lambda: center.runs)

    held["a"] = Paused("paused by somebody")
    supervisor.look("a")
    wait_for(lambda: ("a", "stopped") in heard)
    time.sleep(0.1)
    assert (1, 1) == (center.runs, heard.count(("a", "stopped")))

    held.clear()
    supervisor.look("a")
    wait_for(lambda: 2 == center.runs)


def test_a_spool_gives_rows_in_order_whatever_fits_into_memory() -> None:
    for limit in (0, 3, 5, 100):
        spool = Spool(limit)
        for start in range(0, 9, 3):
            spool.add([(number, "ä") for number in range(start, start + 3)])

        assert [(number, "ä") for number in range(9)] == list(spool)
        spool.close()
