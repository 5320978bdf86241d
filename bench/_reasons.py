"""Why a figure misses what is due, as far as it was looked into, a sentence each.

Each is shown beside its figure only in a run that misses it. What nobody has looked into has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["UNKNOWN", "why"]

UNKNOWN: Final = "Not looked into yet."

ONE_CORE: Final = (
    "The worker is one Python process and one core of work: its rate by the clock is about its "
    "rate by CPU time."
)
STAFF: Final = (
    "The staff of thirty practices, their one stand-in, broker, producer and worker share the "
    "machine, and the stand-in gives the staff fewer changes a second than asked for."
)
REASONS: Final[Mapping[tuple[str, str, str], str]] = {
    ("capture fast", "commit to readable", "p50"): (
        "300 polls and 100 transactions a second wait for a core; with a third of the centers at "
        "the same pace the median was near what is due."
    ),
    ("capture many", "commit to readable", "p99"): (
        "The stand-in is one Python process for all 120 databases, and has no core left."
    ),
    ("codec", "decode", ""): (
        "It is as near to what is due as rounds of one run lie apart; see the spread, and fastavro "
        "in the same run."
    ),
    ("extract", "extract of thirty centers", ""): (
        "Bare pyodbc needs about as long for the same statements; see the ratio, which is what is "
        "ours."
    ),
    ("files", "rows, both", ""): (
        "Most of the time goes into taking rows into the store, which alone is below what is due; "
        "writing is above it."
    ),
    ("join", "events by CPU time", ""): (
        "One process of Python and SQLite; rates of one commit moved by a quarter between runs."
    ),
    ("stream live", "live", "from assignment to last Progress"): ONE_CORE,
    ("stream latency", "commit to", "p50"): STAFF,
    ("stream latency", "commit to", "p99"): STAFF,
    ("stream live", "replay of live", ""): (
        "A replay's rate counts its start, the worker's begins when it has its partitions."
    ),
}


def why(section: str, figure: str) -> str:
    """Give the reason for a figure of a section, named in full."""
    for (where, begins, within), reason in REASONS.items():
        if section.startswith(where) and figure.startswith(begins) and within in figure:
            return reason
    return UNKNOWN
