"""A database of the stand-in on one connection, without an engine: tables, and transactions."""

from __future__ import annotations

import json
from collections.abc import Sequence

import apsw

from deploy.local.sqlserver import catalog, change_tracking, collation, storage
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.storage import Index, StoredColumn, Table

INT = SqlType("int")
FIRST_TABLE = 100000

_MASTER = """
ATTACH ':memory:' AS master_;
CREATE TABLE master_.databases(database_id INT, name TEXT, state TEXT, created REAL,
  snapshot_isolation INT, ct_on INT, ct_retention_seconds INT, ct_auto_cleanup INT,
  family_guid TEXT, recovery_fork_guid TEXT);
INSERT INTO master_.databases VALUES
  (1, 'master', 'ONLINE', 0, 0, 0, 172800, 1, 'F-1', 'R-1'),
  (5, 'Praxis', 'ONLINE', 86400, 1, 1, 172800, 1, 'F-5', 'R-5'),
  (6, 'Stunden', 'OFFLINE', 86400.5, 0, 1, 7200, 0, 'F-6', 'R-6');
CREATE TABLE master_.logins(name TEXT PRIMARY KEY, salt BLOB, hash BLOB, sysadmin INT);
INSERT INTO master_.logins VALUES ('sa', x'', x'', 1);
"""


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class Database:
    """A database with change tracking on, and statements that run as transactions."""

    def __init__(self, *, tracked: bool = True) -> None:
        self.db = apsw.Connection(":memory:")
        self.clock = Clock()
        collation.register(self.db)
        self.db.execute(_MASTER)
        self.db.execute(storage.LAYOUT)
        self.db.create_scalar_function("DB_ID_", lambda *_: 5, 0)
        change_tracking.create_layout(self.db)
        change_tracking.prepare(self.db)
        catalog.create_layout(self.db)
        catalog.prepare(self.db)
        self.db.execute("INSERT INTO meta_options VALUES ('property:seen', 'yes')")
        if tracked:
            change_tracking.enable_database(self.db, 172800, auto_cleanup=True)

    def table(
        self,
        *columns: StoredColumn,
        key: Sequence[int] = (1,),
        name: str = "KARTEI",
        tracked: bool = True,
        track_columns: bool = False,
    ) -> int:
        """Create a table, by default `(c1 int primary key, c2 int)`, and return its number."""
        found = self.db.execute("SELECT max(object_id) FROM meta_tables").get
        object_id = FIRST_TABLE if found is None else int(found) + 1
        columns = columns or (a_column(1, "ID", nullable=False), a_column(2, "WERT"))
        indexes = (Index(1, f"PK_{name}", True, True, True, tuple(key)),) if key else ()  # noqa: FBT003 - primary, unique, clustered
        table = Table(object_id, 1, "dbo", name, columns, indexes)
        self.db.execute(storage.table_sql(table, table.sql))
        self.db.execute(
            "INSERT INTO meta_tables VALUES (?, 1, ?, 0, 0, ?, NULL)",
            (object_id, name, len(columns) + 1),
        )
        for ordinal, column in enumerate(columns, 1):
            kind = column.type
            seed, increment = column.identity or (None, None)
            self.db.execute(
                "INSERT INTO meta_columns VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(object_id, column.column_id, ordinal, column.name, kind.name, kind.length),
                    *(kind.precision, kind.scale, int(column.nullable), column.collation),
                    *(seed, increment, column.default_name, column.default_sql),
                ),
            )
        for index in indexes:
            self.db.execute(
                "INSERT INTO meta_indexes VALUES (?, ?, ?, 1, 1, 1, ?)",
                (object_id, index.index_id, index.name, json.dumps(index.columns)),
            )
        if tracked:
            change_tracking.enable_table(self.db, object_id, track_columns)
        return object_id

    def commit(self, *statements: str, context: bytes | None = None) -> int | None:
        """Run statements as one transaction and return its version."""
        self.db.execute("BEGIN IMMEDIATE")
        for statement in statements:
            self.db.execute(statement)
        return self.commit_open(context)

    def commit_open(self, context: bytes | None = None) -> int | None:
        """Commit the transaction that is open and return its version."""
        version = change_tracking.stamp(self.db, context, clock=self.clock)
        self.db.execute("COMMIT")
        return version

    def track(self, object_id: int) -> None:
        change_tracking.enable_table(self.db, object_id)

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        return [tuple(row) for row in self.db.execute(sql, values)]

    def changes(self, object_id: int, since: int | None) -> list[tuple[object, ...]]:
        """Return operation, version, creation version and key of each net change, by key."""
        source = change_tracking.changes_sql(self.db, object_id, "?1")
        keys = ", ".join(source.outputs[5:])
        return self.rows(
            f"SELECT SYS_CHANGE_OPERATION, SYS_CHANGE_VERSION, SYS_CHANGE_CREATION_VERSION, {keys}"
            f" FROM ({source.sql}) ORDER BY {keys}",
            since,
        )


def a_column(
    column_id: int,
    name: str,
    kind: SqlType = INT,
    *,
    nullable: bool = True,
    identity: tuple[int, int] | None = None,
    collation: str | None = None,
    default: tuple[str, str] | None = None,
) -> StoredColumn:
    default_name, default_sql = default or (None, None)
    return StoredColumn(
        column_id, name, kind, nullable, collation, identity, default_name, default_sql
    )
