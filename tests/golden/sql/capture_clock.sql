DECLARE @at datetime2 = SYSUTCDATETIME();
DECLARE @KASSEN int = OBJECT_ID(N'[ck].[KASSEN_8Y]'),
  @PATKASSE int = OBJECT_ID(N'[ck].[PATKASSE_8Y]'),
  @KARTEI int = OBJECT_ID(N'[ck].[KARTEI_8Y]'),
  @LEISTUNG int = OBJECT_ID(N'[ck].[LEISTUNG_8Y]');
SELECT @at, CHANGE_TRACKING_CURRENT_VERSION(),
  @KASSEN,
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = @KASSEN),
  CHANGE_TRACKING_MIN_VALID_VERSION(@KASSEN),
  @PATKASSE,
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = @PATKASSE),
  CHANGE_TRACKING_MIN_VALID_VERSION(@PATKASSE),
  @KARTEI,
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = @KARTEI),
  CHANGE_TRACKING_MIN_VALID_VERSION(@KARTEI),
  @LEISTUNG,
  (SELECT c.begin_version FROM sys.change_tracking_tables AS c WHERE c.object_id = @LEISTUNG),
  CHANGE_TRACKING_MIN_VALID_VERSION(@LEISTUNG);
