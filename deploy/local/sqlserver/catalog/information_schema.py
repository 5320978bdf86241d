"""The views of INFORMATION_SCHEMA."""

from __future__ import annotations

from deploy.local.sqlserver.catalog.types import MAX_LENGTH, PRECISION, SCALE
from deploy.local.sqlserver.catalog.view import (
    CATALOG_NAME,
    DEFAULT_COLLATION,
    INT,
    LONG,
    NAME,
    SMALLINT,
    TINYINT,
    View,
    constants,
    view,
)
from deploy.local.sqlserver.results import SqlType

_WORD = SqlType("varchar", 11)
_TABLE = "meta_tables AS t JOIN meta_schemas AS s USING (schema_id)"
_KEY = f"{_TABLE} JOIN meta_indexes AS i USING (object_id)"
_EXACT = "('tinyint', 'smallint', 'int', 'bigint', 'decimal', 'numeric', 'money', 'smallmoney')"
_MOMENTS = "('date', 'time', 'datetime', 'datetime2', 'datetimeoffset', 'smalldatetime')"

_NAMES = (
    ("TABLE_CATALOG", NAME, CATALOG_NAME),
    ("TABLE_SCHEMA", NAME, "s.name"),
    ("TABLE_NAME", NAME, "t.name"),
)
_CONSTRAINT = (
    ("CONSTRAINT_CATALOG", NAME, CATALOG_NAME),
    ("CONSTRAINT_SCHEMA", NAME, "s.name"),
    ("CONSTRAINT_NAME", NAME, "i.name"),
)
_LENGTH = (
    "CASE WHEN c.type IN ('text', 'image') THEN 2147483647 WHEN c.type = 'ntext' THEN 1073741823"
    " WHEN k.is_text OR c.type IN ('binary', 'varbinary') THEN coalesce(c.length, 1) END"
)
_OCTETS = (
    "CASE WHEN c.type IN ('text', 'image') THEN 2147483647 WHEN c.type = 'ntext' THEN 2147483646"
    f" WHEN k.is_text OR c.type IN ('binary', 'varbinary') THEN {MAX_LENGTH} END"
)
_CHARSET = (
    "CASE WHEN c.type IN ('nchar', 'nvarchar', 'ntext') THEN 'UNICODE'"
    " WHEN k.is_text THEN 'iso_1' END"
)

VIEWS: dict[tuple[str, str], View] = {
    ("information_schema", "schemata"): view(
        "meta_schemas AS s",
        ("CATALOG_NAME", NAME, CATALOG_NAME),
        ("SCHEMA_NAME", NAME, "s.name"),
        ("SCHEMA_OWNER", NAME, "CASE WHEN s.schema_id IN (3, 4) THEN s.name ELSE 'dbo' END"),
        *constants(SqlType("varchar", 6), "NULL", "DEFAULT_CHARACTER_SET_CATALOG"),
        *constants(SqlType("varchar", 3), "NULL", "DEFAULT_CHARACTER_SET_SCHEMA"),
        ("DEFAULT_CHARACTER_SET_NAME", NAME, "'iso_1'"),
    ),
    ("information_schema", "tables"): view(
        f"{_TABLE} WHERE MAY_SEE_(t.object_id)",
        *_NAMES,
        ("TABLE_TYPE", SqlType("varchar", 10), "'BASE TABLE'"),
    ),
    ("information_schema", "columns"): view(
        f"{_TABLE} CROSS JOIN meta_columns AS c USING (object_id)"
        " LEFT JOIN catalog_types AS k ON k.name = c.type WHERE MAY_SEE_(t.object_id)",
        *_NAMES,
        ("COLUMN_NAME", NAME, "c.name"),
        ("ORDINAL_POSITION", INT, "c.ordinal"),
        ("COLUMN_DEFAULT", LONG, "'(' || c.default_sql || ')'"),
        ("IS_NULLABLE", SqlType("varchar", 3), "CASE WHEN c.nullable THEN 'YES' ELSE 'NO' END"),
        ("DATA_TYPE", NAME, "c.type"),
        ("CHARACTER_MAXIMUM_LENGTH", INT, _LENGTH),
        ("CHARACTER_OCTET_LENGTH", INT, _OCTETS),
        (
            "NUMERIC_PRECISION",
            TINYINT,
            f"CASE WHEN c.type IN {_EXACT} OR c.type IN ('float', 'real') THEN {PRECISION} END",
        ),
        (
            "NUMERIC_PRECISION_RADIX",
            SMALLINT,
            f"CASE WHEN c.type IN {_EXACT} THEN 10 WHEN c.type IN ('float', 'real') THEN 2 END",
        ),
        ("NUMERIC_SCALE", INT, f"CASE WHEN c.type IN {_EXACT} THEN {SCALE} END"),
        ("DATETIME_PRECISION", SMALLINT, f"CASE WHEN c.type IN {_MOMENTS} THEN {SCALE} END"),
        *constants(NAME, "NULL", "CHARACTER_SET_CATALOG", "CHARACTER_SET_SCHEMA"),
        ("CHARACTER_SET_NAME", NAME, _CHARSET),
        *constants(NAME, "NULL", "COLLATION_CATALOG", "COLLATION_SCHEMA"),
        (
            "COLLATION_NAME",
            NAME,
            f"CASE WHEN k.is_text THEN coalesce(c.collation, '{DEFAULT_COLLATION}') END",
        ),
        *constants(NAME, "NULL", "DOMAIN_CATALOG", "DOMAIN_SCHEMA", "DOMAIN_NAME"),
    ),
    ("information_schema", "table_constraints"): view(
        f"{_KEY} WHERE i.is_primary AND MAY_SEE_(t.object_id)",
        *_CONSTRAINT,
        *_NAMES,
        ("CONSTRAINT_TYPE", _WORD, "'PRIMARY KEY'"),
        ("IS_DEFERRABLE", SqlType("varchar", 2), "'NO'"),
        ("INITIALLY_DEFERRED", SqlType("varchar", 2), "'NO'"),
    ),
    ("information_schema", "key_column_usage"): view(
        f"{_KEY} JOIN json_each(i.columns) AS e JOIN meta_columns AS c"
        " ON c.object_id = i.object_id AND c.column_id = e.value"
        " WHERE i.is_primary AND MAY_SEE_(t.object_id)",
        *_CONSTRAINT,
        *_NAMES,
        ("COLUMN_NAME", NAME, "c.name"),
        ("ORDINAL_POSITION", INT, "e.key + 1"),
    ),
}
