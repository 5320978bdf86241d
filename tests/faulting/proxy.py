"""The network between two programs as a wire of the tests' own: cut, slow, reset in mid-answer."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, Self

__all__ = ["State", "Wire", "Wires"]

LOOPBACK: Final = "127.0.0.1"
PIECE: Final = 65536
RESET: Final = struct.pack("ii", 1, 0)
"""Linger for no time at all: what is closed so is reset."""


class State(Enum):
    WHOLE = auto()
    CUT = auto()
    """No byte passes, and nobody is told; what waited passes when the wire is whole again."""
    SLOW = auto()
    """Each piece takes a moment, in either direction."""
    RESET = auto()
    """Every connection is reset in the midst of the next answer."""


@dataclass(eq=False, slots=True)
class Wire:
    """A port whose connections end at another; told what to do from any thread."""

    name: str
    upstream: int
    port: int
    _loop: asyncio.AbstractEventLoop
    state: State = State.WHOLE
    delay: float = 0.0
    _passing: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None

    def become(self, state: State, delay: float = 0.0) -> None:
        """Be whole, cut, slow or resetting from now on."""
        self._loop.call_soon_threadsafe(self._become, state, delay)

    def _become(self, state: State, delay: float) -> None:
        self.state, self.delay = state, delay
        if state is State.CUT:
            self._passing.clear()
        else:
            self._passing.set()

    async def open(self) -> None:
        self._passing.set()
        self._server = await asyncio.start_server(self._connected, LOOPBACK, 0, limit=PIECE)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def close(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled when the wires end, which asyncio would log as a failure.
        with suppress(asyncio.CancelledError), _closed(writer):
            await self._passing.wait()
            try:
                there, back = await asyncio.open_connection(LOOPBACK, self.upstream, limit=PIECE)
            except OSError:
                _reset(writer)
                return
            with _closed(back):
                _at_once(writer)
                _at_once(back)
                pumps = [
                    asyncio.ensure_future(self._pump(reader, back, answers=False)),
                    asyncio.ensure_future(self._pump(there, writer, answers=True)),
                ]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        with suppress(OSError):
            while piece := await source.read(PIECE):
                await self._passing.wait()
                if self.state is State.SLOW:
                    await asyncio.sleep(self.delay)
                elif self.state is State.RESET and answers:
                    sink.write(piece[: len(piece) // 2])
                    await sink.drain()
                    _reset(sink)
                    return
                sink.write(piece)
                await sink.drain()


@contextmanager
def _closed(writer: asyncio.StreamWriter) -> Iterator[None]:
    """Close an end, whatever happens."""
    try:
        yield
    finally:
        writer.close()


def _at_once(writer: asyncio.StreamWriter) -> None:
    held: socket.socket = writer.get_extra_info("socket")
    held.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _reset(writer: asyncio.StreamWriter) -> None:
    held: socket.socket = writer.get_extra_info("socket")
    held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


class Wires:
    """Runs wires in a thread of their own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._wires: list[Wire] = []
        self._thread = threading.Thread(target=self._loop.run_forever, name="wires", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def wire(self, name: str, upstream: int = 0) -> Wire:
        """Give a wire to that port; `upstream` may be set later, before the first connection."""
        made: Future[Wire] = asyncio.run_coroutine_threadsafe(
            self._open(name, upstream), self._loop
        )
        return made.result(10)

    async def _open(self, name: str, upstream: int) -> Wire:
        wire = Wire(name, upstream, 0, self._loop)
        await wire.open()
        self._wires.append(wire)
        return wire

    async def _end(self) -> None:
        for wire in self._wires:
            wire.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # What was closed just now is gone in the loop's next round.
        await asyncio.sleep(0)
