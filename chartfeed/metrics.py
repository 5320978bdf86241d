"""The port where Prometheus asks: on this machine alone, and off unless it is configured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
import structlog

from schemas.errors import BadInput

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

__all__ = ["option", "serving"]

HOST: Final = "127.0.0.1"

Command = TypeVar("Command", bound=Callable[..., Any])

log = structlog.get_logger("chartfeed.metrics")


def option(command: Command) -> Command:
    """Give a command `--metrics-port`, the same for all that run on."""
    return click.option(
        "--metrics-port",
        type=click.IntRange(0, 65535),
        metavar="N",
        help=f"Serve metrics on {HOST}; 0 takes a free port and logs it.",
    )(command)


@contextmanager
def serving(port: int | None, make: Callable[[], Collector]) -> Iterator[None]:
    """Answer Prometheus while inside; without a port there is nothing to ask, and no cost."""
    if port is None:
        yield
        return
    # Not imported where no metrics are asked for: a process of many centers is to stay small.
    from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server  # noqa: PLC0415

    registry = CollectorRegistry()
    registry.register(make())
    ProcessCollector(registry=registry)
    try:
        server, thread = start_http_server(port, HOST, registry)
    except OSError as error:
        raise BadInput(
            f"metrics can't be served on {HOST}:{port}: {error.strerror}",
            hint="choose another --metrics-port; 0 takes a free one",
        ) from error
    log.info("metrics", address=f"http://{HOST}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
