"""Thirty practices that look like real ones, for a server that has none.

    practices = plan(Request())
    load_missing(practices, connector(settings), user="chartfeed", password=…)
    write_centers(home / "centers.yml", {"127.0.0.1,14330": practices})
    truth.write(home / "truth.json", practices)

The same request plans, and loads, the same practices everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pyodbc

from deploy.local.practice import blueprint, truth
from deploy.local.practice.blueprint import Practice
from deploy.local.practice.loading import (
    Connect,
    Loaded,
    create_login,
    load,
    load_missing,
)
from deploy.local.practice.naming import FAMILIES
from deploy.local.practice.request import Request
from producers import connection, files

__all__ = [
    "FAMILIES",
    "Connect",
    "Loaded",
    "Practice",
    "Request",
    "connector",
    "create_login",
    "load",
    "load_missing",
    "plan",
    "truth",
    "write_centers",
]


def plan(request: Request) -> tuple[Practice, ...]:
    """Give all practices of a request, as planned; nothing is made yet."""
    return tuple(blueprint.practice(request, number + 1) for number in range(request.total))


def connector(settings: connection.Settings, *, statement_timeout: int = 60) -> Connect:
    """Give what opens a connection to any database of one server."""

    def connect(database: str) -> pyodbc.Connection:
        return connection.connect(
            replace(settings, database=database), statement_timeout=statement_timeout
        )

    return connect


def write_centers(path: Path, practices: Mapping[str, Sequence[Practice]]) -> None:
    """Write `centers.yml`: one line a center, of the practices that each server has."""
    lines = [
        "  - {"
        f"id: {practice.center_id}, name: {json.dumps(practice.name, ensure_ascii=False)}, "
        f"city: {json.dumps(practice.city, ensure_ascii=False)}, "
        f"server: {json.dumps(server)}, database: {practice.database}}}\n"
        for server, theirs in practices.items()
        for practice in theirs
    ]
    files.replace(path, "centers:\n" + "".join(lines))
