"""What tests of several kinds share: the SQL Server stand-in, and logs left as they were."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

import pyodbc
import pytest
import structlog

from tests.standin import Standin, running

# The files that take longest, which begin first, so that no process works alone in the end.
LONGEST = ("test_demo", "test_readme", "test_faults_short", "test_local_stack", "test_worker")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what needs a stack before what needs none, and the longest before all."""

    def rank(item: pytest.Item) -> int:
        name = item.path.stem
        if name in LONGEST:
            return LONGEST.index(name)
        return len(LONGEST) + ("integration" not in item.path.parts)

    items.sort(key=rank)


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """Leave no test the logging that a command of another one has set up in this process."""
    root = logging.getLogger()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standin]:
    """Start a stand-in for the whole session, on a free port, with a password of its own."""
    with running(tmp_path_factory.mktemp("sqlserver")) as started:
        yield started


@pytest.fixture
def sqlserver(standin: Standin) -> Iterator[Callable[..., pyodbc.Connection]]:
    """`sqlserver(database="master", autocommit=True, **parts)` logs in; closed at the end."""
    opened: list[pyodbc.Connection] = []

    def connect(
        database: str = "master", *, autocommit: bool = True, **parts: str
    ) -> pyodbc.Connection:
        opened.append(standin.connect(database, autocommit=autocommit, **parts))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
