"""`chartfeed stream` as processes, for tests that wound them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Stream", "configuration", "until", "workers"]

ROOT = Path(__file__).resolve().parents[1]


def until(condition: Callable[[], Any], seconds: float = 60.0, every: float = 0.3) -> Any:
    """Wait for what another process does; there is no event to wait for."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(every)
    return found


def configuration(folder: Path, bootstrap: str, registry: str, names: dict[str, str]) -> Path:
    """Write a configuration whose centers have these names; their databases are never asked."""
    centers = [
        {"id": id_, "name": name, "server": "127.0.0.1,1", "database": id_}
        for id_, name in names.items()
    ]
    (folder / "centers.yml").write_text(yaml.safe_dump({"centers": centers}), "utf-8")
    content = {
        "kafka": {"bootstrap": bootstrap},
        "registry": {"url": registry},
        "centers": "centers.yml",
        "output": {"path": "output/", "formats": ["csv"]},
    }
    path = folder / "chartfeed.yml"
    path.write_text(yaml.safe_dump(content), "utf-8")
    return path


class Stream:
    """A running `chartfeed stream`; its log goes to a file beside its configuration."""

    def __init__(self, config: Path, name: str, *options: str) -> None:
        self.log = config.parent / f"{name}.log"
        self.state = config.parent / "state" / name
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "chartfeed", "--config", str(config)),
                    *("stream", "--worker", name, *options),
                ],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stderr=log,
            )

    def says(self, event: str) -> int:
        return self.said().count(f'"event": "{event}"')

    def said(self) -> str:
        return self.log.read_text("utf-8")

    def is_running(self) -> bool:
        return self.process.poll() is None

    def end(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> int:
        self.process.send_signal(number)
        return self.process.wait(seconds)


@contextmanager
def workers(config: Path) -> Iterator[Callable[..., Stream]]:
    """`start(name, *options)` starts a worker; all are gone afterwards."""
    started: list[Stream] = []

    def start(name: str = "one", *options: str) -> Stream:
        started.append(Stream(config, name, *options))
        return started[-1]

    try:
        yield start
    finally:
        for one in started:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.process.kill()
                one.process.wait(10)
