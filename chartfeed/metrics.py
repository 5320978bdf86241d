"""The port where Prometheus and health checks ask: off unless configured, and shut to strangers.

On this machine's own addresses anybody may ask; on any other only who shows the token.
`/health` needs none: it says that the process answers, and nothing else.
"""

from __future__ import annotations

import hmac
import ipaddress
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import structlog

from chartfeed.tokens import token_in
from schemas.errors import BadInput

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric
    from prometheus_client.registry import Collector

    from chartfeed.password import Secret

__all__ = ["Disk", "Endpoint", "option", "serving"]

HOST: Final = "127.0.0.1"
FEWEST_CHARACTERS: Final = 16
PATIENCE: Final = 10.0

Command = TypeVar("Command", bound=Callable[..., Any])

log = structlog.get_logger("chartfeed.metrics")


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where metrics are served, and to whom; without a port nowhere."""

    port: int | None = None
    host: str = HOST
    token: Secret | None = field(default=None, repr=False)

    def or_port(self, port: int | None) -> Endpoint:
        """Give the endpoint, at this port where none was asked for."""
        return replace(self, port=port) if self.port is None else self

    def __post_init__(self) -> None:
        if not _is_loopback(self.host) and self.token is None:
            raise BadInput(
                f"metrics on {self.host} can be asked for by other machines, and need a token",
                hint="--metrics-token-file FILE, which Prometheus shows as authorization",
            )


def option(command: Command) -> Command:
    """Give a command `--metrics-port`, `--metrics-host` and `--metrics-token-file`.

    The command gets them as one argument, `endpoint`.
    """

    @wraps(command)
    def with_endpoint(
        *arguments: Any,
        metrics_port: int | None,
        metrics_host: str,
        metrics_token_file: Path | None,
        **others: Any,
    ) -> Any:
        token = None
        if metrics_token_file is not None:
            token = token_in(metrics_token_file, "--metrics-token-file", FEWEST_CHARACTERS)
        endpoint = Endpoint(metrics_port, metrics_host, token)
        return command(*arguments, endpoint=endpoint, **others)

    port = click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        metavar="N",
        help="Serve metrics and /health here; 0 takes a free port and logs it.",
    )
    host = click.option(
        "--metrics-host",
        default=HOST,
        show_default=True,
        metavar="ADDRESS",
        help="Serve them at this address; one that others reach needs a token.",
    )
    token_file = click.option(
        "--metrics-token-file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Give metrics only to who shows the token in this file.",
    )
    return port(host(token_file(with_endpoint)))  # type: ignore[return-value]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Disk:
    """Tells how much space is free where a process keeps what it must not lose."""

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415 - as serving says

        free = GaugeMetricFamily(
            "chartfeed_disk_free_bytes", "Free space, by what is kept there.", labels=["folder"]
        )
        size = GaugeMetricFamily(
            "chartfeed_disk_size_bytes", "All space there is, by what is kept.", labels=["folder"]
        )
        for name, path in self._folders.items():
            if path.is_dir():
                usage = shutil.disk_usage(path)
                free.add_metric([name], usage.free)
                size.add_metric([name], usage.total)
        yield free
        yield size


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, endpoint: Endpoint, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.token = None if endpoint.token is None else endpoint.token.reveal()
        if ":" in endpoint.host:
            self.address_family = socket.AF_INET6
        super().__init__((endpoint.host, endpoint.port or 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client go that went away; what it asked for is asked for again."""
        del request, client_address


class _Handler(BaseHTTPRequestHandler):
    timeout = PATIENCE
    server: _Server

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/health":
            self._answer(HTTPStatus.OK, b"ok\n")
        elif path != "/metrics":
            self._answer(HTTPStatus.NOT_FOUND, b"")
        elif not self._is_known():
            self._answer(HTTPStatus.UNAUTHORIZED, b"", {"WWW-Authenticate": "Bearer"})
        else:
            from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - as serving says

            encode, kind = choose_encoder(self.headers.get("Accept", ""))
            self._answer(HTTPStatus.OK, encode(self.server.registry), {"Content-Type": kind})

    def _is_known(self) -> bool:
        if self.server.token is None:
            return True
        shown = self.headers.get("Authorization", "")
        due = f"Bearer {self.server.token}"
        return hmac.compare_digest(shown.encode("utf-8", "replace"), due.encode())

    def _answer(
        self, status: HTTPStatus, content: bytes, headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Log nothing: a scrape every few seconds is no news."""

    def version_string(self) -> str:
        return "chartfeed"


@contextmanager
def serving(
    endpoint: Endpoint,
    make: Callable[[], Collector],
    folders: Mapping[str, Path] | None = None,
) -> Iterator[None]:
    """Answer Prometheus while inside; without a port there is nothing to ask, and no cost."""
    if endpoint.port is None:
        yield
        return
    # Not imported where no metrics are asked for: a process of many centers is to stay small.
    from prometheus_client import CollectorRegistry, ProcessCollector  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(make())
    registry.register(Disk(folders or {}))
    ProcessCollector(registry=registry)
    try:
        server = _Server(endpoint, registry)
    except OSError as error:
        raise BadInput(
            f"metrics can't be served on {endpoint.host}:{endpoint.port}: {error.strerror}",
            hint="choose another --metrics-port; 0 takes a free one",
        ) from error
    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()
    shown = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    log.info("metrics", address=f"http://{shown}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
