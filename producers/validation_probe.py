"""What a center's data says about a mapping: joins, dates, kinds, codes, flags, a day's rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING

from producers import canonical, extract, quoting, shown, survey
from producers import validation_statements as statements
from producers.canonical import Kind
from producers.catalog import Column, Table
from producers.discovery import fitness, inclusion, profiles
from producers.discovery.profiles import Profile
from producers.rows import liveness
from schemas import dates
from schemas.errors import SkipRecord
from schemas.ids import IdType, Role
from schemas.insurance import cleaned

if TYPE_CHECKING:
    import pyodbc

    from producers.extract import CenterDay
    from producers.mapping import Mapping
    from schemas.insurance import StatusTable

__all__ = ["Finding", "Level", "Probe"]

DELETABLE = ("PATKASSE", "KARTEI", "LEISTUNG")
# Of a reference's values, those that must be found: below the first share an error, below the
# second a warning. A quantity or a year is found in any table's ids now and then.
LEAST_FOUND = 0.05
MOST_FOUND = 0.90
# Below this weight of `inclusion.coverage` a reference names too few patients; it is told only
# where there are so many rows for each patient that is expected.
SPREAD = 0.75 * 0.3
ROWS_A_PATIENT = {"PATKASSE": 1, "KARTEI": 4, "LEISTUNG": 4}
# Below it the values look like codes in their shape alone, as numbers of teeth do.
CODES = 0.5


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the validation saw; an error blocks the approval.

    The text may name what a database has, so it is made printable.
    """

    level: Level
    point: str
    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", shown.printable(self.text))


class Probe:
    """Asks one center's data about one mapping."""

    def __init__(self, connection: pyodbc.Connection, mapping: Mapping) -> None:
        self._connection = connection
        self._mapping = mapping

    def _rows(self, text: str, *parameters: object) -> list[pyodbc.Row]:
        (rows,) = survey.fetch(self._connection, self._mapping.center, text, *parameters)
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
                yield Finding(
                    _join_level(found / asked),
                    point,
                    f"{_percent(found / asked)} of {asked:,} newest values"
                    f" found in {spec.refers_to}",
                )

    def rivals(self) -> Iterator[Finding]:
        """Warn where another table that could be meant holds more rows than the chosen one."""
        for role, table in self._mapping.tables.items():
            own = self._count(self._mapping.table(role)) if table.rivals else 0
            for rival in table.rivals:
                if (rows := self._count(rival.name)) > own:
                    text = f"{rival.name}, a rival, has {rows:,} rows, {table.name} has {own:,}"
                    yield Finding(Level.WARNING, role, text)

    def _count(self, table: str) -> int:
        place = quoting.qualified(self._mapping.schema_name(), table)
        ((rows,),) = self._rows(statements.ROWS, place)
        return int(rows or 0)

    def spread(self) -> Iterator[Finding]:
        """Warn where a table's patients are so few that the column hardly holds patients."""
        for table, rows in ROWS_A_PATIENT.items():
            column = next(
                key for key, spec in canonical.TABLES[table].items() if spec.refers_to == "PATIENT"
            )
            ((given, distinct, patients),) = self._rows(
                statements.spread(self._mapping, table, column, "PATIENT")
            )
            if given < rows * min(patients, inclusion.MANY):
                continue
            seen = inclusion.coverage(
                Profile(rows=given, given=given, distinct=distinct),
                Table("", "PATIENT", (), rows=patients),
                many=True,
            )
            if patients and seen.weight < SPREAD:
                text = f"{seen.text}: too few for its ids"
                yield Finding(Level.WARNING, f"{table}.{column}", text)

    def codes(self) -> Iterator[Finding]:
        """Warn where the services' codes do not look like any."""
        profile = profiles.of([row[0] for row in self._rows(statements.codes(self._mapping))])
        seen = fitness.score(Kind.CODE, Column("LEISTUNG", "varchar"), profile)
        point = "LEISTUNG.LEISTUNG"
        if seen is None:
            yield Finding(Level.WARNING, point, "has too few values to tell")
        elif seen.weight < CODES:
            text = f"{seen.text}, {profile.distinct:,} different: are these codes of services?"
            yield Finding(Level.WARNING, point, text)
        else:
            yield Finding(Level.INFO, point, seen.text)

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
        strange = sorted(table.strange(counts))
        if strange:
            insurers = sum(
                counts[art] for art in counts if art is not None and cleaned(art) in strange
            )
            kinds = ", ".join(dict.fromkeys(map(shown.art, strange[:8])))
            who = "1 insurer has" if insurers == 1 else f"{insurers:,} insurers have"
            text = f"{who} kinds that insurance_status does not name: {kinds}"
            yield Finding(Level.WARNING, "KASSEN.ART", text)
        else:
            yield Finding(Level.INFO, "KASSEN.ART", f"{len(counts)} kinds, all known")

    def deleted(self) -> Iterator[Finding]:
        for table in DELETABLE:
            live = self._mapping.live(table)
            alive = liveness(live)
            counts = self._rows(statements.deleted(self._mapping, table))
            total = sum(int(count) for _, count in counts)
            dead = sum(int(count) for value, count in counts if not alive(value))
            point = f"{table}.DELKZ"
            if not total:
                yield Finding(Level.WARNING, point, "has no rows")
                continue
            seen = [value for value, _ in counts if value is not None]
            for wanted in live or ():
                # NULL may be meant although there is none yet; a letter that is never there is
                # a mistake, or the flag of another table.
                if wanted is not None and seen and not any(map(liveness((wanted,)), seen)):
                    text = f"its live value {wanted or 'blank'} is in none of {total:,} rows"
                    yield Finding(Level.ERROR, point, text)
            text = f"{100 * dead / total:.1f} % of {total:,} rows count as deleted"
            if dead == total and table == "KARTEI":
                yield Finding(Level.ERROR, point, f"{text}: none would be left")
            else:
                level = Level.WARNING if dead / total > 0.5 else Level.INFO
                yield Finding(level, point, text)

    def change_tracking(self) -> Iterator[Finding]:
        ((on,),) = self._rows(survey.CHANGE_TRACKING)
        if on:
            yield Finding(Level.INFO, "change tracking", "is on for the database")
        else:
            text = "is off for the database, or not to be seen; the tables' keys allow it"
            yield Finding(Level.WARNING, "change tracking", text)

    def sample_day(self, center_name: str, table: StatusTable) -> CenterDay | None:
        """Give the fullest of the newest entries' days, None where none gives a row."""
        seen: Counter[date] = Counter()
        for (value,) in self._rows(statements.latest_days(self._mapping)):
            try:
                seen[dates.parse(value)] += 1
            except SkipRecord:
                continue  # A date that does not exist; `days` counts those.
        for wanted in sorted(seen, key=lambda one: (seen[one], one), reverse=True)[:3]:
            day = extract.read(
                self._connection, self._mapping, wanted, center_name=center_name, table=table
            )
            if day.rows:
                return day
        return None


def _join_level(share: float) -> Level:
    if share < LEAST_FOUND:
        return Level.ERROR
    return Level.WARNING if share < MOST_FOUND else Level.INFO


def _percent(share: float) -> str:
    """Give a share in words that call neither one hit none nor one miss all."""
    if share in {0, 1}:
        return f"{100 * share:.0f} %"
    return f"{min(99.9, max(0.1, 100 * share)):.1f} %"
