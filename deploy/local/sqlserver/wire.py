"""Packets, and TLS beneath them: whole messages come in, replies go out cut to size."""

from __future__ import annotations

import socket
import ssl
import struct
import time
from dataclasses import dataclass
from enum import IntEnum

__all__ = ["Disconnected", "Kind", "Malformed", "Message", "Stream"]

_HEADER = struct.Struct(">BBHHBB")
_END_OF_MESSAGE = 0x01
_RESET = 0x08 | 0x10
_PEEK_EVERY = 0.005
_READ_AHEAD = 1 << 20
_WRITE_AHEAD = 32_768
_TLS_HANDSHAKE = 0x16
_TLS_REFUSAL = bytes.fromhex("15030300020228")  # alert: fatal, handshake failure


class Kind(IntEnum):
    BATCH = 1
    RPC = 3
    REPLY = 4
    ATTENTION = 6
    BULK_LOAD = 7
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


_KINDS = frozenset(Kind)


class Malformed(Exception):
    """The client sent what the protocol does not allow; its connection ends."""


class Disconnected(Exception):
    """The client is gone."""


@dataclass(frozen=True, slots=True)
class Message:
    kind: Kind
    data: bytes
    reset: bool = False


class Stream:
    """One client's connection; used by one thread."""

    def __init__(self, connection: socket.socket) -> None:
        self.packet_size = 4096
        self._socket = connection
        self._input = bytearray()
        self._output = bytearray()
        self._tls: _Tls | None = None
        self._next_peek = 0.0
        self._gone = False

    def receive(self, limit: int) -> Message:
        """Return the next whole message of at most `limit` bytes."""
        parts: list[bytes] = []
        size = 0
        first: tuple[int, int] | None = None
        while True:
            self._fill(_HEADER.size)
            kind, status, length, _, _, _ = _HEADER.unpack_from(self._input)
            if kind == _TLS_HANDSHAKE:
                self._socket.sendall(_TLS_REFUSAL)
                raise Malformed("Encrypt=strict (TDS 8.0) is not offered; use Encrypt=yes or no")
            if kind not in _KINDS:
                raise Malformed(f"a packet of unknown kind {kind}")
            if length < _HEADER.size:
                raise Malformed(f"a packet says it is {length} bytes long")
            first = first or (kind, status)
            if kind != first[0]:
                raise Malformed(f"a packet of kind {kind} inside a message of kind {first[0]}")
            size += length - _HEADER.size
            if size > limit:
                raise Malformed(f"a message is longer than {limit} bytes")
            self._fill(length)
            parts.append(bytes(self._input[_HEADER.size : length]))
            del self._input[:length]
            if status & _END_OF_MESSAGE:
                break
        return Message(Kind(first[0]), b"".join(parts), reset=bool(first[1] & _RESET))

    def wait_at_most(self, seconds: float | None) -> None:
        """Bound how long the client may stay silent; None for ever."""
        self._socket.settimeout(seconds)

    def attention_waiting(self) -> bool:
        """Tell, without blocking, whether the client cancelled what runs now, or is gone."""
        now = time.monotonic()
        if now >= self._next_peek and len(self._input) < _READ_AHEAD:
            self._next_peek = now + _PEEK_EVERY
            try:
                data = self._socket.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass
            except OSError:
                self._gone = True
            else:
                self._arrived(data)
        return self._gone or (bool(self._input) and self._input[0] == Kind.ATTENTION)

    def write(self, data: bytes | bytearray) -> None:
        """Add to the reply; packets leave as they fill up."""
        self._output += data
        if len(self._output) >= _WRITE_AHEAD:
            self._send(last=False)

    def finish(self) -> None:
        """End the reply."""
        self._send(last=True)

    def flush(self) -> None:
        """Send what is whole of the reply, without ending it."""
        self._send(last=False)

    def handshake(self, context: ssl.SSLContext) -> None:
        """Put TLS underneath; its handshake travels in PRELOGIN packets."""
        tls = _Tls(context)
        while True:
            finished, reply = tls.handshake()
            if reply:
                self._send_raw(
                    _HEADER.pack(Kind.PRELOGIN, 1, _HEADER.size + len(reply), 0, 1, 0) + reply
                )
            if finished:
                break
            message = self.receive(limit=65_536)
            if message.kind is not Kind.PRELOGIN:
                raise Malformed("the TLS handshake broke off")
            tls.feed(message.data)
        self._tls = tls
        self._input += tls.decrypted()

    def end_tls(self) -> None:
        """Go on in the clear: only the login was to be encrypted."""
        if self._tls is not None:
            self._input += self._tls.leftover()
            self._tls = None

    def _fill(self, size: int) -> None:
        while len(self._input) < size:
            if self._gone:
                raise Disconnected
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                raise Disconnected from error
            self._arrived(data)

    def _arrived(self, data: bytes) -> None:
        if not data:
            self._gone = True
        elif self._tls is None:
            self._input += data
        else:
            self._tls.feed(data)
            self._input += self._tls.decrypted()

    def _send(self, *, last: bool) -> None:
        body = self.packet_size - _HEADER.size
        output = self._output
        packets: list[bytes | memoryview] = []
        start = 0
        with memoryview(output) as view:
            # The last piece stays behind until it is known whether it ends the message.
            while len(output) - start > body:
                packets.append(_HEADER.pack(Kind.REPLY, 0, self.packet_size, 0, 1, 0))
                packets.append(bytes(view[start : start + body]))
                start += body
            if last:
                rest = bytes(view[start:])
                packets.append(_HEADER.pack(Kind.REPLY, 1, _HEADER.size + len(rest), 0, 1, 0))
                packets.append(rest)
        if last:
            output.clear()
        else:
            del output[:start]
        if packets:
            self._send_raw(b"".join(packets))

    def _send_raw(self, data: bytes) -> None:
        if self._tls is not None:
            data = self._tls.encrypted(data)
        try:
            self._socket.sendall(data)
        except OSError as error:
            self._gone = True
            raise Disconnected from error


class _Tls:
    """TLS without a socket of its own, since TDS carries the handshake inside packets."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def handshake(self) -> tuple[bool, bytes]:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False, self._outgoing.read()
        except ssl.SSLError as error:
            raise Malformed(f"the TLS handshake failed: {error.reason}") from error
        return True, self._outgoing.read()

    def feed(self, data: bytes) -> None:
        self._incoming.write(data)

    def decrypted(self) -> bytes:
        parts: list[bytes] = []
        while True:
            try:
                part = self._object.read(65536)
            except ssl.SSLWantReadError:
                break
            except ssl.SSLError as error:
                raise Malformed(f"broken TLS: {error.reason}") from error
            if not part:
                break
            parts.append(part)
        return b"".join(parts)

    def leftover(self) -> bytes:
        return self._incoming.read()

    def encrypted(self, data: bytes) -> bytes:
        view = memoryview(data)
        while view:
            view = view[self._object.write(view) :]
        return self._outgoing.read()
