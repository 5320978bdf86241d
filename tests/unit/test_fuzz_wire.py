"""Whatever a client of the stand-in sends: only its own connection ends, soon, and in order."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deploy.local.sqlserver import session
from deploy.local.sqlserver.instance import Instance
from deploy.local.sqlserver.wire import Kind, Stream

HEADERS = b"\x16\0\0\0\x12\0\0\0\x02\0" + b"\0" * 8 + b"\x01\0\0\0"
EASY = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def packet(kind: int, data: bytes, status: int = 1) -> bytes:
    return struct.pack(">BBHHBB", kind, status, 8 + len(data), 0, 1, 0) + data


def login(user: str = "sa", password: str = "secret") -> bytes:
    """Give a LOGIN7 message as drivers write it."""
    hidden = bytes(((byte << 4 | byte >> 4) & 0xFF) ^ 0xA5 for byte in password.encode("utf-16-le"))
    texts = [
        b"",
        user.encode("utf-16-le"),
        hidden,
        b"",
        b"",
        b"",
        b"",
        b"",
        "master".encode("utf-16-le"),
    ]
    at, table = 94, b""
    for text in texts:
        table += struct.pack("<HH", at, len(text) // 2)
        at += len(text)
    table += b"\0" * 6 + struct.pack("<HH", at, 0) * 3 + b"\0" * 4
    head = struct.pack("<IIIIIIBBBBII", at, 0x74000004, 4096, 7, 1, 0, 0xE0, 3, 0, 0, 0, 0)
    return head + table + b"".join(texts)


MESSAGES = [
    packet(Kind.PRELOGIN, b"\0\0\x06\0\x06\xff\x10\0\0\0\0\0"),
    packet(Kind.LOGIN, login()),
    packet(Kind.BATCH, HEADERS + "SELECT 1".encode("utf-16-le")),
    packet(Kind.BATCH, HEADERS + "BEGIN TRAN; SELECT name FROM sys.tables".encode("utf-16-le")),
    packet(
        Kind.RPC,
        HEADERS
        + b"\xff\xff\x0a\0\0\0\0\0\xe7\x10\0\0\0\0\0\0\0\x10\0"
        + "SELECT 1".encode("utf-16-le"),
    ),
    packet(Kind.ATTENTION, b""),
]


@st.composite
def conversation(draw: st.DrawFn) -> bytes:
    """Give the bytes of a few messages in order, damaged somewhere, or anything."""
    begun = draw(st.integers(0, 2))
    sent = b"".join(MESSAGES[:begun])
    rest = b"".join(draw(st.lists(st.sampled_from(MESSAGES[2:]), max_size=3)))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(rest)))
        end = min(len(rest), at + draw(st.integers(0, 4)))
        rest = rest[:at] + draw(st.binary(max_size=6)) + rest[end:]
    body = draw(st.binary(max_size=60))
    kind = draw(st.integers(0, 255))
    return sent + rest + draw(st.sampled_from([b"", body, packet(kind, body)]))


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    made = Instance(Path(tmp_path_factory.mktemp("fuzz")), "secret")
    yield made
    made.close()


def heard(client: socket.socket, seconds: float) -> bytes:
    """Give what comes until nothing has come for that long, or the other end is closed."""
    client.settimeout(seconds)
    said = b""
    with suppress(TimeoutError, ConnectionError):
        while piece := client.recv(65536):
            said += piece
    return said


@EASY
@given(sent=conversation())
def test_any_bytes_end_one_connection_and_nothing_else(instance: Instance, sent: bytes) -> None:
    client, server = socket.socketpair()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            session.serve(Stream(server), instance, None)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)
        finally:
            server.close()

    with client, server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        client.sendall(sent)
        heard(client, 0.02)
        client.shutdown(socket.SHUT_WR)
        heard(client, 5)
        thread.join(10)
        assert not thread.is_alive(), "it hangs"
    assert not failures, repr(failures[0])


def test_the_messages_are_such_as_a_driver_sends(instance: Instance) -> None:
    client, server = socket.socketpair()
    with client, server:
        thread = threading.Thread(target=session.serve, args=(Stream(server), instance, None))
        thread.start()
        client.sendall(b"".join(MESSAGES[:3]))
        said = b""
        while (more := heard(client, 0.5)) or not said:
            said += more
        client.shutdown(socket.SHUT_WR)
        thread.join(10)
        assert not thread.is_alive()
    assert b"\xd1\x04\x01\0\0\0" in said
