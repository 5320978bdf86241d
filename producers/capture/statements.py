"""Every statement of the capture, built from a center's mapping.

The texts are stable, so that the server prepares each once; what varies is bound. They are
kept for an example mapping under tests/golden/sql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from producers.canonical import TRACKED
from producers.statements import Statement, column, select_list, table

if TYPE_CHECKING:
    from producers.mapping import Mapping

__all__ = [
    "BEGIN",
    "END",
    "IDENTITY",
    "RETENTION",
    "changes",
    "chunk",
    "clock",
    "ids",
    "rows_there",
]

BEGIN: Final = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION;"
END: Final = "COMMIT TRANSACTION; SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
# A login that may not see the first two still sees when the database was created.
IDENTITY: Final = """\
SELECT r.family_guid, r.recovery_fork_guid, d.create_date
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.database_id = DB_ID();
"""
RETENTION: Final = """\
SELECT c.retention_period, c.retention_period_units_desc
FROM sys.change_tracking_databases AS c
WHERE c.database_id = DB_ID();
"""


def clock(mapping: Mapping) -> Statement:
    """Give the cheap poll: the clock first, then the version and what each table is.

    Nothing committed before that clock can have a version above the one that follows.
    """
    lines = ["SELECT SYSUTCDATETIME();", "SELECT CHANGE_TRACKING_CURRENT_VERSION(),"]
    begun = "SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id ="
    names: list[str] = []
    for number, name in enumerate(TRACKED, 1):
        end = "," if number < len(TRACKED) else ";"
        lines += [
            "  OBJECT_ID(?),",
            f"  ({begun} OBJECT_ID(?)),",
            f"  CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?)){end}",
        ]
        names += [table(mapping, name)] * 3
    return Statement("\n".join([*lines, ""]), tuple(names))


def changes(mapping: Mapping) -> Statement:
    """Give the batch that reads what changed above one version and up to another, table by table.

    Deletes come first inside a version: another row may have taken over a deleted row's id.
    """
    lines: list[str] = []
    for name in TRACKED:
        id_ = column(mapping, name, "ID")
        where = table(mapping, name)
        lines += [
            f"SELECT c.SYS_CHANGE_VERSION, c.SYS_CHANGE_OPERATION, c.{id_},",
            f"  {select_list(mapping, name, 't')}",
            f"FROM CHANGETABLE(CHANGES {where}, ?) AS c",
            f"LEFT JOIN {where} AS t ON t.{id_} = c.{id_}",
            "WHERE c.SYS_CHANGE_VERSION <= ?",
            "ORDER BY c.SYS_CHANGE_VERSION, c.SYS_CHANGE_OPERATION;",
        ]
    return Statement("\n".join([*lines, ""]))


def chunk(mapping: Mapping, table_name: str, rows: int, *, first: bool) -> Statement:
    """Give the statement that reads a table's next rows in the order of its key."""
    id_ = column(mapping, table_name, "ID")
    lines = [
        f"SELECT TOP ({int(rows)}) {select_list(mapping, table_name, 't')}",
        f"FROM {table(mapping, table_name)} AS t",
    ]
    if not first:
        lines.append(f"WHERE t.{id_} > ?")
    return Statement("\n".join([*lines, f"ORDER BY t.{id_};", ""]))


def ids(mapping: Mapping, table_name: str) -> Statement:
    """Give the statement that reads every id of a table and whether its row is live."""
    columns = ["ID"] if table_name == "KASSEN" else ["ID", "DELKZ"]
    listed = ", ".join(f"t.{column(mapping, table_name, name)}" for name in columns)
    return Statement(f"SELECT {listed}\nFROM {table(mapping, table_name)} AS t;\n")


def rows_there(mapping: Mapping) -> Statement:
    """Give the statement that tells, from the catalog alone, how many rows the tables have."""
    marks = ", ".join("OBJECT_ID(?)" for _ in TRACKED)
    return Statement(
        "SELECT SUM(p.rows)\n"
        "FROM sys.partitions AS p\n"
        f"WHERE p.index_id IN (0, 1) AND p.object_id IN ({marks});\n",
        tuple(table(mapping, name) for name in TRACKED),
    )
