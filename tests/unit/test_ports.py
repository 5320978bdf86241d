"""Ports for services that take a while to listen."""

import socket
from pathlib import Path

import pytest

from deploy.local import ports

CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")


@pytest.mark.skipif(
    not CONNECTIONS.exists(), reason="this system does not say which ports it gives"
)
def test_a_port_is_chosen_that_no_connection_is_given():
    first = int(CONNECTIONS.read_text().split()[0])

    assert all(ports.LOWEST <= ports.choose(None, ()) < first for _ in range(20))


def test_the_usual_port_is_taken_where_it_is_free_and_not_spoken_for():
    with socket.create_server(("127.0.0.1", 0)) as other:
        held = other.getsockname()[1]
        assert held != ports.choose(held, ())
    free = ports.choose(None, ())

    assert free == ports.choose(free, ())
    assert free != ports.choose(free, {free})
