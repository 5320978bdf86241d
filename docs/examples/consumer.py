# ruff: noqa: INP001, T201 - a file to copy, and a program that prints
"""Read chartfeed's unified entries with nothing of chartfeed: Confluent's client and the registry.

    pip install "confluent-kafka[avro,schemaregistry]"
    python consumer.py 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7 --once

Prints a line for each change, and goes on until Ctrl-C, or with --once until it has seen all that
is there. A second run goes on where this one ended; another --group begins at the beginning.
"""

import argparse
import json
import os
import sys
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "chartfeed.unified-entries"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("bootstrap")
    parser.add_argument("registry")
    parser.add_argument("--group", default="reader-example")
    parser.add_argument("--user", help="log in by SCRAM over TLS; KAFKA_PASSWORD has the password")
    parser.add_argument(
        "--ca", help="a file with the CA that signs for the broker and the registry"
    )
    parser.add_argument("--once", action="store_true", help="end with what is there now")
    options = parser.parse_args()
    if options.user and "KAFKA_PASSWORD" not in os.environ:
        parser.error("--user needs a password in the environment: KAFKA_PASSWORD")
    return options


def connection(options: argparse.Namespace) -> dict[str, Any]:
    found = {"bootstrap.servers": options.bootstrap}
    if options.user or options.ca:
        found["security.protocol"] = "SASL_SSL" if options.user else "SSL"
    if options.ca:
        found["ssl.ca.location"] = options.ca
    if options.user:
        found["sasl.mechanism"] = "SCRAM-SHA-512"
        found["sasl.username"] = options.user
        found["sasl.password"] = os.environ["KAFKA_PASSWORD"]
    return found


def main() -> None:
    options = arguments()
    registry = {"url": options.registry}
    if options.ca and options.registry.startswith("https:"):
        registry["ssl.ca.location"] = options.ca
    # It reads the schema that a value names, and keeps it.
    value_of = AvroDeserializer(SchemaRegistryClient(registry))
    consumer = Consumer(
        {
            **connection(options),
            "group.id": options.group,
            "auto.offset.reset": "earliest",
            # Entries of a transaction that was not committed are never seen.
            "isolation.level": "read_committed",
            "enable.partition.eof": options.once,
        }
    )
    consumer.subscribe([TOPIC])
    ended: set[int | None] = set()
    changes = 0
    try:
        while not options.once or len(ended) < len(consumer.assignment()) or not ended:
            message = consumer.poll(1.0)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - the client's name for it
                    raise KafkaException(error)
                ended.add(message.partition())
                continue
            # The key is DATE/CENTER/ENTRY; an entry is gone, or has moved to another day, when
            # its value is missing.
            key = (message.key() or b"").decode()
            entry = value_of(message.value(), SerializationContext(TOPIC, MessageField.VALUE))
            if entry is None:
                print(f"- {key}")
            else:
                print(f"+ {key} {json.dumps(entry, default=str, ensure_ascii=False)}")
            changes += 1
    except KeyboardInterrupt:
        pass
    finally:
        # The group's place is kept at the broker, by the client itself: the next run goes on there.
        consumer.close()
    print(f"changes that {options.group} had not read before: {changes}", file=sys.stderr)


if __name__ == "__main__":
    main()
