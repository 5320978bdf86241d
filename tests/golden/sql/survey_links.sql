SELECT 0 AS question, COUNT(*) AS asked, SUM(h.hit) AS found
FROM (
  SELECT CASE WHEN EXISTS (
    SELECT 1 FROM [ck].[PATIENT] AS p
    WHERE CONVERT(nvarchar(64), p.[ID]) = v.value) THEN 1 ELSE 0 END AS hit
  FROM (
    SELECT TOP (500) CONVERT(nvarchar(64), [PATNR 'ä']) AS value
    FROM [ck].[KARTEI]]; DROP TABLE x --]
    WHERE [PATNR 'ä'] IS NOT NULL
    ORDER BY [ID] DESC) AS v) AS h
UNION ALL
SELECT 1 AS question, COUNT(*) AS asked, SUM(h.hit) AS found
FROM (
  SELECT CASE WHEN EXISTS (
    SELECT 1 FROM [ck].[PATIENT] AS p
    WHERE CONVERT(nvarchar(64), p.[ID]) = v.value) THEN 1 ELSE 0 END AS hit
  FROM (
    SELECT TOP (500) CONVERT(nvarchar(64), [PATNR 'ä']) AS value
    FROM [ck].[KARTEI]]; DROP TABLE x --]
    WHERE [PATNR 'ä'] IS NOT NULL
    ORDER BY [ID] DESC) AS v) AS h
