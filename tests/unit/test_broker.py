"""What is said where Kafka can't be used."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from schemas import broker
from schemas.errors import Outside, RetryLater

OPTIONS = {"bootstrap.servers": "127.0.0.1:9092", "sasl.password": "geheim"}


@pytest.mark.parametrize(
    "code",
    [
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._TIMED_OUT,
        KafkaError._RESOLVE,
    ],
)
def test_a_broker_that_does_not_answer_is_named_with_what_to_type(code: int) -> None:
    error = broker.failure(Outside, OPTIONS, KafkaException(KafkaError(code, "gone")))

    assert "Kafka at 127.0.0.1:9092 does not answer: gone" == error.message
    assert error.hint is not None
    assert error.hint.startswith("chartfeed local up kafka, or correct kafka.bootstrap")


@pytest.mark.parametrize(
    "code", [KafkaError._AUTHENTICATION, KafkaError.TOPIC_AUTHORIZATION_FAILED]
)
def test_one_that_refuses_us_does_answer(code: int) -> None:
    error = broker.failure(RetryLater, OPTIONS, KafkaError(code, "no right"))

    assert "Kafka at 127.0.0.1:9092 refuses: no right" == error.message
    assert error.hint == "look at kafka in the configuration, and at its user's rights"


def test_of_any_other_trouble_is_said_what_the_client_says() -> None:
    error = broker.failure(RetryLater, OPTIONS, KafkaError(KafkaError.NOT_LEADER_FOR_PARTITION))

    assert error.message.startswith("Kafka at 127.0.0.1:9092: ")
    assert error.hint == "is the broker well?"


def test_an_error_without_words_has_its_name() -> None:
    error = broker.failure(RetryLater, OPTIONS, KafkaError(KafkaError._TRANSPORT, ""))

    assert error.message.endswith("does not answer: _TRANSPORT")
