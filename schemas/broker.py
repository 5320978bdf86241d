"""What is said where Kafka can't be used: the same words everywhere, with the address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

if TYPE_CHECKING:
    from schemas.errors import ChartfeedError

__all__ = ["failure"]

# ruff: noqa: SLF001 - the client names its own codes so
SILENT: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._MSG_TIMED_OUT,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._TIMED_OUT_QUEUE,
        KafkaError._TRANSPORT,
    }
)
REFUSING: Final = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    }
)

E = TypeVar("E", bound="ChartfeedError")


def failure(
    kind: type[E],
    options: Mapping[str, str | int | float | bool],
    error: KafkaException | KafkaError,
) -> E:
    """Give the error of that kind which says what a client met at the broker of its options."""
    fault: KafkaError = error.args[0] if isinstance(error, KafkaException) else error
    where = f"Kafka at {options['bootstrap.servers']}"
    said = fault.str() or fault.name()
    if fault.code() in SILENT:
        return kind(
            f"{where} does not answer: {said}",
            hint="chartfeed local up kafka, or correct kafka.bootstrap in the configuration",
        )
    if fault.code() in REFUSING:
        return kind(
            f"{where} refuses: {said}",
            hint="look at kafka in the configuration, and at its user's rights",
        )
    return kind(f"{where}: {said}", hint="is the broker well?")
