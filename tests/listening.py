"""Servers that notices go to, by HTTP and by mail with STARTTLS; each writes down what it got."""

from __future__ import annotations

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from deploy.local.sqlserver import certificate

__all__ = ["Mailbox", "Post", "Posts", "mailbox", "posts"]


@dataclass(frozen=True, slots=True)
class Post:
    path: str
    headers: dict[str, str]
    body: Any


@dataclass(slots=True)
class Posts:
    """What was posted; `answers` are the codes of the next answers, and then it is 200."""

    url: str
    answers: list[int] = field(default_factory=list)
    got: list[Post] = field(default_factory=list)


@contextmanager
def posts() -> Iterator[Posts]:
    found = Posts("")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.got.append(Post(self.path, dict(self.headers), json.loads(body)))
            self.send_response(found.answers.pop(0) if found.answers else 200)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    with _served(server):
        yield found


@dataclass(slots=True)
class Mailbox:
    """Mails that arrived; `refusals` are said to the next MAIL commands in place of 250."""

    port: int
    ca: Path
    logins: dict[str, str]
    offers_tls: bool = True
    refusals: list[str] = field(default_factory=list)
    got: list[EmailMessage] = field(default_factory=list)
    receivers: list[list[str]] = field(default_factory=list)
    in_the_clear: list[str] = field(default_factory=list)
    """What was said before TLS, but for greetings."""


@contextmanager
def mailbox(folder: Path, *, offers_tls: bool = True) -> Iterator[Mailbox]:
    ca, key = folder / "mail.pem", folder / "mail.key"
    certificate.generate(ca, key, now=datetime.now(UTC))
    found = Mailbox(0, ca, {"chartfeed": "geheim"}, offers_tls)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(ca, key)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _Talk(self, found, context).hold()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found.port = server.server_address[1]
    with _served(server):
        yield found


@contextmanager
def _served(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Talk:
    """One conversation with a client, as RFC 5321 has it."""

    def __init__(
        self, handler: socketserver.StreamRequestHandler, box: Mailbox, context: ssl.SSLContext
    ) -> None:
        self._socket = handler.connection
        self._file = handler.rfile
        self._box = box
        self._context = context
        self._is_encrypted = False
        self._is_known = False
        self._receivers: list[str] = []

    def hold(self) -> None:
        try:
            self._hold()
        except (ssl.SSLError, ConnectionError):
            """The client did not trust us, or had enough."""
        finally:
            self._file.close()
            self._socket.close()

    def _hold(self) -> None:
        self._say("220 mail.example ESMTP")
        while line := self._file.readline():
            words = line.decode().strip().split(" ")
            command = words[0].upper()
            if not self._is_encrypted and command not in {"EHLO", "STARTTLS", "QUIT"}:
                self._box.in_the_clear.append(command)
            getattr(self, f"_{command.lower()}", self._unknown)(words)
            if command == "QUIT":
                return

    def _say(self, *lines: str) -> None:
        self._socket.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def _unknown(self, _words: list[str]) -> None:
        self._say("502 not here")

    def _ehlo(self, _words: list[str]) -> None:
        extra = ["AUTH PLAIN"] if self._is_encrypted else ["STARTTLS"] * self._box.offers_tls
        lines = ["mail.example", *extra]
        self._say(*(f"250-{line}" for line in lines[:-1]), f"250 {lines[-1]}")

    def _starttls(self, _words: list[str]) -> None:
        self._say("220 go ahead")
        self._socket = self._context.wrap_socket(self._socket, server_side=True)
        self._file = self._socket.makefile("rb")
        self._is_encrypted = True

    def _auth(self, words: list[str]) -> None:
        _, user, password = base64.b64decode(words[2]).decode().split("\0")
        self._is_known = self._box.logins.get(user) == password
        self._say("235 welcome" if self._is_known else "535 who are you")

    def _mail(self, _words: list[str]) -> None:
        if self._box.refusals:
            self._say(self._box.refusals.pop(0))
            return
        self._receivers = []
        self._say("250 ok" if self._is_known else "530 log in first")

    def _rcpt(self, words: list[str]) -> None:
        self._receivers.append(" ".join(words).partition(":")[2].strip("<> "))
        self._say("250 ok")

    def _rset(self, _words: list[str]) -> None:
        self._say("250 ok")

    def _data(self, _words: list[str]) -> None:
        self._say("354 go on")
        lines = []
        while (line := self._file.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        message = message_from_bytes(b"".join(lines), policy=policy.default)
        assert isinstance(message, EmailMessage)
        self._box.got.append(message)
        self._box.receivers.append(self._receivers)
        self._say("250 taken")

    def _quit(self, _words: list[str]) -> None:
        self._say("221 bye")
