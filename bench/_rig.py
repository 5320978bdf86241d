"""What the measurements of the capture run on: broker, sources, producers, and their costs."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from time import monotonic, sleep

import pyodbc

from bench._figures import Figure
from chartfeed import settings as configuration
from chartfeed.produce import contract
from deploy.local import practices
from deploy.local.practices import Practice
from producers import mapping as mappings
from producers.capture.feed import Contract
from producers.connection import Settings, connect
from tests import approved
from tests.practices_on import settings as login_of
from tests.standin import running

__all__ = ["Cost", "Rig", "Sources", "Watched", "kafka", "peak", "producing", "sources"]

TICKS = os.sysconf("SC_CLK_TCK")
CENTERS_A_SERVER = 15
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Rig:
    """A broker and a registry with topics and schemas."""

    config: Path
    broker: int

    def side(self) -> Contract:
        return contract(configuration.load(self.config))


@dataclass(frozen=True)
class Sources:
    """Approved practices on stand-ins of their own, and a configuration that names them."""

    config: Path
    planned: Sequence[Practice]
    logins: Mapping[str, Settings]
    """By center."""
    mappings: Mapping[str, mappings.Mapping]
    servers: Sequence[int]

    def login(self, practice: Practice) -> Settings:
        return self.logins[practice.center_id]

    def connect(self, database: str) -> pyodbc.Connection:
        """Open a connection to the database of a practice."""
        [login] = [login for login in self.logins.values() if login.database == database]
        return connect(login)


@dataclass(frozen=True)
class Cost:
    """What a process, or several together, have used up to now."""

    at: float
    cpu: float
    resident: int

    @classmethod
    def of(cls, pid: int) -> Cost:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        cpu = (int(fields[11]) + int(fields[12])) / TICKS
        status = Path(f"/proc/{pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0]) * 1024
        return cls(monotonic(), cpu, resident)

    def __add__(self, other: Cost) -> Cost:
        return Cost(other.at, self.cpu + other.cpu, self.resident + other.resident)

    def share_since(self, before: Cost) -> float:
        """Give the share of one core that was used since."""
        return (self.cpu - before.cpu) / (self.at - before.at)


def peak(pid: int) -> float:
    """Give the most memory that a process has had, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1000


@dataclass(frozen=True)
class Watched:
    """What the processes of a measurement, and the whole machine, have used up to now."""

    costs: Mapping[str, Cost]
    busy: float

    @classmethod
    def of(cls, there: Rig, found: Sources, **more: int) -> Watched:
        """Look at the broker, the stand-ins, ourselves, and more processes by their names."""
        pids = {"the broker": there.broker, "the measurement": os.getpid()} | more
        costs = {name: Cost.of(pid) for name, pid in pids.items()}
        costs["the stand-in"] = reduce(add, map(Cost.of, found.servers))
        user, nice, system, _, _, *rest = map(int, Path("/proc/stat").read_text().split()[1:9])
        return cls(costs, (user + nice + system + sum(rest)) / TICKS)

    def shares_since(self, before: Watched) -> dict[str, float]:
        """Give the share of one core that each has used since, and strangers together."""
        shares = {name: cost.share_since(before.costs[name]) for name, cost in self.costs.items()}
        seconds = self.costs["the measurement"].at - before.costs["the measurement"].at
        strangers = (self.busy - before.busy) / seconds - sum(shares.values())
        return shares | {"strangers": max(0.0, strangers)}

    def figures_since(self, before: Watched) -> list[Figure]:
        """Give the cores that each has used; what strangers used, we lacked."""
        return [
            Figure(f"cores used meanwhile, {name}", share, "")
            for name, share in self.shares_since(before).items()
        ]


@contextmanager
def kafka(home: Path) -> Iterator[Rig]:
    """Run a broker and a registry of our own, with topics and schemas."""

    def run(*arguments: str) -> bytes:
        command = [sys.executable, "-m", "chartfeed", *arguments]
        variables = os.environ | {"CHARTFEED_HOME": str(home)}
        return subprocess.run(command, env=variables, check=True, stdout=subprocess.PIPE).stdout

    run("local", "up", "kafka", "registry", "--owner", str(os.getpid()))
    try:
        run("topics", "create")
        run("schemas", "register")
        services = json.loads(run("local", "status", "--json"))["services"]
        yield Rig(home / "chartfeed.yml", services["kafka"]["pid"])
    finally:
        run("local", "down")


@contextmanager
def sources(rig: Rig, folder: Path, request: practices.Request) -> Iterator[Sources]:
    """Run stand-ins with generated practices, all approved, captured under names of their own.

    A stand-in is one Python process, whose databases wait for one interpreter lock. Practices have
    a server each and share nothing, so a stand-in gets a few of them only.
    """
    folder.mkdir()
    servers = max(1, request.count // CENTERS_A_SERVER)
    password = "Aa1-" + secrets.token_urlsafe(12)
    named = f"{folder.name}-{secrets.token_hex(2)}"
    planned = [
        replace(practice, center_id=f"{named}-{number:03}")
        for number, practice in enumerate(practices.plan(request)[: request.count], 1)
    ]
    with ExitStack() as stack:
        standins = [
            stack.enter_context(running(folder / f"server-{number}")) for number in range(servers)
        ]
        placed: dict[str, list[Practice]] = {}
        logins: dict[str, Settings] = {}
        approvals: dict[str, mappings.Mapping] = {}
        for number, standin in enumerate(standins):
            sa = login_of(standin)
            placed[sa.server] = theirs = planned[number::servers]
            practices.load_missing(
                theirs, practices.connector(sa), user="chartfeed", password=password
            )
            approvals |= approved.approve_all(folder / "mappings", theirs, sa)
            for one in theirs:
                logins[one.center_id] = replace(sa, database=one.database, center=one.center_id)
        path = approved.configure(folder, placed, password)
        known = configuration.load(rig.config)
        text = json.loads(path.read_text()) | {
            "kafka": {"bootstrap": known.kafka.bootstrap},
            "registry": {"url": known.registry.url},
        }
        path.write_text(json.dumps(text))
        yield Sources(path, planned, logins, approvals, [standin.pid for standin in standins])


@contextmanager
def producing(found: Sources, poll: str, *options: str) -> Iterator[int]:
    """Run `chartfeed produce` over all centers of a configuration; gives its process id.

    It is ready: every center streams.
    """
    text = json.loads(found.config.read_text()) | {"producers": {"poll_interval": poll}}
    found.config.write_text(json.dumps(text))
    log = found.config.with_name("produce.log")
    command = [sys.executable, "-m", "chartfeed", "--config", str(found.config), "produce"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--log-format", "json", *options], cwd=ROOT, stderr=output
        )
    try:
        deadline = monotonic() + 240
        while log.read_text().count('"streaming"') < len(found.planned):
            if process.poll() is not None or monotonic() > deadline:
                raise RuntimeError(f"the producer does not stream: {log.read_text()[-3000:]}")
            sleep(0.2)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(15)
