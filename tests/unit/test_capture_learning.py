"""Checkpoints and commands of other versions are read, whoever wrote them."""

from typing import Any

import pytest

from producers.capture.learning import Learning
from schemas import avro
from schemas.codec import Encoder, UnknownSchema
from schemas.errors import RetryLater
from schemas.records import Checkpoint
from tests.unit.test_capture_position import a_checkpoint

VALUE = Encoder(Checkpoint, 4).encode(a_checkpoint())


def test_a_schema_is_asked_for_once() -> None:
    asked = []

    def schema_of(id_: int) -> Any:
        asked.append(id_)
        return avro.load(Checkpoint)

    decoder = Learning(Checkpoint, schema_of)

    assert [a_checkpoint()] * 2 == [decoder.decode(VALUE), decoder.decode(VALUE)]
    assert [4] == asked


def test_one_that_nobody_knows_is_told_as_such() -> None:
    with pytest.raises(UnknownSchema):
        Learning(Checkpoint, lambda _: None).decode(VALUE)


def test_a_registry_that_is_gone_is_asked_again_later() -> None:
    def schema_of(_: int) -> Any:
        raise RetryLater("gone")

    with pytest.raises(RetryLater):
        Learning(Checkpoint, schema_of).decode(VALUE)
