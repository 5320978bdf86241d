"""What stops the sink, by what its caller does next."""

from __future__ import annotations

from schemas.errors import BadInput, Failed, Outside

__all__ = ["StateDamaged", "StateFailed", "StateInUse"]


class StateFailed(Outside):
    """The state can't be read or written; nothing of the step was kept, so it can be repeated."""


class StateDamaged(Failed):
    """The state is no database any more; it has been put aside, and a restart makes a new one."""


class StateInUse(BadInput):
    """Something asks for a partition that is not assigned, or assigned already."""
