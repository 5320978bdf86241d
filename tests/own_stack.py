"""A broker and a registry for one module: for tests that break them, or read all topics.

A module that imports these two fixtures has them in the place of the session's.
"""

import json
import os

import pytest

__all__ = ["services", "stack"]


@pytest.fixture(scope="module")
def stack(tmp_path_factory, chartfeed):
    """Give the home of a broker and a registry that are this module's alone."""
    home = tmp_path_factory.mktemp("own-stack")
    chartfeed("local", "up", "kafka", "registry", "--owner", os.getpid(), home=home, timeout=300)
    yield home
    chartfeed("local", "down", home=home)


@pytest.fixture(scope="module")
def services(stack, chartfeed):
    """Give what `local status --json` says of them."""
    return json.loads(chartfeed("local", "status", "--json", home=stack).stdout)["services"]
