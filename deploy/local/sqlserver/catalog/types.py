"""SQL Server's types by name, number and size, as `sys.types` lists them."""

from __future__ import annotations

import apsw

from deploy.local.sqlserver.catalog.view import (
    BIT,
    DEFAULT_COLLATION,
    INT,
    NAME,
    SMALLINT,
    TINYINT,
    View,
    view,
)

# Name, system_type_id, user_type_id, max_length, precision, scale, and whether it is text.
_TYPES = (
    ("image", 34, 34, 16, 0, 0, 0),
    ("text", 35, 35, 16, 0, 0, 1),
    ("uniqueidentifier", 36, 36, 16, 0, 0, 0),
    ("date", 40, 40, 3, 10, 0, 0),
    ("time", 41, 41, 5, 16, 7, 0),
    ("datetime2", 42, 42, 8, 27, 7, 0),
    ("datetimeoffset", 43, 43, 10, 34, 7, 0),
    ("tinyint", 48, 48, 1, 3, 0, 0),
    ("smallint", 52, 52, 2, 5, 0, 0),
    ("int", 56, 56, 4, 10, 0, 0),
    ("smalldatetime", 58, 58, 4, 16, 0, 0),
    ("real", 59, 59, 4, 24, 0, 0),
    ("money", 60, 60, 8, 19, 4, 0),
    ("datetime", 61, 61, 8, 23, 3, 0),
    ("float", 62, 62, 8, 53, 0, 0),
    ("sql_variant", 98, 98, 8016, 0, 0, 0),
    ("ntext", 99, 99, 16, 0, 0, 1),
    ("bit", 104, 104, 1, 1, 0, 0),
    ("decimal", 106, 106, 17, 38, 38, 0),
    ("numeric", 108, 108, 17, 38, 38, 0),
    ("smallmoney", 122, 122, 4, 10, 4, 0),
    ("bigint", 127, 127, 8, 19, 0, 0),
    ("varbinary", 165, 165, 8000, 0, 0, 0),
    ("varchar", 167, 167, 8000, 0, 0, 1),
    ("binary", 173, 173, 8000, 0, 0, 0),
    ("char", 175, 175, 8000, 0, 0, 1),
    ("timestamp", 189, 189, 8, 0, 0, 0),
    ("nvarchar", 231, 231, 8000, 0, 0, 1),
    ("sysname", 231, 256, 256, 0, 0, 1),
    ("nchar", 239, 239, 8000, 0, 0, 1),
    ("xml", 241, 241, -1, 0, 0, 0),
)

MAX_LENGTH = """CASE
 WHEN c.length < 0 THEN -1
 WHEN c.type IN ('nchar', 'nvarchar') THEN 2 * coalesce(c.length, 1)
 WHEN c.type IN ('decimal', 'numeric') THEN CASE WHEN coalesce(c.precision, 18) <= 9 THEN 5
  WHEN coalesce(c.precision, 18) <= 19 THEN 9 WHEN c.precision <= 28 THEN 13 ELSE 17 END
 WHEN c.type IN ('time', 'datetime2', 'datetimeoffset') THEN k.max_length
  - CASE WHEN coalesce(c.scale, 7) <= 2 THEN 2 WHEN c.scale <= 4 THEN 1 ELSE 0 END
 ELSE coalesce(c.length, k.max_length) END"""
"""The bytes of a column `c` of type `k`, -1 for max."""

SCALE = "coalesce(c.scale, CASE WHEN c.type IN ('decimal', 'numeric') THEN 0 ELSE k.scale END)"

PRECISION = f"""CASE
 WHEN c.type IN ('decimal', 'numeric') THEN coalesce(c.precision, 18)
 WHEN c.type IN ('time', 'datetime2', 'datetimeoffset') THEN k.precision - 7 + {SCALE}
  - ({SCALE} = 0)
 ELSE k.precision END"""

TYPES: View = view(
    "catalog_types AS k",
    ("name", NAME, "k.name"),
    ("system_type_id", TINYINT, "k.system_type_id"),
    ("user_type_id", INT, "k.user_type_id"),
    ("schema_id", INT, "4"),
    ("principal_id", INT, "NULL"),
    ("max_length", SMALLINT, "k.max_length"),
    ("precision", TINYINT, "k.precision"),
    ("scale", TINYINT, "k.scale"),
    ("collation_name", NAME, f"CASE WHEN k.is_text THEN '{DEFAULT_COLLATION}' END"),
    ("is_nullable", BIT, "k.name <> 'sysname'"),
    ("is_user_defined", BIT, "0"),
    ("is_assembly_type", BIT, "0"),
    ("default_object_id", INT, "0"),
    ("rule_object_id", INT, "0"),
    ("is_table_type", BIT, "0"),
)


def create_layout(db: apsw.Connection) -> None:
    """Create the catalog's own table in a new database: the types."""
    db.execute(
        "CREATE TABLE catalog_types(name TEXT PRIMARY KEY, system_type_id INT, user_type_id INT,"
        " max_length INT, precision INT, scale INT, is_text INT)"
    )
    db.executemany("INSERT INTO catalog_types VALUES (?, ?, ?, ?, ?, ?, ?)", _TYPES)
