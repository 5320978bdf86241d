SELECT SUM(p.rows)
FROM sys.partitions AS p
WHERE p.index_id IN (0, 1) AND p.object_id = OBJECT_ID(?);
