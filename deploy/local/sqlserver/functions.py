"""The functions that rendered SQL calls in SQLite. NULL in is NULL out, unless said otherwise."""

from __future__ import annotations

import hashlib
import math
import re
import uuid
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

import apsw
import orjson

from deploy.local.sqlserver import datemath, temporal
from deploy.local.sqlserver.conversions import CONTEXT, overflow, units
from deploy.local.sqlserver.errors import SqlError
from deploy.local.sqlserver.rendering.bound import CONVERSIONS
from deploy.local.sqlserver.results import SqlType

Function = Callable[..., Any]


def strict(function: Function) -> Function:
    """Make the function answer NULL for any NULL argument."""

    def called(*arguments: Any) -> Any:
        return None if None in arguments else function(*arguments)

    return called


def _divided_by_zero() -> SqlError:
    return SqlError(8134, "Divide by zero error encountered.")


def int_div(left: int, right: int) -> int:
    if right == 0:
        raise _divided_by_zero()
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def int_mod(left: int, right: int) -> int:
    if right == 0:
        raise _divided_by_zero()
    return int(math.fmod(left, right)) if abs(left) < 2**53 else left - right * int_div(left, right)


def float_div(left: float, right: float) -> float:
    if right == 0:
        raise _divided_by_zero()
    return float(left) / right


def float_mod(left: float, right: float) -> float:
    if right == 0:
        raise _divided_by_zero()
    return math.fmod(left, right)


def _range_check(name: str, low: int, high: int) -> Function:
    def checked(value: int) -> int:
        if low <= value <= high:
            return value
        raise overflow(SqlType(name))

    return checked


def _big(operation: Callable[[int, int], int]) -> Function:
    def checked(left: int, right: int) -> int:
        value = operation(left, right)
        if -(2**63) <= value < 2**63:
            return value
        raise overflow(SqlType("bigint"))

    return checked


def _exact(operation: Callable[[Decimal, Decimal], Decimal]) -> Function:
    def computed(left: Any, right: Any, scale: int) -> str:
        value = operation(Decimal(left), Decimal(right))
        return format(value.quantize(Decimal(1).scaleb(-scale), context=CONTEXT), "f")

    return computed


def _divide(left: Decimal, right: Decimal) -> Decimal:
    if right.is_zero():
        raise _divided_by_zero()
    return CONTEXT.divide(left, right)


def _remainder(left: Decimal, right: Decimal) -> Decimal:
    if right.is_zero():
        raise _divided_by_zero()
    return CONTEXT.remainder(left, right)


def _rounded_decimal(text: str, places: int) -> str:
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    rounded = value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    return format(rounded.quantize(Decimal(1).scaleb(int(exponent)), context=CONTEXT), "f")


def _to_whole(text: str, rounding: str) -> str:
    return format(Decimal(text).to_integral_value(rounding), "f")


def _int_round(value: int, places: int) -> int:
    return value if places >= 0 else int(Decimal(value).quantize(Decimal(1).scaleb(-places)))


@lru_cache(maxsize=2048)
def like_pattern(pattern: str, escape: str | None, sensitive: int) -> re.Pattern[str]:
    """Return a LIKE pattern as a regular expression over casefolded text (unless case counts)."""
    parts = []
    position = 0
    fold = (lambda text: text) if sensitive else str.casefold
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == escape and position < len(pattern):
            parts.append(re.escape(fold(pattern[position])))
            position += 1
        elif character == "%":
            parts.append(".*")
        elif character == "_":
            parts.append(".")
        elif character == "[" and (end := pattern.find("]", position + 1)) > 0:
            inner = fold(pattern[position:end])
            negated = inner.startswith("^")
            inner = inner[1:] if negated else inner
            escaped = inner.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
            parts.append(f"[{'^' if negated else ''}{escaped.replace('^', chr(92) + '^')}]")
            position = end + 1
        else:
            parts.append(re.escape(fold(character)))
    return re.compile("".join(parts), re.DOTALL)


def mssql_like(pattern: str | None, text: str | None, escape: str | None, sensitive: int) -> Any:
    if pattern is None or text is None:
        return None
    compiled = like_pattern(pattern, escape, sensitive)
    folded = text if sensitive else text.casefold()
    if compiled.fullmatch(folded):
        return 1
    # Trailing blanks of the text don't count; those of the pattern do.
    return int(compiled.fullmatch(folded.rstrip(" ")) is not None)


def _patindex(pattern: str, text: str) -> int:
    inner = pattern.removeprefix("%")
    open_end = inner.endswith("%")
    compiled = like_pattern(inner[:-1] if open_end else inner, None, 0)
    folded = text.casefold()
    starts = range(len(folded) + 1) if pattern.startswith("%") else range(1)
    for start in starts:
        found = compiled.match(folded, start) if open_end else compiled.fullmatch(folded, start)
        if found is not None:
            return start + 1
    return 0


def _upper(text: str) -> str:
    """Upper case, letter by letter: what would become two letters stays (ß)."""
    upper = text.upper()
    if len(upper) == len(text):
        return upper
    return "".join(each if len(each.upper()) > 1 else each.upper() for each in text)


def _substring(value: Any, start: int, length: int) -> Any:
    if length < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.")
    end = start - 1 + length
    return value[max(start - 1, 0) : max(end, 0)]


def _left(text: str, count: int) -> str:
    if count < 0:
        raise SqlError(537, "Invalid length parameter passed to the LEFT or SUBSTRING function.")
    return text[:count]


def _right(text: str, count: int) -> str:
    if count < 0:
        raise SqlError(536, "Invalid length parameter passed to the right function.")
    return text[-count:] if count else ""


def _replace(text: str, wanted: str, new: str, sensitive: int) -> str:
    if not wanted:
        return text
    if sensitive:
        return text.replace(wanted, new)
    return re.sub(re.escape(wanted), lambda _: new, text, flags=re.IGNORECASE)


def _charindex(wanted: str, text: str, start: int, sensitive: int) -> int:
    if not wanted:
        return 0
    if not sensitive:
        wanted, text = wanted.lower(), text.lower()
    return text.find(wanted, max(start - 1, 0)) + 1


def _is_numeric(text: str | None) -> int:
    if text is None:
        return 0
    try:
        float(text.strip().replace(",", ""))
    except ValueError:
        return 0
    return 1


def _is_date(text: str | None) -> int:
    if text is None:
        return 0
    try:
        temporal.from_text(text, SqlType("datetime"))
    except SqlError:
        return 0
    return 1


def _hash(algorithm: str, raw: bytes) -> bytes:
    names = {
        "MD5": "md5",
        "SHA1": "sha1",
        "SHA": "sha1",
        "SHA2_256": "sha256",
        "SHA2_512": "sha512",
    }
    return hashlib.new(names[algorithm.upper()], raw, usedforsecurity=False).digest()


def _new_id(*_: Any) -> str:
    return str(uuid.uuid4()).upper()


def _too_many_rows(*_: Any) -> Any:
    raise SqlError(
        512,
        "Subquery returned more than 1 value. This is not permitted when the subquery follows =, "
        "!=, <, <= , >, >= or when the subquery is used as an expression.",
    )


def _required(value: Any, message: str) -> Any:
    if value is None:
        raise SqlError(515, message, state=2)
    return value


def _split(text: str, separator: str) -> str:
    return orjson.dumps(text.split(separator)).decode()


class DecimalSum:
    """SUM of decimals: exact, NULL where there was none."""

    def __init__(self) -> None:
        self.total: Decimal | None = None
        self.count = 0

    def step(self, *arguments: Any) -> None:
        if arguments[0] is not None:
            value = Decimal(arguments[0])
            self.total = value if self.total is None else CONTEXT.add(self.total, value)
            self.count += 1

    def final(self) -> str | None:
        return None if self.total is None else format(self.total, "f")


def _average(scale: int) -> type[DecimalSum]:
    class Average(DecimalSum):
        def final(self) -> str | None:
            if self.total is None:
                return None
            mean = CONTEXT.divide(self.total, Decimal(self.count))
            return format(mean.quantize(Decimal(1).scaleb(-scale), context=CONTEXT), "f")

    return Average


_STRICT: dict[str, Function] = {
    "int_div": int_div,
    "int_mod": int_mod,
    "float_div": float_div,
    "float_mod": float_mod,
    "int1": _range_check("tinyint", 0, 255),
    "int2": _range_check("smallint", -(2**15), 2**15 - 1),
    "int4": _range_check("int", -(2**31), 2**31 - 1),
    "int_sum": _range_check("int", -(2**31), 2**31 - 1),
    "int8_add": _big(lambda left, right: left + right),
    "int8_sub": _big(lambda left, right: left - right),
    "int8_mul": _big(lambda left, right: left * right),
    "dec_add": _exact(CONTEXT.add),
    "dec_sub": _exact(CONTEXT.subtract),
    "dec_mul": _exact(CONTEXT.multiply),
    "dec_div": _exact(_divide),
    "dec_mod": _exact(_remainder),
    "dec_abs": lambda text: text.lstrip("-"),
    "dec_sign": lambda text: format(Decimal(text).compare(Decimal(0)), "f"),
    "dec_ceiling": lambda text: _to_whole(text, ROUND_CEILING),
    "dec_floor": lambda text: _to_whole(text, ROUND_FLOOR),
    "dec_round": _rounded_decimal,
    "float_round": lambda value, places: float(
        Decimal(repr(float(value))).quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)
    ),
    "int_round": _int_round,
    "float_square": lambda value: value * value,
    "mssql_upper": _upper,
    "mssql_lower": str.lower,
    "text_length": units,
    "mssql_substring": _substring,
    "mssql_left": _left,
    "mssql_right": _right,
    "mssql_replace": _replace,
    "mssql_charindex": _charindex,
    "mssql_patindex": _patindex,
    "mssql_replicate": lambda text, times: text * times if times >= 0 else None,
    "mssql_reverse": lambda text: text[::-1],
    "mssql_ascii": lambda text: text.encode("cp1252", "replace")[0] if text else None,
    "mssql_unicode": lambda text: ord(text[0]) if text else None,
    "mssql_char": lambda code: bytes((code,)).decode("cp1252") if 0 <= code < 256 else None,
    "mssql_nchar": lambda code: chr(code) if 0 <= code < 65536 else None,
    "mssql_hash": _hash,
    "mssql_split": _split,
    "bytes_joined": lambda left, right: left + right,
    "days_added": datemath.days_added,
    "date_added": datemath.date_added,
    "date_difference": datemath.date_difference,
    "date_part": datemath.date_part,
    "date_name": datemath.date_name,
    "date_from_parts": datemath.date_from_parts,
    "end_of_month": datemath.end_of_month,
}
_NULL_SAFE = {name: strict(function) for name, function in _STRICT.items()}
_AVERAGES = [_average(scale) for scale in range(39)]
_LENIENT: dict[str, tuple[Function, int]] = {
    "cv": (CONVERSIONS.apply, 2),
    "cv_json": (CONVERSIONS.apply_text, 2),
    "mssql_like": (mssql_like, 4),
    "mssql_isnumeric": (_is_numeric, 1),
    "mssql_isdate": (_is_date, 1),
    "required": (_required, 2),
}


def register(db: apsw.Connection) -> None:
    for name, function in _NULL_SAFE.items():
        db.create_scalar_function(name, function, -1, deterministic=True)
    for name, (function, count) in _LENIENT.items():
        db.create_scalar_function(name, function, count, deterministic=True)
    db.create_scalar_function("too_many_rows", _too_many_rows, 0)
    db.create_scalar_function("mssql_newid", _new_id, 0)
    db.create_aggregate_function("dec_sum", DecimalSum)
    for scale in range(39):
        db.create_aggregate_function(f"dec_avg{scale}", _AVERAGES[scale])
