"""Producers, the broker and the sources broken again and again while staff work."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from deploy.local import practices
from deploy.local.staff.work import work
from schemas import topics
from tests.crowding import crowd
from tests.producing import Wound, producing
from tests.scene import Scene, Stage, named_apart, stage

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(1200)]

MEGABYTE: Final = 1_000_000
# On a machine where others start stacks, one waits for its turn.
STARTING: Final = 300
CENTERS: Final = 6
SEEDS: Final = range(int(os.environ.get("CHARTFEED_FAULT_SEEDS", "2")))


@pytest.fixture(scope="module")
def kept(tmp_path_factory: Any, stack: Any, services: Any, chartfeed: Any) -> Iterator[Stage]:
    """Give a stage whose broker and registry are the session's."""
    del stack
    names = [f"fault_{number}" for number in range(8)]
    names.append(_beside(names[0]))
    with stage(tmp_path_factory.mktemp("faults"), names, services, chartfeed) as ready:
        yield ready


def _beside(name: str) -> str:
    partition = topics.partition_of_center(name, 12)
    others = (f"beside_{number}" for number in range(1000))
    return next(other for other in others if topics.partition_of_center(other, 12) == partition)


def test_half_a_million_rows_in_one_transaction(
    kept: Stage, record_testsuite_property: Any
) -> None:
    big, other = kept.scene("fault_0"), kept.scene(_beside("fault_0"))

    found = crowd(big, other, 500_000)

    record_testsuite_property("a transaction of 500,000 rows", str(found))
    print(found)  # noqa: T201 - the measurement is what one runs this for
    assert found.slices >= 24
    assert found.other_between >= found.slices / 3
    assert found.grown < 200 * MEGABYTE
    assert 0 == big.compared().repeated
    other.compared()


def test_slices_are_sent_again_after_a_kill_and_nothing_else_is(kept: Stage) -> None:
    scene = kept.scene("fault_1")
    scene.once()
    scene.insert("KARTEI", [[1_000_000 + at, 3, 20220401, "x", 0] for at in range(50_000)])
    with scene.produce(wound=Wound("before", "commit_transaction", 2)) as dying:
        assert -signal.SIGKILL == dying.wait(100), dying.said()
    scene.staff(5)

    scene.once()

    assert 20_000 == scene.compared().repeated


@pytest.mark.parametrize("taken_over", [False, True])
def test_a_producer_that_slept_through_its_transaction_changes_nothing(
    kept: Stage,
    taken_over: bool,  # noqa: FBT001 - a parameter of a test
) -> None:
    scene = kept.scene("fault_2" if taken_over else "fault_3")
    scene.once()
    scene.staff(5)
    asleep = Wound("after", "produce", times=3, signal=signal.SIGSTOP)
    with scene.produce(wound=asleep) as older:
        _wait_until_stopped(older.pid)
        if taken_over:
            with scene.produce() as newer:
                scene.caught_up()
                _let_the_transaction_expire()
                older.tell(signal.SIGCONT)
                assert 2 == older.wait(), older.said()
                scene.staff(5)
                scene.caught_up()
                assert 0 == newer.stop(), newer.said()
        else:
            _let_the_transaction_expire()
            scene.staff(5)
            older.tell(signal.SIGCONT)
            scene.caught_up()
            assert 0 == older.stop(), older.said()

    assert 0 == scene.compared().repeated


def test_a_producer_that_lost_its_database_too_does_not_take_its_center_back(kept: Stage) -> None:
    scene = kept.scene("fault_5")
    name = scene.practice.database
    with scene.produce() as older:
        scene.caught_up()
        older.tell(signal.SIGSTOP)
        scene.staff(5)
        with scene.produce() as newer:
            scene.caught_up()
            scene.admin(
                f"ALTER DATABASE [{name}] SET OFFLINE WITH ROLLBACK IMMEDIATE",
                f"ALTER DATABASE [{name}] SET ONLINE",
                database="master",
            )
            scene.staff(5)
            scene.caught_up(seconds=120)
            older.tell(signal.SIGCONT)
            assert 2 == older.wait(100), older.said()
            assert "another producer took over" in older.said()
            scene.staff(5)
            scene.caught_up()
            assert 0 == newer.stop(), newer.said()

    assert 0 == scene.compared().repeated


def _wait_until_stopped(pid: int) -> None:
    stopped = threading.Event()
    for _ in range(600):
        if psutil.Process(pid).status() == psutil.STATUS_STOPPED:
            return
        stopped.wait(0.05)
    raise AssertionError("it never came to that step")


def _let_the_transaction_expire() -> None:
    threading.Event().wait(13)  # The broker ends one after 10 s and looks every second.


def test_a_running_producer_needs_no_registry(kept: Stage, stack: Path, chartfeed: Any) -> None:
    scene = kept.scene("fault_4")
    with scene.produce() as producer:
        scene.caught_up()
        chartfeed("local", "down", "registry", home=stack)
        try:
            scene.staff(10)
            scene.caught_up()
            with scene.produce("--once") as starting:
                assert 3 == starting.wait(), starting.said()
            scene.staff(3)
            scene.caught_up()
            assert 0 == producer.stop(), producer.said()
        finally:
            chartfeed("local", "up", "registry", home=stack)
    scene.once()

    assert 0 == scene.compared().repeated


@contextmanager
def at_work(scenes: list[Scene], *, rate: float, seed: int) -> Iterator[None]:
    """Have the staff of all these practices work; in the end their journal is complete."""
    connect = practices.connector(scenes[0].stage.sa, statement_timeout=10)
    path = scenes[0].stage.folder / f"work.{scenes[0].id}.{seed}.jsonl"
    over = threading.Event()
    planned = [scene.practice for scene in scenes]
    with ThreadPoolExecutor(1) as pool:
        shift = pool.submit(work, planned, connect, path, rate=rate, stop=over, seed=seed)
        try:
            yield
        finally:
            over.set()
            shift.result(120)
    for scene in scenes:
        scene.journal = path
        scene.read_journal()


def staged(tmp_path: Path, services: Any, chartfeed: Any, word: str, seed: int) -> Any:
    names = named_apart(word, CENTERS)
    return names, stage(
        tmp_path, names, services, chartfeed, patients=30, tables=12, seed=seed, insurers=40
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_killed_events_say_what_the_journal_says(
    tmp_path: Path, stack: Any, services: Any, chartfeed: Any, seed: int
) -> None:
    del stack
    dice = random.Random(seed)
    pause = threading.Event()
    names, ready = staged(tmp_path, services, chartfeed, f"kill{seed}", seed)
    with ready as on:
        scenes = [on.scene(name) for name in names]
        arguments = [word for name in names for word in ("--center", name)]
        with at_work(scenes, rate=60, seed=seed):
            for number in range(25):
                log = tmp_path / f"{number}.log"
                with producing(on.config, log, *arguments, wound=_any_wound(dice)) as producer:
                    for _ in range(dice.randint(1, 6)):
                        pause.wait(dice.random())
                        _disturb(dice.choice(scenes), dice)
                    if dice.random() < 0.2 and producer.is_running():
                        producer.stop()
        for scene in scenes:
            scene.admin("EXEC standin.reset")
        with producing(on.config, tmp_path / "last.log", *arguments, "--once") as last:
            assert 0 == last.wait(120), last.said()
        told = [scene.compared() for scene in scenes]
    assert sum(one.events for one in told) > 1000
    assert 0 == sum(one.repeated for one in told)


def _any_wound(dice: random.Random) -> Wound | None:
    if dice.random() < 0.5:
        return None
    when, call = dice.choice(
        [
            ("before", "begin_transaction"),
            ("after", "begin_transaction"),
            ("after", "produce"),
            ("before", "commit_transaction"),
            ("during", "commit_transaction"),
            ("after", "commit_transaction"),
        ]
    )
    return Wound(when, call, dice.randint(1, 5))


def _disturb(scene: Scene, dice: random.Random) -> None:
    error = dice.choice([0, 1205, 1222, 3960])
    after = dice.choice(["", ", @after_rows = 3"])
    with suppress(Exception):  # The connection that plants an error may meet another.
        scene.admin(
            f"EXEC standin.fail_next @error = {error}, @count = {dice.randint(1, 2)}{after}"
        )


def test_a_broker_that_comes_and_goes_costs_time_and_nothing_else(
    tmp_path: Path, stack: Path, services: Any, chartfeed: Any, record_testsuite_property: Any
) -> None:
    away = threading.Event()
    names, ready = staged(tmp_path, services, chartfeed, "broker", 5)
    with ready as on:
        scenes = [on.scene(name) for name in names]
        arguments = [word for name in names for word in ("--center", name)]
        with producing(on.config, tmp_path / "produce.log", *arguments) as producer:
            with at_work(scenes, rate=60, seed=5):
                for scene in scenes:
                    scene.caught_up()
                grown = []
                for clean in (True, False, False, True):
                    before = producer.memory()
                    if clean:
                        chartfeed("local", "down", "kafka", home=stack)
                    else:
                        os.kill(_pid_of_broker(stack, chartfeed), signal.SIGKILL)
                    away.wait(20)
                    grown.append(producer.memory() - before)
                    chartfeed("local", "up", "kafka", home=stack, timeout=STARTING)
                    for scene in scenes:
                        scene.caught_up(seconds=120)
            for scene in scenes:
                scene.caught_up(seconds=120)
            assert 0 == producer.stop(), producer.said()
        record_testsuite_property("memory while the broker is away", str(grown))
        print(grown)  # noqa: T201 - the measurement is what one runs this for
        told = [scene.compared() for scene in scenes]
    assert max(grown) < 20 * MEGABYTE
    assert 0 == sum(one.repeated for one in told)


def _pid_of_broker(stack: Path, chartfeed: Any) -> int:
    answer = chartfeed("local", "status", "--json", home=stack, check=False)
    return int(json.loads(answer.stdout)["services"]["kafka"]["pid"])
