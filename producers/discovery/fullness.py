"""How much is in a table or a column: a name on something empty may be a leftover."""

from __future__ import annotations

from producers.discovery.evidence import Evidence
from producers.discovery.profiles import Profile

__all__ = ["evidence", "far_fuller", "filled", "sparse"]

DOMINANT = 3
ENOUGH = 5
LEAST_SHARE = 0.05


def far_fuller(count: int, other: int) -> bool:
    """Tell whether one holds so much more than the other that the other may be a leftover."""
    return count >= DOMINANT * max(1, other)


def filled(profile: Profile) -> int:
    """Give how many of the sampled values are there and not blank."""
    return profile.given - profile.blanks


def sparse(profile: Profile) -> bool:
    """Tell whether rows were seen and too few of them have a value to say what it is."""
    there = filled(profile)
    return there < min(ENOUGH, profile.rows) or there < LEAST_SHARE * profile.rows


def evidence(profile: Profile) -> Evidence | None:
    """Say against a column that it has hardly a value; enough to keep any name below sure."""
    if not sparse(profile):
        return None
    return Evidence(f"{filled(profile):,} of {profile.rows:,} rows have a value", -0.2)
