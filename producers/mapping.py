"""A center's mapping: which actual table and column is which of the domain's.

The value is what every reader of a center works with; `mapping_file` reads and writes it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field, replace
from datetime import datetime

from producers import canonical
from producers.errors import Unapproved
from schemas.ids import IdType, Role

__all__ = ["ColumnMapping", "Mapping", "Rival", "TableMapping"]


@dataclass(frozen=True, slots=True)
class Rival:
    """One of several names that are possible; a person chooses."""

    name: str
    confidence: float
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """An actual column, or None while it is open.

    `live`: the values that mean "not deleted", trimmed and upper-cased, None for NULL; it is
    None itself where the flag is the usual 0, NULL or false.
    """

    name: str | None
    type: str | None = None
    live: tuple[str | None, ...] | None = None
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()
    rivals: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class TableMapping:
    """An actual table, or None while it is open, with its columns by the domain's names."""

    name: str | None
    columns: Dict[str, ColumnMapping]
    primary_key: tuple[str, ...] = ()
    confidence: float = 0.0
    evidence: tuple[str, ...] = ()
    rivals: tuple[Rival, ...] = ()


@dataclass(frozen=True, slots=True)
class Mapping:
    """All that is known of a center's names, and whether a person stands for it."""

    center: str
    database: str
    schema: str | None
    tables: Dict[str, TableMapping]
    ids: Dict[Role, IdType] = field(default_factory=dict)
    reviewed: bool = False
    reviewed_by: str | None = None
    reviewed_at: datetime | None = None
    fingerprint: str | None = None
    seal: str | None = None
    schema_rivals: tuple[str, ...] = ()

    def table(self, table: str) -> str:
        """Give the actual name of a table."""
        name = self.tables[table].name
        if name is None:
            raise self._open(table)
        return name

    def column(self, table: str, column: str) -> str:
        """Give the actual name of a column."""
        name = self.tables[table].columns[column].name
        if name is None:
            raise self._open(f"{table}.{column}")
        return name

    def schema_name(self) -> str:
        """Give the schema that the five tables are in."""
        if self.schema is None:
            raise self._open("schema")
        return self.schema

    def live(self, table: str) -> tuple[str | None, ...] | None:
        """Give the values of a table's DELKZ that mean "not deleted", None for the usual ones."""
        return self.tables[table].columns["DELKZ"].live

    def id_type(self, role: Role) -> IdType:
        """Give the type in which the role's ids travel from this center."""
        return self.ids.get(role, IdType.TEXT)

    def open_points(self) -> Iterator[str]:
        """Give what has no name yet, as TABLE or TABLE.COLUMN, what approval needs first."""
        if self.schema is None:
            yield "schema"
        points = []
        for name, wanted in canonical.TABLES.items():
            table = self.tables[name]
            if table.name is None:
                points.append((False, name))
            points += [
                (not column.required, f"{name}.{key}")
                for key, column in wanted.items()
                if table.columns[key].name is None
            ]
        yield from (point for _, point in sorted(points, key=lambda item: item[0]))

    def missing(self) -> list[str]:
        """Give the open points to decide before an approval; columns wait for their table."""
        return [point for point in self.decisions() if _required(point)]

    def decisions(self) -> list[str]:
        """Give the open points that can be decided now: an open table brings its columns."""
        if self.schema is None:
            return ["schema"]
        tables = {name for name, table in self.tables.items() if table.name is None}
        points = [(point, point.partition(".")) for point in self.open_points()]
        return [point for point, (table, dot, _) in points if not dot or table not in tables]

    def unsure(self, sure: float) -> list[str]:
        """Give the points that have a name, and less confidence than `sure`."""
        named: list[tuple[str, TableMapping | ColumnMapping]] = []
        for name in canonical.TABLES:
            table = self.tables[name]
            named.append((name, table))
            named += [(f"{name}.{key}", column) for key, column in table.columns.items()]
        return [point for point, one in named if one.name is not None and one.confidence < sure]

    def current_fingerprint(self) -> str:
        """Give the hash of all that reading relies on: names, types, keys, flags, id types."""
        return _sha256(self.relied_on())

    def relied_on(self) -> dict[str, object]:
        """Give what the fingerprint covers, as plain data in a fixed order."""
        return {
            "database": self.database,
            "schema": self.schema,
            "ids": {str(role): str(self.ids[role]) for role in sorted(self.ids)},
            "tables": {
                table: {
                    "name": self.tables[table].name,
                    "primary_key": list(self.tables[table].primary_key),
                    "columns": {
                        key: [column.name, column.type, _listed(column.live)]
                        for key in canonical.TABLES[table]
                        for column in [self.tables[table].columns[key]]
                    },
                }
                for table in canonical.TABLES
            },
        }

    def current_seal(self) -> str:
        """Give the hash of the whole content, the reviewer's name and time included."""
        return self._seal(self.relied_on())

    def _seal(self, relied_on: dict[str, object]) -> str:
        tables = {
            name: [
                [table.confidence, list(table.evidence), _rivals(table.rivals)],
                {
                    key: [column.confidence, list(column.evidence), _rivals(column.rivals)]
                    for key, column in sorted(table.columns.items())
                },
            ]
            for name, table in sorted(self.tables.items())
        }
        at = self.reviewed_at.isoformat() if self.reviewed_at else None
        who = [self.center, self.reviewed, self.reviewed_by, at, self.fingerprint]
        return _sha256([who, relied_on, tables])

    def approved_as(self, reviewer: str, at: datetime) -> Mapping:
        """Give the mapping as `reviewer` stands for it, sealed."""
        approved = replace(
            self,
            reviewed=True,
            reviewed_by=reviewer,
            reviewed_at=at,
            fingerprint=self.current_fingerprint(),
        )
        return replace(approved, seal=approved.current_seal())

    def unapproved(self) -> Mapping:
        """Give the same names as an open proposal."""
        return replace(
            self,
            reviewed=False,
            reviewed_by=None,
            reviewed_at=None,
            fingerprint=self.current_fingerprint(),
            seal=None,
        )

    def require_approval(self) -> None:
        """Raise Unapproved unless a reviewer approved exactly this content."""
        problem = self.approval_problem()
        if problem:
            raise Unapproved(
                f"{self.center}: {problem}",
                hint=f"chartfeed review {self.center}",
                center=self.center,
            )

    def approval_problem(self) -> str | None:
        """Say why this is not an approved mapping, None where it is one."""
        if not self.reviewed:
            missing = self.missing()
            also = f"; open: {', '.join(missing)}" if missing else ""
            return f"the mapping is not approved{also}"
        if self.seal is None:
            return "the mapping says reviewed, but nobody approved it by chartfeed"
        relied_on = self.relied_on()
        if self.fingerprint != _sha256(relied_on) or self.seal != self._seal(relied_on):
            return "the mapping was edited by hand after its approval"
        return None

    def _open(self, point: str) -> Unapproved:
        return Unapproved(
            f"{self.center}: {point} has no name yet",
            hint=f"chartfeed review {self.center}",
            center=self.center,
        )


def _required(point: str) -> bool:
    table, _, column = point.partition(".")
    return not column or canonical.TABLES[table][column].required


def _listed(live: tuple[str | None, ...] | None) -> list[str | None] | None:
    return None if live is None else list(live)


def _rivals(rivals: tuple[Rival, ...]) -> list[object]:
    return [[rival.name, rival.confidence, list(rival.evidence)] for rival in rivals]


def _sha256(data: object) -> str:
    text = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
