"""What the session and its database are asked for: names, types, and how many arguments."""

from __future__ import annotations

from collections.abc import Mapping

from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import BIGINT, INT

SYSNAME = SqlType("nvarchar", length=128)
_DATETIME = SqlType("datetime")
_DATETIME2 = SqlType("datetime2", scale=7)
_OFFSET = SqlType("datetimeoffset", scale=7)

# Functions that ask the session or its database: arguments go to SQLite as they are.
ASKING: Mapping[str, tuple[SqlType, int, int]] = {
    "OBJECT_ID": (INT, 1, 2),
    "OBJECT_NAME": (SYSNAME, 1, 2),
    "OBJECT_SCHEMA_NAME": (SYSNAME, 1, 2),
    "SCHEMA_ID": (INT, 0, 1),
    "SCHEMA_NAME": (SYSNAME, 0, 1),
    "DB_ID": (SqlType("smallint"), 0, 1),
    "DB_NAME": (SYSNAME, 0, 1),
    "COL_NAME": (SYSNAME, 2, 2),
    "COL_LENGTH": (SqlType("smallint"), 2, 2),
    "COLUMNPROPERTY": (INT, 3, 3),
    "OBJECTPROPERTY": (INT, 2, 2),
    "OBJECTPROPERTYEX": (INT, 2, 2),
    "SERVERPROPERTY": (SqlType("nvarchar", length=256), 1, 1),
    "DATABASEPROPERTYEX": (SqlType("nvarchar", length=256), 2, 2),
    "HAS_PERMS_BY_NAME": (INT, 3, 3),
    "HAS_DBACCESS": (INT, 1, 1),
    "IS_SRVROLEMEMBER": (INT, 1, 2),
    "IS_MEMBER": (INT, 1, 1),
    "IS_ROLEMEMBER": (INT, 1, 2),
    "SUSER_ID": (INT, 0, 1),
    "SUSER_NAME": (SYSNAME, 0, 1),
    "USER_ID": (INT, 0, 1),
    "USER_NAME": (SYSNAME, 0, 1),
    "DATABASE_PRINCIPAL_ID": (INT, 0, 1),
    "IDENT_CURRENT": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "IDENT_SEED": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "IDENT_INCR": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "SESSIONPROPERTY": (INT, 1, 1),
    "CHANGE_TRACKING_CURRENT_VERSION": (BIGINT, 0, 0),
    "CHANGE_TRACKING_MIN_VALID_VERSION": (BIGINT, 1, 1),
    "CHANGE_TRACKING_IS_COLUMN_IN_MASK": (SqlType("bit"), 2, 2),
    "TYPE_NAME": (SYSNAME, 1, 1),
    "TYPE_ID": (INT, 1, 1),
}
# Values that are the session's, the same for all rows of a statement.
SESSION: Mapping[str, tuple[SqlType, bool]] = {
    "GETDATE": (_DATETIME, False),
    "CURRENT_TIMESTAMP": (_DATETIME, False),
    "GETUTCDATE": (_DATETIME, False),
    "SYSDATETIME": (_DATETIME2, False),
    "SYSUTCDATETIME": (_DATETIME2, False),
    "SYSDATETIMEOFFSET": (_OFFSET, False),
    "SCOPE_IDENTITY": (SqlType("numeric", precision=38, scale=0), True),
    "XACT_STATE": (SqlType("smallint"), False),
    "CURRENT_TRANSACTION_ID": (BIGINT, False),
    "SUSER_SNAME": (SYSNAME, True),
    "ORIGINAL_LOGIN": (SYSNAME, False),
    "CURRENT_USER": (SYSNAME, False),
    "HOST_NAME": (SYSNAME, True),
    "APP_NAME": (SYSNAME, True),
    "ERROR_NUMBER": (INT, True),
    "ERROR_MESSAGE": (SqlType("nvarchar", length=4000), True),
    "ERROR_SEVERITY": (INT, True),
    "ERROR_STATE": (INT, True),
    "ERROR_LINE": (INT, True),
    "ERROR_PROCEDURE": (SYSNAME, True),
    "ROWCOUNT_BIG": (BIGINT, False),
}
