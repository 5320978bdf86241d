"""A source transaction's trace, from the poll to the file, and that nobody else pays for it."""

import itertools
import subprocess
import sys
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chartfeed.tracing import Spans, provider_of
from producers.capture import tracing as captured
from producers.capture.events import Message, headers
from schemas import topics
from schemas.errors import RetryLater
from schemas.tracing import HEADER, Context, contexts
from stream_app import tracing
from stream_app.batches import Batch
from stream_app.transport.fetched import Fetched
from tests.factories import A_DAY

KEY = topics.unified_key(A_DAY, "center_01", 1)


@pytest.fixture
def traced():
    """Give a tracer of all traces, and what it has ended."""
    exporter = InMemorySpanExporter()
    provider = provider_of("tests", 1.0)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield Spans(provider), exporter.get_finished_spans
    provider.shutdown()


def polled(tracer) -> Any:
    return captured.polled(tracer, "center_01", clock())


def clock():
    return itertools.count(1_700_000_000_000_000_000, 1_000_000).__next__


def a_message(version):
    return Message(
        "chartfeed.services", b"center_01/1", b"", headers("insert", version), "x", version
    )


def fails(mark):
    list(mark(iter([a_message(5)])))
    raise RetryLater("gone")


def record(key, *found):
    return SimpleNamespace(offset=0, key=key, value=b"", timestamp=0, headers=tuple(found))


def test_a_traceparent_comes_back_as_it_went():
    context = Context(0xABC, 0xDEF)
    assert [context] == list(contexts([("operation", b"insert"), context.header()]))


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"nonsense",
        b"00-" + b"0" * 32 + b"-" + b"1" * 16 + b"-01",
        b"00-" + b"1" * 32 + b"-" + b"1" * 16 + b"-00",
    ],
)
def test_what_is_no_sampled_traceparent_is_passed_over(value):
    assert [] == list(contexts([(HEADER, value)]))


def test_each_transaction_of_a_poll_has_its_own_trace(traced):
    tracer, ended = traced

    with polled(tracer) as mark:
        marked = list(mark(iter([a_message(5), a_message(5), a_message(6)])))

    first, second, third = (next(contexts(message.headers)) for message in marked)
    assert first == second
    assert first.trace_id != third.trace_id
    assert [first.header(), third.header()] == list(captured.marks(marked))
    told = [span.name for span in ended() if span.context.trace_id == first.trace_id]
    assert ["read", "commit", "capture"] == told


def test_a_poll_whose_commit_fails_tells_of_no_commit(traced):
    tracer, ended = traced

    with (
        pytest.raises(RetryLater, match="gone"),
        polled(tracer) as mark,
    ):
        fails(mark)

    assert () == ended()


def test_what_is_not_sampled_travels_as_ever():
    tracer = Spans(provider_of("tests", 0.0))
    message = a_message(5)

    with polled(tracer) as mark:
        (marked,) = mark(iter([message]))

    assert marked is message
    assert () == captured.marks([marked])


def test_a_poll_of_thousands_of_transactions_traces_some(traced):
    tracer, _ = traced
    with polled(tracer) as mark:
        marked = list(mark(a_message(version) for version in range(captured.MOST + 5)))
    assert captured.MOST == len(captured.marks(marked))


def test_join_and_file_follow_the_checkpoint(traced):
    tracer, ended = traced
    root = tracer.start("capture", None, 1).context
    checkpoint = record(b"center_01", root.header())
    join = tracing.Join(tracer, 3, clock())

    join.read([Batch(topics.CHECKPOINTS.name, 3, [checkpoint], 1)])
    join.took(0, 1)
    assert {} == join.marks()
    join.took(1, 1)
    (mark,) = join.marks()[b"center_01"]
    join.sent(2)
    assert {} == join.marks()

    files = tracing.Files(tracer, clock())
    rows = [record(KEY, mark), record(b"?", mark)]
    files.read([Fetched(topics.UNIFIED_ENTRIES.name, 0, rows, 0, 2)])
    files.written(date(2000, 1, 1))
    files.written(A_DAY)
    files.written(A_DAY)

    told = {span.name: span for span in ended()}
    assert ["join", "publish", "file"] == [span.name for span in ended()]
    assert {root.trace_id} == {span.context.trace_id for span in ended()}
    assert told["join"].parent.span_id == root.span_id
    assert told["file"].parent.span_id == told["join"].context.span_id
    assert A_DAY.isoformat() == told["file"].attributes["chartfeed.day"]


def test_without_an_endpoint_opentelemetry_is_not_even_imported():
    program = (
        "import sys, chartfeed.produce, chartfeed.stream, stream_app.worker.worker;"
        "sys.exit(any(name.startswith('opentelemetry') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert done.returncode == 0
