-- Takes back what "chartfeed preflight --sql center_07" did to DentalDB_07. Stop the capture first:
-- without change tracking its position is void.
--
-- Run it as a DBA; running it again changes nothing:
--   sqlcmd -S 127.0.0.1,1433 -d master -b -i THIS-FILE      (and -E, or -U, for yourself)
--
-- The extended properties whose names begin with "chartfeed did" say what that script did; what
-- they do not name was there before and stays. Change tracking of the database stays, too, while
-- somebody else's tables are tracked, and the login while another database prepared by such a
-- script uses it.
SET NOCOUNT ON;
SET XACT_ABORT ON;

USE [DentalDB_07];

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: role')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'chartfeed')
        AND EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'chartfeed_reader')
        ALTER ROLE [chartfeed_reader] DROP MEMBER [chartfeed];
    DROP ROLE IF EXISTS [chartfeed_reader];
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: role';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: user 29844bd8 chartfeed')
BEGIN
    DROP USER IF EXISTS [chartfeed];
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: user 29844bd8 chartfeed';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: tracking of 342f823e [ck].[LEISTUNG_8Y]')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables
        WHERE object_id = OBJECT_ID(N'[ck].[LEISTUNG_8Y]'))
        ALTER TABLE [ck].[LEISTUNG_8Y] DISABLE CHANGE_TRACKING;
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: tracking of 342f823e [ck].[LEISTUNG_8Y]';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: tracking of 6080c8c5 [ck].[KARTEI_8Y]')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables
        WHERE object_id = OBJECT_ID(N'[ck].[KARTEI_8Y]'))
        ALTER TABLE [ck].[KARTEI_8Y] DISABLE CHANGE_TRACKING;
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: tracking of 6080c8c5 [ck].[KARTEI_8Y]';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: tracking of fd4b14a6 [ck].[PATKASSE_8Y]')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables
        WHERE object_id = OBJECT_ID(N'[ck].[PATKASSE_8Y]'))
        ALTER TABLE [ck].[PATKASSE_8Y] DISABLE CHANGE_TRACKING;
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: tracking of fd4b14a6 [ck].[PATKASSE_8Y]';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: tracking of 49c8c0b0 [ck].[KASSEN_8Y]')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables
        WHERE object_id = OBJECT_ID(N'[ck].[KASSEN_8Y]'))
        ALTER TABLE [ck].[KASSEN_8Y] DISABLE CHANGE_TRACKING;
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: tracking of 49c8c0b0 [ck].[KASSEN_8Y]';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: snapshot isolation')
BEGIN
    ALTER DATABASE [DentalDB_07] SET ALLOW_SNAPSHOT_ISOLATION OFF;
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: snapshot isolation';
END;

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: change tracking')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.change_tracking_tables)
        PRINT N'Other tables are tracked; change tracking of the database stays.';
    ELSE
    BEGIN
        IF EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())
            ALTER DATABASE [DentalDB_07] SET CHANGE_TRACKING = OFF;
        EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: change tracking';
    END;
END;

USE [master];

IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed uses login 29844bd8 in 3eec0dad DentalDB_07')
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed uses login 29844bd8 in 3eec0dad DentalDB_07';
IF EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: login 29844bd8 chartfeed')
    AND NOT EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name LIKE N'chartfeed uses login 29844bd8 in %')
BEGIN
    IF EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'chartfeed')
        DROP LOGIN [chartfeed];
    EXEC sys.sp_dropextendedproperty @name = N'chartfeed did: login 29844bd8 chartfeed';
END;
PRINT N'DentalDB_07 is as it was before.';
