"""A transaction as a broker loses it: its records are there, and its coordinator knows none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidTxnState
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from producers.capture.events import Message
from producers.capture.publisher import transactional_id

__all__ = ["hang"]


def hang(bootstrap: str, center: str, partition: int, messages: Sequence[Message]) -> None:
    """Leave these messages in a transaction of the center's that nobody knows how to end."""
    with _unverified(bootstrap):
        # The broker follows its configuration a moment later, and refuses until then.
        for _ in range(100):
            with suppress(InvalidTxnState):
                return asyncio.run(_produce(bootstrap, center, partition, messages))
        raise AssertionError("the broker takes no such transaction")


@contextmanager
def _unverified(bootstrap: str) -> Iterator[None]:
    """Have the broker take records without asking the coordinator, as it did before it stopped."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    _set(admin, "false")
    try:
        yield
    finally:
        _set(admin, "true")


def _set(admin: AdminClient, value: str) -> None:
    entry = ConfigEntry(
        "transaction.partition.verification.enable",
        value,
        incremental_operation=AlterConfigOpType.SET,
    )
    broker = ConfigResource(ResourceType.BROKER, "1", incremental_configs=[entry])
    [answer] = admin.incremental_alter_configs([broker]).values()
    answer.result(10)


async def _produce(
    bootstrap: str, center: str, partition: int, messages: Sequence[Message]
) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, transactional_id=transactional_id(center)
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        manager = producer._txn_manager
        for message in messages:
            manager._txn_partitions.add(TopicPartition(message.topic, partition))
            await producer.send_and_wait(
                message.topic,
                message.value,
                message.key,
                partition=partition,
                headers=list(message.headers),
            )
        manager._txn_partitions.clear()
    finally:
        await producer.stop()
