"""The local stack: its services, where they listen, and whether they live."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil

from deploy.local import ports, process
from deploy.local.java import Artifacts, fetch
from deploy.local.kafka import Kafka
from deploy.local.registry import Registry
from deploy.local.service import Service
from deploy.local.standin import StandIn
from schemas.errors import BadInput, Failed

__all__ = ["SERVICES", "Stack", "Status"]

SERVICES: Mapping[str, Service] = {
    service.name: service for service in (Kafka(), Registry(), StandIn())
}
State: TypeAlias = Literal["running", "starting", "stopped"]


@dataclass(frozen=True, slots=True)
class Status:
    state: State
    pid: int | None
    address: str | None
    log: str
    facts: Mapping[str, str]


class Stack:
    """All services under one home folder."""

    def __init__(self, home: Path, downloads: Path) -> None:
        self.home = home.absolute()
        self.downloads = downloads

    def folder(self, name: str) -> Path:
        return self.home / name

    def log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def up(
        self,
        names: Sequence[str],
        wanted_ports: Mapping[str, Mapping[str, int]],
        say: Callable[[str], None],
    ) -> None:
        """Start what is named and wait until each service answers; what runs is left alone.

        When one of them fails, those that this call has started are stopped again.
        """
        with self._locked():
            missing = [name for name in names if process.find(self._mark(name)) is None]
            chosen = self._ports_for(missing, wanted_ports)
            artifacts = self._artifacts(missing, say)
            started: dict[str, psutil.Process] = {}
            try:
                for name in missing:
                    started[name] = self._start(name, chosen[name], artifacts)
                for name in names:
                    running = started.get(name) or process.find(self._mark(name))
                    self._wait(name, running)
            except BaseException:
                for running in started.values():
                    process.stop(running, patience=10)
                raise

    def down(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        """Stop what is named, the last started first; what does not run is no error."""
        with self._locked():
            for name in reversed([name for name in SERVICES if name in names]):
                running = process.find(self._mark(name))
                if running is not None:
                    gentle = process.stop(running, patience=SERVICES[name].patience)
                    say(f"{name} stopped" if gentle else f"{name} did not stop and was killed")

    def reset(self, names: Sequence[str], say: Callable[[str], None]) -> None:
        """Stop what is named and remove its data; with the last service all else goes too."""
        self.down(names, say)
        with self._locked():
            kept = {k: v for k, v in self.known_ports().items() if k not in names}
            self._keep_ports(kept)
            gone = [part for name in names for part in (self.folder(name), self.log(name))]
            if not kept:
                spared = {self.downloads, self.home / "lock"}
                gone = [part for part in self.home.iterdir() if part not in spared]
            for part in gone:
                if part.is_dir():
                    shutil.rmtree(part)
                else:
                    part.unlink(missing_ok=True)

    def status(self) -> dict[str, Status]:
        """Tell of each service whether it runs, asking it."""
        known = self.known_ports()
        found = {}
        for name, service in SERVICES.items():
            running = process.find(self._mark(name))
            state: State = "stopped"
            if running is not None:
                ready = service.is_ready(self.folder(name), known[name])
                state = "running" if ready else "starting"
            found[name] = Status(
                state=state,
                pid=running.pid if running else None,
                address=service.address(known[name]) if name in known else None,
                log=str(self.log(name)),
                facts=service.facts(self.folder(name)),
            )
        return found

    def address(self, name: str) -> str:
        return SERVICES[name].address(self.known_ports()[name])

    def known_ports(self) -> dict[str, dict[str, int]]:
        """Return the ports that services were given, which they keep from start to start."""
        path = self.home / "ports.json"
        try:
            found: dict[str, dict[str, int]] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise BadInput(
                f"{path} is damaged: {error}", hint=f"remove {path}; ports are chosen anew"
            ) from error
        return found

    def _keep_ports(self, known: Mapping[str, Mapping[str, int]]) -> None:
        fresh = self.home / "ports.json.new"
        fresh.write_text(json.dumps(known, indent=1), encoding="utf-8")
        fresh.rename(self.home / "ports.json")

    def _ports_for(
        self, names: Sequence[str], wanted: Mapping[str, Mapping[str, int]]
    ) -> dict[str, dict[str, int]]:
        known = self.known_ports()
        taken = {port for given in known.values() for port in given.values()}
        for name in names:
            service = SERVICES[name]
            given = known.setdefault(name, {}) | dict(wanted.get(name, {}))
            for kind, preferred in service.ports.items():
                if kind not in given:
                    given[kind] = ports.choose(preferred, taken)
                elif not ports.is_free(given[kind]):
                    raise Failed(
                        f"{name} can't listen on port {given[kind]}: "
                        f"{ports.holder(given[kind])} has it",
                        hint=f"stop that process, or: chartfeed local up --port {name}=NUMBER",
                        service=name,
                        port=given[kind],
                    )
                taken.add(given[kind])
            known[name] = given
        self._keep_ports(known)
        return known

    def _artifacts(self, names: Sequence[str], say: Callable[[str], None]) -> Artifacts:
        if not any(SERVICES[name].needs_java for name in names):
            return Artifacts(self.downloads, self.downloads)
        if not self.downloads.is_dir():
            say("bringing Kafka and the registry (about 200 MB, once)")
        return fetch(self.downloads)

    def _start(self, name: str, chosen: Mapping[str, int], artifacts: Artifacts) -> psutil.Process:
        folder = self.folder(name)
        launch = SERVICES[name].prepare(folder, chosen, artifacts)
        return process.start(
            launch.command, log=self.log(name), folder=folder, environment=launch.environment
        )

    def _wait(self, name: str, running: psutil.Process | None) -> None:
        service = SERVICES[name]
        chosen = self.known_ports()[name]
        deadline = time.monotonic() + service.patience
        while running is not None and time.monotonic() < deadline:
            try:
                running.wait(timeout=0.1)
            except psutil.TimeoutExpired:
                if service.is_ready(self.folder(name), chosen):
                    return
            else:
                running = None
        what = "died while it started" if running is None else "does not answer"
        raise Failed(
            f"{name} {what}; its log ends:\n{self.tail(name, 8)}",
            hint=f"chartfeed local logs {name}",
            service=name,
        )

    def tail(self, name: str, lines: int) -> str:
        try:
            text = self.log(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join("  " + line for line in text.splitlines()[-lines:])

    def _mark(self, name: str) -> str:
        return SERVICES[name].mark(self.folder(name))

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one command at a time start and stop things under this home."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
