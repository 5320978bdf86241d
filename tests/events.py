"""What the source topics say of each center, in order, as any consumer may read it.

`histories` gives every event under the checkpoint that covers it, read committed; `Watch` tells
of checkpoints and states as they come, so that no test looks again and again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from schemas import avro, topics
from schemas.codec import Decoder, Undecodable
from schemas.records import (
    CenterStatus,
    ChartEntry,
    Checkpoint,
    DeadLetter,
    Insurer,
    PatientInsurance,
    Service,
    SourceEvent,
)
from schemas.topics import Topic

__all__ = ["Event", "History", "Step", "Watch", "histories"]

Kafka = Mapping[str, str | int | float | bool]

TYPES: Final[Mapping[str, tuple[str, type[Any]]]] = {
    topics.INSURERS.name: ("KASSEN", Insurer),
    topics.PATIENT_INSURANCES.name: ("PATKASSE", PatientInsurance),
    topics.CHART_ENTRIES.name: ("KARTEI", ChartEntry),
    topics.SERVICES.name: ("LEISTUNG", Service),
}
BATCH: Final = 5000


@dataclass(frozen=True, slots=True)
class Event:
    """A message of a source topic; without a record it is a tombstone."""

    table: str
    row: str
    record: SourceEvent | None
    operation: str
    version: int
    offset: int


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint and the events that it is the first to cover, topic by topic."""

    checkpoint: Checkpoint
    events: tuple[Event, ...]
    ends: Mapping[str, int]


@dataclass(slots=True)
class History:
    """All that is committed of a center; `uncovered` are events that no checkpoint covers."""

    center_id: str
    steps: list[Step] = field(default_factory=list)
    uncovered: list[Event] = field(default_factory=list)
    letters: dict[tuple[str, str], str] = field(default_factory=dict)
    """The reasons of the dead letters that stand, by table and the row's key."""


def histories(kafka: Kafka, centers: Iterable[str], partitions: int = 12) -> dict[str, History]:
    """Give the history of each of these centers as it is committed now."""
    wanted = set(centers)
    events: dict[str, dict[str, list[Event]]] = {
        center: {name: [] for name in TYPES} for center in wanted
    }
    checkpoints: dict[str, list[Checkpoint]] = {center: [] for center in wanted}
    found = {center: History(center) for center in wanted}
    read = [*topics.SOURCE, topics.CHECKPOINTS, topics.DEAD_LETTERS]
    where = {topics.partition_of_center(center, partitions) for center in wanted}
    for message in committed(kafka, read, where):
        center, _, row = key_of(message).partition("/")
        if center not in wanted:
            continue
        if message.topic() == topics.CHECKPOINTS.name:
            checkpoints[center].append(decoded(Checkpoint, message))
        elif message.topic() == topics.DEAD_LETTERS.name:
            _note_letter(found[center].letters, message, row)
        else:
            event = _event(message, row)
            events[center][str(message.topic())].append(event)
    for center in wanted:
        _cover(found[center], checkpoints[center], events[center])
    return found


def committed(
    kafka: Kafka, wanted: Iterable[Topic], partitions: Iterable[int]
) -> Iterator[Message]:
    """Give what is committed in these topics' partitions; each partition comes in its order."""
    places = [TopicPartition(topic.name, at, 0) for topic in wanted for at in sorted(partitions)]
    settings = {
        **kafka,
        "group.id": "test-events",
        "log_level": 0,
        "isolation.level": "read_committed",
        "enable.auto.commit": False,
        "enable.partition.eof": True,
        "fetch.wait.max.ms": 20,
    }
    left = {(place.topic, place.partition) for place in places}
    with closing(Consumer(settings)) as consumer:
        consumer.assign(places)
        deadline = time.monotonic() + 60
        while left:
            assert time.monotonic() < deadline, f"not read to the end within a minute: {left}"
            for message in consumer.consume(BATCH, timeout=0.05):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    left.discard((str(message.topic()), int(message.partition() or 0)))
                else:
                    raise KafkaException(error)


def _event(message: Message, row: str) -> Event:
    table, type_ = TYPES[str(message.topic())]
    headers = headers_of(message)
    return Event(
        table=table,
        row=row,
        record=None if message.value() is None else decoded(type_, message),
        operation=headers["operation"],
        version=int(headers["source_version"]),
        offset=offset_of(message),
    )


def _note_letter(letters: dict[tuple[str, str], str], message: Message, row: str) -> None:
    table = headers_of(message)["table"]
    if message.value() is None:
        letters.pop((table, row), None)
    else:
        letters[table, row] = decoded(DeadLetter, message).reason


def _cover(
    history: History, checkpoints: list[Checkpoint], events: Mapping[str, list[Event]]
) -> None:
    begins = dict.fromkeys(events, 0)
    for checkpoint in checkpoints:
        covered: list[Event] = []
        ends = {}
        offsets = {at.topic: at.offset for at in checkpoint.offsets}
        for topic, said in events.items():
            end = begins[topic]
            while end < len(said) and said[end].offset <= offsets.get(topic, -1):
                end += 1
            covered += said[begins[topic] : end]
            begins[topic] = end
            if end:
                ends[topic] = said[end - 1].offset
        history.steps.append(Step(checkpoint, tuple(covered), ends))
    for topic, said in events.items():
        history.uncovered += said[begins[topic] :]


DECODERS: dict[tuple[type[Any], int], Decoder[Any]] = {}


def decoded(type_: type[Any], message: Message) -> Any:
    """Give a message's record; whoever wrote it has the schema that we have."""
    value = message.value() or b""
    known = type_, int.from_bytes(value[1:5], "big")
    if known not in DECODERS:
        DECODERS[known] = Decoder(type_)
        DECODERS[known].learn(known[1], avro.load(type_))
    return DECODERS[known].decode(value)


def headers_of(message: Message) -> dict[str, str]:
    found: Any = message.headers() or ()
    return {name: value.decode() for name, value in found}


def key_of(message: Message) -> str:
    return (message.key() or b"").decode()


def offset_of(message: Message) -> int:
    offset = message.offset()
    assert offset is not None
    return offset


@dataclass(slots=True)
class Seen:
    """The newest that is known of a center, and all its checkpoints in order."""

    checkpoints: list[Checkpoint] = field(default_factory=list)
    arrivals: list[float] = field(default_factory=list)
    """When each of them could be read, on this machine's monotonic clock."""
    status: CenterStatus | None = None

    @property
    def checkpoint(self) -> Checkpoint | None:
        return self.checkpoints[-1] if self.checkpoints else None


class Watch:
    """Hears of every committed checkpoint and every state as it comes."""

    def __init__(self, kafka: Kafka, partitions: int = 12) -> None:
        self._kafka = kafka
        self._partitions = partitions
        self._seen: dict[str, Seen] = {}
        self._asked: set[str] = set()
        self._news = threading.Condition()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(20)

    def seen(self, center: str) -> Seen:
        with self._news:
            self._asked.add(center)
            return self._seen.setdefault(center, Seen())

    def until(
        self, center: str, condition: Callable[[Seen], object], *, seconds: float = 60
    ) -> Seen:
        """Wait until the condition holds of what is known of a center, and give that."""
        seen = self.seen(center)
        with self._news:
            held = self._news.wait_for(lambda: condition(seen), seconds)
            last = seen.checkpoint
            assert held, (
                f"{center}: not within {seconds} s; {seen.status};"
                f" {last and (last.version, last.partial, last.snapshot)}"
            )
            return seen

    def _listen(self) -> None:
        settings = {
            **self._kafka,
            "group.id": "test-watch",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 20,
            "log_level": 0,
        }
        with closing(Consumer(settings)) as consumer:
            consumer.assign(
                [
                    TopicPartition(topic.name, at, 0)
                    for topic in (topics.CHECKPOINTS, topics.CENTER_STATUS)
                    for at in range(self._partitions)
                ]
            )
            while not self._over.is_set():
                messages = [
                    message for message in consumer.consume(500, 0.1) if message.error() is None
                ]
                if messages:
                    with self._news:
                        for message in messages:
                            try:
                                self._take(message)
                            except Undecodable:
                                # Another test's, unless it is said of one of ours.
                                assert key_of(message) not in self._asked, message.value()
                        self._news.notify_all()

    def _take(self, message: Message) -> None:
        if message.value() is None:
            return
        seen = self._seen.setdefault(key_of(message), Seen())
        if message.topic() == topics.CHECKPOINTS.name:
            seen.checkpoints.append(decoded(Checkpoint, message))
            seen.arrivals.append(time.monotonic())
        else:
            seen.status = decoded(CenterStatus, message)
