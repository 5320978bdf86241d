"""Statements about databases, logins, users and rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from deploy.local.sqlserver.translation.statements.tables import Parts
from deploy.local.sqlserver.translation.syntax import Expression


@dataclass(frozen=True, slots=True)
class CreateDatabase:
    name: str
    collation: str | None = None


@dataclass(frozen=True, slots=True)
class DropDatabase:
    names: tuple[str, ...]
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AlterDatabase:
    """`option` is one of the words parsed in databases.py, `value` what belongs to it."""

    name: str | None
    option: str
    value: object = None


@dataclass(frozen=True, slots=True)
class CreateLogin:
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class AlterLogin:
    name: str
    password: str


@dataclass(frozen=True, slots=True)
class DropLogin:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class CreateUser:
    name: str
    login: str


@dataclass(frozen=True, slots=True)
class DropUser:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class CreateRole:
    name: str


@dataclass(frozen=True, slots=True)
class DropRole:
    name: str
    if_exists: bool


@dataclass(frozen=True, slots=True)
class AlterRole:
    role: str
    member: str
    add: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """`action` is GRANT, REVOKE or DENY; `scope` is OBJECT, SCHEMA, DATABASE or SERVER."""

    action: str
    rights: tuple[str, ...]
    scope: str
    target: Parts
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    database: str


@dataclass(frozen=True, slots=True)
class Kill:
    spid: int


@dataclass(frozen=True, slots=True)
class Backup:
    database: str
    path: Expression


@dataclass(frozen=True, slots=True)
class Restore:
    database: str
    path: Expression
    replace: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    pass


DatabaseStatement: TypeAlias = (
    CreateDatabase
    | DropDatabase
    | AlterDatabase
    | CreateLogin
    | AlterLogin
    | DropLogin
    | CreateUser
    | DropUser
    | CreateRole
    | DropRole
    | AlterRole
    | Permission
    | Use
    | Kill
    | Backup
    | Restore
    | Checkpoint
)
