"""A source transaction's trace: from the poll that found it to the commit of its events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from schemas.tracing import HEADER

if TYPE_CHECKING:
    from producers.capture.events import Headers, Message
    from schemas.tracing import Span, Tracer

__all__ = ["MOST", "Poll", "marks", "polled"]

MOST: Final = 100
"""Traces of one poll: after a long absence it finds thousands of transactions."""


class Poll:
    """The traces of what one poll found, by the version of the source transaction."""

    def __init__(self, tracer: Tracer, center_id: str, clock: Callable[[], int]) -> None:
        self._tracer = tracer
        self._center = center_id
        self._clock = clock
        self._began = clock()
        self._read = self._began
        self._spans: dict[int, Span | None] = {}
        self._headers: dict[int, Headers] = {}

    def marked(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Give the messages, those of sampled transactions with a traceparent."""
        for message in messages:
            header = self._header(message.version)
            yield replace(message, headers=message.headers + header) if header else message
        self._read = self._clock()

    def _header(self, version: int) -> Headers:
        found = self._headers.get(version)
        if found is None:
            span = None
            if len(self._spans) < MOST:
                span = self._tracer.start(
                    "capture", None, self._began, center=self._center, version=version
                )
                self._spans[version] = span
            found = self._headers[version] = () if span is None else (span.context.header(),)
        return found

    def committed(self) -> None:
        """Hear that all is published: reading and committing are told, and the poll ends."""
        now = self._clock()
        for span in self._spans.values():
            if span is None:
                continue
            for name, began, ended in (
                ("read", self._began, self._read),
                ("commit", self._read, now),
            ):
                part = self._tracer.start(name, span.context, began, center=self._center)
                if part is not None:
                    part.end(ended)
            span.end(now)


@contextmanager
def polled(
    tracer: Tracer | None, center_id: str, clock: Callable[[], int] = time.time_ns
) -> Iterator[Callable[[Iterator[Message]], Iterator[Message]] | None]:
    """Follow a poll to the commit; give what marks its messages, None where nobody traces."""
    if tracer is None:
        yield None
        return
    poll = Poll(tracer, center_id, clock)
    yield poll.marked
    poll.committed()


def marks(messages: Sequence[Message]) -> Headers:
    """Give the headers of the checkpoint that covers messages: each of their traces once."""
    return tuple(
        dict.fromkeys(
            message.headers[-1]
            for message in messages
            if message.headers and message.headers[-1][0] == HEADER
        )
    )
