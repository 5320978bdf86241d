"""Logins with their passwords, users and what they may do."""

from __future__ import annotations

import hashlib
import hmac
import secrets

import apsw

from deploy.local.sqlserver.errors import SqlError

LAYOUT = """
CREATE TABLE logins(name TEXT PRIMARY KEY COLLATE NOCASE, salt BLOB, hash BLOB, sysadmin INT);
CREATE TABLE server_rights(login TEXT COLLATE NOCASE, right TEXT, denied INT,
  PRIMARY KEY(login, right));
"""
_ROUNDS = 1000


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.pbkdf2_hmac("sha256", password.encode("utf-16-le"), salt, _ROUNDS)


def login_failed(user: str) -> SqlError:
    return SqlError(18456, f"Login failed for user '{user}'.", severity=14)


def set_login(
    master: apsw.Connection, name: str, password: str, *, sysadmin: bool | None = None
) -> None:
    """Create a login, or give one a new password."""
    salt = secrets.token_bytes(16)
    master.execute(
        "INSERT INTO logins VALUES (?1, ?2, ?3, coalesce(?4, 0)) ON CONFLICT (name) DO UPDATE "
        "SET salt = ?2, hash = ?3, sysadmin = coalesce(?4, sysadmin)",
        (name, salt, _hash(password, salt), sysadmin),
    )


def authenticate(master: apsw.Connection, name: str, password: str) -> tuple[str, bool]:
    """Return the login's own name and whether it is sysadmin, else 18456."""
    row = master.execute(
        "SELECT name, salt, hash, sysadmin FROM logins WHERE name = ?", (name,)
    ).fetchone()
    if row is None or not hmac.compare_digest(_hash(password, row[1]), row[2]):
        raise login_failed(name)
    return row[0], bool(row[3])


def user_of(db: apsw.Connection, login: str) -> str | None:
    """Return the name of a login's user in a database, None where it has none."""
    row = db.execute(
        "SELECT name FROM meta_users WHERE login = ? COLLATE NOCASE", (login,)
    ).fetchone()
    return None if row is None else str(row[0])


def denied(right: str, name: str, database: str, schema: str) -> SqlError:
    return SqlError(
        229,
        f"The {right} permission was denied on the object '{name}', database '{database}', "
        f"schema '{schema}'.",
        severity=14,
        state=5,
    )


def denied_in_database(right: str, database: str) -> SqlError:
    return SqlError(262, f"{right} permission denied in database '{database}'.", severity=14)
