"""A broker as in production: TLS, SCRAM, and only the rights that deploy/kafka lists."""

from __future__ import annotations

import base64
import secrets
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from deploy.local import home
from deploy.local.java import artifacts
from deploy.local.ports import choose
from deploy.local.sqlserver import certificate

__all__ = ["Secured", "running"]

ROOT = Path(__file__).resolve().parents[1]
LISTED = ROOT / "deploy" / "kafka" / "acls.txt"
NAMES = ("admin", "producer", "stream", "operator", "reader")
USERS = ("admin", *(f"chartfeed-{one}" for one in NAMES))
RESOURCES = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
    "transactional-id": ResourceType.TRANSACTIONAL_ID,
}
OPERATIONS = {
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
}
PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Secured:
    address: str
    ca: Path
    folder: Path
    passwords: dict[str, str] = field(repr=False)

    def kafka(self, user: str) -> dict[str, Any]:
        """Give what a configuration says to log in as this user."""
        file = self.folder / f"{user}.password"
        file.write_text(self.passwords[user])
        return {
            "bootstrap": self.address,
            "user": user,
            "password_file": str(file),
            "options": {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "ssl.ca.location": str(self.ca),
            },
        }

    def options(self, user: str) -> dict[str, Any]:
        """Give librdkafka's options of this user."""
        found = self.kafka(user)
        login = {"sasl.username": user, "sasl.password": self.passwords[user], "log_level": 0}
        return {"bootstrap.servers": self.address, **found["options"], **login}


@contextmanager
def running(folder: Path) -> Iterator[Secured]:
    """Run a broker that knows our users, and grants them what deploy/kafka lists."""
    ca, key = folder / "ca.pem", folder / "key.pem"
    certificate.generate(ca, key, now=datetime.now(UTC))
    (folder / "broker.pem").write_bytes(key.read_bytes() + ca.read_bytes())
    port = choose(19093, ())
    ports = port, choose(port + 1, {port}), choose(port + 2, {port, port + 1})
    passwords = {user: secrets.token_urlsafe(16) for user in USERS}
    properties = folder / "server.properties"
    properties.write_text(_properties(folder, *ports))
    classes = f"{artifacts.fetch(home.downloads()).kafka}/*"
    java = [*artifacts.java(folder), "-Xmx384m", "-cp", classes]
    cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    # With the equals sign, because an id may begin with a dash.
    format_ = [
        "kafka.tools.StorageTool",
        "format",
        f"--cluster-id={cluster}",
        "-c",
        str(properties),
    ]
    for user, password in passwords.items():
        format_ += ["--add-scram", f"SCRAM-SHA-512=[name={user},password={password}]"]
    done = subprocess.run(
        [*java, *format_], capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert 0 == done.returncode, done.stdout + done.stderr
    log = folder / "broker.log"
    with log.open("wb") as out:
        broker = subprocess.Popen([*java, "kafka.Kafka", str(properties)], stdout=out, stderr=out)
    try:
        secured = Secured(f"localhost:{port}", ca, folder, passwords)
        _grant(secured, broker, log)
        yield secured
    finally:
        broker.kill()
        broker.wait()


def _grant(secured: Secured, broker: subprocess.Popen[bytes], log: Path) -> None:
    admin = AdminClient(secured.options("admin"))
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            admin.list_topics(timeout=2)
            break
        except KafkaException:
            assert broker.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < deadline, log.read_text()[-2000:]
    for answer in admin.create_acls(list(_bindings())).values():
        answer.result(PATIENCE)


def _bindings() -> Iterator[AclBinding]:
    for line in LISTED.read_text("utf-8").splitlines():
        words = line.split("#")[0].split()
        if not words:
            continue
        who, operations, kind, name = words
        pattern = ResourcePatternType.LITERAL
        if name.endswith("*"):
            pattern, name = ResourcePatternType.PREFIXED, name[:-1]
        for operation in operations.split(","):
            yield AclBinding(
                RESOURCES[kind],
                name,
                pattern,
                f"User:{who}",
                "*",
                OPERATIONS[operation],
                AclPermissionType.ALLOW,
            )


def _properties(folder: Path, port: int, inside: int, controller: int) -> str:
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    lines = {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "INSIDE",
        "listeners": f"CLIENTS://127.0.0.1:{port},INSIDE://127.0.0.1:{inside},"
        f"CONTROLLER://127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENTS://localhost:{port},INSIDE://127.0.0.1:{inside}",
        "listener.security.protocol.map": "CLIENTS:SASL_SSL,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.clients.scram-sha-512.sasl.jaas.config": scram,
        "listener.name.clients.ssl.keystore.type": "PEM",
        "listener.name.clients.ssl.keystore.location": str(folder / "broker.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The broker itself, by the two listeners without a login; they are its own.
        "super.users": "User:admin;User:ANONYMOUS",
        "log.dirs": str(folder / "data"),
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
    }
    return "".join(f"{name}={value}\n" for name, value in lines.items())
