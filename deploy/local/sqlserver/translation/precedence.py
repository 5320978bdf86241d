"""Which type an expression has: precedence, lengths, precisions."""

from __future__ import annotations

from collections.abc import Iterable

from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.results import SqlType

_ORDER = (
    *("datetimeoffset", "datetime2", "datetime", "smalldatetime", "date", "time"),
    *("float", "real", "decimal", "numeric", "money", "smallmoney"),
    *("bigint", "int", "smallint", "tinyint", "bit"),
    *("uniqueidentifier", "nvarchar", "nchar", "varchar", "char", "varbinary", "binary"),
)
RANK = {name: rank for rank, name in enumerate(_ORDER)}

INTEGERS = frozenset(("bigint", "int", "smallint", "tinyint", "bit"))
EXACT = frozenset(("decimal", "numeric", "money", "smallmoney"))
APPROXIMATE = frozenset(("float", "real"))
NUMBERS = INTEGERS | EXACT | APPROXIMATE
NATIONAL = frozenset(("nvarchar", "nchar"))
TEXT = frozenset(("varchar", "char")) | NATIONAL
BYTES = frozenset(("varbinary", "binary"))
MOMENTS = frozenset(("datetime", "datetime2", "smalldatetime", "datetimeoffset"))
TEMPORAL = MOMENTS | {"date", "time"}

RANGES = {
    "bit": (0, 1),
    "tinyint": (0, 255),
    "smallint": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
_DIGITS = {"bit": 1, "tinyint": 3, "smallint": 5, "int": 10, "bigint": 19}
_TEXT_LENGTHS = {
    "bit": 1,
    "tinyint": 3,
    "smallint": 6,
    "int": 12,
    "bigint": 24,
    "money": 30,
    "smallmoney": 30,
    "float": 32,
    "real": 32,
    "date": 10,
    "time": 16,
    "datetime": 27,
    "datetime2": 27,
    "smalldatetime": 27,
    "datetimeoffset": 34,
    "uniqueidentifier": 36,
    "decimal": 41,
    "numeric": 41,
}
INT = SqlType("int")
BIGINT = SqlType("bigint")
FLOAT = SqlType("float")
BIT = SqlType("bit")


def digits(type_: SqlType) -> tuple[int, int]:
    """Precision and scale of a type when it is read as decimal."""
    if type_.name in ("decimal", "numeric"):
        return type_.precision or 18, type_.scale or 0
    if type_.name == "money":
        return 19, 4
    if type_.name == "smallmoney":
        return 10, 4
    return _DIGITS.get(type_.name, 38), 0


def text_length(type_: SqlType) -> int:
    """How many characters values of a type may take as text, -1 for max."""
    if type_.length is not None:
        return type_.length
    return _TEXT_LENGTHS.get(type_.name, 30)


def decimal(precision: int, scale: int, name: str = "numeric") -> SqlType:
    """Return a decimal type within 38 digits; scale gives way down to 6, as SQL Server does it."""
    if precision > 38:
        whole = precision - scale
        scale = max(min(scale, 6), 38 - whole) if scale > 6 else scale
        scale = min(scale, 38)
        precision = 38
    return SqlType(name, precision=precision, scale=scale)


def text(name: str, length: int) -> SqlType:
    limit = 4000 if name in NATIONAL else 8000
    return SqlType(name, length=-1 if length < 0 else min(length, limit))


def joined_length(left: int, right: int) -> int:
    return -1 if left < 0 or right < 0 else left + right


def unify(types: Iterable[SqlType | None]) -> SqlType | None:
    """Return the type of CASE, COALESCE, UNION or a comparison over values of these types."""
    result: SqlType | None = None
    for type_ in types:
        if type_ is None:
            continue
        result = type_ if result is None else _wider(result, type_)
    return result


def _wider(left: SqlType, right: SqlType) -> SqlType:
    if left == right:
        return left
    if RANK[left.name] > RANK[right.name]:
        left, right = right, left
    name = left.name
    if name in TEXT or name in BYTES:
        return _wider_text(left, right)
    if name in ("decimal", "numeric"):
        if right.name in APPROXIMATE or right.name in TEXT:
            return left
        first, second = digits(left), digits(right)
        scale = max(first[1], second[1])
        return decimal(max(first[0] - first[1], second[0] - second[1]) + scale, scale, name)
    if name in ("datetime2", "time", "datetimeoffset") and right.name == name:
        return SqlType(name, scale=max(left.scale or 0, right.scale or 0))
    return left


def _wider_text(left: SqlType, right: SqlType) -> SqlType:
    name = left.name
    if right.name in TEXT | BYTES:
        lengths = (left.length or 1, right.length or 1)
        length = -1 if -1 in lengths else max(lengths)
    else:
        length = left.length or 1
    if {left.name, right.name} == {"nchar", "varchar"}:
        name = "nvarchar"
    return text(name, length)


def arithmetic(operator: str, left: SqlType, right: SqlType) -> SqlType:  # noqa: PLR0911 - rules
    """Return the type of `left operator right` for numbers."""
    name = left.name if RANK[left.name] <= RANK[right.name] else right.name
    for side in (left, right):
        if side.name not in NUMBERS | TEXT:
            raise SqlError(
                8117,
                f"Operand data type {side.name} is invalid for "
                f"{_OPERATIONS.get(operator, operator)} operator.",
            )
    if name in APPROXIMATE:
        return SqlType(name)
    if name in INTEGERS:
        return SqlType("int" if name == "bit" and operator in "+-*/%" else name)
    if name in ("money", "smallmoney"):
        return SqlType(name)
    if name in TEXT:
        raise SqlError(
            402,
            f"The data types {left.name} and {right.name} are incompatible in the "
            f"{_OPERATIONS.get(operator, operator)} operator.",
        )
    (p1, s1), (p2, s2) = _operands(left, right)
    if operator in "+-":
        scale = max(s1, s2)
        return decimal(max(p1 - s1, p2 - s2) + scale + 1, scale)
    if operator == "*":
        return decimal(p1 + p2 + 1, s1 + s2)
    if operator == "/":
        scale = max(6, s1 + p2 + 1)
        return decimal(p1 - s1 + s2 + scale, scale)
    scale = max(s1, s2)
    return decimal(min(p1 - s1, p2 - s2) + scale, scale)


def _operands(left: SqlType, right: SqlType) -> tuple[tuple[int, int], tuple[int, int]]:
    """Precisions; text beside a decimal takes that decimal's type."""
    first = digits(right) if left.name in TEXT else digits(left)
    second = digits(left) if right.name in TEXT else digits(right)
    return first, second


_OPERATIONS = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "%": "modulo"}
