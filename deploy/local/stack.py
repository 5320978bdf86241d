"""The local stack: its services, where they listen, and whether they live."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

import psutil

from deploy.local import guard, ports, process
from deploy.local.java import Artifacts, fetch
from deploy.local.kafka import Kafka
from deploy.local.layout import Layout
from deploy.local.registry import Registry
from deploy.local.service import Service
from deploy.local.standin import StandIn
from schemas.errors import BadInput, Failed

__all__ = ["SERVICES", "Stack", "Status"]

SERVICES: Mapping[str, Service] = {
    service.name: service for service in (Kafka(), Registry(), StandIn())
}
State: TypeAlias = Literal["running", "starting", "stopped"]

# All that a stack's home may hold; a reset removes these and nothing else.
OWN = (*SERVICES, "logs", "mappings", "output", "replayed", "state", "centers.yml", "chartfeed.yml")
LAYOUT = "stack.json"


@dataclass(frozen=True, slots=True)
class Status:
    state: State
    pid: int | None
    address: str | None
    log: str
    facts: Mapping[str, str]


class Stack:
    """All services under one home folder."""

    def __init__(self, home: Path, downloads: Path, say: Callable[[str], None]) -> None:
        self.home = home.resolve()
        self.downloads = downloads
        self._say = say
        self._depth = 0

    def folder(self, name: str) -> Path:
        return self.home / name

    def log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    @property
    def layout(self) -> Layout:
        return Layout.load(self.home / LAYOUT)

    def up(
        self,
        names: Sequence[str],
        wanted_ports: Mapping[str, Mapping[str, int]],
        owner: int | None,
    ) -> None:
        """Start what is named and wait until each service answers; what runs is left alone.

        When one of them fails, those that this call has started are stopped again, and all is
        as it was. With an owner, everything is stopped when the process of that id has gone.
        """
        with self.locked():
            before = self.layout
            missing = [name for name in names if process.find(self._mark(name)) is None]
            self._refuse_ports_in_vain(missing, wanted_ports)
            self._refuse_lost_ports(names, missing, before)
            artifacts = self._artifacts(missing)
            with ports.one_at_a_time(self._say) if missing else contextlib.nullcontext():
                after = before.with_ports_for(
                    [SERVICES[name] for name in missing], wanted_ports, usual=owner is None
                )
                try:
                    after.with_started(names).save(self.home / LAYOUT)
                    if owner is not None:
                        guard.watch(self.home, self.log("guard"), owner)
                    self._start_all(names, missing, after, artifacts)
                except BaseException:
                    before.save(self.home / LAYOUT)
                    if not self._any_runs():
                        guard.dismiss(self.home)
                    raise

    def _start_all(
        self, names: Sequence[str], missing: Sequence[str], layout: Layout, artifacts: Artifacts
    ) -> None:
        started: dict[str, psutil.Process] = {}
        try:
            for name in missing:
                started[name] = self._start(name, layout.ports[name], artifacts)
            for name in names:
                running = started.get(name) or process.find(self._mark(name))
                self._wait(name, running, layout.ports[name])
        except BaseException:
            for running in started.values():
                process.stop(running, patience=10)
            raise

    def down(self, names: Sequence[str]) -> None:
        """Stop what is named, the last started first; what does not run is no error."""
        if not self.home.is_dir():
            return
        with self.locked():
            for name in reversed([name for name in SERVICES if name in names]):
                for running in process.find_all(self._mark(name)):
                    gentle = process.stop(running, patience=SERVICES[name].patience)
                    self._say(f"{name} stopped" if gentle else f"{name} hung and was killed")
            if (self.home / LAYOUT).is_file():
                self.layout.with_stopped(names).save(self.home / LAYOUT)
            if not self._any_runs():
                guard.dismiss(self.home)

    def reset(self, names: Sequence[str]) -> tuple[str, ...]:
        """Stop what is named and remove its data; with the last service all else goes too.

        Gives what was removed, as it is called in the home; in one that no stack lived in, that
        is nothing, whatever the folder holds.
        """
        if not (self.home / LAYOUT).is_file():
            return ()
        with self.locked():
            self.down(names)
            kept = self.layout.without(names)
            gone = [part for name in names for part in (self.folder(name), self.log(name))]
            if "sqlserver" in names:
                gone += [self.home / "centers.yml", self.home / "mappings"]
            if not kept.ports:
                gone = [self.home / name for name in (*OWN, LAYOUT)]
            else:
                kept.save(self.home / LAYOUT)
            removed = []
            for part in gone:
                name = str(part.relative_to(self.home))
                if part.is_dir():
                    shutil.rmtree(part)
                    removed.append(f"{name}/")
                elif part.exists():
                    part.unlink()
                    removed.append(name)
        return tuple(removed)

    def status(self) -> dict[str, Status]:
        """Tell of each service whether it runs, asking it."""
        known = self.layout.ports
        found = {}
        for name, service in SERVICES.items():
            running = process.find(self._mark(name))
            state: State = "stopped"
            if running is not None:
                ready = name in known and service.is_ready(self.folder(name), known[name])
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
        known = self.layout.ports
        if name not in known:
            raise Failed(f"{name} was never started here", hint=f"chartfeed local up {name}")
        return SERVICES[name].address(known[name])

    def tail(self, name: str, lines: int) -> str:
        try:
            text = self.log(name).read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return "(no log)"
        return "\n".join("  " + line for line in text.splitlines()[-lines:])

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Let one command at a time start and stop things under this home."""
        if self._depth:
            yield
            return
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            lock = (self.home / "lock").open("w")
        except OSError as error:
            raise BadInput(
                f"{self.home} can't be the stack's home: {error.strerror}",
                hint="name a folder that can be written: --home FOLDER, or CHARTFEED_HOME",
            ) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self._say(f"waiting for another chartfeed local in {self.home}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._depth = 1
            try:
                yield
            finally:
                self._depth = 0

    def _refuse_ports_in_vain(
        self, missing: Sequence[str], wanted: Mapping[str, Mapping[str, int]]
    ) -> None:
        for name in wanted:
            if name not in missing:
                raise BadInput(
                    f"--port {name}=… has no effect: {name} runs already, or is not started here",
                    hint=f"chartfeed local down {name}, then up again with the port",
                )

    def _refuse_lost_ports(
        self, names: Sequence[str], missing: Sequence[str], layout: Layout
    ) -> None:
        for name in names:
            if name not in missing and name not in layout.ports:
                raise Failed(
                    f"{name} runs, but {self.home / LAYOUT} does not say where it listens",
                    hint="chartfeed local down, then up again",
                )

    def _artifacts(self, names: Sequence[str]) -> Artifacts:
        if not any(SERVICES[name].needs_java for name in names):
            return Artifacts(self.downloads, self.downloads)
        if not self.downloads.is_dir():
            self._say("bringing Kafka and the registry (about 200 MB, once)")
        return fetch(self.downloads)

    def _start(self, name: str, chosen: Mapping[str, int], artifacts: Artifacts) -> psutil.Process:
        folder = self.folder(name)
        launch = SERVICES[name].prepare(folder, chosen, artifacts)
        return process.start(
            launch.command, log=self.log(name), folder=folder, environment=launch.environment
        )

    def _wait(self, name: str, running: psutil.Process | None, chosen: Mapping[str, int]) -> None:
        service = SERVICES[name]
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

    def _any_runs(self) -> bool:
        return any(process.find(self._mark(name)) is not None for name in SERVICES)

    def _mark(self, name: str) -> process.Mark:
        return SERVICES[name].mark(self.folder(name))
