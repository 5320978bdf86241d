SELECT SYSUTCDATETIME();
SELECT d.snapshot_isolation_state,
  (SELECT COUNT(*) FROM sys.database_recovery_status AS r WHERE r.database_id = d.database_id),
  c.retention_period, c.retention_period_units_desc, c.is_auto_cleanup_on
FROM sys.databases AS d
LEFT JOIN sys.change_tracking_databases AS c ON c.database_id = d.database_id
WHERE d.database_id = DB_ID();
