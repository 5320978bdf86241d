"""What a trace is on its way: W3C's `traceparent` in a record's header, and who makes spans.

A source transaction that is sampled has one trace; its events, the checkpoint that covers them and
the unified rows that follow carry where in it they come from. Others have no such header.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

__all__ = ["HEADER", "Context", "Headers", "Span", "Tracer", "contexts"]

HEADER: Final = "traceparent"
FORM: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")

Headers = Iterable[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Context:
    """A span, as those that follow from it know it; it is sampled."""

    trace_id: int
    span_id: int

    def header(self) -> tuple[str, bytes]:
        """Give the header of what follows from the span."""
        return HEADER, f"00-{self.trace_id:032x}-{self.span_id:016x}-01".encode()


def contexts(headers: Headers) -> Iterator[Context]:
    """Give the sampled spans that a record follows from; what is no traceparent is passed over."""
    for name, value in headers:
        if name != HEADER or value is None:
            continue
        match = FORM.fullmatch(value)
        if match is not None and int(match[3], 16) & 1:
            trace_id, span_id = int(match[1], 16), int(match[2], 16)
            if trace_id and span_id:
                yield Context(trace_id, span_id)


class Span(Protocol):
    @property
    def context(self) -> Context: ...

    def end(self, at: int) -> None:
        """End it at a time in nanoseconds since 1970."""
        ...


class Tracer(Protocol):
    """Makes spans; times are nanoseconds since 1970."""

    def start(
        self, name: str, parent: Context | None, at: int, **attributes: str | int
    ) -> Span | None:
        """Begin a span, or give None where its trace is not sampled."""
        ...
