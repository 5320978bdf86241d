"""Approvals: who stands for which mapping, and whether it still fits what is there.

An approval holds for exactly what was reviewed. The file's seal covers its content and stands in
the audit log's line of the approval, the fingerprint covers what reading relies on; the live schema
is compared with it before every read.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from producers import audit, drift, mapping_file
from producers.errors import Drift, Unapproved
from schemas.errors import BadInput

if TYPE_CHECKING:
    import pyodbc

    from producers.mapping import Mapping
    from producers.validation import Report

__all__ = ["approve", "propose", "require_fit", "require_logged", "revoke"]


def require_fit(connection: pyodbc.Connection, mapping: Mapping) -> None:
    """Raise unless a person approved exactly this mapping and the live schema still fits it.

    Invariant 1 is enforced here: nothing is read from a center without it.
    """
    mapping.require_approval()
    moved = drift.differences(mapping, drift.live(connection, mapping))
    if moved:
        raise Drift(
            f"{mapping.center}: the schema moved since the approval: {'; '.join(moved)}",
            hint=f"chartfeed mapping diff {mapping.center}",
            center=mapping.center,
        )


def require_logged(folder: Path, mapping: Mapping) -> None:
    """Raise Unapproved unless the log's last word on the center is the approval of this content.

    A seal can be computed by anybody, and an old file can be put back; the log tells.
    """
    mapping.require_approval()
    said = audit.of_center(folder, mapping.center).said
    if said is not None and said.act == "approval" and said.seal == mapping.seal:
        return
    log = folder / audit.NAME
    if said is None:
        problem = f"the file says approved, but {log} has no approval of it"
    elif said.act == "revocation":
        why = f": {said.reason}" if said.reason else ""
        problem = f"the approval was revoked by {said.who} at {said.at}{why}"
    else:
        problem = f"the file is not what was approved last ({log}: by {said.who} at {said.at})"
    raise Unapproved(
        f"{mapping.center}: {problem}",
        hint=f"chartfeed review {mapping.center}",
        center=mapping.center,
    )


def propose(folder: Path, proposed: Mapping, *, by: str, at: datetime) -> Path:
    """Write a proposal and its line in the audit log, and another if an approval falls away."""
    path = mapping_file.path_of(folder, proposed.center)
    before = mapping_file.load(path) if path.exists() else None
    # What the log has is what was proposed; the file may have been edited since.
    history = audit.of_center(folder, proposed.center)
    named = history.named
    if history.said is not None and history.said.act == "approval":
        audit.append(folder, "revocation", by, at, proposed, (), "discovered again")
    changed = audit.changes(before if named is None else named.names, proposed)
    if before is not None and not changed and not before.reviewed:
        return mapping_file.save(proposed, folder)
    audit.append(folder, "proposal", by, at, proposed, changed)
    return mapping_file.save(proposed, folder)


def approve(
    folder: Path, report: Report, before: Mapping | None, *, reviewer: str, at: datetime
) -> Mapping:
    """Write the mapping as approved by `reviewer`; what the validation refused stays refused.

    The log says what changed since the last approval, else since the last proposal; `before` is
    compared only where the log has neither.
    """
    who = _person(reviewer)
    mapping = report.mapping
    if report.errors:
        listed = "\n".join(f"  {finding.point}: {finding.text}" for finding in report.errors)
        raise Unapproved(
            f"{mapping.center}: not approved, the validation found errors:\n{listed}",
            hint=f"chartfeed review {mapping.center}",
            center=mapping.center,
        )
    approved = mapping.approved_as(who, at)
    history = audit.of_center(folder, mapping.center)
    last = next((line.names for line in (history.approved, history.named) if line), None)
    changed = audit.changes(before if last is None else last, approved)
    # The log first: an approval that nobody can trace must not exist.
    audit.append(folder, "approval", who, at, approved, changed)
    mapping_file.save(approved, folder)
    return approved


def revoke(folder: Path, mapping: Mapping, *, reviewer: str, reason: str, at: datetime) -> Mapping:
    """Write the mapping as an open proposal again."""
    who = _person(reviewer)
    if not reason.strip():
        raise BadInput("a revocation needs a reason", hint="--reason …")
    revoked = mapping.unapproved()
    # The file first: nothing may be read on a revoked approval, whatever happens to the log.
    mapping_file.save(revoked, folder)
    audit.append(folder, "revocation", who, at, revoked, (), reason.strip())
    return revoked


def _person(reviewer: str) -> str:
    name = " ".join(reviewer.split())
    if not name:
        raise BadInput("a reviewer has a name", hint="--reviewer NAME")
    return name
