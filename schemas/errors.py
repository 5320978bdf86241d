"""The bases of every error here, ordered by what the caller does next."""

from __future__ import annotations

from typing import ClassVar

__all__ = [
    "BadInput",
    "ChartfeedError",
    "Failed",
    "Outside",
    "RetryLater",
    "SkipRecord",
    "StopCenter",
]


class ChartfeedError(Exception):
    """Something went wrong that has a name, the facts that belong to it, and a next step."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.fields = fields

    def __str__(self) -> str:
        return f"{self.message}\n  next: {self.hint}" if self.hint else self.message


class RetryLater(ChartfeedError):
    """The other side is slow, gone or busy; the same step may work in a while."""

    exit_code: ClassVar[int] = 3


class SkipRecord(ChartfeedError):
    """This one record can't be used: it goes to the dead letters, and the rest goes on."""

    def __init__(
        self, message: str, *, reason: str, hint: str | None = None, **fields: object
    ) -> None:
        super().__init__(message, hint=hint, **fields)
        self.reason = reason


class StopCenter(ChartfeedError):
    """This center stops until somebody acts; the others go on."""

    exit_code: ClassVar[int] = 2


class BadInput(ChartfeedError):
    """A file, an option or a name given to us is wrong; nothing was done."""

    exit_code: ClassVar[int] = 2


class Outside(ChartfeedError):
    """Something outside that we need is missing; nothing could be done."""

    exit_code: ClassVar[int] = 3


class Failed(ChartfeedError):
    """The job ran and did not succeed, or found differences."""
