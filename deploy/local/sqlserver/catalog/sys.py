"""The views of the schema `sys` about the tables of one database."""

from __future__ import annotations

from deploy.local.sqlserver.catalog.types import MAX_LENGTH, PRECISION, SCALE, TYPES
from deploy.local.sqlserver.catalog.view import (
    BIGINT,
    BIT,
    CONSTRAINT_ID,
    DATETIME,
    DEFAULT_COLLATION,
    DEFAULT_ID,
    DEFAULT_NAME,
    INT,
    KIND,
    LETTER,
    LONG,
    NAME,
    PROPERTY,
    SHORT,
    SID,
    SMALLINT,
    TINYINT,
    View,
    constants,
    moment,
    sid,
    view,
)

_CREATED, _MODIFIED = moment("o.created"), moment("o.modified")

_OBJECTS = f"""(
 SELECT object_id, name, schema_id, 0 AS parent_object_id, 'U ' AS type,
  'USER_TABLE' AS type_desc, created, modified FROM meta_tables WHERE MAY_SEE_(object_id)
 UNION ALL SELECT {CONSTRAINT_ID}, i.name, t.schema_id, i.object_id, 'PK',
  'PRIMARY_KEY_CONSTRAINT', t.created, t.modified
  FROM meta_indexes AS i JOIN meta_tables AS t USING (object_id)
  WHERE i.is_primary AND MAY_SEE_(t.object_id)
 UNION ALL SELECT {DEFAULT_ID}, {DEFAULT_NAME}, t.schema_id, c.object_id, 'D ',
  'DEFAULT_CONSTRAINT', t.created, t.modified
  FROM meta_columns AS c JOIN meta_tables AS t USING (object_id)
  WHERE c.default_sql IS NOT NULL AND MAY_SEE_(t.object_id)
) AS o"""

_OBJECT_COLUMNS = (
    ("name", NAME, "o.name"),
    ("object_id", INT, "o.object_id"),
    ("principal_id", INT, "NULL"),
    ("schema_id", INT, "o.schema_id"),
    ("parent_object_id", INT, "o.parent_object_id"),
    ("type", KIND, "o.type"),
    ("type_desc", SHORT, "o.type_desc"),
    ("create_date", DATETIME, _CREATED),
    ("modify_date", DATETIME, _MODIFIED),
    *constants(BIT, "0", "is_ms_shipped", "is_published", "is_schema_published"),
)

_TABLES = (
    "(SELECT object_id, name, schema_id, 0 AS parent_object_id, 'U ' AS type,"
    " 'USER_TABLE' AS type_desc, created, modified, next_column_id"
    " FROM meta_tables WHERE MAY_SEE_(object_id)) AS o"
)

# CROSS keeps tables outermost, so that rights are asked once a table and not once a column.
_COLUMNS = view(
    "meta_tables AS t CROSS JOIN meta_columns AS c USING (object_id)"
    " LEFT JOIN catalog_types AS k ON k.name = c.type WHERE MAY_SEE_(t.object_id)",
    ("object_id", INT, "c.object_id"),
    ("name", NAME, "c.name"),
    ("column_id", INT, "c.column_id"),
    ("system_type_id", TINYINT, "k.system_type_id"),
    ("user_type_id", INT, "k.user_type_id"),
    ("max_length", SMALLINT, MAX_LENGTH),
    ("precision", TINYINT, PRECISION),
    ("scale", TINYINT, SCALE),
    (
        "collation_name",
        NAME,
        f"CASE WHEN k.is_text THEN coalesce(c.collation, '{DEFAULT_COLLATION}') END",
    ),
    ("is_nullable", BIT, "c.nullable <> 0"),
    ("is_ansi_padded", BIT, "k.is_text"),
    *constants(BIT, "0", "is_rowguidcol"),
    ("is_identity", BIT, "c.identity_seed IS NOT NULL"),
    *constants(BIT, "0", "is_computed", "is_filestream", "is_replicated", "is_xml_document"),
    ("default_object_id", INT, f"CASE WHEN c.default_sql IS NULL THEN 0 ELSE {DEFAULT_ID} END"),
    ("rule_object_id", INT, "0"),
    *constants(BIT, "0", "is_sparse", "is_column_set"),
    ("generated_always_type", TINYINT, "0"),
    ("generated_always_type_desc", SHORT, "'NOT_APPLICABLE'"),
    *constants(BIT, "0", "is_hidden", "is_masked"),
)

# A table without a clustered index is listed as a heap, index 0.
_INDEXES = """(
 SELECT object_id, name, index_id, CASE WHEN clustered THEN 1 ELSE 2 END AS type,
  CASE WHEN clustered THEN 'CLUSTERED' ELSE 'NONCLUSTERED' END AS type_desc,
  is_unique <> 0 OR is_primary <> 0 AS is_unique, is_primary <> 0 AS is_primary
  FROM meta_indexes WHERE MAY_SEE_(object_id)
 UNION ALL SELECT object_id, NULL, 0, 0, 'HEAP', 0, 0 FROM meta_tables AS t
  WHERE MAY_SEE_(object_id) AND NOT EXISTS
  (SELECT 1 FROM meta_indexes AS c WHERE c.object_id = t.object_id AND c.clustered)
) AS i"""

_INDEX_COLUMNS = "meta_indexes AS i, json_each(i.columns) AS e WHERE MAY_SEE_(i.object_id)"

VIEWS: dict[tuple[str, str], View] = {
    ("sys", "types"): TYPES,
    ("sys", "schemas"): view(
        "meta_schemas AS s",
        ("name", NAME, "s.name"),
        ("schema_id", INT, "s.schema_id"),
        ("principal_id", INT, "CASE WHEN s.schema_id IN (3, 4) THEN s.schema_id ELSE 1 END"),
    ),
    ("sys", "tables"): view(
        _TABLES,
        *_OBJECT_COLUMNS,
        ("max_column_id_used", INT, "o.next_column_id - 1"),
        *constants(BIT, "0", "is_replicated", "is_tracked_by_cdc", "is_memory_optimized"),
        ("lock_escalation_desc", SHORT, "'TABLE'"),
        ("temporal_type", TINYINT, "0"),
        ("temporal_type_desc", SHORT, "'NON_TEMPORAL_TABLE'"),
        *constants(BIT, "0", "is_external", "is_node", "is_edge"),
    ),
    ("sys", "objects"): view(_OBJECTS, *_OBJECT_COLUMNS),
    ("sys", "all_objects"): view(_OBJECTS, *_OBJECT_COLUMNS),
    ("sys", "columns"): _COLUMNS,
    ("sys", "all_columns"): _COLUMNS,
    ("sys", "identity_columns"): view(
        "meta_columns AS c JOIN meta_tables AS t USING (object_id)"
        " LEFT JOIN catalog_types AS k ON k.name = c.type"
        " WHERE c.identity_seed IS NOT NULL AND MAY_SEE_(t.object_id)",
        ("object_id", INT, "c.object_id"),
        ("name", NAME, "c.name"),
        ("column_id", INT, "c.column_id"),
        ("system_type_id", TINYINT, "k.system_type_id"),
        ("user_type_id", INT, "k.user_type_id"),
        ("is_identity", BIT, "1"),
        ("seed_value", BIGINT, "c.identity_seed"),
        ("increment_value", BIGINT, "c.identity_increment"),
        ("last_value", BIGINT, "t.identity_last"),
    ),
    ("sys", "default_constraints"): view(
        "meta_columns AS c JOIN meta_tables AS o USING (object_id)"
        " WHERE c.default_sql IS NOT NULL AND MAY_SEE_(o.object_id)",
        ("name", NAME, DEFAULT_NAME),
        ("object_id", INT, DEFAULT_ID),
        ("schema_id", INT, "o.schema_id"),
        ("parent_object_id", INT, "c.object_id"),
        ("type", KIND, "'D '"),
        ("type_desc", SHORT, "'DEFAULT_CONSTRAINT'"),
        ("create_date", DATETIME, _CREATED),
        ("modify_date", DATETIME, _MODIFIED),
        ("is_ms_shipped", BIT, "0"),
        ("parent_column_id", INT, "c.column_id"),
        ("definition", LONG, "'(' || c.default_sql || ')'"),
        ("is_system_named", BIT, "c.default_name IS NULL"),
    ),
    ("sys", "indexes"): view(
        _INDEXES,
        ("object_id", INT, "i.object_id"),
        ("name", NAME, "i.name"),
        ("index_id", INT, "i.index_id"),
        ("type", TINYINT, "i.type"),
        ("type_desc", SHORT, "i.type_desc"),
        ("is_unique", BIT, "i.is_unique"),
        ("data_space_id", INT, "1"),
        ("ignore_dup_key", BIT, "0"),
        ("is_primary_key", BIT, "i.is_primary"),
        ("is_unique_constraint", BIT, "0"),
        ("fill_factor", TINYINT, "0"),
        *constants(BIT, "0", "is_padded", "is_disabled", "is_hypothetical"),
        *constants(BIT, "1", "allow_row_locks", "allow_page_locks"),
        ("has_filter", BIT, "0"),
        ("filter_definition", LONG, "NULL"),
    ),
    ("sys", "index_columns"): view(
        _INDEX_COLUMNS,
        ("object_id", INT, "i.object_id"),
        ("index_id", INT, "i.index_id"),
        ("index_column_id", INT, "e.key + 1"),
        ("column_id", INT, "e.value"),
        ("key_ordinal", TINYINT, "e.key + 1"),
        ("partition_ordinal", TINYINT, "0"),
        *constants(BIT, "0", "is_descending_key", "is_included_column"),
    ),
    ("sys", "key_constraints"): view(
        "meta_indexes AS i JOIN meta_tables AS o USING (object_id)"
        " WHERE i.is_primary AND MAY_SEE_(o.object_id)",
        ("name", NAME, "i.name"),
        ("object_id", INT, CONSTRAINT_ID),
        ("schema_id", INT, "o.schema_id"),
        ("parent_object_id", INT, "i.object_id"),
        ("type", KIND, "'PK'"),
        ("type_desc", SHORT, "'PRIMARY_KEY_CONSTRAINT'"),
        ("create_date", DATETIME, _CREATED),
        ("modify_date", DATETIME, _MODIFIED),
        ("is_ms_shipped", BIT, "0"),
        ("unique_index_id", INT, "i.index_id"),
        *constants(BIT, "0", "is_system_named"),
        *constants(BIT, "1", "is_enforced"),
    ),
    ("sys", "database_principals"): view(
        "(SELECT name, login, rowid + 4 AS id FROM meta_users"
        " UNION ALL SELECT 'dbo', 'sa', 1 UNION ALL SELECT 'guest', NULL, 2) AS u",
        ("name", NAME, "u.name"),
        ("principal_id", INT, "u.id"),
        ("type", LETTER, "CASE WHEN u.login IS NULL AND u.id > 4 THEN 'R' ELSE 'S' END"),
        (
            "type_desc",
            SHORT,
            "CASE WHEN u.login IS NULL AND u.id > 4 THEN 'DATABASE_ROLE' ELSE 'SQL_USER' END",
        ),
        ("sid", SID, sid("u.login")),
    ),
    ("sys", "extended_properties"): view(
        f"meta_options AS p WHERE p.name LIKE '{PROPERTY}%'",
        ("class", TINYINT, "0"),
        ("class_desc", SHORT, "'DATABASE'"),
        ("major_id", INT, "0"),
        ("minor_id", INT, "0"),
        ("name", NAME, f"substr(p.name, {len(PROPERTY) + 1})"),
        ("value", LONG, "p.value"),
    ),
    ("sys", "partitions"): view(
        _INDEXES,
        ("partition_id", BIGINT, "i.object_id * 1000 + i.index_id"),
        ("object_id", INT, "i.object_id"),
        ("index_id", INT, "i.index_id"),
        ("partition_number", INT, "1"),
        ("hobt_id", BIGINT, "i.object_id * 1000 + i.index_id"),
        ("rows", BIGINT, "ROW_COUNT_(i.object_id)"),
        ("data_compression", TINYINT, "0"),
        ("data_compression_desc", SHORT, "'NONE'"),
    ),
    ("sys", "dm_db_partition_stats"): view(
        _INDEXES,
        ("partition_id", BIGINT, "i.object_id * 1000 + i.index_id"),
        ("object_id", INT, "i.object_id"),
        ("index_id", INT, "i.index_id"),
        ("partition_number", INT, "1"),
        ("row_count", BIGINT, "ROW_COUNT_(i.object_id)"),
    ),
    ("sys", "change_tracking_tables"): view(
        "ct_tables AS c WHERE MAY_SEE_(c.object_id)",
        ("object_id", INT, "c.object_id"),
        ("is_track_columns_updated_on", BIT, "c.track_columns"),
        ("min_valid_version", BIGINT, "max(c.begin_version, c.cleanup_version)"),
        ("begin_version", BIGINT, "c.begin_version"),
        ("cleanup_version", BIGINT, "c.cleanup_version"),
    ),
    ("sys", "dm_tran_commit_table"): view(
        "ct_commits AS c",
        ("commit_ts", BIGINT, "c.version"),
        ("xdes_id", BIGINT, "c.version"),
        ("commit_lbn", BIGINT, "c.version"),
        ("commit_csn", BIGINT, "c.version"),
        ("commit_time", DATETIME, moment("c.committed_at")),
    ),
}
