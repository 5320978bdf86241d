# ruff: noqa: INP001, T201 - a file to copy, and a program that prints
"""Read chartfeed's unified entries with nothing of chartfeed: Confluent's client and the registry.

    pip install "confluent-kafka[avro,schemaregistry]"
    python consumer.py 127.0.0.1:9092 http://127.0.0.1:8081/apis/ccompat/v7

Prints a line for each change, and ends when it has seen everything if --once is given.
"""

import argparse
import json

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext

TOPIC = "chartfeed.unified-entries"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bootstrap")
    parser.add_argument("registry")
    parser.add_argument("--group", default="consumer-example")
    parser.add_argument("--once", action="store_true")
    options = parser.parse_args()

    # It reads the schema that a value names, and keeps it.
    value_of = AvroDeserializer(SchemaRegistryClient({"url": options.registry}))
    consumer = Consumer(
        {
            "bootstrap.servers": options.bootstrap,
            "group.id": options.group,
            "auto.offset.reset": "earliest",
            # Entries of a transaction that was not committed are never seen.
            "isolation.level": "read_committed",
            "enable.partition.eof": options.once,
        }
    )
    consumer.subscribe([TOPIC])
    ended: set[int | None] = set()
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
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
