SELECT SYSUTCDATETIME();
SELECT CHANGE_TRACKING_CURRENT_VERSION(),
  OBJECT_ID(?),
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?)),
  CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?)),
  OBJECT_ID(?),
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?)),
  CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?)),
  OBJECT_ID(?),
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?)),
  CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?)),
  OBJECT_ID(?),
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = OBJECT_ID(?)),
  CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?));
