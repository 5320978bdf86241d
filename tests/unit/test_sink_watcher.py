"""What follows the centers in Kafka, where nobody answers."""

import socket
import time

from stream_app.sink.completeness import Claims, KnownCenter
from stream_app.sink.watcher import PATIENCE, Watcher


def test_whoever_leaves_does_not_wait_for_a_broker_that_says_nothing():
    claims = Claims((KnownCenter("center_01", "Praxis Süd"),))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        kafka = {"bootstrap.servers": f"127.0.0.1:{silent.getsockname()[1]}"}
        watcher = Watcher(kafka, 1, claims, lambda _id: None)
        watcher.start()
        assert not watcher.wait_loaded(0.5)
        began = time.monotonic()
        watcher.close()

    assert time.monotonic() - began < PATIENCE / 2
