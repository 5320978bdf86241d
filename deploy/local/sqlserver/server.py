"""The listener: one thread for each client, and an end that leaves nothing behind."""

from __future__ import annotations

import json
import logging
import os
import selectors
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from deploy.local.sqlserver import session
from deploy.local.sqlserver.results import Engine
from deploy.local.sqlserver.wire import Stream

__all__ = ["Server"]

log = logging.getLogger(__name__)

_SECONDS_TO_LEAVE = 5.0


class Server:
    """A listening stand-in; `run` returns after `stop`."""

    def __init__(
        self, engine: Engine, *, host: str, port: int, certificate: ssl.SSLContext | None
    ) -> None:
        self._engine = engine
        self._certificate = certificate
        self._listener = socket.create_server((host, port), backlog=256)
        self._wake, self._woken = socket.socketpair()
        self._clients: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def announce(self, path: Path) -> None:
        """Write the ready file, whole or not at all."""
        temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
        temporary.write_text(json.dumps({"port": self.port, "pid": os.getpid()}) + "\n")
        temporary.replace(path)

    def run(self, owner: int | None = None) -> None:
        """Accept clients until told to stop, or until the owner is gone; then see them out."""
        with ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            if owner is not None:
                gone = os.pidfd_open(owner)
                stack.callback(os.close, gone)
                selector.register(gone, selectors.EVENT_READ)
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if ready != {self._listener}:
                    break
                self._accept()
        self._close()

    def stop(self) -> None:
        """End `run`; may be called from a signal handler."""
        self._wake.send(b"\0")

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError as error:
            log.warning("a client was lost before it was accepted: %s", error)
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        thread = threading.Thread(
            target=self._serve, args=(connection,), name=f"client-{address[1]}", daemon=True
        )
        with self._lock:
            self._clients[thread] = connection
        thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            session.serve(Stream(connection), self._engine, self._certificate)
        except Exception:
            log.exception("connection ended by a fault of the stand-in")
        finally:
            with self._lock:
                self._clients.pop(threading.current_thread(), None)
                connection.close()

    def _close(self) -> None:
        self._listener.close()
        with self._lock:
            clients = dict(self._clients)
            for connection in clients.values():
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("a client left by itself")
        deadline = time.monotonic() + _SECONDS_TO_LEAVE
        for thread in clients:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._engine.close()
        self._wake.close()
        self._woken.close()
