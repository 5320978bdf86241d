"""What somebody may do; to be signed in is to be a viewer."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["OPERATOR", "REVIEWER", "VIEWER", "Role"]


class Role(StrEnum):
    VIEWER = "viewer"
    """Sees every page."""
    REVIEWER = "reviewer"
    """Approves mappings, and takes approvals back."""
    OPERATOR = "operator"
    """Pauses, resumes, resyncs, reconciles and retries."""


VIEWER = Role.VIEWER
REVIEWER = Role.REVIEWER
OPERATOR = Role.OPERATOR
