"""What a small feed leaves behind: a trace from poll to file, and no patient's name anywhere."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from schemas import topics
from schemas.tracing import contexts
from tests.events import committed
from tests.names import artefacts, leaks, patients, said_in_topics
from tests.scene import stage
from tests.streaming import until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(180)]

WAY = {"capture", "read", "commit", "join", "publish", "file"}


class Collector:
    """Takes spans by OTLP over HTTP."""

    def __init__(self):
        self.changed = threading.Condition()
        self.spans = []

    def take(self, body):
        request = ExportTraceServiceRequest.FromString(body)
        with self.changed:
            for resource in request.resource_spans:
                for scope in resource.scope_spans:
                    self.spans += scope.spans
            self.changed.notify_all()

    def traces(self):
        found: dict[str, list[Any]] = {}
        for span in self.spans:
            found.setdefault(span.trace_id.hex(), []).append(span)
        return found

    def until(self, condition, seconds=60):
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self.traces()), seconds), [
                [span.name for span in trace] for trace in self.traces().values()
            ]


@contextmanager
def collecting():
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector, f"http://127.0.0.1:{server.server_port}/v1/traces"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def followed(services, chartfeed, tmp_path_factory):
    """Have a traced producer and a traced worker take a change to its file; give what is left."""
    folder = tmp_path_factory.mktemp("traces")
    with (
        stage(folder, ["trace_001"], services, chartfeed, patients=25) as on,
        collecting() as (collector, endpoint),
        workers(on.config) as start,
        pytest.MonkeyPatch.context() as patched,
    ):
        # Spans are sent by the second, and not every five.
        patched.setenv("OTEL_BSP_SCHEDULE_DELAY", "300")
        on.configured(on.config.name, traces={"endpoint": endpoint, "ratio": 1})
        scene = on.scene("trace_001")
        with scene.produce():
            worker = start("traced")
            scene.caught_up()
            until(lambda: worker.says("rebuilt") == 12)
            (entry,) = scene.some("KARTEI", 1)
            scene.run(f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = 'x' WHERE ID = {entry}")
            scene.caught_up()
            collector.until(lambda traces: any(names(found) >= WAY for found in traces.values()))
            report = folder / "report.json"
            chartfeed(
                *(
                    "--config",
                    on.config,
                    "doctor",
                    "--output",
                    report,
                    "--log",
                    worker.log,
                    "--seconds",
                    60,
                ),
                check=False,
            )
        yield on, collector, report


def test_a_transaction_can_be_followed_to_its_file(followed):
    on, collector, _ = followed

    whole = [(key, found) for key, found in collector.traces().items() if names(found) >= WAY]
    ((trace, spans),) = whole
    carried = {
        f"{context.trace_id:032x}"
        for message in committed(
            on.kafka, [topics.UNIFIED_ENTRIES, topics.CHART_ENTRIES], range(12)
        )
        for context in contexts(headers(message))
    }
    assert trace in carried
    root = next(span for span in spans if span.name == "capture")
    assert not root.parent_span_id
    told = {one.key: one.value.string_value for one in root.attributes}
    assert told["chartfeed.center"] == "trace_001"


def test_what_a_feed_leaves_behind_names_no_patient(followed):
    on, collector, report = followed
    known = patients(on.scene("trace_001"))
    spans = [(f"span {span.name}", span.SerializeToString()) for span in collector.spans]

    files, in_files = leaks(known, artefacts(on.folder))
    messages, in_topics = leaks(known, said_in_topics(on))
    _, in_spans = leaks(known, iter(spans))

    assert len(known) > 20
    assert files > 20
    assert messages > 100
    assert [] == in_files + in_topics + in_spans
    told = json.loads(report.read_bytes())
    assert all(answer["reached"] for answer in told["answers"].values())
    assert told["answers"]["centers"]["found"][0]["state"] == "streaming"
    assert [worker["at_work"] for worker in told["state"]] == [True]


def headers(message) -> Any:
    return message.headers() or ()


def names(spans):
    return {span.name for span in spans}
