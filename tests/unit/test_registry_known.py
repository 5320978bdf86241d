"""What a registry has said once holds while it is away, also for partitions that come back."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from producers.registry import Registry
from schemas.errors import RetryLater
from stream_app.join import Partition
from tests.naive_join import (
    ENTRIES,
    NAMES,
    SCHEMAS,
    Kafka,
    Source,
    a_contract,
    expected,
    live,
    read_all,
)
from tests.unit.test_join import an_entry

CENTER = next(iter(NAMES))


@contextmanager
def a_registry(texts):
    """Serve schemas by their ids, and note which were asked for."""
    asked = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            id_ = int(self.path.rpartition("/")[2])
            asked.append(id_)
            content = json.dumps({"schema": texts.get(id_)}).encode()
            self.send_response(200 if id_ in texts else 404)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_):
            """Keep the tests' output to itself."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_schema_is_asked_for_once_and_then_known_without_the_registry():
    with a_registry({7: '"string"'}) as (url, asked):
        registry = Registry(url)
        assert ["string", "string"] == [registry.known(7), registry.known(7)]
        assert [7] == asked

    assert "string" == registry.known(7)
    with pytest.raises(RetryLater):
        registry.known(8)


def test_a_schema_that_was_missing_is_asked_for_again():
    texts: dict[int, str] = {}
    with a_registry(texts) as (url, _):
        registry = Registry(url)
        assert registry.known(7) is None
        texts[7] = '"string"'
        assert "string" == registry.known(7)


def test_whoever_changes_a_schema_changes_it_for_nobody_else():
    with a_registry({7: '{"type": "array", "items": "int"}'}) as (url, _):
        registry = Registry(url)
        mine: Any = registry.known(7)
        mine["items"] = "string"
        assert {"type": "array", "items": "int"} == registry.known(7)


def test_a_schema_of_another_kind_is_given_as_it_is_written():
    text = 'syntax = "proto3"; message Row {}'
    with a_registry({7: text}) as (url, _):
        assert text == Registry(url).known(7) == Registry(url).schema(7)


def test_a_partition_that_comes_back_while_the_registry_is_away_goes_on(tmp_path):
    source, kafka = Source(), Kafka()
    texts = {id_: json.dumps(schema) for id_, schema in SCHEMAS.items()}
    with a_registry(texts) as (url, _):
        schema_of = Registry(url).known
        partition = live(tmp_path / "join-0.sqlite", source, kafka, schema_of=schema_of)
        source.commit(CENTER, [(ENTRIES, 1, an_entry())])
        read_all(partition, source)
        partition.close()

    partition = Partition.open(tmp_path / "join-0.sqlite", a_contract(schema_of=schema_of))
    source.commit(CENTER, [(ENTRIES, 2, an_entry())])
    read_all(partition, source)
    kafka.drain(partition)
    partition.close()

    assert expected(source) == kafka.content()
