"""The catalog views: what a database says about itself, as SQLite queries over its meta tables.

`view` tells what a view is, `types` the list of types, `sys` and `information_schema` the views of
a database, `instance` those over all databases. A view counts rows through `ROW_COUNT_`, which
`prepare` registers on a connection, because no query can count tables that it doesn't name.
"""

from collections.abc import Mapping

from deploy.local.sqlserver.catalog import information_schema, instance, sys
from deploy.local.sqlserver.catalog.types import create_layout
from deploy.local.sqlserver.catalog.view import DEFAULT_COLLATION, View, prepare

VIEWS: Mapping[tuple[str, str], View] = {
    **sys.VIEWS,
    **information_schema.VIEWS,
    **instance.VIEWS,
}

__all__ = ["DEFAULT_COLLATION", "VIEWS", "View", "create_layout", "prepare"]
