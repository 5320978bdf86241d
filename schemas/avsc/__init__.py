"""The schemas of all records that travel, one .avsc file a record."""
