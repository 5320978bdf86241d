"""Change tracking of one database, on the SQLite connection that holds its tables.

Read `layout` (what is kept), `switching` (on and off), `recording` (triggers, and the version
given at commit), `net` (what CHANGETABLE shows), `validity` (which positions still hold).
Every function works inside the transaction that the caller has open.
"""

from deploy.local.sqlserver.change_tracking.layout import create_layout, prepare
from deploy.local.sqlserver.change_tracking.net import (
    Source,
    changes_sql,
    version_sql,
    versions_sql,
)
from deploy.local.sqlserver.change_tracking.recording import annotate, mark, stamp, untriggered
from deploy.local.sqlserver.change_tracking.switching import (
    check_key_drop,
    configure_database,
    disable_database,
    disable_table,
    enable_database,
    enable_table,
    table_dropped,
)
from deploy.local.sqlserver.change_tracking.validity import (
    age,
    cleanup,
    current_version,
    is_tracked,
    min_valid_version,
    table_truncated,
)

__all__ = [
    "Source",
    "age",
    "annotate",
    "changes_sql",
    "check_key_drop",
    "cleanup",
    "configure_database",
    "create_layout",
    "current_version",
    "disable_database",
    "disable_table",
    "enable_database",
    "enable_table",
    "is_tracked",
    "mark",
    "min_valid_version",
    "prepare",
    "stamp",
    "table_dropped",
    "table_truncated",
    "untriggered",
    "version_sql",
    "versions_sql",
]
