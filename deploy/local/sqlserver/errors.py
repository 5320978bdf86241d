"""SQL Server's errors by their numbers, as the stand-in raises them."""

from __future__ import annotations


class SqlError(Exception):
    """A statement, a login or a batch failed the way SQL Server says it."""

    def __init__(self, number: int, message: str, *, severity: int = 16, state: int = 1) -> None:
        super().__init__(f"{number}: {message}")
        self.number = number
        self.message = message
        self.severity = severity
        self.state = state


class Unsupported(SqlError):
    """SQL that the stand-in does not know; it names the construct and never guesses."""

    def __init__(self, construct: str) -> None:
        super().__init__(
            50000, f"The SQL Server stand-in does not support {construct}.", severity=16
        )
        self.construct = construct


class ConnectionDropped(Exception):
    """The session ends without an answer: killed, or told to fail by dropping."""


class Cancelled(Exception):
    """The client sent an attention while the statement ran."""
