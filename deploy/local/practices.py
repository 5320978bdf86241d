"""Thirty practices that look like real ones, for a server that has none.

    install(home, request or installed(home) or Request(), connector(settings), server=…, …)

The same request plans, and loads, the same practices everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
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
    whole,
)
from deploy.local.practice.naming import FAMILIES
from deploy.local.practice.request import Request
from producers import connection
from schemas.errors import BadInput

__all__ = [
    "FAMILIES",
    "Connect",
    "Loaded",
    "Practice",
    "Request",
    "connector",
    "create_login",
    "install",
    "installed",
    "load",
    "load_missing",
    "plan",
    "truth",
    "write_centers",
]


def plan(request: Request) -> tuple[Practice, ...]:
    """Give all practices of a request, as planned; nothing is made yet."""
    return tuple(blueprint.practice(request, number + 1) for number in range(request.total))


def install(
    home: Path,
    request: Request,
    connect: Connect,
    *,
    server: str,
    user: str,
    password: str,
    say: Callable[[Practice, Loaded], None] = lambda _practice, _loaded: None,
) -> Loaded:
    """Load what the server lacks, and write `centers.yml`, `truth.json` and the request.

    Done twice it changes nothing. Practices of another request are in the way: they are refused,
    for nobody could tell any more what is in which database.
    """
    planned, before = plan(request), installed(home)
    if before != request:
        with closing(connect("master")) as master:
            wanted = (*planned, *(plan(before) if before else ()))
            there = set(whole(master)) & {practice.database for practice in wanted}
        if there:
            raise BadInput(
                f"the server holds {len(there)} practices that were made from another request",
                hint="chartfeed local reset sqlserver, or leave the options out",
            )
    request.save(home / "practices.json")
    truth.write(home / "truth.json", planned)
    loaded = load_missing(planned, connect, user=user, password=password, say=say)
    write_centers(home / "centers.yml", planned, server)
    return loaded


def installed(home: Path) -> Request | None:
    """Give the request that the practices of a stack were made from, None where there are none."""
    path = home / "practices.json"
    return Request.load(path) if path.is_file() else None


def connector(settings: connection.Settings, *, statement_timeout: int = 60) -> Connect:
    """Give what opens a connection to any database of one server."""

    def connect(database: str) -> pyodbc.Connection:
        return connection.connect(
            replace(settings, database=database), statement_timeout=statement_timeout
        )

    return connect


def write_centers(path: Path, practices: Sequence[Practice], server: str) -> None:
    """Write `centers.yml`: one line a center."""
    lines = [
        "  - {"
        f"id: {practice.center_id}, name: {json.dumps(practice.name, ensure_ascii=False)}, "
        f"city: {json.dumps(practice.city, ensure_ascii=False)}, "
        f"server: {json.dumps(server)}, database: {practice.database}}}\n"
        for practice in practices
    ]
    fresh = path.with_name(path.name + ".new")
    fresh.write_text("centers:\n" + "".join(lines), encoding="utf-8")
    fresh.rename(path)
