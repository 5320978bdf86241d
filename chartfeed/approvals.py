"""Approving and revoking: the mapping, its validation, the log, and what others learn from it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from chartfeed import learning, mappings
from producers import approval, discover, merging, validation
from schemas.insurance import StatusTable

if TYPE_CHECKING:
    from chartfeed.settings import Center, Settings
    from producers.choices import Choices
    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = ["approve", "examine", "revoke", "seal"]


def examine(settings: Settings, center: Center, mapping: Mapping, choices: Choices) -> Report:
    """Give the mapping with what was chosen, and what the validation says of it."""
    with mappings.opened(settings, center) as connection:
        if choices.names or choices.live:
            fresh = discover.propose(
                connection,
                center=center.id,
                database=center.database,
                learned=learning.bank(settings).learned,
                chosen=merging.chosen_names(mapping, choices),
            )
            mapping = merging.merged(mapping, fresh, choices)
        return validation.validate(
            connection,
            mapping,
            center_name=center.name,
            table=StatusTable.of(settings.insurance_status),
        )


def approve(
    settings: Settings, center: Center, choices: Choices, *, reviewer: str, at: datetime
) -> tuple[Mapping, Report]:
    """Validate and approve a center's mapping; the value bank learns from it."""
    before = mappings.load(settings, center)
    report = examine(settings, center, before, choices)
    return seal(settings, report, before, reviewer=reviewer, at=at), report


def seal(
    settings: Settings, report: Report, before: Mapping, *, reviewer: str, at: datetime
) -> Mapping:
    """Write the approval of what was examined, and let the value bank learn from it.

    A bank that is damaged stops this before anything is approved; one that can't be written
    afterwards is a warning, for the approval holds.
    """

    def approved() -> Mapping:
        return approval.approve(settings.mappings, report, before, reviewer=reviewer, at=at)

    return learning.from_approval(settings, approved)


def revoke(
    settings: Settings,
    center: Center,
    present: Mapping,
    *,
    reviewer: str,
    reason: str,
    at: datetime,
) -> Mapping:
    """Write the mapping as an open proposal again, and forget what it taught."""
    revoked = approval.revoke(settings.mappings, present, reviewer=reviewer, reason=reason, at=at)
    learning.forget(settings, center.id)
    return revoked
