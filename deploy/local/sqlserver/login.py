"""PRELOGIN and LOGIN7: what the client wants, and the answer to it."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum

from deploy.local.sqlserver.reader import Reader
from deploy.local.sqlserver.wire import Malformed

__all__ = [
    "SERVER_VERSION",
    "TDS_7_4",
    "Encryption",
    "Login",
    "encryption_wanted",
    "prelogin_reply",
    "read",
]

SERVER_VERSION = (16, 0, 1000)
TDS_7_4 = 0x74000004
_TDS_7_3 = 0x730A0003
_VERSION, _ENCRYPTION, _END = 0, 1, 255


class Encryption(IntEnum):
    """What PRELOGIN says; OFF still encrypts the login."""

    OFF = 0
    ON = 1
    NOT_SUPPORTED = 2
    REQUIRED = 3


@dataclass(frozen=True, slots=True)
class Login:
    user: str
    password: str
    database: str | None
    application: str
    packet_size: int
    tds_version: int

    def __repr__(self) -> str:
        return f"Login(user={self.user!r}, database={self.database!r})"


def encryption_wanted(data: bytes) -> Encryption:
    """Return the encryption that a PRELOGIN message asks for."""
    reader = Reader(data)
    while (option := reader.u8()) != _END:
        offset, length = struct.unpack(">HH", reader.take(4))
        if option == _ENCRYPTION and length >= 1:
            value = Reader(data, offset).u8()
            try:
                return Encryption(value)
            except ValueError:
                raise Malformed(f"encryption {value} is none that TDS 7.4 knows") from None
    return Encryption.NOT_SUPPORTED


def prelogin_reply(encryption: Encryption) -> bytes:
    major, minor, build = SERVER_VERSION
    options = [
        (_VERSION, struct.pack(">BBHH", major, minor, build, 0)),
        (_ENCRYPTION, bytes([encryption])),
        (2, b"\0"),  # the instance's name was right
        (3, b""),
        (4, b"\0"),  # no MARS
    ]
    offset = len(options) * 5 + 1
    head = b""
    for option, value in options:
        head += struct.pack(">BHH", option, offset, len(value))
        offset += len(value)
    return head + bytes([_END]) + b"".join(value for _, value in options)


def read(data: bytes) -> Login:
    """Return what a LOGIN7 message says."""
    reader = Reader(data)
    length, version, packet_size = reader.unpack(struct.Struct("<III"))
    if length != len(data):
        raise Malformed(f"a login of {length} bytes in a message of {len(data)}")
    if version < _TDS_7_3 or version >= 0x80000000:
        raise Malformed(f"TDS version 0x{version:08x}; 7.3 and 7.4 are spoken here")

    def text(position: int) -> str:
        offset, characters = struct.unpack("<HH", Reader(data, position).take(4))
        return Reader(data, offset).text(characters)

    offset, characters = struct.unpack("<HH", Reader(data, 44).take(4))
    hidden = Reader(data, offset).take(characters * 2)
    clear = bytes((((n ^ 0xA5) & 0x0F) << 4) | ((n ^ 0xA5) >> 4) for n in hidden)
    return Login(
        user=text(40),
        password=clear.decode("utf-16-le", "surrogatepass"),
        database=text(68) or None,
        application=text(48),
        packet_size=min(max(packet_size or 4096, 512), 32_767),
        tds_version=min(version, TDS_7_4),
    )
