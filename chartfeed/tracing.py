"""Spans for a collector, where `traces.endpoint` names one: OpenTelemetry's SDK, and only then."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from schemas.errors import BadInput
from schemas.tracing import Context

if TYPE_CHECKING:
    from chartfeed.settings import Settings
    from schemas.tracing import Span, Tracer

__all__ = ["Spans", "provider_of", "traced"]

# A collector that is gone must not keep a process from ending in time.
PATIENCE: Final = 2.0


class _Span:
    def __init__(self, span: Any) -> None:
        self._span = span
        about = span.get_span_context()
        self.context = Context(about.trace_id, about.span_id)

    def end(self, at: int) -> None:
        self._span.end(end_time=at)


class Spans:
    """Makes OpenTelemetry's spans of a provider; a trace is sampled as a whole."""

    def __init__(self, provider: Any) -> None:
        self._tracer = provider.get_tracer("chartfeed")

    def start(
        self, name: str, parent: Context | None, at: int, **attributes: str | int
    ) -> Span | None:
        """Begin a span, or give None where its trace is not sampled."""
        from opentelemetry import context, trace  # noqa: PLC0415 - only where it is asked for

        within = context.Context()
        if parent is not None:
            there = trace.SpanContext(
                parent.trace_id,
                parent.span_id,
                is_remote=True,
                trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
            )
            within = trace.set_span_in_context(trace.NonRecordingSpan(there), within)
        span = self._tracer.start_span(
            name,
            within,
            start_time=at,
            attributes={f"chartfeed.{key}": value for key, value in attributes.items()},
        )
        return _Span(span) if span.is_recording() else None


@contextmanager
def traced(settings: Settings, service: str) -> Iterator[Tracer | None]:
    """Give what makes spans until the block ends, None where no endpoint is configured."""
    endpoint = settings.traces.endpoint
    if endpoint is None:
        yield None
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - same
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - same
    except ModuleNotFoundError as error:
        raise BadInput(
            "traces.endpoint is set, but OpenTelemetry is not installed here",
            hint="pip install 'chartfeed[traces]', or take traces.endpoint out",
        ) from error
    provider = provider_of(service, settings.traces.ratio)
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=PATIENCE)
    provider.add_span_processor(BatchSpanProcessor(exporter, export_timeout_millis=PATIENCE * 1000))
    try:
        yield Spans(provider)
    finally:
        provider.shutdown()


def provider_of(service: str, ratio: float) -> Any:
    """Give a provider that samples so many of the traces that begin here."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - as above
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - same
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415

    return TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        resource=Resource({"service.name": service}),
        shutdown_on_exit=False,
    )
