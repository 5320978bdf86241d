"""A rendered expression, and the values that are bound when its statement runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias

from deploy.local.sqlserver import conversions, storage
from deploy.local.sqlserver.conversions import Convert
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation.precedence import TEXT


class Runtime(Protocol):
    """What a running statement offers to its late-bound values."""

    variables: dict[str, Any]

    def system(self, name: str) -> Any:
        """Return the value of a system variable or of a function without arguments."""


Getter: TypeAlias = Callable[[Runtime], Any]


@dataclass(frozen=True, slots=True)
class Slot:
    """A value that is known when the statement runs: a variable's, the session's, a constant."""

    get: Getter
    convert: Convert | None = None
    key: tuple[object, ...] = ()

    def value(self, runtime: Runtime) -> Any:
        found = self.get(runtime)
        if found is None or self.convert is None:
            return found
        return self.convert(found)


@dataclass(frozen=True, slots=True)
class Bound:
    """An expression in SQLite's words. `type` None is the untyped NULL.

    Where `slot` is set the text is made when the expression is used, so that a conversion is
    done once, on the value, and not by SQLite for each row. `constant` marks literals.
    """

    sql: str
    type: SqlType | None
    nullable: bool = True
    collation: str | None = None
    slot: Slot | None = None
    constant: bool = False
    identity: bool = False

    @property
    def kind(self) -> SqlType:
        """The type, where an untyped NULL counts as int."""
        return self.type or SqlType("int")


@dataclass(slots=True)
class Slots:
    """The slots of one statement in the order of their numbers."""

    found: list[Slot] = field(default_factory=list)
    numbers: dict[tuple[object, ...], int] = field(default_factory=dict)

    def text(self, slot: Slot) -> str:
        """Return the parameter that stands for the slot; equal slots share one."""
        if slot.key:
            number = self.numbers.get(slot.key)
            if number is not None:
                return f"?{number}"
        self.found.append(slot)
        number = len(self.found)
        if slot.key:
            self.numbers[slot.key] = number
        return f"?{number}"


class Conversions:
    """Conversions that SQLite calls by number: cv(value, number)."""

    def __init__(self) -> None:
        self._numbers: dict[Convert, int] = {}
        self._converts: list[Convert] = []

    def number(self, convert: Convert) -> int:
        number = self._numbers.get(convert)
        if number is None:
            number = len(self._converts)
            self._converts.append(convert)
            self._numbers[convert] = number
        return number

    def apply(self, value: Any, number: int) -> Any:
        return None if value is None else self._converts[number](value)

    def apply_text(self, value: Any, number: int) -> Any:
        """As `apply`, for values that JSON holds: they are read as text first."""
        return None if value is None else self._converts[number](str(value))


CONVERSIONS = Conversions()


def composed(first: Convert | None, second: Convert) -> Convert:
    if first is None:
        return second

    def both(value: Any) -> Any:
        between = first(value)
        return None if between is None else second(between)

    return both


def quoted(value: object) -> str:
    """Return a constant as SQLite writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, int):
        # SQLite reads -9223372036854775808 as a float.
        return f"({value})" if -(2**63) < value < 0 else str(value)
    if isinstance(value, float):
        return repr(value) if value == value and abs(value) != float("inf") else "NULL"  # noqa: PLR0124 - NaN
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return "'" + str(value).replace("'", "''") + "'"


def literal(value: object, type_: SqlType | None) -> Bound:
    """Return a kept value as a constant; text that SQLite's literals can't hold becomes a slot."""
    if isinstance(value, str) and ("\0" in value or len(value) > 1000):
        return Bound("", type_, nullable=False, slot=Slot(lambda _: value), constant=True)
    return Bound(
        quoted(value),
        type_,
        nullable=value is None,
        constant=True,
        slot=Slot(lambda _: value, key=("constant", type(value).__name__, value)),
    )


def collation_of(*sides: Bound) -> str:
    """Return the collation two sides compare by: a given one first, then a column's."""
    for side in sides:
        if side.collation is not None and side.type is not None and side.type.name in TEXT:
            return side.collation
    types = [side.type for side in sides if side.type is not None]
    return storage.collation(types[0], None) if types else "BINARY"


def conversion(
    source: SqlType,
    target: SqlType,
    style: int | None = None,
    *,
    attempt: bool = False,
    place: conversions.Place | None = None,
) -> Convert | None:
    return conversions.converter(source, target, style, attempt=attempt, place=place)


Types: TypeAlias = Mapping[str, SqlType]
