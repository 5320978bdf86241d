SELECT (SELECT COUNT(*) FROM sys.tables AS t WHERE t.object_id = OBJECT_ID(?)),
  HAS_PERMS_BY_NAME(?, 'OBJECT', 'SELECT'),
  HAS_PERMS_BY_NAME(?, 'OBJECT', 'VIEW CHANGE TRACKING'),
  (SELECT COUNT(*) FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?));
