SELECT w.number, c.name, y.name, c.max_length, c.[precision], c.scale, c.is_nullable,
  x.key_ordinal
FROM (
  SELECT 0 AS number, OBJECT_ID(?) AS id
  UNION ALL SELECT 1 AS number, OBJECT_ID(?) AS id) AS w
JOIN sys.tables AS t ON t.object_id = w.id
JOIN sys.columns AS c ON c.object_id = t.object_id
LEFT JOIN sys.types AS y ON y.user_type_id = c.system_type_id
LEFT JOIN sys.indexes AS i ON i.object_id = t.object_id AND i.is_primary_key = 1
LEFT JOIN sys.index_columns AS x
  ON x.object_id = i.object_id AND x.index_id = i.index_id AND x.column_id = c.column_id
ORDER BY w.number, c.column_id;
