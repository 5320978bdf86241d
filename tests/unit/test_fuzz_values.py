"""Whatever bytes stand in a topic: a record, or a reason for a dead letter, and nothing else."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import avro
from schemas.codec import Decoder, Encoder
from schemas.errors import SkipRecord
from schemas.records import Checkpoint
from stream_app.join.decoding import Decoding
from tests.events import TYPES
from tests.strategies import any_

SCHEMA_ID = 7
EASY = settings(max_examples=150, deadline=None)


@st.composite
def damaged(draw: st.DrawFn, value: bytes) -> bytes:
    """Give a value with some bytes changed, left out, or put in."""
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(value)))
        end = min(len(value), at + draw(st.integers(0, 5)))
        value = value[:at] + draw(st.binary(max_size=11)) + value[end:]
    return value


def values(type_: type[Any]) -> st.SearchStrategy[bytes]:
    encoder = Encoder(type_, SCHEMA_ID)
    whole = any_(type_).map(encoder.encode)
    return whole.flatmap(damaged) | st.tuples(whole, st.binary(max_size=80)).map(
        lambda found: found[0][:5] + found[1]
    )


def refuses_or_takes(read: Any) -> None:
    reason = "taken"
    try:
        read()
    except SkipRecord as skipped:
        reason = skipped.reason
    assert reason


@pytest.mark.parametrize("type_", avro.FILES, ids=lambda type_: type_.__name__)
def test_a_damaged_record_has_a_reason(type_: type[Any]) -> None:
    decoder: Decoder[Any] = Decoder(type_)
    decoder.learn(SCHEMA_ID, avro.load(type_))

    @EASY
    @given(values(type_))
    def damage(value: bytes) -> None:
        refuses_or_takes(lambda: decoder.decode(value))

    damage()


@EASY
@given(values(Checkpoint), st.none() | st.binary(max_size=8))
def test_a_damaged_checkpoint_has_a_reason(value: bytes, key: bytes | None) -> None:
    decoding = Decoding(lambda id_: avro.load(Checkpoint) if id_ == SCHEMA_ID else None)

    refuses_or_takes(lambda: decoding.checkpoint(key, value))


@pytest.mark.parametrize("topic", TYPES)
def test_a_damaged_source_event_has_a_reason(topic: str) -> None:
    _, type_ = TYPES[topic]
    decoding = Decoding(lambda id_: avro.load(type_) if id_ == SCHEMA_ID else None)
    read = decoding.reader(topic)

    @EASY
    @given(values(type_), st.binary(max_size=8))
    def damage(value: bytes, row: bytes) -> None:
        refuses_or_takes(lambda: read("center_01", row, value))

    damage()


@EASY
@given(
    st.binary(max_size=60),
    st.recursive(
        st.none() | st.sampled_from(["string", "long", "record", "x"]) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.fixed_dictionaries({"type": inner}, optional={"name": inner, "fields": inner})
        ),
        max_leaves=5,
    ),
)
def test_a_schema_that_is_none_is_a_reason_too(rest: bytes, schema: Any) -> None:
    decoding = Decoding(lambda _: schema)
    read = decoding.reader(next(iter(TYPES)))

    refuses_or_takes(lambda: read("center_01", b"1", b"\0\0\0\0\x63" + rest))
