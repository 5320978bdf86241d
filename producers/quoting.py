"""The one door through which identifiers enter a statement."""

from __future__ import annotations

from schemas.errors import BadInput

__all__ = ["LONGEST", "name", "qualified", "text"]

LONGEST = 128  # UTF-16 code units, as sysname counts them


def name(identifier: str) -> str:
    """Give the identifier in brackets, so that whatever it holds is a name and nothing else."""
    if not identifier or "\x00" in identifier:
        raise BadInput(f"{identifier!r} can't be an identifier", hint="correct the mapping")
    if len(identifier.encode("utf-16-le", "surrogatepass")) > 2 * LONGEST:
        raise BadInput(f"{identifier!r} is longer than {LONGEST}", hint="correct the mapping")
    return "[" + identifier.replace("]", "]]") + "]"


def qualified(schema: str, table: str) -> str:
    """Give [schema].[table]."""
    return f"{name(schema)}.{name(table)}"


def text(value: str) -> str:
    """Give N'value': for a name that a function takes as a text, never for a value of a row."""
    return "N'" + value.replace("'", "''") + "'"
