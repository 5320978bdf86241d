"""What goes wrong at a worker's work, by what is done next."""

from __future__ import annotations

from schemas.errors import BadInput, Failed, RetryLater

__all__ = ["Fenced", "Gap", "KafkaDown", "LetGo", "StateDamaged", "StateLocked", "StateStuck"]


class StateLocked(BadInput):
    """Another worker of that name works with this state."""


class Fenced(Failed):
    """Another worker has this partition: this one must not go on, and begins anew."""


class Gap(Failed):
    """A batch does not begin where the one before ended; what is between must be read."""


class StateDamaged(Failed):
    """A state is no use any more; it was put aside, and the next start makes it anew."""


class StateStuck(Failed):
    """A state can't be written to: a full disk, a folder that is gone."""


class KafkaDown(RetryLater):
    """The broker does not take what is sent; the outbox keeps it."""


class LetGo(RetryLater):
    """The partitions went to somebody else before their state was open."""
