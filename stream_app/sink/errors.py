"""What stops the sink, by what its caller does next."""

from __future__ import annotations

from schemas.errors import BadInput, Outside

__all__ = ["StateFailed", "StateInUse"]


class StateFailed(Outside):
    """The state can't be read or written; nothing of the step was kept, so it can be repeated."""


class StateInUse(BadInput):
    """Something asks for a partition that is not assigned, or assigned already."""
