SELECT c.retention_period, c.retention_period_units_desc
FROM sys.change_tracking_databases AS c
WHERE c.database_id = DB_ID();
