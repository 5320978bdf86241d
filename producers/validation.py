"""Whether a mapping holds up against the center's data, before a person approves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from producers import canonical, drift, extract, shown, survey
from producers import validation_statements as statements
from producers.discovery import fitness
from producers.rows import liveness
from schemas import dates
from schemas.errors import SkipRecord
from schemas.ids import IdType, Role
from schemas.insurance import cleaned

if TYPE_CHECKING:
    import pyodbc

    from producers.catalog import Catalog
    from producers.extract import CenterDay
    from producers.mapping import Mapping
    from schemas.insurance import StatusTable

__all__ = ["Finding", "Level", "Report", "validate"]

SPECIAL_PAYERS = frozenset("BCD")
DELETABLE = ("PATKASSE", "KARTEI", "LEISTUNG")
READABLE_DATES = frozenset(
    {"int", "bigint", "decimal", "numeric", "char", "varchar", "nchar", "nvarchar"}
)


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the validation saw; an error blocks the approval."""

    level: Level
    point: str
    text: str


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
    """Hold a mapping against its center; values are counted there and not brought here."""
    missing = [_nameless(mapping, point) for point in mapping.missing()]
    if missing:
        return Report(mapping, tuple(missing))
    catalog = drift.live(connection, mapping)
    found = list(_structure(mapping, catalog))
    if any(finding.level is Level.ERROR for finding in found):
        return Report(mapping, tuple(found))
    mapping = _as_it_is(mapping, catalog)
    probe = _Probe(connection, mapping)
    ids, id_findings = probe.id_types()
    mapping = replace(mapping, ids=ids)
    found += id_findings
    found += [*probe.joins(), *probe.days(), *probe.arts(table), *probe.deleted()]
    found += probe.change_tracking()
    day = None
    if not any(finding.level is Level.ERROR for finding in found):
        day = _Probe(connection, mapping).sample_day(center_name, table)
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


class _Probe:
    """Asks one center's data about one mapping."""

    def __init__(self, connection: pyodbc.Connection, mapping: Mapping) -> None:
        self._connection = connection
        self._mapping = mapping

    def _rows(self, text: str) -> list[pyodbc.Row]:
        (rows,) = survey.fetch(self._connection, self._mapping.center, text)
        return rows

    def _counts(self, text: str) -> tuple[int, int]:
        ((first, second),) = self._rows(text)
        return int(first or 0), int(second or 0)

    def id_types(self) -> tuple[dict[Role, IdType], list[Finding]]:
        """Give each role's one type: numbers where every value of every column converts."""
        types: dict[Role, IdType] = {}
        findings: list[Finding] = []
        for role in Role:
            columns = canonical.id_columns(role)
            declared = {key: self._declared(*key) for key in columns}
            texts = [key for key in columns if not fitness.is_number(declared[key])]
            uneven = bool(texts) and len(texts) < len(columns)
            odd = sum(self._not_whole(*key) for key in texts)
            types[role] = IdType.TEXT if odd else IdType.INTEGER
            if uneven:
                listed = ", ".join(f"{t}.{c} {declared[t, c]}" for t, c in columns)
                level = Level.WARNING if odd else Level.INFO
                text = f"types differ ({listed}); ids travel as {types[role]}"
                findings.append(Finding(level, f"{role} ids", text))
        return types, findings

    def _declared(self, table: str, column: str) -> str:
        return self._mapping.tables[table].columns[column].type or ""

    def _not_whole(self, table: str, column: str) -> int:
        if self._declared(table, column) == "uniqueidentifier":
            return 1
        ((count,),) = self._rows(statements.not_whole(self._mapping, table, column))
        return int(count)

    def joins(self) -> Iterator[Finding]:
        for table, wanted in canonical.TABLES.items():
            for column, spec in wanted.items():
                if spec.refers_to is None:
                    continue
                asked, found = self._counts(
                    statements.joined(self._mapping, table, column, spec.refers_to)
                )
                point = f"{table}.{column}"
                if not asked:
                    yield Finding(Level.WARNING, point, "has no values; its join is untried")
                    continue
                share = f"{100 * found / asked:.0f} %"
                text = f"{share} of {asked:,} newest values found in {spec.refers_to}"
                yield Finding(Level.INFO if found else Level.ERROR, point, text)

    def days(self) -> Iterator[Finding]:
        for table in ("KARTEI", "LEISTUNG"):
            given, valid = self._counts(statements.days(self._mapping, table))
            point = f"{table}.DATUM"
            if not given:
                yield Finding(Level.WARNING, point, "has no values")
                continue
            share = valid / given
            level = Level.INFO if share > 0.95 else Level.WARNING if share > 0.80 else Level.ERROR
            yield Finding(level, point, f"{100 * share:.1f} % of {given:,} dates are valid")

    def arts(self, table: StatusTable) -> Iterator[Finding]:
        counts = {art: int(count) for art, count in self._rows(statements.arts(self._mapping))}
        unknown = table.unknown(art for art in counts if art is not None)
        strange = sorted(set(unknown) - SPECIAL_PAYERS)
        if strange:
            insurers = sum(
                counts[art] for art in counts if art is not None and cleaned(art) in strange
            )
            kinds = ", ".join(dict.fromkeys(map(shown.art, strange[:8])))
            text = f"{insurers:,} insurers have kinds that insurance_status does not name: {kinds}"
            yield Finding(Level.WARNING, "KASSEN.ART", text)
        else:
            yield Finding(Level.INFO, "KASSEN.ART", f"{len(counts)} kinds, all known")

    def deleted(self) -> Iterator[Finding]:
        for table in DELETABLE:
            alive = liveness(self._mapping.live(table))
            counts = self._rows(statements.deleted(self._mapping, table))
            total = sum(int(count) for _, count in counts)
            dead = sum(int(count) for value, count in counts if not alive(value))
            if not total:
                yield Finding(Level.WARNING, f"{table}.DELKZ", "has no rows")
                continue
            level = Level.WARNING if dead / total > 0.5 else Level.INFO
            text = f"{100 * dead / total:.1f} % of {total:,} rows count as deleted"
            yield Finding(level, f"{table}.DELKZ", text)

    def change_tracking(self) -> Iterator[Finding]:
        ((on,),) = self._rows(survey.CHANGE_TRACKING)
        if on:
            yield Finding(Level.INFO, "change tracking", "is on for the database")
        else:
            text = "is off for the database, or not to be seen; the tables' keys allow it"
            yield Finding(Level.WARNING, "change tracking", text)

    def sample_day(self, center_name: str, table: StatusTable) -> CenterDay | None:
        """Give the newest day that gives rows, None where none of the newest entries' days does."""
        seen = set()
        for (value,) in self._rows(statements.latest_days(self._mapping)):
            try:
                seen.add(dates.parse(value))
            except SkipRecord:
                continue  # A date that does not exist; `days` counts those.
        for wanted in sorted(seen, reverse=True)[:3]:
            day = extract.read(
                self._connection, self._mapping, wanted, center_name=center_name, table=table
            )
            if day.rows:
                return day
        return None
