"""Every statement of the capture, built from a center's mapping.

The texts are stable, so that the server prepares each once; what varies is bound. They are
kept for an example mapping under tests/golden/sql.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from producers import quoting
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
    "read",
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

    Nothing committed before that clock can have a version above the one that follows. The tables
    are named in the text: what is bound would make the driver prepare it anew at every poll.
    """
    return Statement("\n".join([*_clock(mapping), ""]))


def read(mapping: Mapping) -> Statement:
    """Give the batch that is one read of a center: in one snapshot its clock, then all changes.

    A poll's changes are few, so the trips to the server would be most of its time. What ends with
    the batch is the transaction; the isolation level is the batch's alone.
    """
    return Statement(
        "\n".join(
            [
                "SET NOCOUNT ON;",
                "SET TRANSACTION ISOLATION LEVEL SNAPSHOT;",
                "BEGIN TRANSACTION;",
                "DECLARE @since bigint = ?;",
                *_clock(mapping),
                *_changes(mapping, "@since"),
                "COMMIT TRANSACTION;",
                "",
            ]
        )
    )


def changes(mapping: Mapping) -> Statement:
    """Give the batch that reads what changed above one version and up to another, table by table.

    It is for a snapshot that is open already.
    """
    return Statement("\n".join([*_changes(mapping, "?", upto="?"), ""]))


def _clock(mapping: Mapping) -> list[str]:
    names = [f"@{name} int = OBJECT_ID({quoting.text(table(mapping, name))})" for name in TRACKED]
    begun = "SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id ="
    facts = [
        f"  @{name},\n  ({begun} @{name}),\n  CHANGE_TRACKING_MIN_VALID_VERSION(@{name})"
        for name in TRACKED
    ]
    return [
        "DECLARE @at datetime2 = SYSUTCDATETIME();",
        "DECLARE " + ",\n  ".join(names) + ";",
        "SELECT @at, CHANGE_TRACKING_CURRENT_VERSION(),",
        ",\n".join(facts) + ";",
    ]


def _changes(mapping: Mapping, since: str, upto: str | None = None) -> list[str]:
    # Deletes come first inside a version: another row may have taken over a deleted row's id.
    lines: list[str] = []
    for name in TRACKED:
        id_ = column(mapping, name, "ID")
        where = table(mapping, name)
        lines += [
            f"SELECT c.SYS_CHANGE_VERSION, c.SYS_CHANGE_OPERATION, c.{id_},",
            f"  {select_list(mapping, name, 't')}",
            f"FROM CHANGETABLE(CHANGES {where}, {since}) AS c",
            f"LEFT JOIN {where} AS t ON t.{id_} = c.{id_}",
            *([] if upto is None else [f"WHERE c.SYS_CHANGE_VERSION <= {upto}"]),
            "ORDER BY c.SYS_CHANGE_VERSION, c.SYS_CHANGE_OPERATION;",
        ]
    return lines


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
