"""The SQL Server stand-in through Microsoft's driver: rows/s, logins, polls.

Goals: 80,000 rows/s of 8 columns, login p50 under 10 ms, an idle poll p50 under 5 ms.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyodbc

from bench._figures import Figure, Report
from tests.standin import Standin, running

ROWS = 100_000
TABLES = ("KARTEI", "LEISTUNG", "PATKASSE", "KASSEN")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    pyodbc.pooling = False
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as standin:
        prepare(standin)
        found = [
            Figure("rows of 8 columns", rows_per_second(standin), "/s", 80_000),
            Figure("login, encrypted, p50", logins(standin, "yes"), "ms", 10, at_most=True),
            Figure("login, plain, p50", logins(standin, "no"), "ms", 10, at_most=True),
            Figure("idle poll, p50", polls(standin), "ms", 5, at_most=True),
            Figure("rows loaded by executemany", loading(standin), "/s"),
        ]
    report = Report("standin", options.json)
    report.add("standin", "The SQL Server stand-in, as pyodbc meets it.", found)
    return report.end()


def prepare(standin: Standin) -> None:
    """Make a tracked database with four tables, and one of 100,000 rows."""
    with standin.connect() as admin:
        admin.execute("CREATE DATABASE bench")
        admin.execute("ALTER DATABASE bench SET ALLOW_SNAPSHOT_ISOLATION ON")
        admin.execute("ALTER DATABASE bench SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS)")
    with standin.connect("bench", autocommit=False) as connection:
        cursor = connection.cursor()
        for table in TABLES:
            cursor.execute(f"CREATE TABLE {table} (ID int NOT NULL PRIMARY KEY, T nvarchar(50))")
            cursor.execute(f"ALTER TABLE {table} ENABLE CHANGE_TRACKING")
            cursor.execute(f"INSERT INTO {table} (ID, T) VALUES (1, N'Füllung')")
        cursor.execute(
            "CREATE TABLE wide (ID int NOT NULL PRIMARY KEY, PATNR int, DATUM varchar(8),"
            " BEMERKUNG nvarchar(500), DAY date, AT datetime2(3), PRICE decimal(10, 2), DELKZ bit)"
        )
        cursor.execute(
            "CREATE TABLE loaded (ID int NOT NULL PRIMARY KEY, PATNR int, BEMERKUNG nvarchar(500))"
        )
        values = ", ".join(
            ["(?, ?, '20220118', ?, '2022-01-18', '2022-01-18 10:11:12.345', 12.34, 0)"] * 500
        )
        for start in range(0, ROWS, 500):
            parameters = [
                part
                for n in range(start, start + 500)
                for part in (n, n % 5000, f"Füllung an Zahn {n % 32}, dreiflächig, Kontrolle")
            ]
            cursor.execute(f"INSERT INTO wide VALUES {values}", parameters)


def rows_per_second(standin: Standin) -> float:
    with standin.connect("bench") as connection:
        cursor = connection.cursor()

        def fetch() -> None:
            cursor.execute("SELECT * FROM wide")
            count = 0
            while part := cursor.fetchmany(5_000):
                count += len(part)
            assert count == ROWS, count

        return ROWS / min(timed(fetch, 5))


def logins(standin: Standin, encrypt: str) -> float:
    def log_in() -> None:
        standin.connect("bench", Encrypt=encrypt).close()

    return statistics.median(timed(log_in, 100)) * 1000


def polls(standin: Standin) -> float:
    """Return the milliseconds of one look at version, validity and four tables' changes."""
    with standin.connect("bench", autocommit=False) as connection:
        cursor = connection.cursor()
        cursor.execute("SET TRANSACTION ISOLATION LEVEL SNAPSHOT")
        version = cursor.execute("SELECT CHANGE_TRACKING_CURRENT_VERSION()").fetchval()
        columns = ", ".join(
            f"CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(N'{table}'))" for table in TABLES
        )

        def poll() -> None:
            cursor.execute(f"SELECT CHANGE_TRACKING_CURRENT_VERSION(), {columns}").fetchall()
            for table in TABLES:
                changes = cursor.execute(
                    "SELECT ct.SYS_CHANGE_OPERATION, ct.ID, t.T"
                    f" FROM CHANGETABLE(CHANGES {table}, ?) AS ct"
                    f" LEFT JOIN {table} AS t ON t.ID = ct.ID",
                    version,
                ).fetchall()
                assert not changes
            connection.commit()

        return statistics.median(timed(poll, 300)) * 1000


def loading(standin: Standin) -> float:
    rows = [(n, n % 5000, f"Füllung an Zahn {n % 32}") for n in range(20_000)]
    with standin.connect("bench", autocommit=False) as connection:
        cursor = connection.cursor()
        cursor.fast_executemany = True
        began = time.perf_counter()
        cursor.executemany("INSERT INTO loaded (ID, PATNR, BEMERKUNG) VALUES (?, ?, ?)", rows)
        connection.commit()
        return len(rows) / (time.perf_counter() - began)


def timed(work: Callable[[], None], times: int) -> list[float]:
    """Return the seconds of each run."""
    seconds = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    sys.exit(main())
