"""Broker, registry and source as processes that can be killed and started again where they were.

The broker has a listener for each of those that reach it, advertised as a wire's port: so the wire
stays between them whatever the broker tells its clients.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from deploy.local import home
from deploy.local.java import fetch
from deploy.local.kafka import Kafka
from deploy.local.ports import LOOPBACK, choose
from deploy.local.registry import Registry
from tests.faulting.proxy import Wire

__all__ = ["DIES_WITH_US", "Served", "broker", "registry", "source"]

ROOT: Final = Path(__file__).resolve().parents[2]
TO_START: Final = 180.0
"""Seconds; a broker that was killed looks through its logs before it answers."""
DIES_WITH_US: Final = ("setpriv", "--pdeathsig", "KILL")
"""A run that is killed leaves no broker behind."""


@dataclass(slots=True)
class Served:
    """A service, and its process where it runs."""

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str] | None
    is_ready: Callable[[], bool]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.begin()
        deadline, tick = time.monotonic() + TO_START, threading.Event()
        while not self.is_ready():
            assert self.is_running(), f"{self.name} ended: {self.said()[-2000:]}"
            assert time.monotonic() < deadline, f"{self.name} does not answer"
            tick.wait(0.1)

    def begin(self) -> None:
        """Start it where it does not run, and don't wait."""
        if self.is_running():
            return
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*DIES_WITH_US, *self.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def end(self, number: signal.Signals = signal.SIGKILL, seconds: float = 30) -> None:
        """Send it the signal and wait until it is gone."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(number)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)

    def tell(self, number: signal.Signals) -> None:
        if self.is_running():
            assert self.process is not None
            self.process.send_signal(number)

    def said(self) -> str:
        return (self.folder / f"{self.name}.log").read_text("utf-8", "replace")


def broker(folder: Path, wires: Sequence[Wire], more: Mapping[str, object]) -> tuple[Served, str]:
    """Give a broker behind these wires, and its address for those who take no wire."""
    service, artifacts = Kafka(), fetch(home.downloads())
    taken: set[int] = set()

    def port() -> int:
        taken.add(found := choose(0, {0, *taken}))
        return found

    ports = {"broker": port(), "controller": port()}
    launch = service.prepare(folder, ports, artifacts)
    listeners = {f"WIRE{at}": port() for at in range(len(wires))}
    for wire, upstream in zip(wires, listeners.values(), strict=True):
        wire.upstream = upstream
    direct = f"PLAINTEXT://{LOOPBACK}:{ports['broker']}"
    settings = {
        "listeners": ",".join(
            [
                direct,
                f"CONTROLLER://{LOOPBACK}:{ports['controller']}",
                *(f"{name}://{LOOPBACK}:{at}" for name, at in listeners.items()),
            ]
        ),
        "advertised.listeners": ",".join(
            [
                direct,
                *(
                    f"{name}://{LOOPBACK}:{wire.port}"
                    for name, wire in zip(listeners, wires, strict=True)
                ),
            ]
        ),
        "listener.security.protocol.map": ",".join(
            f"{name}:PLAINTEXT" for name in ("PLAINTEXT", "CONTROLLER", *listeners)
        ),
        "inter.broker.listener.name": "PLAINTEXT",
        **more,
    }
    properties = folder / "server.properties"
    lines = dict(line.split("=", 1) for line in properties.read_text().splitlines())
    lines |= {name: str(value) for name, value in settings.items()}
    properties.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    served = Served(
        "kafka", launch.command, folder, launch.environment, lambda: service.is_ready(folder, ports)
    )
    return served, service.address(ports)


def registry(folder: Path) -> tuple[Served, int]:
    """Give a registry, and its port."""
    service = Registry()
    first = choose(0, {0})
    ports = {"http": first, "management": choose(0, {0, first})}
    launch = service.prepare(folder, ports, fetch(home.downloads()))
    served = Served(
        "registry",
        launch.command,
        folder,
        launch.environment,
        lambda: service.is_ready(folder, ports),
    )
    return served, first


def source(folder: Path) -> tuple[Served, int]:
    """Give the stand-in that runs over this folder already as one that we start again."""
    ready = folder / "ready.json"
    port = int(json.loads(ready.read_text())["port"])
    command = [
        *(sys.executable, "-m", "deploy.local.sqlserver", "--home", str(folder / "data")),
        *("--password-file", str(folder / "password"), "--ready-file", str(ready)),
        *("--port", str(port)),
    ]

    def answers() -> bool:
        with suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
            return True
        return False

    return Served("standin", command, folder, None, answers), port
