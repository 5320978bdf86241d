"""Logs of the commands that run on: one line an event, for people or as JSON.

What a line may hold is the code's to decide where it logs: centers, states, versions, counts.
An exception that a library logs is told by its type and place alone, because its text may hold
a value of the source (invariant 10).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TextIO, TypeVar

import click
import structlog

if TYPE_CHECKING:
    from structlog.typing import EventDict, WrappedLogger

__all__ = ["configure", "options"]

FORMATS: Final = ("auto", "json", "text")
LEVELS: Final = ("debug", "info", "warning", "error")

Command = TypeVar("Command", bound=Callable[..., Any])


def options(command: Command) -> Command:
    """Give a command `--log-format` and `--log-level`, the same for all that run on."""
    form = click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        default="auto",
        show_default=True,
        help="auto: text on a terminal, JSON lines elsewhere.",
    )
    level = click.option(
        "--log-level",
        type=click.Choice(LEVELS),
        default="info",
        show_default=True,
        help="The least that is told.",
    )
    return form(level(command))


def configure(stream: TextIO, form: str = "auto", level: str = "info") -> None:
    """Send all logs to the stream, ours and the libraries' (theirs from warning on)."""
    for_people = form == "text" or (form == "auto" and stream.isatty())
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_values,
    ]
    render: Any = (
        structlog.dev.ConsoleRenderer(colors=stream.isatty())
        if for_people
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(least, logging.WARNING))


def without_values(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Put an exception's type and place where it was itself."""
    error = line.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        where = f" in {frame.tb_frame.f_code.co_name}:{frame.tb_lineno}" if frame else ""
        line["exception"] = f"{type(error).__name__}{where}"
    return line
