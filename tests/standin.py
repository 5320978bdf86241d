"""A SQL Server stand-in as a process of the tests' own, gone with them whatever happens."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pyodbc

from tests.contract.sqlserver import driver

__all__ = ["Standin", "running"]

ROOT = Path(__file__).resolve().parents[1]
_SECONDS_TO_START = 30


@dataclass(frozen=True, slots=True)
class Standin:
    port: int
    pid: int
    home: Path
    password: str = field(repr=False)
    user: str = "sa"

    def connection_string(self) -> str:
        """Return what any ODBC driver needs, without the driver and the database."""
        return (
            f"SERVER=127.0.0.1,{self.port};UID={self.user};PWD={{{self.password}}};"
            "TrustServerCertificate=yes"
        )

    def connect(
        self, database: str = "master", *, autocommit: bool = True, **parts: str
    ) -> pyodbc.Connection:
        """Log in through Microsoft's driver; keywords are parts of the connection string."""
        more = "".join(f";{key}={value}" for key, value in parts.items())
        text = f"DRIVER={driver()};{self.connection_string()};DATABASE={database}{more}"
        return pyodbc.connect(text, autocommit=autocommit, timeout=15)


@contextmanager
def running(home: Path, *options: str, password: str | None = None) -> Iterator[Standin]:
    """Run a stand-in over that folder; its log is `standin.log` there."""
    home.mkdir(parents=True, exist_ok=True)
    password = password or "Aa1!" + secrets.token_urlsafe(16)
    secret, ready, log = home / "password", home / "ready.json", home / "standin.log"
    secret.write_text(password)
    ready.unlink(missing_ok=True)
    command = [sys.executable, "-m", "deploy.local.sqlserver", "--home", str(home / "data")]
    command += ["--password-file", str(secret), "--ready-file", str(ready)]
    command += ["--owner", str(os.getpid()), *options]
    with log.open("ab") as output:
        process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + _SECONDS_TO_START
        while not ready.exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the stand-in did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)
        said = json.loads(ready.read_text())
        yield Standin(said["port"], said["pid"], home, password)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
