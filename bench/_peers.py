"""The same join in other libraries, each as a process of its own on the same topics."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from confluent_kafka.admin import AdminClient, NewTopic

from bench._events import PARTITIONS, TYPES
from schemas import topics
from schemas.records import UnifiedEntry

__all__ = ["Rate", "faust_tables", "quix"]

ROOT: Final = Path(__file__).resolve().parents[1]
PEERS: Final = ROOT / "bench" / "peers"
LOCK: Final = PEERS / "requirements.lock"
FOUND: Final = re.compile(r'{"events".*}')
LONGEST: Final = 900.0
FAUST_OUTPUT: Final = "bench-faust-unified"

Rate = Mapping[str, float]
"""Events, and how many a second by the clock and by CPU time."""


def faust_tables(
    bootstrap: str, ids: Mapping[type[Any], int], before: int, events: int, folder: Path
) -> Rate:
    """Run the join on Faust Tables from the beginning; so many events before are not timed."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    for made in admin.create_topics([NewTopic(FAUST_OUTPUT, PARTITIONS, 1)]).values():
        made.result(60)
    return _run(
        [sys.executable, PEERS / "faust_tables.py"], bootstrap, ids, (before, events), folder
    )


def quix(
    bootstrap: str, ids: Mapping[type[Any], int], before: int, events: int, folder: Path
) -> Rate:
    """Run the join on quixstreams from the beginning; so many events before are not timed."""
    return _run([_python(), PEERS / "quix.py"], bootstrap, ids, (before, events), folder)


def _run(
    program: Sequence[str | Path],
    bootstrap: str,
    ids: Mapping[type[Any], int],
    counts: tuple[int, int],
    folder: Path,
) -> Rate:
    folder.mkdir(parents=True)
    by_topic = TYPES | {UnifiedEntry: topics.UNIFIED_ENTRIES.name}
    named = json.dumps({topic: ids[type_] for type_, topic in by_topic.items()})
    done = subprocess.run(
        [*program, bootstrap, named, *map(str, counts), folder / "state"],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LONGEST,
        check=False,
    )
    lines = FOUND.findall(done.stdout)
    if not lines:
        raise RuntimeError(f"{program[1]} gave nothing: {done.stdout[-1000:]}{done.stderr[-3000:]}")
    found: Rate = json.loads(lines[-1])
    return found


def _python() -> Path:
    """Give the interpreter that has what the lock file names; made where it is not there yet."""
    digest = hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    home = ROOT / ".chartfeed" / "bench" / f"quix-{digest}"
    python, ready = home / "bin" / "python", home / "ready"
    if not ready.exists():
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, "venv", "--quiet", "--clear", "--python", sys.executable, home], check=True
        )
        install: list[str | Path] = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            python,
            "--require-hashes",
        ]
        subprocess.run([*install, "--requirement", LOCK], check=True)
        ready.touch()
    return python
