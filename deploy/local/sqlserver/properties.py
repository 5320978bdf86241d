"""Functions that ask about server, database and objects: OBJECT_ID, DB_NAME and so on."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import apsw

from deploy.local.sqlserver import change_tracking
from deploy.local.sqlserver.change_tracking.layout import is_in_mask
from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.storage import Table
from deploy.local.sqlserver.translation.cursor import Cursor

if TYPE_CHECKING:
    from deploy.local.sqlserver.engine_session import Session

_SERVER = {
    "productversion": "16.0.1000.6",
    "productmajorversion": "16",
    "productlevel": "RTM",
    "edition": "Developer Edition (64-bit)",
    "engineedition": "3",
    "servername": "CHARTFEED-STANDIN",
    "machinename": "CHARTFEED-STANDIN",
    "instancename": None,
    "collation": "Latin1_General_CI_AS",
    "isintegratedsecurityonly": "0",
    "isclustered": "0",
    "ishadrenabled": "0",
    "isfulltextinstalled": "0",
    "issingleuser": "0",
}


@lru_cache(maxsize=4096)
def _parts(name: str) -> tuple[str, ...] | None:
    """Return the parts of a name of up to four, None where it is none."""
    try:
        return Cursor(name).parts()
    except SqlError:
        return None


class Properties:
    """The answers for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def _table(self, name: str | None) -> Table | None:
        if name is None:
            return None
        parts = _parts(name)
        if parts is None:
            return None
        session = self._session
        if len(parts) == 3 and parts[0].lower() != session.database.lower():
            return None
        schema = parts[-2] if len(parts) > 1 and parts[-2] else session.default_schema
        return session.definitions.find(schema, parts[-1])

    def object_id(self, name: str | None, kind: str | None = None) -> int | None:
        table = self._table(name)
        if table is None:
            return self._constraint_id(name) if kind is None or kind.strip() != "U" else None
        if kind is not None and kind.strip().upper() != "U":
            return None
        return table.object_id

    def _constraint_id(self, name: str | None) -> int | None:
        if name is None:
            return None
        wanted = name.rpartition(".")[2].strip("[]").lower()
        for table in self._session.definitions.by_id.values():
            for index in table.indexes:
                if index.primary and index.name.lower() == wanted:
                    return table.object_id * 1000 + index.index_id
        return None

    def object_name(self, object_id: int | None, _database: int | None = None) -> str | None:
        table = self._session.definitions.by_id.get(object_id or 0)
        return None if table is None else table.name

    def object_schema_name(self, object_id: int | None, _: int | None = None) -> str | None:
        table = self._session.definitions.by_id.get(object_id or 0)
        return None if table is None else table.schema

    def schema_id(self, *name: str | None) -> int | None:
        wanted = name[0] if name else self._session.default_schema
        found = self._session.definitions.schemas.get((wanted or "").lower())
        return None if found is None else found[0]

    def schema_name(self, *schema_id: int | None) -> str | None:
        if not schema_id:
            return self._session.default_schema
        schemas = self._session.definitions.schemas.values()
        return next((name for number, name in schemas if number == schema_id[0]), None)

    def db_id(self, *name: str | None) -> int | None:
        if not name:
            return self._session.place.database_id
        return self._session.instance.database_id(name[0] or "")

    def db_name(self, *database_id: int | None) -> str | None:
        if not database_id:
            return self._session.database
        return self._session.instance.database_name(database_id[0])

    def col_name(self, object_id: int | None, column_id: int | None) -> str | None:
        table = self._session.definitions.by_id.get(object_id or 0)
        if table is None:
            return None
        return next((each.name for each in table.columns if each.column_id == column_id), None)

    def col_length(self, table_name: str | None, column_name: str | None) -> int | None:
        table = self._table(table_name)
        column = None if table is None else table.column(column_name or "")
        if column is None:
            return None
        length = column.type.length
        if length is None:
            raise Unsupported(f"COL_LENGTH of {column.type.name}")
        return length * 2 if length > 0 and column.type.name.startswith("n") else length

    def column_property(self, object_id: int | None, name: str | None, what: str) -> int | None:
        table = self._session.definitions.by_id.get(object_id or 0)
        column = None if table is None else table.column(name or "")
        if column is None:
            return None
        answers: dict[str, int | None] = {
            "allowsnull": int(column.nullable),
            "isidentity": int(column.identity is not None),
            "columnid": column.column_id,
            "precision": column.type.precision or column.type.length,
            "scale": column.type.scale,
            "iscomputed": 0,
        }
        if what.lower() not in answers:
            raise Unsupported(f"COLUMNPROPERTY {what}")
        return answers[what.lower()]

    def object_property(self, object_id: int | None, what: str) -> int | None:
        table = self._session.definitions.by_id.get(object_id or 0)
        if table is None:
            return None
        answers = {
            "istable": 1,
            "isusertable": 1,
            "isview": 0,
            "isprocedure": 0,
            "ismsshipped": 0,
            "tablehasprimarykey": int(table.primary_key is not None),
            "tablehasidentity": int(table.identity is not None),
            "tablehasclustindex": int(any(index.clustered for index in table.indexes)),
            "schemaid": table.schema_id,
        }
        if what.lower() not in answers:
            raise Unsupported(f"OBJECTPROPERTY {what}")
        return answers[what.lower()]

    def server_property(self, what: str | None) -> str | None:
        return _SERVER.get((what or "").lower())

    def database_property(self, name: str | None, what: str | None) -> str | None:
        database = self._session.instance.known(name or "")
        if database is None:
            return None
        answers = {
            "collation": "Latin1_General_CI_AS",
            "status": "OFFLINE" if database.offline else "ONLINE",
            "updateability": "READ_WRITE",
            "useraccess": "MULTI_USER",
            "recovery": "SIMPLE",
            "version": "957",
            "isautoclose": "0",
            "isautoshrink": "0",
        }
        return answers.get((what or "").lower())

    def has_permission(self, name: str | None, kind: str | None, right: str | None) -> int | None:
        session = self._session
        right = (right or "").upper()
        if kind is None or kind.upper() == "SERVER":
            return int(session.sysadmin)
        if kind.upper() == "DATABASE":
            if name is not None and name.strip("[]").lower() != session.database.lower():
                return (
                    None
                    if session.instance.known(name.strip("[]")) is None
                    else int(session.sysadmin)
                )
            return int(session.may(right, None))
        if kind.upper() == "OBJECT":
            table = self._table(name)
            return None if table is None else int(session.may(right, table.object_id))
        if kind.upper() == "SCHEMA":
            schema = session.definitions.schemas.get((name or "").strip("[]").lower())
            return None if schema is None else int(session.may(right, None, schema[0]))
        raise Unsupported(f"HAS_PERMS_BY_NAME of the class {kind}")

    def may_view_state(self) -> int:
        session = self._session
        return int(
            session.may("VIEW DATABASE STATE", None)
            or session.instance.has_server_right(session.login, "VIEW ANY DATABASE")
        )

    def in_server_role(self, role: str | None, *_: str | None) -> int | None:
        return int(self._session.sysadmin) if (role or "").lower() == "sysadmin" else 0

    def in_role(self, role: str | None, *_: str | None) -> int | None:
        if (role or "").lower() == "db_owner":
            return int(self._session.may("CONTROL", None))
        rows = self._session.db.execute(
            "SELECT 1 FROM meta_roles WHERE role = ? AND member = ?", (role, self._session.user)
        )
        return int(rows.fetchone() is not None)

    def has_access(self, name: str | None) -> int | None:
        return self._session.instance.may_enter(self._session, name or "")

    def identity(self, name: str | None) -> int | None:
        session = self._session
        table = self._table(name)
        if table is None or table.identity is None or table.identity.identity is None:
            return None
        from deploy.local.sqlserver.database import last_identity  # noqa: PLC0415 - a cycle

        last = session.place.identities.get(table.object_id)
        if last is None:
            last = last_identity(session.db, session.definitions, table.object_id)
        return table.identity.identity[0] if last is None else last

    def identity_part(self, name: str | None, part: int) -> int | None:
        table = self._table(name)
        if table is None or table.identity is None or table.identity.identity is None:
            return None
        return table.identity.identity[part]

    def current_version(self) -> int | None:
        return change_tracking.current_version(self._session.db)

    def min_valid_version(self, object_id: int | None) -> int | None:
        session = self._session
        if object_id is None or not session.may("VIEW CHANGE TRACKING", object_id):
            return None
        return change_tracking.min_valid_version(session.db, object_id)

    def next_identity(self, object_id: int) -> int:
        session = self._session
        value = session.place.next_identity(session.db, session.definitions, object_id)
        session.identity = value
        return value

    def given_identity(self, object_id: int, value: int | None) -> int | None:
        session = self._session
        if value is not None:
            session.place.given_identity(session.db, session.definitions, object_id, value)
            session.identity = value
        return value

    def sessions(self) -> str:
        return json.dumps(self._session.instance.sessions.listed())


def _as_text(function: Callable[..., int | None]) -> Callable[..., str | None]:
    """Keep a numeric(38,0) as text."""

    def called(*arguments: Any) -> str | None:
        found = function(*arguments)
        return None if found is None else str(found)

    return called


def _type_name(type_id: int | None) -> str | None:
    names = {56: "int", 127: "bigint", 231: "nvarchar", 167: "varchar", 104: "bit", 40: "date"}
    if type_id not in names:
        raise Unsupported("TYPE_NAME of this type")
    return names[type_id]


def register(db: apsw.Connection, session: Session) -> None:
    """Let the connection's SQL ask this session."""
    ask = Properties(session)
    functions: dict[str, Callable[..., Any]] = {
        "OBJECT_ID": ask.object_id,
        "OBJECT_NAME": ask.object_name,
        "OBJECT_SCHEMA_NAME": ask.object_schema_name,
        "SCHEMA_ID": ask.schema_id,
        "SCHEMA_NAME": ask.schema_name,
        "DB_ID": ask.db_id,
        "DB_ID_": ask.db_id,
        "DB_NAME": ask.db_name,
        "COL_NAME": ask.col_name,
        "COL_LENGTH": ask.col_length,
        "COLUMNPROPERTY": ask.column_property,
        "OBJECTPROPERTY": ask.object_property,
        "OBJECTPROPERTYEX": ask.object_property,
        "SERVERPROPERTY": ask.server_property,
        "DATABASEPROPERTYEX": ask.database_property,
        "HAS_PERMS_BY_NAME": ask.has_permission,
        "HAS_DBACCESS": ask.has_access,
        "IS_SRVROLEMEMBER": ask.in_server_role,
        "IS_MEMBER": ask.in_role,
        "IS_ROLEMEMBER": ask.in_role,
        "SUSER_ID": lambda *_: 1 if session.sysadmin else 256,
        "SUSER_NAME": lambda *_: session.login,
        "USER_ID": lambda *_: 1 if session.sysadmin else 5,
        "USER_NAME": lambda *_: session.user,
        "DATABASE_PRINCIPAL_ID": lambda *_: 1 if session.sysadmin else 5,
        "IDENT_CURRENT": _as_text(ask.identity),
        "IDENT_SEED": _as_text(lambda name: ask.identity_part(name, 0)),
        "IDENT_INCR": _as_text(lambda name: ask.identity_part(name, 1)),
        "SESSIONPROPERTY": lambda _: 1,
        "TYPE_NAME": _type_name,
        "CHANGE_TRACKING_CURRENT_VERSION": ask.current_version,
        "CHANGE_TRACKING_MIN_VALID_VERSION": ask.min_valid_version,
        "CHANGE_TRACKING_IS_COLUMN_IN_MASK": is_in_mask,
        "next_identity": ask.next_identity,
        "given_identity": ask.given_identity,
        "SESSIONS_": ask.sessions,
        "SEES_": session.sees,
        "MAY_VIEW_STATE_": ask.may_view_state,
    }
    for name, function in functions.items():
        db.create_scalar_function(name, function, -1)
