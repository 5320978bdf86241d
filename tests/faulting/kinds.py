"""The faults, each a context: it is there while inside, and over afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import psutil
import pyodbc
from confluent_kafka import Producer

from producers import files
from producers.capture.publisher import transactional_id
from schemas import topics
from schemas.errors import ChartfeedError
from tests.faulting.ground import Ground
from tests.faulting.posts import Hurt, Streaming
from tests.faulting.proxy import State
from tests.faulting.wounded import PLACES, REBALANCE
from tests.producing import Wound
from tests.scene import Scene

__all__ = ["KINDS", "POISON", "POISONS", "POISON_KEY", "WORKERS", "Kind"]

Dice = random.Random
Inflict = Callable[[Ground, str, Dice], AbstractContextManager[None]]

SERVICES: Final = ("broker", "registry", "source")
SESSION_SECONDS: Final = 10
REFUSED: Final = frozenset({2, 3})
"""The name is taken; or the broker was not there to ask."""
POISON: Final = "poison message"
POISON_KEY: Final = "poison/1"
POISONS: Final = (b"", b"\x00", b"\x00\x00\x00\xff\xffx", b"{}", b"\x00\x00\x00\x00\x01\x80")
SET_BACK: Final = "clock was set back"
POINTS: Final = {
    "before a transaction": ("before", "begin_transaction"),
    "in an empty transaction": ("after", "begin_transaction"),
    "after an event": ("after", "produce"),
    "before a commit": ("before", "commit_transaction"),
    "during a commit": ("during", "commit_transaction"),
    "after a commit": ("after", "commit_transaction"),
}
"""Of a producer: around which call of its Kafka client."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault: what it may strike (a post, a service, a wire, a center), and for how long."""

    name: str
    targets: tuple[str, ...]
    seconds: tuple[float, float]
    inflict: Inflict
    touches: frozenset[str] = frozenset()
    """What it can't share with another fault of the round, beside its target."""
    rests: bool = False
    """The staff of the center that it strikes do not work meanwhile."""
    rereads: bool = False
    """The center is read anew, row by row: meanwhile its rows are mixed, and said to be behind."""
    needs_clock: bool = False
    """The clock must be one that can be stepped, from the begin of the run."""
    missing: Callable[[Ground], str | None] = lambda _: None
    """Why it can't be inflicted here."""


@contextmanager
def _signalled(ground: Ground, target: str, number: signal.Signals) -> Iterator[None]:
    if target in ground.services:
        ground.services[target].end(number)
        yield
        ground.services[target].start()
        return
    post = ground.posts[target]
    post.held = True
    post.tell(number)
    yield
    post.held = False


def _killed(ground: Ground, target: str, _: Dice) -> AbstractContextManager[None]:
    return _signalled(ground, target, signal.SIGKILL)


def _told_to_stop(ground: Ground, target: str, _: Dice) -> AbstractContextManager[None]:
    return _signalled(ground, target, signal.SIGTERM)


@contextmanager
def _asleep(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    sleeper = ground.services.get(target) or ground.posts[target]
    sleeper.tell(signal.SIGSTOP)
    try:
        yield
    finally:
        sleeper.tell(signal.SIGCONT)


def _producer_ends(when: str, call: str) -> Inflict:
    @contextmanager
    def inflict(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
        ground.posts[target].hurt(Wound(when, call, dice.randint(1, 6), signal=_deadly(dice)))
        yield

    return inflict


def _worker_ends(place: str) -> Inflict:
    @contextmanager
    def inflict(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
        joins = place == REBALANCE
        # The first rebalance is its own coming, the second another's.
        times = dice.randint(1, 2 if joins else 4)
        ground.posts[target].hurt(Hurt(place, times, _deadly(dice)))
        with _one_more_worker(ground, "joining", dice) if joins else nullcontext():
            yield

    return inflict


def _deadly(dice: Dice) -> signal.Signals:
    return dice.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])


@contextmanager
def _without_state(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
    """Take a worker's state away, and kill it again in the midst of the rebuild."""
    post = ground.posts[target]
    post.held = True
    post.tell(signal.SIGKILL)
    post.end()
    shutil.rmtree(ground.on.folder / "state" / target, ignore_errors=True)
    post.hurt(Hurt("before a state's commit", dice.randint(8, 40)))
    post.held = False
    yield


@contextmanager
def _wire(ground: Ground, target: str, state: State, delay: float = 0.0) -> Iterator[None]:
    wire = ground.wires[target]
    wire.become(state, delay)
    try:
        yield
    finally:
        wire.become(State.WHOLE)


def _cut(ground: Ground, target: str, _: Dice) -> AbstractContextManager[None]:
    return _wire(ground, target, State.CUT)


def _slow(ground: Ground, target: str, dice: Dice) -> AbstractContextManager[None]:
    return _wire(ground, target, State.SLOW, dice.uniform(0.05, 0.4))


def _reset(ground: Ground, target: str, _: Dice) -> AbstractContextManager[None]:
    return _wire(ground, target, State.RESET)


def _failing(error: int) -> Inflict:
    @contextmanager
    def inflict(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
        scene = ground.scenes[target]
        for _ in range(4):
            rows = dice.choice(["", ", @after_rows = 3"])
            _planted(
                scene,
                f"EXEC standin.fail_next @error = {error}, @count = {dice.randint(1, 3)}{rows}",
            )
            time.sleep(0.3)
        yield
        _planted(scene, "EXEC standin.reset")

    return inflict


@contextmanager
def _hanging(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Have every statement take longer than its time-out."""
    _planted(ground.scenes[target], "EXEC standin.slow @milliseconds = 20000")
    yield
    _planted(ground.scenes[target], "EXEC standin.reset")


def _planted(scene: Scene, sql: str) -> None:
    """Tell the stand-in; the statement that does so may meet the fault that it plants."""
    for _ in range(20):
        with suppress(pyodbc.Error, ChartfeedError):
            scene.admin(sql)
            return


@contextmanager
def _full_disk(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Fill the file system that the files are on."""
    del target
    assert ground.disk is not None
    filler = ground.disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 65536)
    yield
    filler.unlink()


@contextmanager
def _read_only(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    assert ground.disk is not None
    for _attempt in range(200):
        if _mount(ground, "ro"):
            break
        time.sleep(0.02)  # A file is open for writing just now.
    else:
        ground.missed.add(target)
    yield
    assert _mount(ground, "rw")


def _mount(ground: Ground, mode: str) -> bool:
    done = subprocess.run(
        ["mount", "-o", f"remount,{mode}", str(ground.disk)], check=False, capture_output=True
    )
    return done.returncode == 0


@contextmanager
def _small_files(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Let a worker write no file beyond a few kilobytes, state and output alike."""
    process = ground.posts[target].process
    pid = None if process is None or process.code() is not None else process.pid
    if pid is not None:
        psutil.Process(pid).rlimit(psutil.RLIMIT_FSIZE, (4096, psutil.RLIM_INFINITY))
    yield
    if pid is not None:
        with suppress(psutil.NoSuchProcess):
            psutil.Process(pid).rlimit(
                psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY)
            )


@contextmanager
def _stepped(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
    """Step the clocks of all producers and workers; their durations stay true."""
    del target
    files.replace(ground.clock, f"{dice.choice([-86_400, -3600, -30, 30, 3600, 86_400]):+d}")
    yield
    files.replace(ground.clock, "+0")


@contextmanager
def _twice(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Have a second process for the same centers, or under the same worker's name."""
    second = ground.posts[target].start(None)
    try:
        yield
        code = second.code()
        if target.startswith("worker") and code is not None:
            told = second.said()[-2000:]
            assert code in REFUSED or SET_BACK in told, (
                f"a second {target} ended with {code}: {told}"
            )
    finally:
        second.end()
        if target.startswith("producer"):
            # Some centers may be the first one's still. The others look again when they are told.
            ground.posts[target].tell(signal.SIGHUP)


@contextmanager
def _one_more_worker(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
    """Have one more worker come and die, so that partitions wander."""
    config = ground.on.folder / "workers.yml"
    more = Streaming(config, ground.on.folder / f"{target}.log", target)
    try:
        yield
        if dice.random() < 0.5 and more.code() is None:
            os.kill(more.pid, signal.SIGTERM)
            more.wait(30)
    finally:
        more.end()


@contextmanager
def _expired(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Let the changes expire while nobody reads, deletes among them."""
    scene = ground.scenes[target]
    post = ground.posts[ground.shard(target)]
    post.held = True
    post.tell(signal.SIGTERM)
    if post.process is not None:
        post.process.wait(30)
    gone = scene.some("KARTEI", 2)
    scene.run(*(f"DELETE FROM <KARTEI> WHERE ID = {entry}" for entry in gone))
    scene.staff(6)
    scene.admin(
        "EXEC standin.age_changes @seconds = 200000",
        "EXEC sys.sp_flush_CT_internal_table_on_demand",
    )
    scene.staff(2)
    yield
    post.held = False


@contextmanager
def _restored(ground: Ground, target: str, _: Dice) -> Iterator[None]:
    """Go on after a backup, and put the backup back."""
    scene = ground.scenes[target]
    scene.backup()
    scene.staff(6)
    yield
    scene.restore()
    ground.restored[target] = datetime.now(UTC)
    scene.staff(3)


@contextmanager
def _drifted(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
    """Rename a column while it is read, and have that approved a little later."""
    scene = ground.scenes[target]
    scene.staff(3)
    column = dice.choice(["KARTEI.BEMERKUNG", "LEISTUNG.LEISTUNG", "KASSEN.NAME"])
    scene.renamed(column, f"NEU_{dice.randrange(10_000)}")
    scene.staff(2)
    yield
    scene.approve()
    ground.posts[ground.shard(target)].tell(signal.SIGHUP)


@contextmanager
def _poisoned(ground: Ground, target: str, dice: Dice) -> Iterator[None]:
    """Publish what no schema explains, beside a center's events."""
    place = topics.partition_of_center(target, 12)
    producer = Producer(
        {
            "bootstrap.servers": ground.bootstrap,
            "transactional.id": transactional_id(f"poison-{dice.randrange(1 << 30)}"),
        }
    )
    producer.init_transactions(20)
    producer.begin_transaction()
    for topic in topics.SOURCE:
        for value in POISONS:
            producer.produce(topic.name, key=POISON_KEY, value=value, partition=place)
    producer.commit_transaction(20)
    yield


def _no_disk(ground: Ground) -> str | None:
    return None if ground.disk is not None else "no file system can be mounted here"


def _no_clock(ground: Ground) -> str | None:
    return None if ground.library is not None else "libfaketime is not installed"


PRODUCERS: Final = ("producer-0", "producer-1")
WORKERS: Final = ("worker-0", "worker-1")
POSTS: Final = (*PRODUCERS, *WORKERS)
LINKS: Final = ("producers-kafka", "workers-kafka", "source", "registry")
CENTERS: Final = ("0", "1", "2", "3", "4", "5")
"""A center is named by its number among the ground's."""
SOURCE: Final = frozenset({"source"})
READING: Final = frozenset({"source", *PRODUCERS})
LONG: Final = (SESSION_SECONDS + 3.0, SESSION_SECONDS + 5.0)

KINDS: Final[Mapping[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("killed", (*POSTS, *SERVICES), (0, 4), _killed),
        Kind("told to stop", (*POSTS, *SERVICES), (0, 4), _told_to_stop),
        *(
            Kind(f"producer ended {point}", PRODUCERS, (2, 5), _producer_ends(when, call))
            for point, (when, call) in POINTS.items()
        ),
        *(Kind(f"worker ended {place}", WORKERS, (2, 5), _worker_ends(place)) for place in PLACES),
        Kind("killed while it rebuilds", WORKERS, (2, 4), _without_state),
        Kind("asleep, then a zombie", (*POSTS, "broker", "source"), LONG, _asleep),
        Kind("wire cut", LINKS, (2, 14), _cut),
        Kind("wire cut briefly", LINKS, (0.5, 3), _cut),
        Kind("wire slow", LINKS, (2, 5), _slow),
        Kind("wire reset in mid-answer", LINKS, (1, 4), _reset),
        Kind("deadlock at the source", CENTERS, (1, 2), _failing(1205), SOURCE),
        Kind("lock time-out at the source", CENTERS, (1, 2), _failing(1222), SOURCE),
        Kind("connection dropped by the source", CENTERS, (1, 2), _failing(0), SOURCE),
        Kind("statements hang at the source", CENTERS, (3, 12), _hanging, SOURCE),
        Kind("disk full", ("output",), (2, 6), _full_disk, missing=_no_disk),
        Kind("output read-only", ("output",), (2, 6), _read_only, missing=_no_disk),
        Kind("file size limited", WORKERS, (2, 5), _small_files),
        Kind("clock stepped", ("clock",), (2, 5), _stepped, needs_clock=True, missing=_no_clock),
        Kind("two of it", POSTS, (3, 6), _twice),
        Kind("one more worker", ("more",), (4, 8), _one_more_worker),
        Kind(
            "changes expired, deletes among them",
            CENTERS,
            (0, 1),
            _expired,
            READING,
            rests=True,
            rereads=True,
        ),
        Kind("restored", CENTERS, (1, 3), _restored, SOURCE, rests=True, rereads=True),
        Kind("schema drift", CENTERS, (1, 4), _drifted, SOURCE, rests=True, rereads=True),
        Kind(POISON, CENTERS, (0, 1), _poisoned, frozenset({"broker"})),
    )
}
"""By name, in the order of the table."""
