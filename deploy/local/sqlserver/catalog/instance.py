"""The views over all databases of the instance, read from the attached `master_`."""

from __future__ import annotations

from deploy.local.sqlserver.catalog.view import (
    BIT,
    DATETIME,
    DEFAULT_COLLATION,
    GUID,
    INT,
    LETTER,
    NAME,
    SHORT,
    SID,
    SMALLINT,
    TINYINT,
    View,
    constants,
    moment,
    sid,
    view,
)
from deploy.local.sqlserver.results import SqlType

_UNIT = (
    "CASE WHEN d.ct_retention_seconds % 86400 = 0 THEN {days}"
    " WHEN d.ct_retention_seconds % 3600 = 0 THEN {hours} ELSE {minutes} END"
)
_DATABASES = "master_.databases AS d"

VIEWS: dict[tuple[str, str], View] = {
    ("sys", "databases"): view(
        _DATABASES,
        ("name", NAME, "d.name"),
        ("database_id", INT, "d.database_id"),
        ("source_database_id", INT, "NULL"),
        ("create_date", DATETIME, moment("d.created")),
        ("compatibility_level", TINYINT, "160"),
        ("collation_name", NAME, f"'{DEFAULT_COLLATION}'"),
        ("user_access", TINYINT, "0"),
        ("user_access_desc", SHORT, "'MULTI_USER'"),
        *constants(BIT, "0", "is_read_only", "is_auto_close_on", "is_auto_shrink_on"),
        ("state", TINYINT, "CASE WHEN d.state = 'ONLINE' THEN 0 ELSE 6 END"),
        ("state_desc", SHORT, "d.state"),
        ("is_in_standby", BIT, "0"),
        ("snapshot_isolation_state", TINYINT, "d.snapshot_isolation <> 0"),
        (
            "snapshot_isolation_state_desc",
            SHORT,
            "CASE WHEN d.snapshot_isolation THEN 'ON' ELSE 'OFF' END",
        ),
        ("is_read_committed_snapshot_on", BIT, "0"),
        ("recovery_model", TINYINT, "3"),
        ("recovery_model_desc", SHORT, "'SIMPLE'"),
        *constants(BIT, "0", "is_published", "is_cdc_enabled", "is_encrypted"),
    ),
    ("sys", "database_recovery_status"): view(
        _DATABASES,
        ("database_id", INT, "d.database_id"),
        ("database_guid", GUID, "d.family_guid"),
        ("family_guid", GUID, "d.family_guid"),
        ("last_log_backup_lsn", SqlType("numeric", None, 25, 0), "NULL"),
        ("recovery_fork_guid", GUID, "d.recovery_fork_guid"),
        ("first_recovery_fork_guid", GUID, "NULL"),
        ("fork_point_lsn", SqlType("numeric", None, 25, 0), "NULL"),
    ),
    ("sys", "change_tracking_databases"): view(
        f"{_DATABASES} WHERE d.ct_on",
        ("database_id", INT, "d.database_id"),
        ("is_auto_cleanup_on", BIT, "d.ct_auto_cleanup <> 0"),
        (
            "retention_period",
            INT,
            "d.ct_retention_seconds / " + _UNIT.format(days=86400, hours=3600, minutes=60),
        ),
        ("retention_period_units", TINYINT, _UNIT.format(days=3, hours=2, minutes=1)),
        (
            "retention_period_units_desc",
            SHORT,
            _UNIT.format(days="'DAYS'", hours="'HOURS'", minutes="'MINUTES'"),
        ),
    ),
    ("sys", "server_principals"): view(
        "master_.logins AS l",
        ("name", NAME, "l.name"),
        ("principal_id", INT, "l.rowid + 255"),
        ("sid", SID, sid("l.name")),
        ("type", LETTER, "'S'"),
        ("type_desc", SHORT, "'SQL_LOGIN'"),
        ("is_disabled", BIT, "0"),
    ),
    # SESSIONS_() gives a JSON list of objects, one for each login.
    ("sys", "dm_exec_sessions"): view(
        "json_each(SESSIONS_()) AS s",
        ("session_id", SMALLINT, "s.value ->> 'session_id'"),
        ("login_time", DATETIME, moment("s.value ->> 'login_time'")),
        ("host_name", NAME, "s.value ->> 'host_name'"),
        ("program_name", NAME, "s.value ->> 'program_name'"),
        ("login_name", NAME, "s.value ->> 'login_name'"),
        ("status", SqlType("nvarchar", 30), "s.value ->> 'status'"),
        ("is_user_process", BIT, "1"),
        ("database_id", SMALLINT, "s.value ->> 'database_id'"),
        ("open_transaction_count", INT, "s.value ->> 'open_transaction_count'"),
    ),
}
