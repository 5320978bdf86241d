"""Eleven mistakes, one or two in what enforces each invariant, and the tests that must catch them.

`python -m tests.mutations [NUMBER …]` makes each in a copy of the tree, runs the tests named with
it there, and tells which one failed; before, they must pass without any. It ends with 1 where a
mistake is caught by none.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["MISTAKES", "Mistake"]

ROOT: Final = Path(__file__).resolve().parents[1]
LEFT_OUT: Final = shutil.ignore_patterns(
    ".git", ".venv", ".chartfeed", "*_cache", "__pycache__", ".hypothesis", "*.egg-info"
)
PYTEST: Final = (sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider")
SECONDS: Final = 600
FAILED: Final = 1
"""pytest's code where tests ran and some failed; any other says that they did not run."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A line that enforces an invariant, what it says when it is wrong, and who must notice."""

    invariant: int
    path: str
    right: str
    wrong: str
    meaning: str
    tests: tuple[str, ...]


CAPTURE: Final = "tests/integration/test_capture.py"
SENDER: Final = "tests/integration/test_sender.py"
MISTAKES: Final = (
    Mistake(
        1,
        "producers/approval.py",
        "    if moved:\n",
        '    if moved and mapping.center == "":\n',
        "a schema that moved since the approval is read all the same",
        (f"{CAPTURE}::test_a_renamed_column_stops_the_center_and_loses_nothing",),
    ),
    Mistake(
        2,
        "stream_app/join/waiting.py",
        "self.positions[topic] > offset for topic, offset",
        "self.positions[topic] >= offset for topic, offset",
        "a checkpoint counts before its last event is there",
        ("tests/unit/test_join.py", "tests/unit/test_join_histories.py"),
    ),
    Mistake(
        3,
        "producers/capture/run.py",
        "lambda: self._feed.at(clock)\n            )\n\n    def _untracked",
        "lambda: self._feed.at(\n                    __import__('dataclasses').replace("
        "clock, version=clock.version + 1)\n                )\n            )\n\n    def _untracked",
        "the position moves one version beyond what was read",
        (f"{CAPTURE}::test_all_rows_then_every_deed_reach_kafka_once",),
    ),
    Mistake(
        4,
        "producers/capture/publisher.py",
        '"transactional.id": transactional_id(center_id),',
        '"transactional.id": f"{transactional_id(center_id)}-{id(self)}",',
        "each producer of a center has an id of its own, so none fences another",
        ("tests/integration/test_publisher.py",),
    ),
    Mistake(
        5,
        "stream_app/transport/consumer.py",
        'isolation_level="read_committed"',
        'isolation_level="read_uncommitted"',
        "a worker reads what is not committed",
        ("tests/integration/test_transport.py",),
    ),
    Mistake(
        6,
        "stream_app/join/state.py",
        'connection.execute("ROLLBACK")',
        'connection.execute("COMMIT")',
        "half a change of the state is kept",
        ("tests/unit/test_join.py", "tests/unit/test_join_state.py"),
    ),
    Mistake(
        6,
        "stream_app/worker/sender.py",
        '"transactional.id": f"chartfeed-join-{partition}",',
        '"transactional.id": f"chartfeed-join-{partition}-{id(self)}",',
        "a worker that lost a partition still sends its rows",
        (f"{SENDER}::test_who_had_the_partition_before_sends_nothing_any_more",),
    ),
    Mistake(
        7,
        "stream_app/files/targets.py",
        "temporary.replace(target)",
        "target.write_bytes(temporary.read_bytes())",
        "a file is written where its readers read it",
        ("tests/unit/test_writing_files.py",),
    ),
    Mistake(
        8,
        "stream_app/files/rendering.py",
        'head = f\'{{"target_date"',
        'head = f\'{{"written_at":{__import__("time").time()},"target_date"',
        "a data file tells when it was written",
        ("tests/unit/test_daily_files.py",),
    ),
    Mistake(
        9,
        "stream_app/join/waiting.py",
        "except SkipRecord as error:\n                        unusable.append",
        "except ArithmeticError as error:\n                        unusable.append",
        "a record that can't be read ends the worker",
        ("tests/unit/test_join.py",),
    ),
    Mistake(
        10,
        "chartfeed/logs.py",
        'f"{type(error).__name__}{where}"',
        'f"{error}{where}"',
        "a log shows an exception's text, which may quote the source",
        ("tests/unit/test_logs.py",),
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    caught_by: str | None
    said: str
    seconds: float
    passed: bool = False


def main(wanted: Sequence[str]) -> int:
    """Make the mistakes that are asked for, or all, one after the other."""
    numbers = {int(word) for word in wanted}
    chosen = [one for one in MISTAKES if not numbers or one.invariant in numbers]
    tests = tuple(dict.fromkeys(test for one in chosen for test in one.tests))
    before = attempt(None, tests)
    if not before.passed:
        print(f"they fail without a mistake:\n{before.said[-2000:]}", flush=True)  # noqa: T201 - see below
        return 1
    missed = 0
    for mistake in chosen:
        outcome = attempt(mistake, mistake.tests)
        missed += outcome.caught_by is None
        verdict = f"caught by {outcome.caught_by}" if outcome.caught_by else "NOT CAUGHT"
        print(  # noqa: T201 - it is what one runs this for
            f"{mistake.invariant:2}  {mistake.path}: {mistake.meaning}\n"
            f"    {verdict} ({outcome.seconds:.0f} s)",
            flush=True,
        )
        if outcome.caught_by is None:
            print(outcome.said[-2000:], flush=True)  # noqa: T201 - see above
    return 1 if missed else 0


def attempt(mistake: Mistake | None, tests: Sequence[str]) -> Outcome:
    """Make one mistake, or none, in a copy of the tree, and run the tests there."""
    with tempfile.TemporaryDirectory(prefix="mistake-") as folder:
        copy = Path(folder) / "tree"
        shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
        _lend(copy)
        if mistake is not None:
            path = copy / mistake.path
            text = path.read_text("utf-8")
            if text.count(mistake.right) != 1:
                return Outcome(None, f"{mistake.path} has not one {mistake.right!r}", 0.0)
            path.write_text(text.replace(mistake.right, mistake.wrong), "utf-8")
        began = time.monotonic()
        try:
            done = subprocess.run(
                [*PYTEST, *tests],
                cwd=copy,
                env=os.environ | {"PYTHONPATH": str(copy)},
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Outcome(None, f"no answer within {SECONDS} s", time.monotonic() - began)
    # An error of the set-up catches nothing: only a test that failed does.
    found = re.search(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
    caught = found[1] if found and done.returncode == FAILED else None
    took = time.monotonic() - began
    return Outcome(caught, done.stdout + done.stderr, took, passed=done.returncode == 0)


def _lend(copy: Path) -> None:
    """Have the copy use what was brought to this tree: the environment and the jars."""
    for name in (".venv", ".chartfeed/java"):
        there = ROOT / name
        if there.exists():
            (copy / name).parent.mkdir(exist_ok=True)
            (copy / name).symlink_to(there.resolve())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
