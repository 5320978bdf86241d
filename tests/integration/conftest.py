"""A broker and a registry of the tests' own, gone with them whatever happens."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def chartfeed():
    """Run the command as a user would; the result has its code and what it printed."""

    def run(*arguments, home=None, timeout=100, check=True, **environment):
        variables = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"} | environment
        if home is not None:
            variables["CHARTFEED_HOME"] = str(home)
        done = subprocess.run(
            [sys.executable, "-m", "chartfeed", *map(str, arguments)],
            env=variables,
            cwd=home or ROOT,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        assert not check or done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done

    return run


@pytest.fixture(scope="session")
def stack(tmp_path_factory, chartfeed):
    """Give the home of a broker and a registry that run for the whole session."""
    home = tmp_path_factory.mktemp("stack")
    chartfeed("local", "up", "kafka", "registry", "--owner", os.getpid(), home=home, timeout=300)
    yield home
    chartfeed("local", "down", home=home)


@pytest.fixture(scope="session")
def services(stack, chartfeed):
    """Give what `local status --json` says of the session's services."""
    answer = chartfeed("local", "status", "--json", home=stack)
    return json.loads(answer.stdout)["services"]
