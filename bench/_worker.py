"""A worker process under measurement: what it has applied, what it uses, what it says."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from confluent_kafka import Consumer, TopicPartition

from bench import _rig as rig
from bench._events import CENTERS, PARTITIONS
from chartfeed import settings as configuration
from producers.capture.publisher import Options
from schemas import avro, topics
from schemas.codec import Decoder
from schemas.records import Progress

__all__ = ["Followed", "Watch", "Worker", "configure"]

ROOT: Final = Path(__file__).resolve().parents[1]
METRIC: Final = re.compile(r"^(\w+)(?:{[^}]*})? (\S+)$", re.MULTILINE)


def configure(there: rig.Rig, folder: Path) -> Path:
    """Write a configuration with the made-up centers, and give its path."""
    folder.mkdir(parents=True, exist_ok=True)
    known = configuration.load(there.config)
    centers = [
        {
            "id": center,
            "name": f"Zahnarztpraxis {center}",
            "server": "127.0.0.1,1",
            "database": center,
        }
        for center in CENTERS
    ]
    (folder / "centers.yml").write_text(json.dumps({"centers": centers}))
    path = folder / "chartfeed.yml"
    text = {
        "kafka": {"bootstrap": known.kafka.bootstrap},
        "registry": {"url": known.registry.url},
        "centers": "centers.yml",
    }
    path.write_text(json.dumps(text))
    return path


@dataclass(frozen=True)
class Followed:
    """The Progress of all centers up to a goal; moments are those of the worker's clock."""

    first: float
    last: float
    seen: int


class Watch:
    """Reads Progress from where it ends when this is made, until every center is at its goal."""

    def __init__(self, kafka: Options, ids: Mapping[type[Any], int]) -> None:
        self._consumer = Consumer(
            dict(kafka)
            | {
                "group.id": "bench-watch",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 50,
                "enable.auto.commit": False,
            }
        )
        places = []
        for partition in range(PARTITIONS):
            at = TopicPartition(topics.PROGRESS.name, partition)
            at.offset = self._consumer.get_watermark_offsets(at, timeout=10)[1]
            places.append(at)
        self._consumer.assign(places)
        self._decoder = Decoder(Progress)
        self._decoder.learn(ids[Progress], avro.load(Progress))

    def until(self, goal: Mapping[str, int], seconds: float, *workers: Worker) -> Followed:
        """Wait until each center's checkpoint at the given offset is applied."""
        left, stamps, seen = dict(goal), list[int](), 0
        deadline = monotonic() + seconds
        with closing(self._consumer) as consumer:
            while left:
                if monotonic() > deadline or any(worker.ended for worker in workers):
                    said = "\n".join(worker.said() for worker in workers)
                    raise RuntimeError(f"{len(left)} centers are not there: {said}")
                for message in consumer.consume(1000, timeout=0.1):
                    found = self._decoder.decode(message.value() or b"")
                    seen += 1
                    stamps.append(message.timestamp()[1])
                    if found.checkpoint_offset >= left.get(found.center_id, 1 << 60):
                        del left[found.center_id]
        return Followed(min(stamps) / 1000, max(stamps) / 1000, seen)

    def first(self, worker: Worker, seconds: float) -> float:
        """Wait for one Progress, and give its moment."""
        deadline = monotonic() + seconds
        with closing(self._consumer) as consumer:
            while monotonic() < deadline and not worker.ended:
                for message in consumer.consume(1, timeout=0.1):
                    return message.timestamp()[1] / 1000
        raise RuntimeError(f"no Progress: {worker.said()}")


class Worker:
    """A process of `chartfeed stream`."""

    def __init__(self, config: Path, name: str, *options: str) -> None:
        self._log = config.with_name(f"{name}.log")
        command = [sys.executable, "-m", "chartfeed", "--config", str(config), "stream"]
        given = ["--worker", name, "--log-format", "json", "--metrics-port", "0"]
        with self._log.open("wb") as output:
            self._process = subprocess.Popen([*command, *given, *options], cwd=ROOT, stderr=output)
        self.pid = self._process.pid

    @classmethod
    @contextmanager
    def running(cls, config: Path, name: str = "bench") -> Iterator[Worker]:
        """Start one, and stop it at the end unless it was killed."""
        worker = cls(config, name)
        try:
            yield worker
        finally:
            worker.stop()

    @property
    def ended(self) -> bool:
        return self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(15)

    def stop(self) -> None:
        if self.ended:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def said(self) -> str:
        """Give the end of its log."""
        return self._log.read_text()[-2000:]

    def moments(self, event: str) -> Sequence[float]:
        """Give when it logged an event."""
        return [
            datetime.fromisoformat(line["timestamp"]).timestamp()
            for line in self._lines()
            if line["event"] == event
        ]

    def _lines(self) -> list[dict[str, Any]]:
        lines = self._log.read_text().splitlines()
        return [json.loads(line) for line in lines if line[:1] == "{" and line[-1:] == "}"]

    def assigned(self, seconds: float = 120.0) -> float:
        """Wait until it has its partitions; gives the moment."""
        deadline = monotonic() + seconds
        while monotonic() < deadline and not self.ended:
            if found := self.moments("assigned"):
                return found[0]
            sleep(0.02)
        raise RuntimeError(f"no partitions: {self.said()}")

    def partitions(self) -> Sequence[int]:
        """Give those that it was assigned last."""
        found = [line["partitions"] for line in self._lines() if line["event"] == "assigned"]
        return found[-1] if found else ()

    def cost(self) -> rig.Cost:
        return rig.Cost.of(self.pid)

    def peak(self) -> float:
        """Give the most memory it has had, in MB."""
        return rig.peak(self.pid)

    def forget_peak(self) -> None:
        """Have `peak` speak of what comes from now on."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5")

    def metrics(self) -> dict[str, float]:
        """Give its metrics, each as the sum over its labels."""
        [address] = [line["address"] for line in self._lines() if line["event"] == "metrics"]
        with urllib.request.urlopen(address, timeout=5) as answer:
            text = answer.read().decode()
        found: dict[str, float] = {}
        for name, value in METRIC.findall(text):
            found[name] = found.get(name, 0.0) + float(value)
        return found

    def wait_filed(self, seconds: float) -> float:
        """Wait until all unified rows are in the files; gives the moment, in seconds since 1970."""
        deadline = monotonic() + seconds
        while monotonic() < deadline and not self.ended:
            found = self.metrics()
            if not found["chartfeed_stream_lag"] and not found["chartfeed_stream_dirty_days"]:
                return datetime.now().astimezone().timestamp()
            sleep(0.2)
        raise RuntimeError(f"not in the files: {self.said()}")
