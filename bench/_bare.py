"""What capturing and joining cost at least: a loop with pyodbc, fastavro and Kafka's client.

Rows become dicts by zip and are encoded and produced, without transactions; nothing is checked,
and no position is kept. Events are fetched and become dicts, and that is all.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, Final

import fastavro
import pyodbc
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic

from producers.canonical import TRACKED
from producers.capture import statements
from producers.capture.events import TABLES
from producers.capture.publisher import Options
from producers.connection import Settings, connect
from producers.mapping import Mapping
from producers.rows import COLUMNS
from producers.statements import select_list, table
from schemas import avro
from schemas.codec import HEADER

__all__ = ["catch_up", "drain", "encoder", "prepare", "snapshot", "version"]

TOPIC: Final = "bench-bare"
AT_ONCE: Final = 2_000
BEFORE_ROW: Final = 3
"""Of a change: its version, what it is, and its id."""

Row = Sequence[Any]
day: Final = cache(lambda value: date.fromisoformat(str(value)))


def prepare(kafka: Options, partitions: int) -> None:
    """Make the topic that takes what the loop produces, unless it is there."""
    admin = AdminClient(dict(kafka))
    [made] = admin.create_topics([NewTopic(TOPIC, partitions, 1)]).values()
    try:
        made.result(60)
    except KafkaException as error:
        if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def snapshot(login: Settings, mapping: Mapping, kafka: Options) -> int:
    """Fetch and produce all rows; give how many they are."""
    with closing(connect(login)) as connection:
        return _produced(
            kafka,
            mapping.center,
            (
                (name, connection.execute(f"SELECT {columns} FROM {where} AS t"), 0)
                for name in TRACKED
                for columns in [select_list(mapping, name, "t")]
                for where in [table(mapping, name)]
            ),
        )


def catch_up(login: Settings, mapping: Mapping, kafka: Options, since: int) -> int:
    """Fetch what was inserted or updated since a version, and produce it; give how many."""
    with closing(connect(login)) as connection:
        bounds = [since, version(connection)] * len(TRACKED)
        cursor = connection.execute(statements.changes(mapping).text, bounds)
        return _produced(kafka, mapping.center, _results(cursor))


def version(connection: pyodbc.Connection) -> int:
    """Give the version that the source has reached."""
    found: int = connection.execute("SELECT CHANGE_TRACKING_CURRENT_VERSION()").fetchval()
    return found


def _results(cursor: pyodbc.Cursor) -> Iterator[tuple[str, pyodbc.Cursor, int]]:
    for number, name in enumerate(TRACKED):
        if number:
            cursor.nextset()
        yield name, cursor, BEFORE_ROW


def _produced(
    kafka: Options, center: str, results: Iterable[tuple[str, pyodbc.Cursor, int]]
) -> int:
    producer = Producer({**kafka, "linger.ms": 5, "compression.type": "lz4"})
    rows = 0
    for name, cursor, skipped in results:
        _, type_ = TABLES[name]
        encoded = encoder(name, type_, center)
        while batch := cursor.fetchmany(AT_ONCE):
            rows += len(batch)
            for whole in batch:
                row = whole[skipped:] if skipped else whole
                value = encoded(row)
                if value is None:
                    continue
                key = f"bare/{row[0]}".encode()
                while True:
                    try:
                        producer.produce(TOPIC, key=key, value=value)
                        break
                    except BufferError:
                        producer.poll(0.1)
            producer.poll(0)
    producer.flush(60)
    return rows


def encoder(name: str, type_: type[Any], center: str) -> Callable[[Row], bytes | None]:
    """Give what turns a row into the message of its record; None for a dead row."""
    schema = fastavro.parse_schema(avro.load(type_))
    has_flag = COLUMNS[name][-1] == "DELKZ"
    columns = len(COLUMNS[name]) - has_flag
    # The center comes first, the version and the moment last.
    fields = [field["name"] for field in avro.load(type_)["fields"]][1 : columns + 1]
    dates = [field for field in fields if field.endswith("_date")]
    texts = [field for field in fields if field in {"chart_entry", "code"}]
    same = {"center_id": center, "source_version": 0, "captured_at": datetime.now(UTC)}

    def encoded(row: Row) -> bytes | None:
        if has_flag and row[-1]:
            return None
        record = dict(zip(fields, row, strict=False)) | same
        for field in dates:
            record[field] = day(record[field])
        for field in texts:
            record[field] = record[field] or ""
        buffer = io.BytesIO()
        buffer.write(b"\x00\x00\x00\x00\x01")
        fastavro.schemaless_writer(buffer, schema, record)
        return buffer.getvalue()

    return encoded


def drain(kafka: Options, types: dict[str, type[Any]], partitions: int) -> int:
    """Fetch all that is committed to topics and decode it; give how many records they are."""
    schemas = {topic: fastavro.parse_schema(avro.load(type_)) for topic, type_ in types.items()}
    options = {"group.id": "bench-bare", "enable.auto.commit": False, "enable.partition.eof": True}
    places = [
        TopicPartition(topic, number, OFFSET_BEGINNING)
        for topic in types
        for number in range(partitions)
    ]
    count, left = 0, len(places)
    with closing(Consumer({**kafka, **options, "isolation.level": "read_committed"})) as consumer:
        consumer.assign(places)
        while left:
            for message in consumer.consume(AT_ONCE, timeout=1.0):
                error, value = message.error(), message.value()
                if error is not None:
                    if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client names it so
                        raise KafkaException(error)
                    left -= 1
                    continue
                count += 1
                if value is not None:
                    schema = schemas[message.topic() or ""]
                    fastavro.schemaless_reader(io.BytesIO(value[HEADER.size :]), schema, None)
    return count
