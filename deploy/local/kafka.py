"""One Kafka broker (KRaft) as a service of the stack."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from deploy.local.java import Artifacts, java
from deploy.local.ports import LOOPBACK
from deploy.local.process import Mark
from deploy.local.service import Launch
from schemas.errors import Failed

__all__ = ["Kafka"]

_LOGGING = """\
rootLogger.level = WARN
rootLogger.appenderRefs = out
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
"""


class Kafka:
    name = "kafka"
    ports: Mapping[str, int] = {"broker": 9092, "controller": 9093}
    needs_java = True
    # One that dies is noticed at once; a machine with much else to do may take long to start it.
    patience = 180.0

    def prepare(self, folder: Path, ports: Mapping[str, int], artifacts: Artifacts) -> Launch:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
        properties = folder / "server.properties"
        command = [
            *java(folder),
            "-Xms256m",
            "-Xmx512m",
            f"-Dlog4j2.configurationFile={folder / 'log4j2.properties'}",
            "-cp",
            f"{artifacts.kafka}/*",
        ]
        data = folder / "data"
        if not data.is_dir():
            self._format(folder, ports, command)
        elif not _has_identity(data / "meta.properties"):
            raise Failed(
                f"the broker's folder {data} has lost its identity: its meta.properties is "
                "missing or damaged",
                hint="chartfeed local reset kafka   (its topics are lost), then chartfeed local up",
            )
        properties.write_text(_properties(data, ports), encoding="utf-8")
        return Launch([*command, *self.mark(folder)], os.environ)

    def mark(self, folder: Path) -> Mark:
        return ("kafka.Kafka", str(folder / "server.properties"))

    def _format(self, folder: Path, ports: Mapping[str, int], command: list[str]) -> None:
        """Make the broker's folder; a broken attempt leaves nothing that looks like one."""
        fresh = folder / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        properties = folder / "format.properties"
        properties.write_text(_properties(fresh, ports), encoding="utf-8")
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        answer = subprocess.run(
            [
                *[*command, "kafka.tools.StorageTool", "format"],
                # With the equals sign, because an id may begin with a dash.
                *[f"--cluster-id={cluster}", "-c", str(properties)],
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        if answer.returncode or not (fresh / "meta.properties").is_file():
            raise Failed(
                f"Kafka could not format its folder: {answer.stdout}{answer.stderr}".strip(),
                hint=f"look at the free space and the rights of {folder}",
            )
        fresh.rename(folder / "data")
        properties.unlink()

    def address(self, ports: Mapping[str, int]) -> str:
        return f"{LOOPBACK}:{ports['broker']}"

    def is_ready(self, folder: Path, ports: Mapping[str, int]) -> bool:
        del folder
        settings: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.address(ports),
            "socket.connection.setup.timeout.ms": 1000,
            "log_level": 0,
        }
        try:
            return bool(AdminClient(settings).list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def facts(self, folder: Path) -> Mapping[str, str]:
        del folder
        return {}


def _has_identity(path: Path) -> bool:
    if not path.is_file():
        return False
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    known = {name for name, _, value in (line.partition("=") for line in lines) if value}
    return {"cluster.id", "node.id"} <= known


def _properties(data: Path, ports: Mapping[str, int]) -> str:
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{ports['controller']}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{ports['broker']},"
        f"CONTROLLER://{LOOPBACK}:{ports['controller']}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{ports['broker']}",
        "log.dirs": data,
        "auto.create.topics.enable": "false",
        # One broker holds the only copy of everything.
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 8,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 8,
        # A laptop's single group need not wait for more members.
        "group.initial.rebalance.delay.ms": 0,
        # An open transaction of a killed producer must not hold its readers for a minute.
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": 1000,
    }
    return "".join(f"{key}={value}\n" for key, value in settings.items())
