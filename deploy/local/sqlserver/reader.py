"""What a client sent, read piece by piece and never beyond its end."""

from __future__ import annotations

import struct

from deploy.local.sqlserver.wire import Malformed

__all__ = ["Reader"]


class Reader:
    """A position in a message; reading past the end is Malformed."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes, position: int = 0) -> None:
        self.data = data
        self.position = position

    @property
    def remaining(self) -> int:
        return len(self.data) - self.position

    def take(self, size: int) -> bytes:
        start = self.position
        end = start + size
        if size < 0 or end > len(self.data):
            raise Malformed(f"{size} bytes wanted, {len(self.data) - start} are left")
        self.position = end
        return self.data[start:end]

    def u8(self) -> int:
        position = self.position
        if position >= len(self.data):
            raise Malformed("the message ends too early")
        self.position = position + 1
        return self.data[position]

    def u16(self) -> int:
        return int.from_bytes(self.take(2), "little")

    def u32(self) -> int:
        return int.from_bytes(self.take(4), "little")

    def u64(self) -> int:
        return int.from_bytes(self.take(8), "little")

    def unpack(self, form: struct.Struct) -> tuple[int, ...]:
        return form.unpack(self.take(form.size))

    def text(self, characters: int) -> str:
        return self.take(characters * 2).decode("utf-16-le", "surrogatepass")

    def skip_headers(self) -> None:
        """Step over ALL_HEADERS; its transaction is the session's own anyway."""
        size = self.u32()
        if size < 4:
            raise Malformed(f"headers of {size} bytes")
        self.take(size - 4)
