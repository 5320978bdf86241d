"""A decoder that asks for the schemas it meets: a value may be older or newer than this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from schemas import avro, records
from schemas.codec import Decoder, UnknownSchema

__all__ = ["Learning"]

R = TypeVar("R", bound=records.Record)


class Learning(Decoder[R]):
    def __init__(self, record: type[R], schema_of: Callable[[int], avro.Json | None]) -> None:
        """Know no schema yet; `schema_of` gives one by its id, None where nobody knows it."""
        super().__init__(record)
        self._schema_of = schema_of

    def decode(self, value: bytes) -> R:
        """Give the record in a value, or raise Undecodable, or what `schema_of` raises."""
        try:
            return super().decode(value)
        except UnknownSchema as unknown:
            schema = self._schema_of(unknown.schema_id)
            if schema is None:
                raise
            self.learn(unknown.schema_id, schema)
        return super().decode(value)
