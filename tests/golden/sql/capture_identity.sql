SELECT r.family_guid, r.recovery_fork_guid, d.create_date
FROM sys.databases AS d
LEFT JOIN sys.database_recovery_status AS r ON r.database_id = d.database_id
WHERE d.database_id = DB_ID();
