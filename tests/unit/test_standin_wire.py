"""Packets in and out of the stand-in, byte by byte."""

import socket
import struct
from collections.abc import Iterator
from typing import TypeAlias

import pytest

from deploy.local.sqlserver.wire import Disconnected, Kind, Malformed, Stream

Wire: TypeAlias = tuple[socket.socket, Stream]
ATTENTION = struct.pack(">BBHHBB", 6, 1, 8, 0, 1, 0)


def a_packet(
    data: bytes = b"", *, kind: int = Kind.BATCH, status: int = 1, length: int | None = None
) -> bytes:
    return struct.pack(">BBHHBB", kind, status, length or 8 + len(data), 0, 1, 0) + data


@pytest.fixture
def wire() -> Iterator[Wire]:
    """Give the client's end of a connection, and the stand-in's stream at the other."""
    client, server = socket.socketpair()
    client.settimeout(5)
    with client, server:
        yield client, Stream(server)


def test_a_message_is_put_together_from_its_packets(wire: Wire) -> None:
    client, stream = wire

    client.sendall(a_packet(b"one ", status=0) + a_packet(b"two", status=1))

    assert b"one two" == stream.receive(100).data


def test_bytes_may_arrive_one_by_one(wire: Wire) -> None:
    client, stream = wire

    for byte in a_packet(b"slow"):
        client.sendall(bytes([byte]))

    assert b"slow" == stream.receive(100).data


def test_the_reset_bit_of_the_first_packet_counts_for_the_message(wire: Wire) -> None:
    client, stream = wire

    client.sendall(a_packet(b"a", status=0x08) + a_packet(b"b", status=0x01))

    assert stream.receive(100).reset


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(a_packet(b"x" * 101), id="longer than allowed"),
        pytest.param(a_packet(length=7), id="shorter than its header"),
        pytest.param(a_packet(kind=99), id="of unknown kind"),
        pytest.param(a_packet(status=0) + a_packet(kind=Kind.RPC), id="of two kinds"),
    ],
)
def test_a_packet_that_can_not_be_is_malformed(wire: Wire, sent: bytes) -> None:
    client, stream = wire

    client.sendall(sent)

    with pytest.raises(Malformed):
        stream.receive(100)


def test_a_client_that_wants_tds_8_is_told_no_in_tls(wire: Wire) -> None:
    client, stream = wire

    client.sendall(b"\x16\x03\x01\x00\x05hello")

    with pytest.raises(Malformed, match="strict"):
        stream.receive(100)
    assert b"\x15\x03\x03\x00\x02\x02\x28" == client.recv(100)


def test_a_client_that_left_is_disconnected(wire: Wire) -> None:
    client, stream = wire

    client.sendall(a_packet(b"half")[:6])
    client.close()

    with pytest.raises(Disconnected):
        stream.receive(100)


def test_a_reply_is_cut_into_packets_of_the_agreed_size(wire: Wire) -> None:
    client, stream = wire
    stream.packet_size = 512
    reply = bytes(range(256)) * 5

    stream.write(reply)
    stream.finish()

    seen = packets_from(client)
    assert reply == b"".join(data for _, data in seen)
    assert [0, 0, 1] == [status for status, _ in seen]
    assert 504 == len(seen[0][1])


def test_a_reply_that_fills_its_packets_exactly_still_ends(wire: Wire) -> None:
    client, stream = wire
    stream.packet_size = 512

    stream.write(b"x" * 504 * 2)
    stream.flush()
    stream.finish()

    assert [0, 1] == [status for status, _ in packets_from(client)]


def test_an_attention_is_seen_without_waiting_for_one(wire: Wire) -> None:
    client, stream = wire

    assert not stream.attention_waiting()

    client.sendall(ATTENTION)
    while not stream.attention_waiting():
        pass

    assert Kind.ATTENTION is stream.receive(100).kind
    assert not stream.attention_waiting()


def test_a_client_that_left_counts_as_one_that_cancels(wire: Wire) -> None:
    client, stream = wire

    client.close()

    while not stream.attention_waiting():
        pass


def packets_from(client: socket.socket) -> list[tuple[int, bytes]]:
    """Return status and data of each packet up to the end of the message."""
    seen: list[tuple[int, bytes]] = []
    while not seen or not seen[-1][0] & 1:
        header = client.recv(8, socket.MSG_WAITALL)
        status, length = header[1], struct.unpack(">H", header[2:4])[0]
        seen.append((status, client.recv(length - 8, socket.MSG_WAITALL)))
    return seen
