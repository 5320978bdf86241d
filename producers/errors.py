"""What can go wrong at a center, in the words of schemas.errors."""

from __future__ import annotations

from schemas.errors import BadInput, Failed, Outside, RetryLater, StopCenter

__all__ = [
    "CenterDown",
    "Denied",
    "Drift",
    "MappingDamaged",
    "MissingDriver",
    "StatementFailed",
    "Unapproved",
]


class CenterDown(RetryLater):
    """The center's server does not answer, or broke off."""


class Denied(StopCenter):
    """The server knows us not, or a right is missing."""

    exit_code = 3


class Drift(StopCenter):
    """The live schema is no longer the one that was approved."""


class Unapproved(BadInput):
    """There is no approval for this center's mapping as it is now."""


class MappingDamaged(BadInput):
    """A mapping file can't be used as it is."""


class MissingDriver(Outside):
    """There is no ODBC driver for SQL Server on this machine."""


class StatementFailed(Failed):
    """The server refused a statement, and trying again would not help."""
