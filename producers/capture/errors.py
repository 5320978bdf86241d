"""What can go wrong in the capture, in the words of schemas.errors."""

from __future__ import annotations

from schemas.errors import RetryLater, StopCenter

__all__ = [
    "Fenced",
    "KafkaDown",
    "Leaving",
    "NeedsConfirmation",
    "NotTracked",
    "Paused",
    "TakenOver",
    "Unpublished",
]


class KafkaDown(RetryLater):
    """The broker does not answer, or not in time."""


class Unpublished(RetryLater):
    """A transaction failed, or nobody knows how it ended: open anew and read back."""


class Fenced(RetryLater):
    """A producer with our id was opened after ours, or our transaction took too long."""


class TakenOver(StopCenter):
    """Another instance has the center now."""


class NotTracked(StopCenter):
    """The source does not track changes, or does not let us see them."""


class NeedsConfirmation(StopCenter):
    """A resync would delete so much that a person must say whether it is right."""


class Paused(StopCenter):
    """Somebody has asked the center to wait."""


class Leaving(Exception):
    """The center was asked to stop, and has nothing open."""
