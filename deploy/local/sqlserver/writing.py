"""Running INSERT, UPDATE and DELETE: the turn to write, row locks, undoing a failed statement."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import change_tracking, failures
from deploy.local.sqlserver.plans import Plan
from deploy.local.sqlserver.transactions import Key, Work, conflict, touched

if TYPE_CHECKING:
    from deploy.local.sqlserver.executor import Executor

Row = tuple[Any, ...]


def run(executor: Executor, plan: Plan) -> list[Row]:
    """Run a write to its end, waiting for rows that others hold; the rows of OUTPUT, if any."""
    session = executor.session
    assert plan.write is not None  # noqa: S101 - the caller planned a write
    while True:
        session.work.resume(session.waited)
        if session.isolation == "SNAPSHOT":
            executor.require_snapshots()
        owner, rows = _attempt(executor, plan)
        if owner is None:
            return rows
        session.work.wait_for(owner, session.waited)


def _attempt(executor: Executor, plan: Plan) -> tuple[Work | None, list[Row]]:
    """Run a write once; another transaction that holds one of its rows is returned."""
    session = executor.session
    work = session.work
    explicit = session.trancount > 0
    begun = work.writing
    try:
        work.write(session.waited, snapshot=explicit and session.isolation == "SNAPSHOT")
        if plan.write is not None and plan.write.table.primary_key is None:
            work.stays = True
        rows, owner = _guarded(executor, plan)
    except BaseException:
        if not explicit:
            session.undo()
        raise
    if owner is not None:
        if not explicit:
            session.undo()
        elif begun or work.wrote:
            with work.database.turn:
                work.step_aside()
        else:
            work.rollback()
        return owner, rows
    work.wrote = True
    if plan.write is not None and plan.write.identity:
        session.numbered.add(plan.write.table.object_id)
    if not explicit:
        session.commit_work()
    return None, rows


def _guarded(executor: Executor, plan: Plan) -> tuple[list[Row], Work | None]:
    """Run the statement so that a failure, or a row that is held, leaves nothing behind."""
    session = executor.session
    work = session.work
    held = bool(work.database.parked)
    explicit = session.trancount > 0
    savepoint = held or (explicit and (work.stale or not plan.one_row))
    with ExitStack() as stack:
        watched = held or work.stale
        keys = stack.enter_context(touched(session.db)) if watched else None
        if savepoint:
            session.db.execute("SAVEPOINT statement")
        try:
            rows = _steps(executor, plan, session.db)
            owner = None
            if keys is not None:
                found = keys()
                owner = work.owner_of(found)
                _refuse_missed(executor, plan, found)
        except BaseException:
            if savepoint and session.db.in_transaction:
                session.db.execute("ROLLBACK TO statement; RELEASE statement")
            raise
        if savepoint:
            if owner is not None:
                session.db.execute("ROLLBACK TO statement")
            session.db.execute("RELEASE statement")
    return rows, owner


def _refuse_missed(executor: Executor, plan: Plan, keys: set[Key]) -> None:
    """Raise 3960 where a snapshot writes rows that others have changed since it began."""
    session = executor.session
    if plan.write is not None and session.work.refuses(keys):
        table = plan.write.table
        raise conflict(f"{table.schema}.{table.name}", session.database)


def _steps(executor: Executor, plan: Plan, db: apsw.Connection) -> list[Row]:
    session = executor.session
    write = plan.write
    assert write is not None  # noqa: S101 - the caller planned a write
    values = plan.values(executor.frame)
    since = 0 if write.context is None else change_tracking.mark(db)
    rows: list[Row] = []
    try:
        for number, step in enumerate(write.steps):
            wanted = values if number == 0 else None
            if number == write.counted:
                cursor = db.execute(step, wanted)
                if plan.columns:
                    rows = cursor.fetchall()
                session.rowcount = db.changes()
            else:
                db.execute(step, wanted)
    except apsw.ConstraintError as error:
        raise failures.of_sqlite(error, session.definitions, session.database) from None
    except apsw.SQLError as error:
        raise failures.of_sqlite(error, session.definitions, session.database) from None
    if write.context is not None:
        change_tracking.annotate(db, since, write.context.value(executor.frame))
    return rows
