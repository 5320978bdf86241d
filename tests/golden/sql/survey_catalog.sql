SET NOCOUNT ON;
SELECT s.name, t.name, t.object_id
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
ORDER BY s.name, t.name;
SELECT y.user_type_id, y.name
FROM sys.types AS y
WHERE y.user_type_id = y.system_type_id
ORDER BY y.user_type_id;
SELECT c.object_id, c.name, c.system_type_id, c.max_length, c.[precision], c.scale, c.is_nullable
FROM sys.columns AS c
ORDER BY c.object_id, c.column_id;
SELECT i.object_id, c.name
FROM sys.indexes AS i
JOIN sys.index_columns AS x ON x.object_id = i.object_id AND x.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
WHERE i.is_primary_key = 1
ORDER BY i.object_id, x.key_ordinal;
SELECT p.object_id, SUM(p.rows)
FROM sys.partitions AS p
WHERE p.index_id IN (0, 1)
GROUP BY p.object_id;
