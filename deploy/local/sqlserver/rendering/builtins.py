"""Scalar functions of T-SQL rendered, each with the type SQL Server gives it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from deploy.local.sqlserver.errors import SqlError, Unsupported
from deploy.local.sqlserver.rendering.bound import Bound, collation_of
from deploy.local.sqlserver.rendering.predicates import PredicateRenderer
from deploy.local.sqlserver.results import SqlType
from deploy.local.sqlserver.translation import precedence, syntax
from deploy.local.sqlserver.translation.precedence import (
    APPROXIMATE,
    BIGINT,
    BYTES,
    EXACT,
    FLOAT,
    INT,
    INTEGERS,
    NATIONAL,
    TEMPORAL,
    TEXT,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

NVARCHAR = SqlType("nvarchar", length=-1)
SYSNAME = SqlType("nvarchar", length=128)
_DATETIME = SqlType("datetime")
_DATETIME2 = SqlType("datetime2", scale=7)
_OFFSET = SqlType("datetimeoffset", scale=7)

Render = Callable[["BuiltinRenderer", syntax.Function], Bound]

# Functions that ask the session or its database: arguments go to SQLite as they are.
_ASKING: Mapping[str, tuple[SqlType, int, int]] = {
    "OBJECT_ID": (INT, 1, 2),
    "OBJECT_NAME": (SYSNAME, 1, 2),
    "OBJECT_SCHEMA_NAME": (SYSNAME, 1, 2),
    "SCHEMA_ID": (INT, 0, 1),
    "SCHEMA_NAME": (SYSNAME, 0, 1),
    "DB_ID": (SqlType("smallint"), 0, 1),
    "DB_NAME": (SYSNAME, 0, 1),
    "COL_NAME": (SYSNAME, 2, 2),
    "COL_LENGTH": (SqlType("smallint"), 2, 2),
    "COLUMNPROPERTY": (INT, 3, 3),
    "OBJECTPROPERTY": (INT, 2, 2),
    "OBJECTPROPERTYEX": (INT, 2, 2),
    "SERVERPROPERTY": (SqlType("nvarchar", length=256), 1, 1),
    "DATABASEPROPERTYEX": (SqlType("nvarchar", length=256), 2, 2),
    "HAS_PERMS_BY_NAME": (INT, 3, 3),
    "HAS_DBACCESS": (INT, 1, 1),
    "IS_SRVROLEMEMBER": (INT, 1, 2),
    "IS_MEMBER": (INT, 1, 1),
    "IS_ROLEMEMBER": (INT, 1, 2),
    "SUSER_ID": (INT, 0, 1),
    "SUSER_NAME": (SYSNAME, 0, 1),
    "USER_ID": (INT, 0, 1),
    "USER_NAME": (SYSNAME, 0, 1),
    "DATABASE_PRINCIPAL_ID": (INT, 0, 1),
    "IDENT_CURRENT": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "IDENT_SEED": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "IDENT_INCR": (SqlType("numeric", precision=38, scale=0), 1, 1),
    "SESSIONPROPERTY": (INT, 1, 1),
    "CHANGE_TRACKING_CURRENT_VERSION": (BIGINT, 0, 0),
    "CHANGE_TRACKING_MIN_VALID_VERSION": (BIGINT, 1, 1),
    "CHANGE_TRACKING_IS_COLUMN_IN_MASK": (SqlType("bit"), 2, 2),
    "TYPE_NAME": (SYSNAME, 1, 1),
    "TYPE_ID": (INT, 1, 1),
}
# Values that are the session's, the same for all rows of a statement.
_SESSION: Mapping[str, tuple[SqlType, bool]] = {
    "GETDATE": (_DATETIME, False),
    "CURRENT_TIMESTAMP": (_DATETIME, False),
    "GETUTCDATE": (_DATETIME, False),
    "SYSDATETIME": (_DATETIME2, False),
    "SYSUTCDATETIME": (_DATETIME2, False),
    "SYSDATETIMEOFFSET": (_OFFSET, False),
    "SCOPE_IDENTITY": (SqlType("numeric", precision=38, scale=0), True),
    "XACT_STATE": (SqlType("smallint"), False),
    "CURRENT_TRANSACTION_ID": (BIGINT, False),
    "SUSER_SNAME": (SYSNAME, True),
    "ORIGINAL_LOGIN": (SYSNAME, False),
    "CURRENT_USER": (SYSNAME, False),
    "HOST_NAME": (SYSNAME, True),
    "APP_NAME": (SYSNAME, True),
    "ERROR_NUMBER": (INT, True),
    "ERROR_MESSAGE": (SqlType("nvarchar", length=4000), True),
    "ERROR_SEVERITY": (INT, True),
    "ERROR_STATE": (INT, True),
    "ERROR_LINE": (INT, True),
    "ERROR_PROCEDURE": (SYSNAME, True),
    "ROWCOUNT_BIG": (BIGINT, False),
}


class BuiltinRenderer(PredicateRenderer):
    def aggregate(self, node: syntax.Function) -> Bound | None:
        raise NotImplementedError  # aggregates.py has it

    def function(self, node: syntax.Function) -> Bound:
        found = self.aggregate(node)
        if found is not None:
            return found
        if node.over is not None or node.within or node.distinct:
            raise Unsupported(f"{node.name} with OVER, WITHIN GROUP or DISTINCT")
        session = _SESSION.get(node.name)
        if session is not None:
            _count(node, 0, 0)
            return self.from_system(node.name, session[0], nullable=session[1])
        asking = _ASKING.get(node.name)
        if asking is not None:
            type_, least, most = asking
            self.read_data = self.read_data or node.name.startswith("CHANGE_TRACKING")
            _count(node, least, most)
            arguments = ", ".join(self.text(self.scalar(part)) for part in node.arguments)
            return Bound(f"{node.name}({arguments})", type_)
        render = self._FUNCTIONS.get(node.name)
        if render is None:
            if node.name in _KNOWN_ELSEWHERE:
                raise Unsupported(f"the function {node.name}")
            raise SqlError(
                195, f"'{node.name}' is not a recognized built-in function name.", severity=15
            )
        return render(self, node)

    def arguments(self, node: syntax.Function, least: int, most: int) -> list[Bound]:
        _count(node, least, most)
        return [self.scalar(argument) for argument in node.arguments]

    def as_text(self, bound: Bound) -> Bound:
        """Return the argument as text; what is text already stays what it is."""
        if bound.kind.name in TEXT and bound.type is not None:
            return bound
        length = precedence.text_length(bound.kind)
        return self.convert(bound, precedence.text("varchar", length))

    def _trimmed(self, node: syntax.Function) -> Bound:
        bound = self.as_text(self.arguments(node, 1, 1)[0])
        sql = {"TRIM": "trim", "LTRIM": "ltrim", "RTRIM": "rtrim"}[node.name]
        return self._text_result(f"{sql}({self.text(bound)}, ' ')", bound)

    def _text_result(self, sql: str, bound: Bound, length: int | None = None) -> Bound:
        kind = bound.kind
        name = "nvarchar" if kind.name in NATIONAL else "varchar"
        type_ = precedence.text(name, length if length is not None else kind.length or 1)
        return Bound(sql, type_, bound.nullable, bound.collation)

    def _cased(self, node: syntax.Function) -> Bound:
        bound = self.as_text(self.arguments(node, 1, 1)[0])
        return self._text_result(f"mssql_{node.name.lower()}({self.text(bound)})", bound)

    def _len(self, node: syntax.Function) -> Bound:
        bound = self.arguments(node, 1, 1)[0]
        type_ = BIGINT if bound.kind.length == -1 else INT
        if bound.kind.name in BYTES:
            return Bound(f"length({self.text(bound)})", type_, bound.nullable)
        bound = self.as_text(bound)
        return Bound(f"text_length(rtrim({self.text(bound)}, ' '))", type_, bound.nullable)

    def _datalength(self, node: syntax.Function) -> Bound:
        bound = self.arguments(node, 1, 1)[0]
        kind = bound.kind
        type_ = BIGINT if kind.length == -1 else INT
        text = self.text(bound)
        sizes = {"bigint": 8, "int": 4, "smallint": 2, "tinyint": 1, "bit": 1, "float": 8}
        sizes |= {"real": 4, "datetime": 8, "date": 3, "uniqueidentifier": 16, "datetime2": 8}
        if kind.name in TEXT:
            width = " * 2" if kind.name in NATIONAL else ""
            return Bound(f"(text_length({text}){width})", type_, bound.nullable)
        if kind.name in BYTES:
            return Bound(f"length({text})", type_, bound.nullable)
        if kind.name not in sizes:
            raise Unsupported(f"DATALENGTH of {kind.name}")
        return Bound(f"CASE WHEN {text} IS NULL THEN NULL ELSE {sizes[kind.name]} END", INT)

    def _substring(self, node: syntax.Function) -> Bound:
        bound, start, length = self.arguments(node, 3, 3)
        arguments = (self.text(self.convert(part, BIGINT)) for part in (start, length))
        if bound.kind.name in BYTES:
            sql = f"mssql_substring({self.text(bound)}, {', '.join(arguments)})"
            return Bound(sql, precedence.text("varbinary", bound.kind.length or 1))
        bound = self.as_text(bound)
        return self._text_result(
            f"mssql_substring({self.text(bound)}, {', '.join(arguments)})", bound
        )

    def _side(self, node: syntax.Function) -> Bound:
        bound, length = self.arguments(node, 2, 2)
        bound = self.as_text(bound)
        count = self.text(self.convert(length, BIGINT))
        return self._text_result(f"mssql_{node.name.lower()}({self.text(bound)}, {count})", bound)

    def _replace(self, node: syntax.Function) -> Bound:
        parts = [self.as_text(part) for part in self.arguments(node, 3, 3)]
        texts = ", ".join(self.text(part) for part in parts)
        national = any(part.kind.name in NATIONAL for part in parts)
        sensitive = int(collation_of(*parts) in ("BINARY", "MSSQL_CS"))
        type_ = precedence.text("nvarchar" if national else "varchar", 4000 if national else 8000)
        if parts[0].kind.length == -1:
            type_ = precedence.text(type_.name, -1)
        return Bound(f"mssql_replace({texts}, {sensitive})", type_)

    def _charindex(self, node: syntax.Function) -> Bound:
        wanted, text, *start = self.arguments(node, 2, 3)
        texts = [self.text(self.as_text(part)) for part in (wanted, text)]
        texts.append(self.text(self.convert(start[0], BIGINT)) if start else "1")
        sensitive = int(collation_of(wanted, text) in ("BINARY", "MSSQL_CS"))
        return Bound(f"mssql_charindex({', '.join(texts)}, {sensitive})", INT)

    def _patindex(self, node: syntax.Function) -> Bound:
        pattern, text = (self.as_text(part) for part in self.arguments(node, 2, 2))
        return Bound(f"mssql_patindex({self.text(pattern)}, {self.text(text)})", INT)

    def _repeated(self, node: syntax.Function) -> Bound:
        if node.name == "SPACE":
            count = self.text(self.convert(self.arguments(node, 1, 1)[0], BIGINT))
            return Bound(f"mssql_replicate(' ', {count})", precedence.text("varchar", 8000))
        bound, times = self.arguments(node, 2, 2)
        bound = self.as_text(bound)
        sql = f"mssql_replicate({self.text(bound)}, {self.text(self.convert(times, BIGINT))})"
        length = -1 if bound.kind.length == -1 else 8000
        return self._text_result(sql, bound, length)

    def _reverse(self, node: syntax.Function) -> Bound:
        bound = self.as_text(self.arguments(node, 1, 1)[0])
        return self._text_result(f"mssql_reverse({self.text(bound)})", bound)

    def _concat(self, node: syntax.Function) -> Bound:
        """CONCAT: NULL counts as an empty text."""
        separated = node.name == "CONCAT_WS"
        parts = [self.as_text(part) for part in self.arguments(node, 2, 254)]
        national = any(part.kind.name in NATIONAL for part in parts)
        length = 0
        for part in parts:
            length = precedence.joined_length(length, part.kind.length or 1)
        type_ = precedence.text("nvarchar" if national else "varchar", length)
        if separated:
            texts = ", ".join(self.text(part) for part in parts)
            return Bound(f"concat_ws({texts})", type_, nullable=False)
        texts = " || ".join(f"coalesce({self.text(part)}, '')" for part in parts)
        return Bound(f"({texts})", type_, nullable=False)

    def _coalesce(self, node: syntax.Function) -> Bound:
        type_, values = self.unified(self.arguments(node, 2, 254))
        texts = ", ".join(self.text(value) for value in values)
        nullable = all(value.nullable for value in values)
        return Bound(f"coalesce({texts})", type_, nullable, _kept_collation(values))

    def _isnull(self, node: syntax.Function) -> Bound:
        """ISNULL: the type is the first argument's."""
        first, second = self.arguments(node, 2, 2)
        type_ = first.type or second.type or INT
        values = [self.convert(first, type_), self.convert(second, type_)]
        texts = ", ".join(self.text(value) for value in values)
        return Bound(
            f"coalesce({texts})", type_, second.nullable and first.nullable, _kept_collation(values)
        )

    def _nullif(self, node: syntax.Function) -> Bound:
        first, second = self.arguments(node, 2, 2)
        condition = self.compare("=", first, second)
        return Bound(f"CASE WHEN {condition} THEN NULL ELSE {self.text(first)} END", first.type)

    def _choose(self, node: syntax.Function) -> Bound:
        index, *values = self.arguments(node, 2, 254)
        type_, values = self.unified(values)
        cases = " ".join(
            f"WHEN {number} THEN {self.text(value)}" for number, value in enumerate(values, 1)
        )
        return Bound(f"CASE {self.text(self.convert(index, INT))} {cases} END", type_)

    def _absolute(self, node: syntax.Function) -> Bound:
        """ABS, CEILING, FLOOR, SIGN: the type stays."""
        bound = self.arguments(node, 1, 1)[0]
        kind = bound.kind
        name = node.name.lower()
        if kind.name in EXACT:
            return Bound(f"dec_{name}({self.text(bound)})", kind)
        if kind.name in TEXT:
            bound, kind = self.convert(bound, FLOAT), FLOAT
        if kind.name in INTEGERS and name in ("ceiling", "floor"):
            return bound
        sql = {"ceiling": "ceil"}.get(name, name)
        return Bound(f"{sql}({self.text(bound)})", kind, bound.nullable)

    def _round(self, node: syntax.Function) -> Bound:
        bound, places, *mode = self.arguments(node, 2, 3)
        if mode:
            raise Unsupported("ROUND with a third argument")
        kind = bound.kind if bound.kind.name not in TEXT else FLOAT
        number = self.text(self.convert(places, INT))
        text = self.text(self.convert(bound, kind))
        if kind.name in EXACT:
            return Bound(f"dec_round({text}, {number})", kind)
        if kind.name in APPROXIMATE:
            return Bound(f"float_round({text}, {number})", kind)
        return Bound(f"int_round({text}, {number})", kind)

    def _float(self, node: syntax.Function) -> Bound:
        count = 2 if node.name == "POWER" else 1
        values = self.arguments(node, count, count)
        texts = ", ".join(self.text(self.convert(value, FLOAT)) for value in values)
        sql = {"POWER": "pow", "LOG": "ln", "SQUARE": "float_square"}.get(
            node.name, node.name.lower()
        )
        result = Bound(f"{sql}({texts})", FLOAT)
        if node.name == "POWER" and values[0].kind.name in INTEGERS:
            return self.convert(result, values[0].kind)
        return result

    def _newid(self, node: syntax.Function) -> Bound:
        _count(node, 0, 0)
        return Bound("mssql_newid()", SqlType("uniqueidentifier"), nullable=False)

    def _code(self, node: syntax.Function) -> Bound:
        bound = self.arguments(node, 1, 1)[0]
        name = node.name.lower()
        if name in ("ascii", "unicode"):
            return Bound(f"mssql_{name}({self.text(self.as_text(bound))})", INT)
        type_ = SqlType("nchar" if name == "nchar" else "char", length=1)
        return Bound(f"mssql_{name}({self.text(self.convert(bound, INT))})", type_)

    def _isnumeric(self, node: syntax.Function) -> Bound:
        bound = self.arguments(node, 1, 1)[0]
        if bound.kind.name in TEXT:
            return Bound(f"mssql_isnumeric({self.text(bound)})", INT, nullable=False)
        numeric = int(bound.kind.name in precedence.NUMBERS)
        return Bound(f"CASE WHEN {self.text(bound)} IS NULL THEN 0 ELSE {numeric} END", INT)

    def _isdate(self, node: syntax.Function) -> Bound:
        bound = self.as_text(self.arguments(node, 1, 1)[0])
        return Bound(f"mssql_isdate({self.text(bound)})", INT, nullable=False)

    def _hash(self, node: syntax.Function) -> Bound:
        algorithm, bound = self.arguments(node, 2, 2)
        raw = self.convert(bound, precedence.text("varbinary", -1))
        sql = f"mssql_hash({self.text(algorithm)}, {self.text(raw)})"
        return Bound(sql, SqlType("varbinary", length=8000))

    def _json_value(self, node: syntax.Function) -> Bound:
        document, path = self.arguments(node, 2, 2)
        sql = f"CAST(json_extract({self.text(document)}, {self.text(path)}) AS TEXT)"
        return Bound(sql, SqlType("nvarchar", length=4000))

    def _isjson(self, node: syntax.Function) -> Bound:
        return Bound(f"json_valid({self.text(self.arguments(node, 1, 1)[0])})", INT)

    # Dates and times; the part of time is the first argument's text.
    def _part(self, node: syntax.Function) -> str:
        first = node.arguments[0]
        part = _PARTS.get(str(first.value)) if isinstance(first, syntax.Literal) else None
        if part is None:
            raise SqlError(
                155,
                f"'{getattr(first, 'value', '')}' is not a recognized {node.name.lower()} option.",
                severity=15,
            )
        return part

    def _moment(self, bound: Bound) -> Bound:
        return bound if bound.kind.name in TEMPORAL else self.convert(bound, _DATETIME)

    def _dateadd(self, node: syntax.Function) -> Bound:
        part = self._part(node)
        _count(node, 3, 3)
        number = self.text(self.convert(self.scalar(node.arguments[1]), BIGINT))
        moment = self._moment(self.scalar(node.arguments[2]))
        sql = f"date_added('{part}', {number}, {self.text(moment)}, '{moment.kind.name}')"
        return Bound(sql, moment.kind, moment.nullable)

    def _datediff(self, node: syntax.Function) -> Bound:
        part = self._part(node)
        _count(node, 3, 3)
        sides = [
            self.text(self.convert(self._moment(self.scalar(side)), _DATETIME2))
            for side in node.arguments[1:]
        ]
        type_ = BIGINT if node.name == "DATEDIFF_BIG" else INT
        return Bound(f"date_difference('{part}', {', '.join(sides)})", type_)

    def _datepart(self, node: syntax.Function) -> Bound:
        part = self._part(node)
        _count(node, 2, 2)
        return self._part_of(part, node.arguments[1], node.name)

    def _part_of(self, part: str, argument: syntax.Expression, name: str) -> Bound:
        moment = self.text(self.convert(self._moment(self.scalar(argument)), _DATETIME2))
        if name == "DATENAME":
            return Bound(f"date_name('{part}', {moment})", SqlType("nvarchar", length=30))
        return Bound(f"date_part('{part}', {moment})", INT)

    def _day_month_year(self, node: syntax.Function) -> Bound:
        _count(node, 1, 1)
        return self._part_of(node.name.lower(), node.arguments[0], "DATEPART")

    def _from_parts(self, node: syntax.Function) -> Bound:
        numbers = [self.text(self.convert(part, INT)) for part in self.arguments(node, 3, 3)]
        return Bound(f"date_from_parts({', '.join(numbers)})", SqlType("date"))

    def _eomonth(self, node: syntax.Function) -> Bound:
        moment = self.arguments(node, 1, 1)[0]
        text = self.text(self.convert(moment, SqlType("date")))
        return Bound(f"end_of_month({text})", SqlType("date"), moment.nullable)

    _FUNCTIONS: ClassVar[dict[str, Render]] = {
        **dict.fromkeys(("TRIM", "LTRIM", "RTRIM"), _trimmed),
        **dict.fromkeys(("UPPER", "LOWER"), _cased),
        "LEN": _len,
        "DATALENGTH": _datalength,
        "SUBSTRING": _substring,
        **dict.fromkeys(("LEFT", "RIGHT"), _side),
        "REPLACE": _replace,
        "CHARINDEX": _charindex,
        "PATINDEX": _patindex,
        **dict.fromkeys(("REPLICATE", "SPACE"), _repeated),
        "REVERSE": _reverse,
        **dict.fromkeys(("CONCAT", "CONCAT_WS"), _concat),
        "COALESCE": _coalesce,
        "ISNULL": _isnull,
        "NULLIF": _nullif,
        "CHOOSE": _choose,
        **dict.fromkeys(("ABS", "CEILING", "FLOOR", "SIGN"), _absolute),
        "ROUND": _round,
        **dict.fromkeys(("POWER", "SQRT", "EXP", "LOG", "LOG10", "SQUARE"), _float),
        "NEWID": _newid,
        **dict.fromkeys(("ASCII", "UNICODE", "CHAR", "NCHAR"), _code),
        "ISNUMERIC": _isnumeric,
        "ISDATE": _isdate,
        "HASHBYTES": _hash,
        "JSON_VALUE": _json_value,
        "ISJSON": _isjson,
        "DATEADD": _dateadd,
        **dict.fromkeys(("DATEDIFF", "DATEDIFF_BIG"), _datediff),
        **dict.fromkeys(("DATEPART", "DATENAME"), _datepart),
        **dict.fromkeys(("YEAR", "MONTH", "DAY"), _day_month_year),
        "DATEFROMPARTS": _from_parts,
        "EOMONTH": _eomonth,
    }


def _kept_collation(values: Sequence[Bound]) -> str | None:
    return next((value.collation for value in values if value.collation), None)


def _count(node: syntax.Function, least: int, most: int) -> None:
    if not least <= len(node.arguments) <= most:
        wanted = str(least) if least == most else f"{least} to {most}"
        raise SqlError(
            174, f"The {node.name.lower()} function requires {wanted} argument(s).", severity=15
        )


# SQL Server has these and the stand-in has not.
_KNOWN_ELSEWHERE = frozenset(
    [
        "ACOS",
        "ASIN",
        "ATAN",
        "ATN2",
        "COS",
        "COT",
        "DEGREES",
        "PI",
        "RADIANS",
        "RAND",
        "SIN",
        "TAN",
        "BINARY_CHECKSUM",
        "CHECKSUM",
        "CHECKSUM_AGG",
        "COMPRESS",
        "DECOMPRESS",
        "CONNECTIONPROPERTY",
        "CONTEXT_INFO",
        "SESSION_CONTEXT",
        "CURSOR_STATUS",
        "CUME_DIST",
        "PERCENT_RANK",
        "PERCENTILE_CONT",
        "PERCENTILE_DISC",
        "STDEV",
        "STDEVP",
        "VAR",
        "VARP",
        "GROUPING",
        "GROUPING_ID",
        "APPROX_COUNT_DISTINCT",
        "DATEFROMPARTS",
        "DATETIMEFROMPARTS",
        "DATETIME2FROMPARTS",
        "DATETIMEOFFSETFROMPARTS",
        "TIMEFROMPARTS",
        "DATETRUNC",
        "DATE_BUCKET",
        "DIFFERENCE",
        "SOUNDEX",
        "FILE_ID",
        "FILE_NAME",
        "FORMAT",
        "FORMATMESSAGE",
        "GET_FILESTREAM_TRANSACTION_CONTEXT",
        "GREATEST",
        "LEAST",
        "INDEXPROPERTY",
        "INDEX_COL",
        "ISJSON",
        "JSON_QUERY",
        "JSON_MODIFY",
        "JSON_OBJECT",
        "JSON_ARRAY",
        "NEWSEQUENTIALID",
        "PARSE",
        "TRY_PARSE",
        "PARSENAME",
        "QUOTENAME",
        "STR",
        "STUFF",
        "TRANSLATE",
        "STRING_ESCAPE",
        "SWITCHOFFSET",
        "TODATETIMEOFFSET",
        "STATS_DATE",
        "SUSER_SID",
        "SQL_VARIANT_PROPERTY",
        "TEXTPTR",
        "TEXTVALID",
        "TYPEPROPERTY",
        "CERTENCODED",
        "PWDCOMPARE",
        "PWDENCRYPT",
        "ENCRYPTBYKEY",
        "DECRYPTBYKEY",
        "FULLTEXTCATALOGPROPERTY",
        "HOST_ID",
        "IDENTITY",
        "MIN_ACTIVE_ROWVERSION",
        "NCHAR",
        "OBJECT_DEFINITION",
        "OPENJSON",
        "PERMISSIONS",
        "FILEPROPERTY",
        "APPLOCK_TEST",
        "ASSEMBLYPROPERTY",
        "COLUMNS_UPDATED",
        "UPDATE",
        "EVENTDATA",
        "TRIGGER_NESTLEVEL",
        "CONTAINS",
        "FREETEXT",
        "CHANGE_TRACKING_CLEANUP_VERSION",
        "GETANSINULL",
        "ORIGINAL_DB_NAME",
        "XML_SCHEMA_NAMESPACE",
    ]
)
_PARTS = {
    alias: part
    for part, aliases in {
        "year": "year yy yyyy",
        "quarter": "quarter qq q",
        "month": "month mm m",
        "dayofyear": "dayofyear dy y",
        "day": "day dd d",
        "week": "week wk ww",
        "iso_week": "iso_week isowk isoww",
        "weekday": "weekday dw w",
        "hour": "hour hh",
        "minute": "minute mi n",
        "second": "second ss s",
        "millisecond": "millisecond ms",
        "microsecond": "microsecond mcs",
        "nanosecond": "nanosecond ns",
    }.items()
    for alias in aliases.split()
}
