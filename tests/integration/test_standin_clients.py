"""The stand-in seen by clients that nobody here wrote."""

from __future__ import annotations

import ctypes.util
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyodbc
import pytest

from tests.standin import Standin

pytestmark = pytest.mark.sqlserver

FREETDS = (
    Path("/usr/lib/x86_64-linux-gnu/odbc/libtdsodbc.so"),
    Path("/usr/lib/aarch64-linux-gnu/odbc/libtdsodbc.so"),
)
MANY = 20_000


@dataclass(frozen=True, slots=True)
class Client:
    """A library that speaks TDS: how it logs in and how it writes a parameter."""

    name: str
    connect: Callable[[Standin, str, str], Any]
    mark: str


def mssql_python(server: Standin, database: str, password: str) -> Any:
    import mssql_python

    mssql_python.pooling(enabled=False)
    text = f"SERVER=127.0.0.1,{server.port};DATABASE={database};UID=sa;PWD={{{password}}}"
    return mssql_python.connect(f"{text};TrustServerCertificate=yes", autocommit=False)


def python_tds(server: Standin, database: str, password: str) -> Any:
    import pytds

    return pytds.connect(
        "127.0.0.1",
        port=server.port,
        database=database,
        user="sa",
        password=password,
        autocommit=False,
    )


def pymssql(server: Standin, database: str, password: str) -> Any:
    import pymssql

    return pymssql.connect(
        server="127.0.0.1",
        port=str(server.port),
        user="sa",
        password=password,
        database=database,
        autocommit=False,
    )


def freetds(server: Standin, database: str, password: str) -> Any:
    driver = next((path for path in FREETDS if path.exists()), None)
    if driver is None:
        pytest.skip("FreeTDS' ODBC driver is not installed (Debian: apt-get install tdsodbc)")
    if ctypes.util.find_library("odbc") is None:
        pytest.skip("no ODBC driver manager on this machine")
    return pyodbc.connect(
        f"DRIVER={driver};SERVER=127.0.0.1;PORT={server.port};DATABASE={database};UID=sa;"
        f"PWD={password};TDS_Version=7.4;ClientCharset=UTF-8;Encryption=require",
        autocommit=False,
    )


CLIENTS = [
    Client("mssql-python", mssql_python, "?"),
    Client("python-tds", python_tds, "%s"),
    Client("pymssql", pymssql, "%s"),
    Client("FreeTDS ODBC", freetds, "?"),
]


@pytest.fixture(params=CLIENTS, ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    chosen: Client = request.param
    return chosen


@pytest.fixture
def database(standin: Standin) -> Iterator[str]:
    """Give a tracked database with one table."""
    name = "clients_" + secrets.token_hex(4)
    with_rights = standin.connect()
    with_rights.execute(f"CREATE DATABASE {name}")
    with_rights.execute(f"ALTER DATABASE {name} SET ALLOW_SNAPSHOT_ISOLATION ON")
    with_rights.execute(f"ALTER DATABASE {name} SET CHANGE_TRACKING = ON")
    inside = standin.connect(name)
    inside.execute(
        "CREATE TABLE KARTEI (ID int NOT NULL PRIMARY KEY, BEMERKUNG nvarchar(500),"
        " ALT varchar(20), DATUM date, AM datetime2(3), PREIS decimal(10, 2), DELKZ bit)"
    )
    inside.execute("ALTER TABLE KARTEI ENABLE CHANGE_TRACKING")
    inside.close()
    yield name
    with_rights.execute(f"DROP DATABASE {name}")
    with_rights.close()


@pytest.fixture
def connection(client: Client, standin: Standin, database: str) -> Iterator[Any]:
    opened = client.connect(standin, database, standin.password)
    yield opened
    with suppress(Exception):  # a test may have closed it
        opened.close()


def run(connection: Any, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Run one statement and return its rows, if it has any."""
    cursor = connection.cursor()
    cursor.execute(sql, parameters) if parameters else cursor.execute(sql)
    rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
    cursor.close()
    return rows


def test_a_login_finds_itself_in_its_database(connection: Any, database: str) -> None:
    assert [(database, 1)] == run(connection, "SELECT DB_NAME() AS name, 1 AS one")


def test_a_wrong_password_is_18456(client: Client, standin: Standin, database: str) -> None:
    with pytest.raises(Exception, match="Login failed for user 'sa'"):
        client.connect(standin, database, "not the password")


def test_a_database_that_does_not_exist_is_refused(client: Client, standin: Standin) -> None:
    with pytest.raises(Exception, match=r"Cannot open database|Login failed|18456"):
        client.connect(standin, "no_such_database", standin.password)


def test_typed_parameters_arrive_and_come_back(client: Client, connection: Any) -> None:
    row = (
        1,
        "Füllung an Zahn 36, Жük 😀",
        "Müller €",
        date(2022, 1, 18),
        datetime(2022, 1, 18, 12, 30, 15, 250_000),  # noqa: DTZ001 - datetime2 has no zone
        Decimal("12.30"),
        True,
    )
    marks = ", ".join([client.mark] * len(row))

    run(connection, f"INSERT INTO KARTEI VALUES ({marks})", *row)
    run(connection, f"INSERT INTO KARTEI (ID, BEMERKUNG) VALUES ({client.mark}, NULL)", 2)

    assert [row, (2, *[None] * 6)] == run(connection, "SELECT * FROM KARTEI ORDER BY ID")


def test_a_long_text_comes_back_whole(client: Client, connection: Any) -> None:
    run(connection, "CREATE TABLE LANG (ID int PRIMARY KEY, TEXT nvarchar(max), ALT varchar(max))")
    text = "Karteikarteneintrag äöü " * 2_000

    run(connection, f"INSERT INTO LANG VALUES (1, {client.mark}, {client.mark})", text, text)

    assert [(text, text)] == run(connection, "SELECT TEXT, ALT FROM LANG")


def test_what_is_rolled_back_is_gone_and_what_is_committed_stays(
    client: Client, connection: Any, standin: Standin, database: str
) -> None:
    run(connection, "INSERT INTO KARTEI (ID) VALUES (1)")
    connection.rollback()
    run(connection, "INSERT INTO KARTEI (ID) VALUES (2)")
    connection.commit()

    other = client.connect(standin, database, standin.password)
    assert [(2,)] == run(other, "SELECT ID FROM KARTEI")
    other.close()


def test_changes_are_read_with_changetable(client: Client, connection: Any) -> None:
    run(connection, "INSERT INTO KARTEI (ID, BEMERKUNG) VALUES (1, N'neu'), (2, N'alt')")
    connection.commit()
    run(connection, "DELETE FROM KARTEI WHERE ID = 2")
    connection.commit()

    changes = run(
        connection,
        "SELECT ct.ID, ct.SYS_CHANGE_OPERATION, t.BEMERKUNG"
        f" FROM CHANGETABLE(CHANGES KARTEI, {client.mark if client.mark == '?' else 1}) AS ct"
        " LEFT JOIN KARTEI AS t ON t.ID = ct.ID",
        *([1] if client.mark == "?" else []),
    )

    assert [(2, "D", None)] == changes
    assert [(2,)] == run(connection, "SELECT CHANGE_TRACKING_CURRENT_VERSION()")


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM GIBT_ES_NICHT", "Invalid object name 'GIBT_ES_NICHT'"),
        ("SELECT GIBT_ES_NICHT FROM KARTEI", "Invalid column name 'GIBT_ES_NICHT'"),
        ("INSERT INTO KARTEI (ID) VALUES (NULL)", "Cannot insert the value NULL"),
        ("INSERT INTO KARTEI (ID) VALUES (7), (7)", "Violation of PRIMARY KEY constraint"),
    ],
)
def test_an_error_is_told_and_the_connection_goes_on(connection: Any, sql: str, says: str) -> None:
    with pytest.raises(Exception, match=says):
        run(connection, sql)

    connection.rollback()
    assert [(1,)] == run(connection, "SELECT 1 AS one")


def test_a_large_result_arrives_whole(connection: Any) -> None:
    run(
        connection,
        "WITH digits AS (SELECT n FROM (VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)) AS v (n))"
        " INSERT INTO KARTEI (ID, BEMERKUNG)"
        " SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n, N'Füllung'"
        " FROM digits a CROSS JOIN digits b CROSS JOIN digits c CROSS JOIN digits d"
        " CROSS JOIN (SELECT n FROM digits WHERE n < 2) e",
    )
    connection.commit()

    rows = run(connection, "SELECT ID, BEMERKUNG, DELKZ FROM KARTEI ORDER BY ID")

    assert [(n, "Füllung", None) for n in range(MANY)] == rows
