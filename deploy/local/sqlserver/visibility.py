"""The catalog's views as a login sees them: only what it has a right on."""

from __future__ import annotations

from functools import lru_cache

from deploy.local.sqlserver import catalog
from deploy.local.sqlserver.catalog import View

_OF_STATE = frozenset((("sys", "database_recovery_status"),))


@lru_cache(maxsize=256)
def visible_view(schema: str, name: str) -> View | None:
    """Return a view whose rows are left out where the session sees nothing of their object."""
    found = catalog.VIEWS.get((schema, name))
    if found is None:
        return None
    outputs = {column.name.lower(): column.name for column in found.columns}
    condition = ""
    if "parent_object_id" in outputs and name == "key_constraints":
        condition = "SEES_(parent_object_id)"
    elif schema == "sys" and "object_id" in outputs:
        condition = "SEES_(object_id)"
    elif "table_schema" in outputs and "table_name" in outputs:
        condition = "SEES_(OBJECT_ID('[' || TABLE_SCHEMA || '].[' || TABLE_NAME || ']'))"
    elif (schema, name) in _OF_STATE:
        condition = "MAY_VIEW_STATE_()"
    if not condition:
        return found
    return View(found.columns, f"SELECT * FROM ({found.sql}) WHERE {condition}")
