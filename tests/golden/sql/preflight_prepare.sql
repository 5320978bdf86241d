-- Prepares DentalDB_07 for chartfeed: change tracking on four tables, snapshot isolation, and the
-- login chartfeed, which may read five tables and their changes and nothing else.
--
-- Run it as a DBA; running it again changes nothing. The password comes from the environment:
--   read -rs CHARTFEED_SQLSERVER_PASSWORD && export CHARTFEED_SQLSERVER_PASSWORD
--   sqlcmd -S 127.0.0.1,1433 -d master -b -i THIS-FILE      (and -E, or -U, for yourself)
-- In PowerShell: $env:CHARTFEED_SQLSERVER_PASSWORD = Read-Host -MaskInput
-- A single quote in the password is written twice. Where the login is there already, its password
-- stays, and the variable may hold anything.
--
-- ALLOW_SNAPSHOT_ISOLATION waits until transactions that are open now have ended.
--
-- What this script finds done it leaves as it is. What it does itself it notes in an extended
-- property whose name begins with "chartfeed did", of this database or, for the login, of master:
-- that is how the undo script (chartfeed preflight --sql center_07 --undo) knows.
SET NOCOUNT ON;
SET XACT_ABORT ON;

USE [master];
IF NOT EXISTS (SELECT 1 FROM sys.server_principals WHERE name = N'chartfeed')
BEGIN
    IF N'$(CHARTFEED_SQLSERVER_PASSWORD)' IN (N'', N'$' + N'(CHARTFEED_SQLSERVER_PASSWORD)')
        THROW 50000, N'CHARTFEED_SQLSERVER_PASSWORD is not set: see the head of this script.', 1;
    CREATE LOGIN [chartfeed] WITH PASSWORD = N'$(CHARTFEED_SQLSERVER_PASSWORD)';
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: login 29844bd8 chartfeed')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: login 29844bd8 chartfeed',
            @value = N'chartfeed';
END;
IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed uses login 29844bd8 in 3eec0dad DentalDB_07')
    EXEC sys.sp_addextendedproperty @name = N'chartfeed uses login 29844bd8 in 3eec0dad DentalDB_07',
        @value = N'DentalDB_07';

USE [DentalDB_07];

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())
BEGIN
    ALTER DATABASE [DentalDB_07] SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 2 DAYS, AUTO_CLEANUP = ON);
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: change tracking')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: change tracking',
            @value = N'of the database';
END;

IF EXISTS (SELECT 1 FROM sys.databases
    WHERE database_id = DB_ID() AND snapshot_isolation_state IN (0, 2))
BEGIN
    ALTER DATABASE [DentalDB_07] SET ALLOW_SNAPSHOT_ISOLATION ON;
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: snapshot isolation')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: snapshot isolation',
            @value = N'of the database';
END;

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables
    WHERE object_id = OBJECT_ID(N'[ck].[KASSEN_8Y]'))
BEGIN
    ALTER TABLE [ck].[KASSEN_8Y] ENABLE CHANGE_TRACKING;
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: tracking of 49c8c0b0 [ck].[KASSEN_8Y]')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: tracking of 49c8c0b0 [ck].[KASSEN_8Y]',
            @value = N'[ck].[KASSEN_8Y]';
END;

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables
    WHERE object_id = OBJECT_ID(N'[ck].[PATKASSE_8Y]'))
BEGIN
    ALTER TABLE [ck].[PATKASSE_8Y] ENABLE CHANGE_TRACKING;
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: tracking of fd4b14a6 [ck].[PATKASSE_8Y]')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: tracking of fd4b14a6 [ck].[PATKASSE_8Y]',
            @value = N'[ck].[PATKASSE_8Y]';
END;

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables
    WHERE object_id = OBJECT_ID(N'[ck].[KARTEI_8Y]'))
BEGIN
    ALTER TABLE [ck].[KARTEI_8Y] ENABLE CHANGE_TRACKING;
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: tracking of 6080c8c5 [ck].[KARTEI_8Y]')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: tracking of 6080c8c5 [ck].[KARTEI_8Y]',
            @value = N'[ck].[KARTEI_8Y]';
END;

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables
    WHERE object_id = OBJECT_ID(N'[ck].[LEISTUNG_8Y]'))
BEGIN
    ALTER TABLE [ck].[LEISTUNG_8Y] ENABLE CHANGE_TRACKING;
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: tracking of 342f823e [ck].[LEISTUNG_8Y]')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: tracking of 342f823e [ck].[LEISTUNG_8Y]',
            @value = N'[ck].[LEISTUNG_8Y]';
END;

IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'chartfeed')
BEGIN
    CREATE USER [chartfeed] FOR LOGIN [chartfeed];
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: user 29844bd8 chartfeed')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: user 29844bd8 chartfeed',
            @value = N'chartfeed';
END
ELSE IF NOT EXISTS (SELECT 1 FROM sys.database_principals AS d
    JOIN sys.server_principals AS s ON s.sid = d.sid
    WHERE d.name = N'chartfeed' AND s.name = N'chartfeed')
    THROW 50000, N'the user chartfeed is not that login''s: ALTER USER ... WITH LOGIN mends it', 1;

IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'chartfeed_reader')
BEGIN
    CREATE ROLE [chartfeed_reader];
    IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
        WHERE class = 0 AND name = N'chartfeed did: role')
        EXEC sys.sp_addextendedproperty @name = N'chartfeed did: role',
            @value = N'chartfeed_reader';
END
ELSE IF NOT EXISTS (SELECT 1 FROM sys.extended_properties
    WHERE class = 0 AND name = N'chartfeed did: role')
    THROW 50000, N'a role chartfeed_reader is there that no such script made', 1;
GRANT SELECT ON OBJECT::[ck].[PATIENT_8Y] TO [chartfeed_reader];
GRANT SELECT ON OBJECT::[ck].[KASSEN_8Y] TO [chartfeed_reader];
GRANT SELECT ON OBJECT::[ck].[PATKASSE_8Y] TO [chartfeed_reader];
GRANT SELECT ON OBJECT::[ck].[KARTEI_8Y] TO [chartfeed_reader];
GRANT SELECT ON OBJECT::[ck].[LEISTUNG_8Y] TO [chartfeed_reader];
GRANT VIEW CHANGE TRACKING ON OBJECT::[ck].[KASSEN_8Y] TO [chartfeed_reader];
GRANT VIEW CHANGE TRACKING ON OBJECT::[ck].[PATKASSE_8Y] TO [chartfeed_reader];
GRANT VIEW CHANGE TRACKING ON OBJECT::[ck].[KARTEI_8Y] TO [chartfeed_reader];
GRANT VIEW CHANGE TRACKING ON OBJECT::[ck].[LEISTUNG_8Y] TO [chartfeed_reader];
ALTER ROLE [chartfeed_reader] ADD MEMBER [chartfeed];
PRINT N'DentalDB_07 is ready for chartfeed.';
