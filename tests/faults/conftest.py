"""The services that the faults happen to, and how long and with which seeds they do."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.faulting import report
from tests.integration.conftest import chartfeed, services, stack

__all__ = ["chartfeed", "services", "stack"]

RUNS: pytest.StashKey[list[Any]] = pytest.StashKey()
ROOT = Path(__file__).resolve().parents[2]
SCHEDULED = "test_schedule.py"
SOAKED = "test_soak.py"
KILLED = "test_kills_at_full_rate.py"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--minutes", type=float, default=30.0, help="how long the schedule lasts")
    group.addoption("--seeds", type=int, help="how many seeds, whatever time they take")
    group.addoption("--document", action="store_true", help="write docs/faulted.md anew")
    group.addoption("--seed", type=int, help="this seed alone, as a failure has named it")
    group.addoption(
        "--shrink", action="store_true", help="leave out of a seed what it breaks without"
    )
    group.addoption("--rounds", type=int, default=8, help="rounds of faults for each seed")
    group.addoption("--kills", type=float, help="minutes of kills at full rate, and nothing else")
    group.addoption("--soak", type=float, help="minutes of steady work, and nothing else")


def pytest_configure(config: pytest.Config) -> None:
    config.stash[RUNS] = []


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Run a seed, or a soak, alone where it is asked for."""
    wanted = None
    if config.getoption("--soak") is not None:
        wanted = SOAKED
    elif config.getoption("--kills") is not None:
        wanted = KILLED
    elif config.getoption("--seed") is not None or config.getoption("--seeds") is not None:
        wanted = SCHEDULED
    if wanted is not None:
        left = [item for item in items if item.path.name != wanted]
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item.path.name == wanted]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Show the table, and write it beside what else the local runs keep."""
    runs = config.stash[RUNS]
    if runs:
        terminalreporter.section("faults")
        terminalreporter.write_line(report.summary(runs))
        terminalreporter.write_line(report.table(report.lines(runs)))
        folder = ROOT / ".chartfeed" / "faults"
        report.write(folder, runs, datetime.now(UTC).date())
        if config.getoption("--document"):
            shutil.copy(folder / "faults.md", ROOT / "docs" / "faulted.md")
        terminalreporter.write_line(f"written to {folder}")


@pytest.fixture(scope="session")
def runs(pytestconfig: pytest.Config) -> list[Any]:
    """Give the list of runs that is told of in the end."""
    return pytestconfig.stash[RUNS]
