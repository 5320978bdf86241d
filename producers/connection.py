"""Connections to the practices' SQL Servers, and their errors in our words.

This is the only place that opens a connection; `translated` is the only place that turns an
ODBC error into ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import pyodbc

from producers.errors import CenterDown, Denied, Drift, MissingDriver, StatementFailed
from producers.shown import printable
from schemas.errors import ChartfeedError

__all__ = ["Secret", "Settings", "connect", "driver", "number_of", "translated"]

INSTALLED = "ODBC Driver 18 for SQL Server"

# Connections are long-lived or one per thread; the driver manager's pool would only hide which.
pyodbc.pooling = False


class Secret(Protocol):
    """A password that shows itself to nobody but `reveal`."""

    def reveal(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """Where a center's database is and how to log in; building it touches nothing."""

    center: str
    server: str
    database: str
    user: str
    secret: Secret = field(repr=False)
    driver: str | None = None
    encrypt: bool = True
    trust_server_certificate: bool = False
    login_timeout: int = 10


# By SQL Server's number, first match wins; what is not here goes by its SQLSTATE.
DENIED = frozenset({18456, 18470, 18487, 18488, 4060, 916, 229, 230, 262, 297, 300, 22103})
NO_RIGHT = frozenset({229, 230, 262, 297, 300, 22103})
GONE_NAMES = frozenset({207, 208})
# Only these are passed on in the server's words: they quote names of things, never a row's values.
# 0 is the driver's own; 8180, 5701 and 5703 come along with others.
NAMING = frozenset(
    {0, 102, 156, 927, 942, 945, 3952, 5701, 5703, 8180, 22105, 22115, *DENIED, *GONE_NAMES}
)
DATA_STATES = ("22", "23")
RETRY = frozenset({1205, 1222, 3960, 3952, 927, 942, 921, 922, 945, 952, 596, 10928, 10929, 40501})
DOWN_STATES = ("08", "HYT", "HY008", "IM006")


def driver(name: str | None) -> str:
    """Give what `Driver=` must say: the configured one, an installed one, or the wheel's file."""
    return name or _found()


@cache
def _found() -> str:
    if INSTALLED in pyodbc.drivers():
        return INSTALLED
    try:
        import mssql_python_odbc  # noqa: PLC0415 - a machine with an installed driver needs it not
    except ImportError:
        libraries: list[Path] = []
    else:
        folder = Path(mssql_python_odbc.get_libs_dir())
        libraries = sorted(folder.rglob("libmsodbcsql*"), key=_preference)
    if not libraries:
        raise MissingDriver(
            f"no ODBC driver for SQL Server: neither {INSTALLED!r} nor the wheel's",
            hint="install the package mssql-python-odbc, or set sqlserver.driver",
        )
    return str(libraries[0])


def _preference(path: Path) -> tuple[bool, str]:
    release = Path("/etc/os-release")
    text = release.read_text(encoding="utf-8") if release.is_file() else ""
    family = next(
        (
            folder
            for folder, pattern in (
                ("debian_ubuntu", r"\b(debian|ubuntu)\b"),
                ("alpine", r"\balpine\b"),
                ("rhel", r"\b(rhel|fedora|centos)\b"),
                ("suse", r"\bsuse\b"),
            )
            if re.search(pattern, text)
        ),
        "debian_ubuntu",
    )
    return (family not in path.parts, str(path))


def _braced(value: str) -> str:
    """Give a value for a connection string, whatever characters it has."""
    return "{" + value.replace("}", "}}") + "}"


def connection_string(settings: Settings) -> str:
    """Give the text that opens a connection; it holds the password, so it is never shown."""
    parts = {
        "Driver": _braced(driver(settings.driver)),
        "Server": settings.server,
        "Database": _braced(settings.database),
        "UID": _braced(settings.user),
        "PWD": _braced(settings.secret.reveal()),
        "Encrypt": "yes" if settings.encrypt else "no",
        "TrustServerCertificate": "yes" if settings.trust_server_certificate else "no",
        "APP": "chartfeed",
    }
    return ";".join(f"{key}={value}" for key, value in parts.items())


def connect(
    settings: Settings, *, autocommit: bool = True, statement_timeout: int = 60
) -> pyodbc.Connection:
    """Open a connection, or say in our words why there is none."""
    with translated(settings.center):
        connection = pyodbc.connect(
            connection_string(settings),
            autocommit=autocommit,
            timeout=settings.login_timeout,
        )
        connection.timeout = statement_timeout
    return connection


def _text(error: pyodbc.Error) -> str:
    return str(error.args[1]) if len(error.args) > 1 else str(error)


def _numbers(error: pyodbc.Error) -> list[int]:
    return [int(found) for found in re.findall(r"\((\d+)\) \(SQL\w+\)", _text(error))]


def number_of(error: pyodbc.Error) -> int | None:
    """Give SQL Server's number of an error, None where the driver itself failed."""
    return next(iter(_numbers(error)), None)


def _message(error: pyodbc.Error, state: str) -> str:
    """Give the server's sentence where it names things alone, else a sentence of ours.

    Any other sentence may quote a value, and a value may hold quotes, brackets or what looks
    like the end of a message, so nothing of its text is kept.
    """
    numbers = _numbers(error)
    if not NAMING.issuperset(numbers) or state.startswith(DATA_STATES):
        what = f"error {numbers[0]}" if numbers else f"an error of the state {printable(state)}"
        return f"SQL Server reports {what}; its text may quote patients' data and is not shown"
    first = _text(error).split("; [", 1)[0]
    plain = re.sub(r"^(\[[^\]]*\]\s*)+|\s*\(\d+\) \(SQL\w+\)$", "", first).strip()
    return printable(plain)


def error_of(center: str, error: pyodbc.Error) -> ChartfeedError:
    """Give our error for the driver's, by SQL Server's number and then by SQLSTATE."""
    number = number_of(error)
    state = str(error.args[0]) if error.args else ""
    message = f"{center}: {_message(error, state)}"
    facts: dict[str, Any] = {"center": center, "number": number, "sqlstate": state}
    if number in NO_RIGHT:
        return Denied(message, hint="grant the login what docs/mapping.md lists", **facts)
    if number in DENIED or state == "28000":
        hint = "check user, password and database in the configuration, and the login's rights"
        return Denied(message, hint=hint, **facts)
    if number in GONE_NAMES or state in {"42S02", "42S22"}:
        return Drift(message, hint=f"chartfeed mapping diff {center}", **facts)
    if number in RETRY or state == "40001" or state.startswith(DOWN_STATES):
        hint = "is the server up, and its address in centers.yml right?"
        return CenterDown(message, hint=hint, **facts)
    if state.startswith("IM"):
        return MissingDriver(message, hint="set sqlserver.driver", **facts)
    return StatementFailed(message, **facts)


@contextmanager
def translated(center: str) -> Iterator[None]:
    """Turn what the driver raises inside into our errors."""
    try:
        yield
    except pyodbc.Error as error:
        # Not chained: the driver's own text may quote a value of the source.
        raise error_of(center, error) from None
