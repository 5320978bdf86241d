"""Statements about the instance: databases, logins, KILL, BACKUP and RESTORE."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.database import Database
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.files import copy
from deploy.local.sqlserver.results import Done, Event, Info
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session
    from deploy.local.sqlserver.executor import Executor
    from deploy.local.sqlserver.instance import Instance


def _not_in_transaction(session: Session, what: str) -> None:
    if session.trancount:
        raise SqlError(226, f"{what} statement not allowed within multi-statement transaction.")


def _existing(instance: Instance, name: str, what: str) -> Database:
    found = instance.known(name)
    if found is None:
        raise SqlError(
            3701 if what == "drop" else 5011,
            f"Cannot {what} the database '{name}', because it does not exist or you do not have "
            "permission.",
            severity=11 if what == "drop" else 14,
        )
    return found


def _create(instance: Instance, session: Session, node: statements.CreateDatabase) -> None:
    _not_in_transaction(session, "CREATE DATABASE")
    session.require_sysadmin("CREATE DATABASE")
    if node.collation is not None and "_CI_AS" not in node.collation.upper():
        raise Unsupported(f"a database with the collation {node.collation}")
    instance.create_database(node.name)


def _drop(instance: Instance, session: Session, node: statements.DropDatabase) -> None:
    _not_in_transaction(session, "DROP DATABASE")
    session.require_sysadmin("DROP DATABASE")
    for name in node.names:
        if node.if_exists and instance.known(name) is None:
            continue
        place = _existing(instance, name, "drop")
        if place is instance.master_database:
            raise SqlError(
                3708, "Cannot drop the database 'master' because it is a system database."
            )
        if session.place is place or instance.sessions.in_use(place, session):
            raise SqlError(
                3702, f'Cannot drop database "{name}" because it is currently in use.', state=3
            )
        instance.drop_database(place)


def _alter(instance: Instance, session: Session, node: statements.AlterDatabase) -> Iterator[Event]:
    _not_in_transaction(session, "ALTER DATABASE")
    place = _existing(instance, node.name or session.database, "alter")
    if not (session.sysadmin or (session.place is place and session.may("CONTROL", None))):
        raise _existing_denied(place.name)
    option = node.option
    if option in ("OFFLINE", "SINGLE_USER"):
        instance.sessions.end_in(place, besides=session)
    if option == "OFFLINE":
        if session.place is place:
            yield from session.change_database("master")
        instance.set_offline(place, offline=True)
    elif option == "ONLINE":
        instance.set_offline(place, offline=False)
    elif option == "ALLOW_SNAPSHOT_ISOLATION":
        _change(instance, session, place, _snapshots(on=bool(node.value)))
    elif option == "CHANGE_TRACKING":
        _change(instance, session, place, _tracking(place, node.value))
    elif option == "READ_COMMITTED_SNAPSHOT" and not node.value:
        return
    elif option == "READ_COMMITTED_SNAPSHOT":
        yield Info(0, "READ_COMMITTED_SNAPSHOT: the stand-in's readers never wait for writers.")


def _existing_denied(name: str) -> SqlError:
    return SqlError(
        5011,
        f"User does not have permission to alter database '{name}', the database does not exist, "
        "or the database is not in a state that allows access checks.",
        severity=14,
    )


def _snapshots(*, on: bool) -> Callable[[Any], None]:
    return lambda db: db.execute(
        "UPDATE meta_options SET value = ? WHERE name = 'snapshot_isolation'", (int(on),)
    )


def _tracking(place: Database, value: Any) -> Callable[[Any], None]:
    def change(db: Any) -> None:
        if value is None:
            change_tracking.disable_database(db, database=place.name)
            return
        switched, seconds, cleanup = value
        if switched:
            change_tracking.enable_database(
                db,
                172800 if seconds is None else seconds,
                True if cleanup is None else cleanup,
                database=place.name,
            )
        else:
            change_tracking.configure_database(
                db, retention_seconds=seconds, auto_cleanup=cleanup, database=place.name
            )

    return change


def _change(
    instance: Instance, session: Session, place: Database, change: Callable[[Any], None]
) -> None:
    """Change a database's own settings, in a transaction of its own."""
    from deploy.local.sqlserver.transactions import Work  # noqa: PLC0415 - a cycle otherwise

    db = place.connect()
    work = Work(place, db, session.spid)
    try:
        work.write(session.waited)
        change(db)
        work.wrote = True
        work.commit()
    finally:
        work.rollback()
        db.close()
    instance.note(place)


def _path(instance: Instance, text: str) -> Path:
    path = Path(text)
    return path if path.is_absolute() else instance.home / "backups" / path


def _backup(instance: Instance, executor: Executor, node: statements.Backup) -> Iterator[Event]:
    session = executor.session
    _not_in_transaction(session, "BACKUP DATABASE")
    session.require_sysadmin("BACKUP DATABASE")
    place = instance.find(node.database)
    target = _path(instance, executor.text_value(node.path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".part")
    copy(place.path, temporary)
    temporary.replace(target)
    yield Info(3014, f"BACKUP DATABASE successfully processed database '{place.name}'.")


def _restore(instance: Instance, executor: Executor, node: statements.Restore) -> Iterator[Event]:
    session = executor.session
    _not_in_transaction(session, "RESTORE DATABASE")
    session.require_sysadmin("RESTORE DATABASE")
    source = _path(instance, executor.text_value(node.path))
    if not source.exists():
        raise SqlError(
            3201, f"Cannot open backup device '{source}'. Operating system error 2 (not found)."
        )
    place = instance.known(node.database)
    if place is None:
        place = instance.create_database(node.database)
    elif not node.replace:
        raise SqlError(
            3159,
            f'The tail of the log for the database "{place.name}" has not been backed up. Use '
            "WITH REPLACE to overwrite the contents of the log.",
        )
    if session.place is place:
        raise SqlError(
            3102,
            f"RESTORE cannot process database '{place.name}' because it is in use by this session. "
            "It is recommended that the master database be used when performing this operation.",
        )
    if instance.sessions.in_use(place, session):
        raise SqlError(
            3101,
            "Exclusive access could not be obtained because the database is in use.",
        )
    instance.restore(place, source)
    yield Info(3014, f"RESTORE DATABASE successfully processed database '{place.name}'.")


def _login(instance: Instance, session: Session, node: Any) -> None:
    session.require_sysadmin("LOGIN")
    known = instance.has_login(node.name)
    if isinstance(node, statements.CreateLogin):
        if known:
            raise SqlError(15025, f"The server principal '{node.name}' already exists.")
        instance.set_login(node.name, node.password)
        return
    if not known:
        raise SqlError(
            15151,
            f"Cannot alter the login '{node.name}', because it does not exist or you do not have "
            "permission.",
        )
    if isinstance(node, statements.AlterLogin):
        instance.set_login(node.name, node.password)
    else:
        instance.drop_login(node.name)


def run(executor: Executor, node: Any) -> Iterator[Event]:
    session = executor.session
    instance = session.instance
    match node:
        case statements.CreateDatabase():
            _create(instance, session, node)
        case statements.DropDatabase():
            _drop(instance, session, node)
        case statements.AlterDatabase():
            yield from _alter(instance, session, node)
        case statements.Kill():
            instance.sessions.kill(session, node.spid)
        case statements.Backup():
            yield from _backup(instance, executor, node)
        case statements.Restore():
            yield from _restore(instance, executor, node)
        case statements.Checkpoint():
            session.db.execute("PRAGMA wal_checkpoint(PASSIVE)")
        case _:
            _login(instance, session, node)
    yield Done()
