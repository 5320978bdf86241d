"""The whole feed on one machine, with a wire between any two of its programs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from typing import Any, Final

import psutil
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from deploy.local import practices
from deploy.local.staff import deeds
from deploy.local.staff.journal import Intent, Journal, read
from deploy.local.staff.work import work
from producers import files
from schemas import topics
from tests.faulting import services
from tests.faulting.past import Past
from tests.faulting.posts import Hurt, Post, Producing, Streaming
from tests.faulting.proxy import Wire, Wires
from tests.faulting.services import Served
from tests.producing import CONTEXT, Wound
from tests.scene import Scene, Stage, named_apart, stage

__all__ = ["Ground", "Size", "ground"]

TRIES: Final = 10
TOOLS: Final = Path(__file__).resolve().parents[2] / ".chartfeed" / "tools"
# The one for processes with threads: the other one reads its file in all of them at once.
LIBFAKETIME: Final = "usr/lib/*/faketime/libfaketimeMT.so.1"
WIRES: Final = ("producers-kafka", "workers-kafka", "source", "registry")


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is; `rate` is commits a second over all centers."""

    centers: int = 6
    producers: int = 2
    workers: int = 2
    rate: float = 40.0
    patients: int = 12
    poll: str = "200ms"
    clock: bool = True
    """Whether the clock can be stepped, where it can: reading it costs much then."""
    choose: deeds.Maker = deeds.choose
    """What the staff do next."""
    broker: Mapping[str, object] = field(default_factory=dict)
    """Settings of the broker."""
    topics: Mapping[str, int] = field(default_factory=dict)
    """Durations of `kafka.topics` in the configuration, in seconds."""


@dataclass
class Ground:
    """All that can be broken, and the staff's journals."""

    seed: int
    on: Stage
    size: Size
    scenes: dict[str, Scene]
    wires: dict[str, Wire]
    services: dict[str, Served]
    bootstrap: str
    posts: dict[str, Post]
    config: Path
    clock: Path
    disk: Path | None
    """A small file system that the files are written to, where one could be mounted."""
    library: str | None
    """What lets the clock be stepped, where it is installed."""
    journal: Path
    pasts: dict[str, Past] = field(default_factory=dict)
    resting: set[str] = field(default_factory=set)
    """Centers whose staff do not work in this round: a fault has them."""
    missed: set[str] = field(default_factory=set)
    """What a fault of this round was to strike, and did not."""
    restored: dict[str, datetime] = field(default_factory=dict)
    """When a center's backup had last been put back, by the source's clock."""
    _noted: dict[str, int] = field(default_factory=dict)

    @property
    def output(self) -> Path:
        return (self.disk or self.on.folder) / "output"

    def shard(self, center: str) -> str:
        """Give the name of the post that reads a center."""
        names = list(self.scenes)
        return f"producer-{names.index(center) % self.size.producers}"

    def keep(self) -> None:
        """Start again what has ended, as systemd would."""
        for post in self.posts.values():
            post.keep()

    def mend(self) -> None:
        """Have everything run, and every wire whole."""
        for wire in self.wires.values():
            wire.become(wire.state.WHOLE)
        for served in self.services.values():
            served.tell(signal.SIGCONT)
            if not served.is_running():
                served.start()
        for post in self.posts.values():
            post.held = False
            post.tell(signal.SIGCONT)
            if not post.spare():
                self.missed.add(post.name)

    @contextmanager
    def at_work(self, round_: int) -> Iterator[None]:
        """Have the staff of all centers that do not rest work while inside."""
        over = threading.Event()
        with ThreadPoolExecutor(1) as pool:
            shift = self._shift(pool, over, round_, self.size.rate, None)
            try:
                yield
            finally:
                over.set()
                if not shift.done() or shift.exception() is None:
                    shift.result(120)
        shift.result()

    def settle_journal(self, round_: int) -> None:
        """Have the journal complete: commits whose answer was lost are looked up."""
        left: Sequence[Intent] = ()
        for _ in range(TRIES):
            with ThreadPoolExecutor(1) as pool:
                self._shift(pool, threading.Event(), -1 - round_, 5.0, 0.5).result(60)
            with closing(Journal(self.journal)) as book:
                left = book.unsettled
            if not left:
                break
        assert not left, f"nobody knows what became of {left}"
        self.learn()

    def _shift(
        self,
        pool: ThreadPoolExecutor,
        over: threading.Event,
        seed: int,
        rate: float,
        seconds: float | None,
    ) -> Future[Any]:
        login = practices.connector(self.on.sa, statement_timeout=10)
        planned = [one.practice for name, one in self.scenes.items() if name not in self.resting]
        return pool.submit(
            work,
            planned,
            login,
            self.journal,
            rate=rate,
            seconds=seconds,
            stop=over,
            seed=self.seed * 1000 + seed,
            choose=self.size.choose,
        )

    def learn(self) -> None:
        """Take in all that the staff have committed."""
        if self.journal.exists():
            found = list(read(self.journal))
            for name, scene in self.scenes.items():
                own = [commit for commit in found if commit.center == name]
                scene._learn(own[self._noted.get(name, 0) :])
                self._noted[name] = len(own)
        for past in self.pasts.values():
            past.learn()


@contextmanager
def ground(folder: Path, seed: int, size: Size, chartfeed: Any) -> Iterator[Ground]:
    """Give a feed that runs, over a broker, a registry and a source of its own."""
    with ExitStack() as stack:
        wires_ = stack.enter_context(Wires())
        wires = {name: wires_.wire(name) for name in WIRES}
        kafka_folder, registry_folder = folder / "kafka", folder / "registry"
        for each in (kafka_folder, registry_folder):
            each.mkdir(parents=True)
        broker, bootstrap = services.broker(
            kafka_folder, [wires["producers-kafka"], wires["workers-kafka"]], size.broker
        )
        registry, port = services.registry(registry_folder)
        wires["registry"].upstream = port
        for one in (broker, registry):
            stack.callback(one.end)
            one.begin()
        for one in (broker, registry):
            one.start()
        address = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        there = {"kafka": {"address": bootstrap}, "registry": {"address": address}}
        names = named_apart(f"s{seed}", size.centers)
        on = stack.enter_context(
            stage(
                folder,
                names,
                there,
                chartfeed,
                patients=size.patients,
                tables=10,
                insurers=20,
                seed=seed,
            )
        )
        source = _taken_over(on)
        stack.callback(source.end)
        wires["source"].upstream = int(on.sa.server.rpartition(",")[2])
        made = Ground(
            seed=seed,
            on=on,
            size=size,
            scenes={name: _as_it_is(on.scene(name)) for name in names},
            wires=wires,
            services={"broker": broker, "registry": registry, "source": source},
            bootstrap=bootstrap,
            posts={},
            config=on.config,
            clock=folder / "clock",
            disk=_mounted(folder / "disk", stack),
            library=_library() if size.clock else None,
            journal=folder / "work.jsonl",
        )
        files.replace(made.clock, "+0")
        if size.topics:
            _shorten(bootstrap, size.topics)
        for name, scene in made.scenes.items():
            made.pasts[name] = Past(name, scene.truth, scene.practice)
        if made.library is not None:
            stack.callback(_fork_anew)
        made.config = _configurations(made)
        stack.callback(_ended, made)
        yield made


def _library() -> str | None:
    """Give what steps clocks: this system's own, or what `deploy/tools.sh` has brought."""
    for root in (Path("/"), TOOLS):
        for path in root.glob(LIBFAKETIME):
            return str(path)
    return None


def _shorten(bootstrap: str, durations: Mapping[str, int]) -> None:
    """Declare topics that forget their past soon, as the configuration does."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    layout = topics.Layout(
        12, 1, **{name: timedelta(seconds=seconds) for name, seconds in durations.items()}
    )
    wanted = [
        ConfigResource(
            ResourceType.TOPIC,
            topic.name,
            incremental_configs=[
                ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
                for name, value in topic.configuration(layout).items()
            ],
        )
        for topic in topics.ALL
    ]
    for answer in admin.incremental_alter_configs(wanted).values():
        answer.result(20)


def _ended(made: Ground) -> None:
    with ExitStack() as stack:
        for post in made.posts.values():
            stack.callback(post.end)


def _as_it_is(scene: Scene) -> Scene:
    """Have a scene know its rows as its database has them: some can't hold every character."""
    scene.new_era()
    del scene.truth.eras[0]
    return scene


def _taken_over(on: Stage) -> Served:
    """Put a source that can be started again in the place of the stage's."""
    folder = on.folder / "sqlserver"
    first = psutil.Process(json.loads((folder / "ready.json").read_text())["pid"])
    first.kill()
    first.wait(10)
    source, _ = services.source(folder)
    source.start()
    return source


def _mounted(folder: Path, stack: ExitStack) -> Path | None:
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(folder)],
        check=False,
        capture_output=True,
    )
    if done.returncode:
        return None
    stack.callback(subprocess.run, ["umount", "-l", str(folder)], check=False)
    return folder


def _configurations(made: Ground) -> Path:
    """Write the producers' and the workers' configuration, and give one for who takes no wire."""
    on = made.on
    output = {"path": f"{made.output}/", "formats": ["csv", "json", "parquet"]}
    trusting = {"poll_interval": made.size.poll, "resync_guard": 0.9}
    port = made.wires["source"].port
    planned = [scene.practice for scene in made.scenes.values()]
    practices.write_centers(on.folder / "wired.yml", {f"127.0.0.1,{port}": planned})
    registry = {"url": f"http://127.0.0.1:{made.wires['registry'].port}/apis/ccompat/v7"}
    wired: dict[str, Path] = {}
    for side in ("producers", "workers"):
        wired[side] = on.configured(
            f"{side}.yml",
            kafka={
                "bootstrap": f"127.0.0.1:{made.wires[f'{side}-kafka'].port}",
                "topics": {name: f"{seconds}s" for name, seconds in made.size.topics.items()},
            },
            registry=registry,
            centers="wired.yml",
            output=output,
            producers=trusting,
        )
    if made.library is not None:
        _fork_with(_clocked(made))
    names = list(made.scenes)
    for at in range(made.size.producers):
        shard = tuple(names[at :: made.size.producers])
        name = f"producer-{at}"
        made.posts[name] = Post(name, _producing(on, wired["producers"], name, shard))
    for at in range(made.size.workers):
        name = f"worker-{at}"
        made.posts[name] = Post(name, _streaming(made, wired["workers"], name))
    return on.configured("direct.yml", output=output, producers=trusting)


def _clocked(made: Ground) -> dict[str, str]:
    """Give what puts a process's clock under our hand; durations stay true."""
    if made.library is None:
        return {}
    return {
        "LD_PRELOAD": made.library,
        "FAKETIME_TIMESTAMP_FILE": str(made.clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def _fork_with(environment: Mapping[str, str]) -> None:
    """Have the server that producers are forked from run with these variables."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        _fork_anew()
        CONTEXT.set_forkserver_preload(["__main__", "tests.producing"])
        forkserver.ensure_running()
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _fork_anew() -> None:
    """Have the next process forked by a server that starts then."""
    forkserver._forkserver._stop()  # type: ignore[attr-defined]


def _producing(on: Stage, config: Path, name: str, shard: Sequence[str]) -> Callable[..., Any]:
    return partial(_produce, config, on.folder / f"{name}.log", tuple(shard))


def _produce(
    config: Path, log: Path, shard: tuple[str, ...], wound: Wound | Hurt | None = None
) -> Producing:
    assert not isinstance(wound, Hurt)
    return Producing(config, log, shard, wound)


def _streaming(made: Ground, config: Path, name: str) -> Callable[..., Any]:
    log = made.on.folder / f"{name}.log"
    return partial(_stream, config, log, name, _clocked(made))


def _stream(
    config: Path,
    log: Path,
    name: str,
    environment: Mapping[str, str],
    hurt: Wound | Hurt | None = None,
) -> Streaming:
    assert not isinstance(hurt, Wound)
    return Streaming(config, log, name, hurt, environment)
