"""Queries and writes: their rows, and how many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import failures, hooks, plans, writing
from deploy.local.sqlserver.plans import Plan
from deploy.local.sqlserver.results import Columns, Done, Event, Rows
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.execution.handler import Handler
    from deploy.local.sqlserver.executor import Executor


CHUNK = 1000


def _select(executor: Executor, node: statements.SelectStatement) -> Iterator[Event]:
    plans.unsupported_into(node.query)
    session = executor.session
    plan = executor.planned(node, lambda render: plans.of_query(render, node.query))
    hooks.before_statement(session)
    executor.before_reading(plan)
    try:
        cursor = session.db.execute(plan.sql, plan.values(executor.frame))
    except apsw.SQLError as error:
        raise failures.of_sqlite(error, session.definitions, session.database) from None
    if plan.targets:
        _assign(executor, plan, cursor)
        return
    yield Columns(plan.columns)
    count = 0
    while rows := list(islice(cursor, CHUNK)):
        count += len(rows)
        yield Rows(rows if plan.show is None else plan.show(rows))
        hooks.on_rows(session, len(rows))
        if len(rows) < CHUNK:
            break
        session.check()
    session.rowcount = count
    yield Done(None if session.nocount else count, is_select=True)


def _assign(executor: Executor, plan: Plan, cursor: apsw.Cursor) -> None:
    """SELECT @v = …: the last row counts, no row leaves the variables as they are."""
    last: tuple[Any, ...] | None = None
    count = 0
    for row in cursor:
        last = row
        count += 1
    if last is not None:
        executor.frame.variables.update(zip(plan.targets, last, strict=True))
    executor.session.rowcount = count


def _write(executor: Executor, node: Any) -> Iterator[Event]:
    session = executor.session
    plan = executor.planned(
        node,
        lambda render: plans.of_write(render, node, session.identity_insert),
        session.identity_insert,
    )
    hooks.before_statement(session)
    session.require(plan.needed)
    rows = writing.run(executor, plan)
    if plan.columns:
        yield Columns(plan.columns)
        if rows:
            yield Rows(rows if plan.show is None else plan.show(rows))
    yield Done(None if session.nocount else session.rowcount)


HANDLERS: Mapping[type, Handler] = {
    statements.SelectStatement: _select,
    statements.Insert: _write,
    statements.Update: _write,
    statements.Delete: _write,
}
