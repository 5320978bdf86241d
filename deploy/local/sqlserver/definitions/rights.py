"""Users of a database, their roles and their rights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from deploy.local.sqlserver import plans
from deploy.local.sqlserver.definitions.change import changing
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.translation import statements

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session


def create_user(session: Session, node: statements.CreateUser) -> None:
    if not session.instance.has_login(node.login):
        raise SqlError(15007, f"'{node.login}' is not a valid login or you do not have permission.")
    with changing(session):
        if session.db.execute("SELECT 1 FROM meta_users WHERE name = ?", (node.name,)).fetchone():
            raise SqlError(
                15023, f"User, group, or role '{node.name}' already exists in the current database."
            )
        session.db.execute("INSERT INTO meta_users VALUES (?, ?)", (node.name, node.login))
    session.instance.rights_changed()


def drop_user(session: Session, node: statements.DropUser) -> None:
    with changing(session):
        db = session.db
        gone = db.execute("DELETE FROM meta_users WHERE name = ? RETURNING 1", (node.name,))
        if not gone.fetchall() and not node.if_exists:
            raise _no_principal(node.name)
        db.execute("DELETE FROM meta_rights WHERE user = ?", (node.name,))
        db.execute("DELETE FROM meta_roles WHERE member = ?", (node.name,))
    session.instance.rights_changed()


def create_role(session: Session, node: statements.CreateRole) -> None:
    with changing(session):
        if session.db.execute("SELECT 1 FROM meta_users WHERE name = ?", (node.name,)).fetchone():
            raise SqlError(
                15023, f"User, group, or role '{node.name}' already exists in the current database."
            )
        # A role is a principal that nobody logs in as.
        session.db.execute("INSERT INTO meta_users VALUES (?, NULL)", (node.name,))
    session.instance.rights_changed()


def drop_role(session: Session, node: statements.DropRole) -> None:
    with changing(session):
        db = session.db
        if not _is_role(session, node.name):
            if node.if_exists:
                return
            raise _no_principal(node.name, "role")
        if db.execute("SELECT 1 FROM meta_roles WHERE role = ?", (node.name,)).fetchone():
            raise SqlError(
                15144, "The role has members. It must be empty before it can be dropped."
            )
        db.execute("DELETE FROM meta_users WHERE name = ?", (node.name,))
        db.execute("DELETE FROM meta_rights WHERE user = ?", (node.name,))
    session.instance.rights_changed()


def _is_role(session: Session, name: str) -> bool:
    found = session.db.execute("SELECT 1 FROM meta_users WHERE name = ? AND login IS NULL", (name,))
    return found.fetchone() is not None


def _no_principal(name: str, kind: str = "user") -> SqlError:
    return SqlError(
        15151,
        f"Cannot find the {kind} '{name}', because it does not exist or you do not have "
        "permission.",
    )


def alter_role(session: Session, node: statements.AlterRole) -> None:
    if node.role.lower() == "sysadmin":
        session.require_sysadmin("ALTER SERVER ROLE")
        session.instance.set_sysadmin(node.member, sysadmin=node.add)
        return
    if not node.role.lower().startswith("db_") and not _is_role(session, node.role):
        raise _no_principal(node.role, "role")
    with changing(session):
        if node.add:
            session.db.execute(
                "INSERT OR REPLACE INTO meta_roles VALUES (?, ?)", (node.role, node.member)
            )
        else:
            session.db.execute(
                "DELETE FROM meta_roles WHERE role = ? AND member = ?", (node.role, node.member)
            )
    session.instance.rights_changed()


_RIGHTS = frozenset(
    (
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "VIEW CHANGE TRACKING",
        "VIEW DATABASE STATE",
        "VIEW DEFINITION",
        "CONNECT",
        "CONTROL",
        "ALTER",
        "CREATE TABLE",
        "CREATE SCHEMA",
        "EXECUTE",
        "REFERENCES",
        "VIEW ANY DATABASE",
        "VIEW ANY DEFINITION",
        "VIEW SERVER STATE",
        "ALTER ANY DATABASE",
        "VIEW DATABASE PERFORMANCE STATE",
        "BACKUP DATABASE",
    )
)


_SERVER_RIGHTS = frozenset(("VIEW ANY DATABASE",))


def _change_server_rights(session: Session, node: statements.Permission) -> None:
    session.require_sysadmin(node.action)
    if session.place is not session.instance.master_database:
        raise SqlError(
            4621,
            "Permissions at the server scope can only be granted when the current database is "
            "master",
        )
    for login in node.users:
        if not session.instance.has_login(login):
            raise SqlError(15151, f"Cannot find the login '{login}'.")
        for right in node.rights:
            session.instance.set_server_right(login, right, node.action)


def change_rights(session: Session, node: statements.Permission) -> None:
    if node.scope == "DATABASE" and not node.target and _SERVER_RIGHTS.issuperset(node.rights):
        _change_server_rights(session, node)
        return
    unknown = [right for right in node.rights if right not in _RIGHTS]
    if unknown:
        raise Unsupported(f"the right {unknown[0]}")
    scope, target = node.scope, 0
    if scope == "OBJECT":
        target = plans.renderer(session.definitions, {}, session).find_table(node.target).object_id
    elif scope == "SCHEMA":
        found = session.definitions.schemas.get(node.target[-1].lower())
        if found is None:
            raise SqlError(15151, f"Cannot find the schema '{node.target[-1]}'.")
        target = found[0]
    with changing(session, "CONTROL"):
        for user in node.users:
            _give(session, user, node, scope, target)
    session.instance.rights_changed()


def _give(
    session: Session, user: str, node: statements.Permission, scope: str, target: int
) -> None:
    db = session.db
    known = db.execute("SELECT 1 FROM meta_users WHERE name = ?", (user,)).fetchone()
    if known is None and user.lower() not in ("public", "guest"):
        raise _no_principal(user)
    for right in node.rights:
        key = (user, right, scope, target)
        if node.action == "REVOKE":
            db.execute(
                "DELETE FROM meta_rights WHERE user = ? AND right = ? AND scope = ? AND target = ?",
                key,
            )
        else:
            db.execute(
                "INSERT OR REPLACE INTO meta_rights VALUES (?,?,?,?,?)",
                (*key, int(node.action == "DENY")),
            )
