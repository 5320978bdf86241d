"""Why a figure misses what is due, as far as it was looked into, a sentence each.

Each tells what was seen in an earlier run; it is shown beside its figure in a run that misses it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

__all__ = ["UNKNOWN", "why"]

UNKNOWN: Final = "Not looked into yet."

ONE_CORE: Final = (
    "The worker is one Python process and one core of work: its rate by the clock was its rate by "
    "CPU time, and the join took about half of that."
)
BUSY: Final = (
    "Broker 0.6, worker 0.5, stand-in 0.4 and producer 0.3 of a core left nothing of two cores; "
    "what waited, waited for one."
)
LOADING: Final = (
    "The stand-in is one Python process: 11 of 16 s were its CPU time, most of it in converting "
    "the values that came as JSON one by one; making the rows took another 4 s."
)
REASONS: Final[Mapping[tuple[str, str, str], str]] = {
    ("capture fast", "commit to readable", "p50"): (
        "300 polls and 100 transactions a second kept 1.6 of 2 cores busy, and waited for "
        "them; with a third of the centers at the same pace p50 was 0.119 s."
    ),
    ("capture many", "commit to readable", "p99"): (
        "The stand-in, one Python process for all 120 databases, used 0.83 of a core, at a load of "
        "16 on 2 cores; the producer used 0.26."
    ),
    ("codec", "decode", ""): (
        "Rounds of one run have lain further apart than it missed by; hold it against fastavro in "
        "the same run."
    ),
    ("extract", "extract of thirty centers", ""): (
        "Bare pyodbc needed longer than what is due for the same statements; what is ours is the "
        "ratio."
    ),
    ("files", "rows, both", ""): (
        "Three quarters of the time went into taking rows into the store, which alone was slower "
        "than what is due."
    ),
    ("join", "events by CPU time", ""): (
        "Rates of one commit have moved by a quarter between runs; the best of three was 49,700/s."
    ),
    ("practices many", "rows loaded", ""): LOADING,
    ("practices default", "until all are there", ""): LOADING,
    ("stream live", "live", "from assignment to last Progress"): ONE_CORE,
    ("stream latency", "commit to", "p50"): BUSY,
    ("stream latency", "commit to", "p99"): BUSY,
    ("stream state", "large of small", "by the clock"): (
        "Half of the time with a large state was SQLite's, reading and writing pages that a small "
        "one has in memory; two partitions that compute at once made up for most of it."
    ),
    ("stream live", "replay of live", ""): (
        "A replay's rate counts its start; the worker's begins when it has its partitions."
    ),
}


def why(section: str, figure: str) -> str:
    """Give the reason for a figure of a section, named in full."""
    for (where, begins, within), reason in REASONS.items():
        if section.startswith(where) and figure.startswith(begins) and within in figure:
            return reason
    return UNKNOWN
