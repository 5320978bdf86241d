"""200 changes a second for as long as `--soak` says, in minutes: memory, handles and disk flat."""

from __future__ import annotations

from typing import Final

import pytest

from tests.faulting.soaking import KEPT, MEGABYTE, soak

pytestmark = [pytest.mark.kafka, pytest.mark.sqlserver, pytest.mark.timeout(0)]

SHORT = 3.0
"""Minutes, where nobody asks for more."""
WHOLE: Final = 60.0
LEAST: Final = 150.0
"""Changes a second; with fewer of them that nothing grows says little."""


def test_steady_work_makes_nothing_grow(tmp_path, chartfeed, pytestconfig, capsys):
    minutes = pytestconfig.getoption("--soak") or SHORT

    def say(text: str) -> None:
        with capsys.disabled():
            print(text, flush=True)  # noqa: T201 - who waits for an hour sees how it goes

    found = soak(tmp_path / "ground", minutes, chartfeed, say=say)

    say(
        f"{found.changes:,} changes in {found.commits:,} commits, {found.seconds:.0f} s "
        f"({found.rate:.0f} changes/s)\n{found.table()}"
    )
    assert found.rate > LEAST, "the machine had no room for the work"
    # Caches fill longer than a short soak lasts.
    memory, disk = (0, 0) if minutes >= WHOLE else (0.15, 0.25)
    for name, (first, last) in found.grown(found.memory).items():
        assert last < first * (1 + memory) + 8 * MEGABYTE, f"the memory of {name} grows"
    for name, (first, last) in found.grown(found.handles).items():
        room = 40 if name == "the broker" else 5
        assert last <= first + room, f"{name} opens more and more files"
    for name, (first, last) in found.grown(found.disk).items():
        if name != KEPT:
            assert last < first * (1 + disk) + 16 * MEGABYTE, f"the disk of {name} fills"
