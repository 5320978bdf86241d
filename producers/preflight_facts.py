"""What a look at a center's database tells, before anything is read of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from producers import canonical, drift, statements, survey
from producers.quoting import name as quoted

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyodbc

    from producers.catalog import Catalog
    from producers.mapping import Mapping

__all__ = ["DATABASE", "TABLE", "DatabaseFacts", "Facts", "TableFacts", "look"]

DATABASE: Final = """\
SELECT SYSUTCDATETIME();
SELECT d.snapshot_isolation_state,
  (SELECT COUNT(*) FROM sys.database_recovery_status AS r WHERE r.database_id = d.database_id),
  c.retention_period, c.retention_period_units_desc, c.is_auto_cleanup_on
FROM sys.databases AS d
LEFT JOIN sys.change_tracking_databases AS c ON c.database_id = d.database_id
WHERE d.database_id = DB_ID();
"""
TABLE: Final = """\
SELECT (SELECT COUNT(*) FROM sys.tables AS t WHERE t.object_id = OBJECT_ID(?)),
  HAS_PERMS_BY_NAME(?, 'OBJECT', 'SELECT'),
  HAS_PERMS_BY_NAME(?, 'OBJECT', 'VIEW CHANGE TRACKING'),
  (SELECT COUNT(*) FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?));
"""
SCHEMA: Final = "SELECT HAS_PERMS_BY_NAME(?, 'SCHEMA', 'SELECT');"
ON: Final = 1


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What holds for the database as a whole; `retention` is None where nothing is tracked."""

    snapshots: bool
    sees_identity: bool
    retention: timedelta | None
    auto_cleanup: bool
    skew: timedelta


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What holds for one table; one that is not there can't be told from one not to be seen."""

    is_seen: bool
    may_select: bool
    may_view_changes: bool
    is_tracked: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """All of it; what needs the tables' names is None while there is no mapping."""

    database: DatabaseFacts
    tables: dict[str, TableFacts] | None = None
    catalog: Catalog | None = None
    reads_whole_schema: bool = False


def look(
    connection: pyodbc.Connection,
    center: str,
    mapping: Mapping | None,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Facts:
    """Ask the catalog, and no table: what is missing must not fail a statement."""
    before = now()
    ((clock,),), ((snapshots, identity, *tracking),) = survey.fetch(connection, center, DATABASE)
    middle = before + (now() - before) / 2
    amount, unit, cleanup = tracking
    database = DatabaseFacts(
        snapshots=snapshots == ON,
        sees_identity=bool(identity),
        retention=None if amount is None else timedelta(**{unit.lower(): amount}),
        auto_cleanup=bool(cleanup),
        skew=clock.replace(tzinfo=UTC) - middle,
    )
    if mapping is None:
        return Facts(database)
    ((wide,),) = survey.fetch(connection, center, SCHEMA, quoted(mapping.schema_name()))[0]
    return Facts(
        database,
        {table: _table(connection, mapping, table) for table in canonical.TABLES},
        drift.live(connection, mapping),
        reads_whole_schema=bool(wide),
    )


def _table(connection: pyodbc.Connection, mapping: Mapping, table: str) -> TableFacts:
    name = statements.table(mapping, table)
    (row,) = survey.fetch(connection, mapping.center, TABLE, *[name] * 4)[0]
    seen, select, changes, tracked = row
    return TableFacts(bool(seen), bool(select), bool(changes), bool(tracked))
