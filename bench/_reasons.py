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
    "Broker 0.6, worker 0.4, stand-in 0.35 and producer 0.25 of a core left little of two cores, "
    "and what waited, waited for one; half of the 500 ms between two polls is 0.25 s."
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
        "At 100 transactions and 240 polls a second the producer used 0.58 of a core, eight "
        "stand-ins 0.52 and the broker 0.46, at a load of 14 on 2 cores: each hand-over waits for "
        "one."
    ),
    ("codec", "decode", ""): (
        "Its rounds in one run lay between 120,000 and 175,000/s, fastavro's between 96,000 and "
        "149,000/s: both move with what others leave of the machine."
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
        "By cProfile, reading records takes over a third, telling which rows differ and encoding "
        "them a quarter, SQLite a seventh; one commit has had between 30,000 and 49,700/s on "
        "machines of this kind."
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
