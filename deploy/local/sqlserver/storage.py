"""Definitions of tables as the meta tables keep them, and the layout of a new database.

Users' names never reach SQLite: a table is `t<object_id>`, a column `c<column_id>`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import apsw

from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import EXACT, INTEGERS, TEXT

LAYOUT = """
CREATE TABLE meta_schemas(schema_id INTEGER PRIMARY KEY, name TEXT);
CREATE TABLE meta_tables(object_id INTEGER PRIMARY KEY, schema_id INT, name TEXT, created REAL,
  modified REAL, next_column_id INT, identity_last INT);
CREATE TABLE meta_columns(object_id INT, column_id INT, ordinal INT, name TEXT, type TEXT,
  length INT, precision INT, scale INT, nullable INT, collation TEXT, identity_seed INT,
  identity_increment INT, default_name TEXT, default_sql TEXT, PRIMARY KEY(object_id, column_id));
CREATE TABLE meta_indexes(object_id INT, index_id INT, name TEXT, is_primary INT, is_unique INT,
  clustered INT, columns TEXT, PRIMARY KEY(object_id, index_id));
CREATE TABLE meta_options(name TEXT PRIMARY KEY, value);
CREATE TABLE meta_users(name TEXT PRIMARY KEY COLLATE NOCASE, login TEXT);
CREATE TABLE meta_roles(role TEXT COLLATE NOCASE, member TEXT COLLATE NOCASE,
  PRIMARY KEY(role, member));
CREATE TABLE meta_rights(user TEXT COLLATE NOCASE, right TEXT, scope TEXT, target INT,
  denied INT, PRIMARY KEY(user, right, scope, target));
INSERT INTO meta_schemas VALUES (1, 'dbo'), (3, 'INFORMATION_SCHEMA'), (4, 'sys');
INSERT INTO meta_options VALUES ('next_object_id', 100000), ('next_schema_id', 5);
"""


@dataclass(frozen=True, slots=True)
class StoredColumn:
    column_id: int
    name: str
    type: SqlType
    nullable: bool
    collation: str | None = None
    identity: tuple[int, int] | None = None
    default_name: str | None = None
    default_sql: str | None = None

    @property
    def sql(self) -> str:
        return f"c{self.column_id}"


@dataclass(frozen=True, slots=True)
class Index:
    index_id: int
    name: str
    primary: bool
    unique: bool
    clustered: bool
    columns: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Table:
    object_id: int
    schema_id: int
    schema: str
    name: str
    columns: tuple[StoredColumn, ...]
    indexes: tuple[Index, ...]

    @property
    def sql(self) -> str:
        return f"t{self.object_id}"

    @property
    def primary_key(self) -> Index | None:
        return next((index for index in self.indexes if index.primary), None)

    @property
    def identity(self) -> StoredColumn | None:
        return next((column for column in self.columns if column.identity), None)

    def column(self, name: str) -> StoredColumn | None:
        wanted = name.lower()
        return next((column for column in self.columns if column.name.lower() == wanted), None)

    def by_id(self, column_id: int) -> StoredColumn:
        return next(column for column in self.columns if column.column_id == column_id)

    @property
    def rowid_key(self) -> StoredColumn | None:
        """The one whole-number key column, which SQLite keeps as the row's own number."""
        key = self.primary_key
        if key is None or len(key.columns) != 1:
            return None
        column = self.by_id(key.columns[0])
        return column if column.type.name in INTEGERS else None


_serial = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Definitions:
    """All schemas and tables of one database at one moment; never changed, only replaced."""

    schemas: Mapping[str, tuple[int, str]]
    tables: Mapping[tuple[str, str], Table]
    by_id: Mapping[int, Table]
    serial: int = field(default_factory=lambda: next(_serial))

    def find(self, schema: str, name: str) -> Table | None:
        return self.tables.get((schema.lower(), name.lower()))


def _columns(db: apsw.Connection, where: str) -> dict[int, list[StoredColumn]]:
    found: dict[int, list[StoredColumn]] = {}
    query = (
        "SELECT object_id, column_id, name, type, length, precision, scale, nullable, collation,"
        " identity_seed, identity_increment, default_name, default_sql FROM meta_columns "
        f"{where} ORDER BY object_id, ordinal"
    )
    for row in db.execute(query):
        (object_id, column_id, name, type_, length, precision, scale, nullable, collation) = row[:9]
        seed, increment, default_name, default_sql = row[9:]
        found.setdefault(object_id, []).append(
            StoredColumn(
                column_id,
                name,
                SqlType(type_, length, precision, scale),
                bool(nullable),
                collation,
                None if seed is None else (seed, increment),
                default_name,
                default_sql,
            )
        )
    return found


def _indexes(db: apsw.Connection, where: str) -> dict[int, list[Index]]:
    found: dict[int, list[Index]] = {}
    query = (
        "SELECT object_id, index_id, name, is_primary, is_unique, clustered, columns "
        f"FROM meta_indexes {where} ORDER BY object_id, index_id"
    )
    for object_id, index_id, name, primary, unique, clustered, columns in db.execute(query):
        index = Index(
            index_id, name, bool(primary), bool(unique), bool(clustered), tuple(json.loads(columns))
        )
        found.setdefault(object_id, []).append(index)
    return found


def _tables(db: apsw.Connection, where: str) -> list[Table]:
    columns = _columns(db, where)
    indexes = _indexes(db, where)
    query = (
        "SELECT object_id, schema_id, (SELECT s.name FROM meta_schemas s WHERE "
        f"s.schema_id = meta_tables.schema_id), name FROM meta_tables {where}"
    )
    return [
        Table(
            object_id,
            schema_id,
            schema,
            name,
            tuple(columns.get(object_id, ())),
            tuple(indexes.get(object_id, ())),
        )
        for object_id, schema_id, schema, name in db.execute(query)
    ]


def _schemas(db: apsw.Connection) -> dict[str, tuple[int, str]]:
    rows = db.execute("SELECT schema_id, name FROM meta_schemas")
    return {name.lower(): (schema_id, name) for schema_id, name in rows}


def load(db: apsw.Connection) -> Definitions:
    """Everything that is defined in a database."""
    tables = _tables(db, "")
    return Definitions(
        _schemas(db),
        {(table.schema.lower(), table.name.lower()): table for table in tables},
        {table.object_id: table for table in tables},
    )


def reload(db: apsw.Connection, known: Definitions, changed: Iterable[int]) -> Definitions:
    """Return the definitions after some tables, and perhaps schemas, have changed."""
    tables = dict(known.tables)
    by_id = dict(known.by_id)
    for object_id in changed:
        old = by_id.pop(object_id, None)
        if old is not None:
            del tables[old.schema.lower(), old.name.lower()]
        for table in _tables(db, f"WHERE object_id = {int(object_id)}"):
            tables[table.schema.lower(), table.name.lower()] = table
            by_id[object_id] = table
    return Definitions(_schemas(db), tables, by_id)


def collation(type_: SqlType, name: str | None) -> str:
    """Return the SQLite collation that values of a type are compared by."""
    if type_.name in TEXT:
        upper = (name or "").upper()
        if upper.endswith(("_BIN", "_BIN2")):
            return "BINARY"
        return "MSSQL_CS" if "_CS_" in upper else "MSSQL"
    if type_.name == "uniqueidentifier":
        return "GUID"
    return "DECIMAL" if type_.name in EXACT else "BINARY"


def column_sql(column: StoredColumn) -> str:
    """Return a column's declaration in SQLite, NOT NULL included."""
    type_ = column.type
    if type_.name in INTEGERS:
        kept = "INTEGER"
    elif type_.name in ("float", "real"):
        kept = "REAL"
    elif type_.name in ("binary", "varbinary"):
        kept = "BLOB"
    else:
        kept = "TEXT"
    sql = f"{column.sql} {kept}"
    if kept == "TEXT":
        sql += f" COLLATE {collation(type_, column.collation)}"
    return sql if column.nullable else f"{sql} NOT NULL"


def table_sql(table: Table, name: str) -> str:
    """CREATE TABLE of a table under a name of its own (a rebuilt one gets its name later)."""
    rowid = table.rowid_key
    parts = []
    for column in table.columns:
        primary = " PRIMARY KEY" if rowid is not None and column == rowid else ""
        parts.append(column_sql(column) + primary)
    key = table.primary_key
    if key is not None and rowid is None:
        parts.append(f"PRIMARY KEY ({', '.join(f'c{number}' for number in key.columns)})")
    return f"CREATE TABLE {name} ({', '.join(parts)})"


def index_sql(table: Table, index: Index) -> str:
    unique = "UNIQUE " if index.unique else ""
    columns = ", ".join(f"c{number}" for number in index.columns)
    return f"CREATE {unique}INDEX i{table.object_id}_{index.index_id} ON {table.sql} ({columns})"
