"""Every case runs against every server there is."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache
from typing import Any, Protocol, TypeAlias

import pyodbc
import pytest

from tests.contract.sqlserver import Database, Server, Session

TARGETS = ("standin", "container", "server")
IMAGE = "mcr.microsoft.com/mssql/server:2022-latest"


class ADatabase(Protocol):
    """Make a database that lives as long as the test."""

    def __call__(
        self,
        *,
        tracking: bool = True,
        retention: str = "2 DAYS",
        auto_cleanup: bool = True,
        snapshot: bool = True,
        collation: str = "Latin1_General_CI_AS",
    ) -> Database: ...


InBackground: TypeAlias = Callable[..., Future[Any]]


@cache
def absent(target: str) -> str | None:
    """Say why there is no such server to run against, or None where there is one."""
    if target == "server" and not os.environ.get("CHARTFEED_TEST_SQLSERVER"):
        return "CHARTFEED_TEST_SQLSERVER names no server"
    return _without_engine() if target == "container" else None


def _without_engine() -> str | None:
    docker = shutil.which("docker")
    if docker is None:
        return "no docker command on this machine"
    try:
        asked = subprocess.run(
            [docker, "version", "--format", "{{.Server.Version}}"],
            capture_output=True,
            timeout=20,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "the container engine does not answer"
    return None if asked.returncode == 0 else "no container engine answers"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every case that needs a server against each one there is; `test_targets` tells which."""
    if "server" not in metafunc.fixturenames:
        return
    slow = {"container": [pytest.mark.timeout(900)]}  # The first case waits for the image.
    present = [
        pytest.param(target, marks=[pytest.mark.sqlserver, *slow.get(target, [])])
        for target in TARGETS
        if absent(target) is None
    ]
    metafunc.parametrize("server", present, indirect=True, scope="session")


def _container(stack: ExitStack) -> Server:
    from testcontainers.community.mssql import SqlServerContainer

    password = "Aa1!" + secrets.token_urlsafe(16)
    running = stack.enter_context(SqlServerContainer(IMAGE, password=password))
    host, port = running.get_container_host_ip(), running.get_exposed_port(1433)
    return Server(
        "container",
        f"SERVER={host},{port};UID=sa;PWD={{{password}}};TrustServerCertificate=yes",
    )


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """Give each target in turn: the stand-in, Microsoft's container, a server somebody named."""
    with ExitStack() as stack:
        if request.param == "container":
            yield _container(stack)
        elif request.param == "server":
            yield Server("server", os.environ["CHARTFEED_TEST_SQLSERVER"])
        else:
            standin = request.getfixturevalue("standin")
            yield Server("standin", standin.connection_string())


@pytest.fixture(scope="session")
def admin(server: Server) -> Iterator[Session]:
    """Give a session in master with every right."""
    session = server.session()
    yield session
    session.close()


@pytest.fixture
def a_database(server: Server, admin: Session) -> Iterator[ADatabase]:
    made: list[Database] = []

    def make(
        *,
        tracking: bool = True,
        retention: str = "2 DAYS",
        auto_cleanup: bool = True,
        snapshot: bool = True,
        collation: str = "Latin1_General_CI_AS",
    ) -> Database:
        database = Database(server, admin)
        database.create(
            tracking=tracking,
            retention=retention,
            auto_cleanup=auto_cleanup,
            snapshot=snapshot,
            collation=collation,
        )
        made.append(database)
        return database

    yield make
    for database in made:
        database.drop()


@pytest.fixture
def database(a_database: ADatabase) -> Database:
    """Make a tracked database of the test's own, with snapshots allowed and nothing in it."""
    return a_database()


@pytest.fixture
def table(database: Database) -> Database:
    """Make a table t with three rows, in a database of the test's own."""
    database.run("CREATE TABLE t (id int NOT NULL CONSTRAINT pk_t PRIMARY KEY, a int NULL)")
    database.run("INSERT INTO t VALUES (1, 10), (2, 20), (3, 30)")
    return database


@pytest.fixture
def tracked(database: Database) -> Database:
    """Make a table t that was there before tracking began, with the keys 1, 2 and 3."""
    database.run(
        "CREATE TABLE t (id int NOT NULL CONSTRAINT pk_t PRIMARY KEY, a int NULL, b nvarchar(50))"
    )
    database.run("INSERT INTO t (id, a, b) VALUES (1, 10, N'eins'), (2, 20, N'zwei'), (3, 30, '')")
    database.run("ALTER TABLE t ENABLE CHANGE_TRACKING")
    return database


@pytest.fixture(scope="module")
def shared_database(server: Server, admin: Session) -> Iterator[Database]:
    database = Database(server, admin)
    database.create(
        tracking=False,
        retention="2 DAYS",
        auto_cleanup=True,
        snapshot=True,
        collation="Latin1_General_CI_AS",
    )
    yield database
    database.drop()


@pytest.fixture
def shared(shared_database: Database) -> Iterator[Database]:
    """Give a module's own database, untracked, in sessions of the test's own."""
    yield shared_database
    shared_database.disconnect()


@pytest.fixture
def only_standin(server: Server) -> None:
    """Skip where the case speaks of something only the stand-in has."""
    if not server.is_standin:
        pytest.skip("only the stand-in has this: no real server fails or ages on request")


@pytest.fixture
def in_background() -> Iterator[InBackground]:
    """Run a call in a thread of its own; gives a future, to be waited for with a timeout."""
    with ThreadPoolExecutor(max_workers=8) as pool:
        yield pool.submit


@pytest.fixture
def a_login(server: Server, admin: Session) -> Iterator[Callable[..., dict[str, str]]]:
    """Make a login with a password of its own; gives the keywords that log it in."""
    names: list[str] = []

    def make(*databases: Database) -> dict[str, str]:
        name, password = "reader_" + secrets.token_hex(4), "Aa1!" + secrets.token_urlsafe(16)
        admin.run(f"CREATE LOGIN {name} WITH PASSWORD = '{password}'")
        names.append(name)
        for database in databases:
            database.run(f"CREATE USER {name} FOR LOGIN {name}")
        return {"UID": name, "PWD": password}

    yield make
    for name in names:
        try:
            admin.run(f"DROP LOGIN {name}")
        except pyodbc.ProgrammingError as error:
            pytest.fail(f"login {name} of {server.target} stays behind: {error}")
