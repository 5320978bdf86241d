"""One change of definitions: its transaction, and the table it is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import apsw

from deploy.local.sqlserver import plans, storage
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.storage import Table

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


@contextmanager
def changing(session: Session, right: str = "ALTER") -> Iterator[set[int]]:
    """Change definitions in the open transaction or in one of its own.

    What it yields is the set that takes the ids of the tables that changed.
    """
    session.require_database_right(right)
    work = session.work
    work.resume(session.waited)
    explicit = session.trancount > 0
    changed: set[int] = set()
    try:
        work.write(session.waited)
        work.stays = True
        session.db.execute("SAVEPOINT definition")
        try:
            yield changed
            defined = storage.reload(session.db, session.definitions, changed)
        except BaseException:
            if session.db.in_transaction:
                session.db.execute("ROLLBACK TO definition; RELEASE definition")
            raise
        session.db.execute("RELEASE definition")
        session.uncommitted = defined
        work.wrote = True
        if not explicit:
            session.commit_work()
    except BaseException:
        if not explicit:
            session.undo()
        raise


def take_number(db: apsw.Connection, counter: str) -> int:
    value = db.execute("SELECT value FROM meta_options WHERE name = ?", (counter,)).get
    db.execute("UPDATE meta_options SET value = value + 1 WHERE name = ?", (counter,))
    return int(str(value))


def find_table(session: Session, parts: tuple[str, ...], number: int = 4902) -> Table:
    try:
        return plans.renderer(session.definitions, {}, session).find_table(parts)
    except SqlError as error:
        if error.number != 208:
            raise
    raise SqlError(
        number,
        f'Cannot find the object "{".".join(parts)}" because it does not exist or you do not have '
        "permissions.",
    )
