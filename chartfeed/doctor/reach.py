"""What answers: broker, registry and each source, all at once, each within a time limit."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pyodbc
from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from chartfeed import sources, stream_group
from chartfeed.topics import cluster, remedies
from producers import canonical
from producers.capture.learning import Learning
from producers.capture.overview import Overview
from producers.capture.view import view
from producers.connection import connect, translated
from schemas import avro, subjects, topics
from schemas.errors import ChartfeedError, Outside, SkipRecord
from schemas.records import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chartfeed.settings import Center, Settings

__all__ = ["Answer", "ask", "questions"]

LETTERS: Final = 2_000
"""Of each partition, the last so many are counted."""
FACTS: Final = ("number", "sqlstate", "code")


@dataclass(frozen=True, slots=True)
class Answer:
    """What was found, or the kind of the failure: never its text, which may quote anything."""

    seconds: float
    found: Any = None
    failure: Mapping[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        said = {"found": self.found} if self.failure is None else {"failure": dict(self.failure)}
        return {"reached": self.failure is None, "seconds": round(self.seconds, 3), **said}


def ask(asked: Mapping[str, Callable[[], Any]], limit: float) -> dict[str, Answer]:
    """Give an answer to each question; who says nothing within the limit is left behind."""
    answers: dict[str, Answer] = {}
    began = time.monotonic()

    def work(name: str, question: Callable[[], Any]) -> None:
        try:
            found = question()
        except (ChartfeedError, KafkaException, OSError) as error:
            answers[name] = Answer(time.monotonic() - began, failure=_failure(error))
        else:
            answers[name] = Answer(time.monotonic() - began, found)

    threads = [
        threading.Thread(target=work, args=one, name=f"doctor-{one[0]}", daemon=True)
        for one in asked.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, began + limit - time.monotonic()))
    late = Answer(limit, failure={"kind": f"no answer within {limit:g} s"})
    return {name: answers.get(name, late) for name in asked}


def _failure(error: Exception) -> dict[str, Any]:
    told: dict[str, Any] = {"kind": type(error).__name__}
    if isinstance(error, KafkaException):
        told["code"] = error.args[0].name()
    if isinstance(error, ChartfeedError):
        told |= {name: error.fields[name] for name in FACTS if error.fields.get(name)}
        if error.hint is not None and error.hint.startswith("chartfeed "):
            told["next"] = error.hint
    return told


def questions(settings: Settings) -> dict[str, Callable[[], Any]]:
    """Give what is asked, by name; a source's name is `source CENTER`."""
    asked: dict[str, Callable[[], Any]] = {
        "kafka": partial(_brokers, settings),
        "topics": partial(_topics, settings),
        "centers": partial(_centers, settings),
        "stream": partial(_stream, settings),
        "dead letters": partial(_letters, settings),
        "registry": partial(_registry, settings),
    }
    for center in settings.centers:
        if center.enabled:
            asked[f"source {center.id}"] = partial(_source, settings, center)
    return asked


def _brokers(settings: Settings) -> dict[str, Any]:
    admin = AdminClient(_quiet(settings))
    found = admin.list_topics(timeout=10)
    return {"brokers": len(found.brokers)}


def _topics(settings: Settings) -> dict[str, Any]:
    differences = cluster(settings).verify()
    return {
        "differences": [str(one) for one in differences],
        "next": remedies(differences),
    }


def _centers(settings: Settings) -> list[dict[str, Any]]:
    names = [one.id for one in settings.centers]
    partitions = settings.kafka.topics.partitions
    registry = settings.registry.client()
    with Overview(settings.kafka.client, partitions, registry.schema, names) as overview:
        known = overview.read()
    now = datetime.now(UTC)
    told = []
    for center in settings.centers:
        problem = _problem(settings, center)
        whole = view(
            center.id,
            known[center.id],
            now,
            enabled=center.enabled,
            problem=lambda problem=problem: problem,  # type: ignore[misc]  # a lambda with a default
        )
        line = whole.as_json()
        del line["detail"]  # Words of people, logins and servers may be in it.
        command = whole.next_command
        if command is not None and not command.startswith("chartfeed "):
            line["next_command"] = "chartfeed status shows it"
        told.append(
            line
            | {
                "needs_somebody": whole.needs_somebody,
                "mapping": "approved" if problem is None else type(problem).__name__,
            }
        )
    return told


def _problem(settings: Settings, center: Center) -> ChartfeedError | None:
    try:
        sources.approved_mapping(settings, center)
    except ChartfeedError as error:
        return error
    return None


def _stream(settings: Settings) -> dict[str, int]:
    found = stream_group.look(settings.kafka.client)
    return {"workers": found.workers, "lag_events": found.lag_events}


def _registry(settings: Settings) -> dict[str, Any]:
    registry = settings.registry.client()
    return {"schemas": {topic.name: registry.id_of(topic) for topic in subjects.RECORDS}}


def _source(settings: Settings, center: Center) -> dict[str, Any]:
    with closing(connect(sources.of(settings, center))) as connection, translated(center.id):
        before = datetime.now(UTC)
        (told,) = connection.execute("SELECT SYSUTCDATETIME()").fetchone()
        after = datetime.now(UTC)
        server = connection.getinfo(pyodbc.SQL_DBMS_VER)
        driver = connection.getinfo(pyodbc.SQL_DRIVER_VER)
    halfway = before + (after - before) / 2
    return {
        "clock_ahead_seconds": round((told.replace(tzinfo=UTC) - halfway).total_seconds(), 3),
        "server_version": str(server),
        "driver_version": str(driver),
    }


def _letters(settings: Settings) -> list[dict[str, Any]]:
    """Count the last dead letters by reason; keys are left out."""
    counted: Counter[tuple[str | None, ...]] = Counter()
    last: dict[tuple[str | None, ...], datetime] = {}
    centers = {one.id for one in settings.centers}
    registry = settings.registry.client()

    def schema(schema_id: int) -> avro.Json:
        try:
            return registry.schema(schema_id)
        except Outside:
            return avro.load(DeadLetter)

    decoder = Learning(DeadLetter, schema)
    with closing(Consumer(_quiet(settings) | {"group.id": "chartfeed-doctor"})) as consumer:
        for value in _tail(consumer, settings.kafka.topics.partitions):
            try:
                letter = decoder.decode(value)
            except SkipRecord:
                counted[None, None, None, "undecodable"] += 1
                continue
            key = (
                letter.stage,
                letter.center_id if letter.center_id in centers else None,
                letter.table if letter.table in canonical.TABLES else None,
                letter.reason if letter.reason.replace("-", "").isalpha() else "unknown",
            )
            counted[key] += 1
            last[key] = max(letter.at, last.get(key, letter.at))
    return [
        dict(zip(("stage", "center_id", "table", "reason"), key, strict=True))
        | {"count": count, "last": last[key].isoformat() if key in last else None}
        for key, count in counted.most_common()
    ]


def _tail(consumer: Consumer, partitions: int) -> list[bytes]:
    name = topics.DEAD_LETTERS.name
    ends: dict[int, int] = {}
    begin = []
    for number in range(partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)
        if high > low:
            ends[number] = high
            begin.append(TopicPartition(name, number, max(low, high - LETTERS)))
    if not begin:
        return []
    consumer.assign(begin)
    values = []
    deadline = time.monotonic() + 10
    while ends and time.monotonic() < deadline:
        values += [
            value
            for message in consumer.consume(1000, timeout=0.2)
            if message.error() is None and (value := message.value()) is not None
        ]
        for at in consumer.position([TopicPartition(name, number) for number in ends]):
            if at.offset >= ends[at.partition]:
                del ends[at.partition]
    return values


def _quiet(settings: Settings) -> dict[str, str | int | float | bool]:
    return {
        "log_level": 0,
        "socket.connection.setup.timeout.ms": 5000,
        **settings.kafka.client,
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
    }
