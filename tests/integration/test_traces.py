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
from tests.names import artefacts, leaks, patients, said_in_topics, scraped
from tests.scene import stage
from tests.streaming import until, workers

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(180)]

# What a chart says and no patient is called: it has to be found where charts are.
SAID = "Füllung erneuert, Größe geprüft"
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
        on.configured(
            on.config.name,
            traces={"endpoint": endpoint, "ratio": 1},
            output={"path": "output/", "formats": ["csv", "json", "parquet"]},
        )
        scene = on.scene("trace_001")
        with scene.produce("--metrics-port", "0") as producer:
            worker = start("traced", "--metrics-port", "0")
            scene.caught_up()
            until(lambda: worker.says("rebuilt") == 12)
            (entry,) = scene.some("KARTEI", 1)
            scene.run(f"UPDATE <KARTEI> SET <KARTEI.BEMERKUNG> = N'{SAID}' WHERE ID = {entry}")
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
            metrics = [scraped(producer.said()), scraped(worker.said())]
        yield on, collector, report, metrics


def test_a_transaction_can_be_followed_to_its_file(followed):
    on, collector, *_ = followed

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
    on, collector, report, metrics = followed
    known = patients(on.scene("trace_001"))

    files, in_files = leaks(known, artefacts(on.folder))
    messages, in_topics = leaks(known, said_in_topics(on))
    _, in_spans = leaks(known, spans_of(collector))
    _, in_metrics = leaks(known, metrics)

    assert len(known) > 20
    assert files > 20
    assert messages > 100
    assert [] == in_files + in_topics + in_spans + in_metrics
    told = json.loads(report.read_bytes())
    assert all(answer["reached"] for answer in told["answers"].values())
    assert told["answers"]["centers"]["found"][0]["state"] == "streaming"
    assert [worker["at_work"] for worker in told["state"]] == [True]


def test_what_is_known_to_be_there_is_found_by_the_same_search(followed):
    """Whoever finds no name has to be able to find something."""
    on, collector, _, metrics = followed

    _, in_files = leaks([SAID], artefacts(on.folder))
    _, in_topics = leaks([SAID], said_in_topics(on))
    _, in_spans = leaks(["trace_001"], spans_of(collector))
    _, in_metrics = leaks(['center="trace_001"'], metrics)

    daily = {where.rpartition(".")[2] for where in in_files if where.startswith("output/")}
    assert {"csv", "json", "parquet"} == daily
    assert {topics.CHART_ENTRIES.name, topics.UNIFIED_ENTRIES.name} == {
        where.partition("/")[0] for where in in_topics
    }
    assert in_spans
    assert [where for where, _ in metrics] == in_metrics


def spans_of(collector):
    return [(f"span {span.name}", span.SerializeToString()) for span in collector.spans]


def headers(message) -> Any:
    return message.headers() or ()


def names(spans):
    return {span.name for span in spans}
