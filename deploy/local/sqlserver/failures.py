"""What a failure ends: the statement, the batch, the transaction; and SQLite's own, translated."""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.storage import Definitions, Table

# Conversions that fail, deadlocks and conflicts take the whole transaction with them.
_END_TRANSACTION = frozenset((241, 242, 244, 245, 248, 1205, 3952, 3960, 8114, 8169))
# Names and syntax: the batch could not be compiled any further.
_END_BATCH = _END_TRANSACTION | frozenset(
    (
        102,
        104,
        105,
        107,
        109,
        110,
        113,
        116,
        130,
        137,
        141,
        147,
        155,
        156,
        174,
        205,
        207,
        208,
        209,
        226,
        263,
        264,
        402,
        529,
        911,
        916,
        1011,
        4104,
        4145,
        8117,
        8120,
        8155,
        8156,
        8158,
        8159,
        10738,
        22104,
    )
)
_NOT_CAUGHT = frozenset((102, 105, 113, 156, 207, 208))


class Raised(SqlError):
    """RAISERROR: ends its statement alone."""


class Thrown(SqlError):
    """THROW: ends the batch."""


def ends_batch(error: SqlError, *, xact_abort: bool) -> bool:
    if isinstance(error, Raised):
        return False
    return (
        xact_abort
        or isinstance(error, (Unsupported, Thrown))
        or error.number in _END_BATCH
        or error.severity >= 20
    )


def ends_transaction(error: SqlError, *, xact_abort: bool) -> bool:
    if isinstance(error, Raised):
        return False
    return xact_abort or error.number in _END_TRANSACTION


def dooms(error: SqlError, *, xact_abort: bool) -> bool:
    """Whether a transaction whose error was caught can only be rolled back."""
    return ends_transaction(error, xact_abort=xact_abort)


def can_be_caught(error: SqlError) -> bool:
    """Errors of the very batch that TRY stands in can't be caught; neither can unknown SQL."""
    return not isinstance(error, Unsupported) and error.number not in _NOT_CAUGHT


def formatted(message: str, values: Sequence[object]) -> str:
    """RAISERROR's message with its arguments."""
    rest = iter(values)

    def argument(found: re.Match[str]) -> str:
        if found.group() == "%%":
            return "%"
        value = next(rest, None)
        return "(null)" if value is None else str(value)

    return re.sub(r"%%|%[-+0 #]*\d*(?:\.\d+)?[sdiuxXo]", argument, message)


_COLUMN = re.compile(r"t(\d+)\.c(\d+)")
_INDEX = re.compile(r"index 'i(\d+)_(\d+)'")


def of_sqlite(error: apsw.Error, definitions: Definitions, database: str) -> SqlError:
    """Return SQL Server's error for one of SQLite's, Unsupported where it has none."""
    text = str(error)
    found = _COLUMN.findall(text)
    if isinstance(error, apsw.ConstraintError) and found:
        table = definitions.by_id.get(int(found[0][0]))
        if table is not None:
            return _constraint(text, table, [int(column) for _, column in found], database)
    if isinstance(error, apsw.TooBigError):
        return SqlError(8631, "Internal error: a value is too big.")
    return Unsupported(f"this statement, which SQLite refuses ({text})")


def _constraint(text: str, table: Table, columns: list[int], database: str) -> SqlError:
    full = f"{table.schema}.{table.name}"
    if text.startswith("NOT NULL"):
        column = table.by_id(columns[0])
        return SqlError(
            515,
            f"Cannot insert the value NULL into column '{column.name}', table "
            f"'{database}.{full}'; column does not allow nulls. INSERT fails.",
            state=2,
        )
    for index in table.indexes:
        if set(index.columns) == set(columns) and index.unique:
            return duplicate(table, index.name, primary=index.primary, constraint=True)
    return SqlError(2601, f"Cannot insert duplicate key row in object '{full}'.", severity=14)


def duplicate(table: Table, name: str, *, primary: bool, constraint: bool) -> SqlError:
    full = f"{table.schema}.{table.name}"
    if primary:
        return SqlError(
            2627,
            f"Violation of PRIMARY KEY constraint '{name}'. Cannot insert duplicate key in object "
            f"'{full}'.",
            severity=14,
        )
    if not constraint:
        return SqlError(
            2627,
            f"Violation of UNIQUE KEY constraint '{name}'. Cannot insert duplicate key in object "
            f"'{full}'.",
            severity=14,
        )
    return SqlError(
        2601,
        f"Cannot insert duplicate key row in object '{full}' with unique index '{name}'.",
        severity=14,
    )
