"""Whether a mapping holds up against the center's data, before a person approves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from producers import canonical, drift
from producers.discovery import fitness
from producers.validation_probe import Finding, Level, Probe

if TYPE_CHECKING:
    import pyodbc

    from producers.catalog import Catalog
    from producers.extract import CenterDay
    from producers.mapping import Mapping
    from schemas.insurance import StatusTable

__all__ = ["Finding", "Level", "Report", "validate"]

READABLE_DATES = frozenset(
    {"int", "bigint", "decimal", "numeric", "char", "varchar", "nchar", "nvarchar"}
)


@dataclass(frozen=True, slots=True)
class Report:
    """What the validation found, the mapping with types and keys as they are, a day's rows."""

    mapping: Mapping
    findings: tuple[Finding, ...]
    day: CenterDay | None = None

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.level is Level.ERROR)


def validate(
    connection: pyodbc.Connection, mapping: Mapping, *, center_name: str, table: StatusTable
) -> Report:
    """Hold a mapping against its center; persons' values are counted there, not brought here."""
    missing = [_nameless(mapping, point) for point in mapping.missing()]
    if missing:
        return Report(mapping, tuple(missing))
    catalog = drift.live(connection, mapping)
    found = list(_structure(mapping, catalog))
    if any(finding.level is Level.ERROR for finding in found):
        return Report(mapping, tuple(found))
    mapping = _as_it_is(mapping, catalog)
    probe = Probe(connection, mapping)
    ids, id_findings = probe.id_types()
    mapping = replace(mapping, ids=ids)
    found += id_findings
    found += [*probe.rivals(), *probe.joins(), *probe.spread(), *probe.days(), *probe.arts(table)]
    found += [*probe.codes(), *probe.deleted()]
    found += probe.change_tracking()
    day = None
    if not any(finding.level is Level.ERROR for finding in found):
        day = Probe(connection, mapping).sample_day(center_name, table)
        found.append(_day_finding(day))
    return Report(mapping, tuple(found), day)


def _nameless(mapping: Mapping, point: str) -> Finding:
    role, _, key = point.partition(".")
    why: tuple[str, ...] = ()
    if role in mapping.tables:
        table = mapping.tables[role]
        why = table.columns[key].evidence if key else table.evidence
    return Finding(Level.ERROR, point, f"has no name ({why[0]})" if why else "has no name")


def _structure(mapping: Mapping, catalog: Catalog) -> Iterator[Finding]:
    """Give what the catalog alone tells: names that exist, types, keys, no name used twice."""
    owners: dict[str, str] = {}
    for role, wanted in canonical.TABLES.items():
        name = mapping.table(role)
        other = owners.setdefault(name.casefold(), role)
        if other != role:
            yield Finding(Level.ERROR, role, f"{name} is already {other}")
        table = catalog.table(mapping.schema, name)
        if table is None:
            yield Finding(Level.ERROR, role, f"there is no table {mapping.schema}.{name}")
            continue
        used: dict[str, str] = {}
        for key, column in wanted.items():
            actual = mapping.tables[role].columns[key].name
            point = f"{role}.{key}"
            if actual is None:
                yield Finding(Level.INFO, point, "stays open; nothing reads it")
                continue
            first = used.setdefault(actual.casefold(), key)
            if first != key:
                yield Finding(Level.ERROR, point, f"{actual} is already {role}.{first}")
            live = table.column(actual)
            if live is None:
                yield Finding(Level.ERROR, point, f"{name} has no column {actual}")
            elif not fitness.can_hold(column.kind, live) or (
                column.kind is canonical.Kind.DATE and live.type not in READABLE_DATES
            ):
                yield Finding(Level.ERROR, point, f"{actual} is {live.described}, no {column.kind}")
        key = mapping.column(role, "ID")
        if [name.casefold() for name in table.primary_key] != [key.casefold()]:
            now = ", ".join(table.primary_key) or "missing"
            text = f"{key} must be the only column of the primary key, which is {now}"
            yield Finding(Level.ERROR, f"{role}.ID", text)


def _as_it_is(mapping: Mapping, catalog: Catalog) -> Mapping:
    """Give the mapping with names, types and keys exactly as the catalog has them."""
    tables = {}
    for role, mapped in mapping.tables.items():
        table = catalog.table(mapping.schema, mapping.table(role))
        if table is None:
            continue
        columns = {}
        for key, column in mapped.columns.items():
            live = table.column(column.name) if column.name else None
            columns[key] = (
                column if live is None else replace(column, name=live.name, type=live.described)
            )
        tables[role] = replace(
            mapped, name=table.name, primary_key=table.primary_key, columns=columns
        )
    return replace(mapping, tables=tables)


def _day_finding(day: CenterDay | None) -> Finding:
    if day is None or not day.rows:
        return Finding(Level.WARNING, "sample day", "no recent day gives any unified row")
    text = f"{day.rows[0].date.isoformat()} gives {len(day.rows):,} unified rows"
    return Finding(Level.INFO, "sample day", text)
