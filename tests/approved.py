"""Practices approved by somebody who knows the truth, so that reading can be tested alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyodbc

from deploy.local import practices
from deploy.local.practice import truth
from deploy.local.practices import Practice
from producers import audit, canonical, connection, mapping_file, survey
from producers.catalog import Catalog
from producers.mapping import ColumnMapping, Mapping, TableMapping
from schemas.ids import IdType, Role

__all__ = ["approve_all", "approved", "configure"]

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def approved(known: truth.Truth, catalog: Catalog) -> Mapping:
    """Give the true mapping with the types that the catalog has, approved."""
    tables: dict[str, TableMapping] = {}
    for role, wanted in canonical.TABLES.items():
        table = catalog.table(known.schema, known.names[role])
        assert table is not None
        columns = {}
        for key in wanted:
            column = table.column(known.names[f"{role}.{key}"])
            assert column is not None
            live = known.live.get(f"{role}.{key}")
            columns[key] = ColumnMapping(column.name, column.described, live, confidence=1.0)
        tables[role] = TableMapping(table.name, columns, table.primary_key, confidence=1.0)
    open_ids = Mapping(known.center, known.database, known.schema, tables)
    ids = {role: _type(open_ids, role) for role in Role}
    return replace(open_ids, ids=ids).approved_as("test", AT)


def _type(mapping: Mapping, role: Role) -> IdType:
    types = [mapping.tables[table].columns[key].type for table, key in canonical.id_columns(role)]
    return IdType.INTEGER if set(types) <= {"int", "bigint"} else IdType.TEXT


def approve_all(
    folder: Path, planned: Iterable[Practice], login: connection.Settings
) -> Dict[str, Mapping]:
    """Write approved mappings of all practices on a server into the folder."""
    mappings = {}
    for practice in planned:
        known = truth.of(practice)
        there = replace(login, center=practice.center_id, database=practice.database)
        with closing(connection.connect(there)) as open_:
            mappings[practice.center_id] = approved(known, _catalog(open_, known))
        audit.append(folder, "approval", "test", AT, mappings[practice.center_id], ())
        mapping_file.save(mappings[practice.center_id], folder)
    return mappings


def _catalog(open_: pyodbc.Connection, known: truth.Truth) -> Catalog:
    names = [known.names[role] for role in canonical.TABLES]
    return survey.read_tables(open_, known.center, known.schema, names)


def configure(folder: Path, planned: Dict[str, Sequence[Practice]], password: str) -> Path:
    """Write a configuration of the practices that each server has, and give its path."""
    practices.write_centers(folder / "centers.yml", planned)
    (folder / "password").write_text(password)
    path = folder / "chartfeed.yml"
    path.write_text(
        json.dumps(
            {
                "sqlserver": {
                    "user": "chartfeed",
                    "password_file": "password",
                    "trust_server_certificate": True,
                },
                "mappings": "mappings/",
                "output": {"path": "output/"},
            }
        )
    )
    return path
