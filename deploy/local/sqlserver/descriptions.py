"""Result sets that describe types: sp_datatype_info and sp_describe_undeclared_parameters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from deploy.local.sqlserver.results import Column, Columns, Done, Event, Parameter, Rows, SqlType
from deploy.local.sqlserver.types import canonical, is_max, type_info

__all__ = ["type_information", "undeclared"]

_INT, _SMALLINT, _TINYINT = SqlType("int"), SqlType("smallint"), SqlType("tinyint")
_NAME, _TEXT, _BIT = SqlType("nvarchar", 128), SqlType("nvarchar", 4000), SqlType("bit")

_UNDECLARED = tuple(
    Column(name, kind)
    for name, kind in (
        ("parameter_ordinal", _INT),
        ("name", _NAME),
        ("suggested_system_type_id", _INT),
        ("suggested_system_type_name", SqlType("nvarchar", 256)),
        ("suggested_max_length", _SMALLINT),
        ("suggested_precision", _TINYINT),
        ("suggested_scale", _TINYINT),
        ("suggested_user_type_id", _INT),
        ("suggested_user_type_database", _NAME),
        ("suggested_user_type_schema", _NAME),
        ("suggested_user_type_name", _NAME),
        ("suggested_assembly_qualified_type_name", _TEXT),
        ("suggested_xml_collection_id", _INT),
        ("suggested_xml_collection_database", _NAME),
        ("suggested_xml_collection_schema", _NAME),
        ("suggested_xml_collection_name", _NAME),
        ("suggested_is_xml_document", _BIT),
        ("suggested_is_case_sensitive", _BIT),
        ("suggested_is_fixed_length_clr_type", _BIT),
        ("suggested_is_input", _BIT),
        ("suggested_is_output", _BIT),
        ("formal_parameter_name", _NAME),
        ("suggested_tds_type_id", _INT),
        ("suggested_tds_length", _INT),
    )
)

_TYPE_INFORMATION = tuple(
    Column(name, kind)
    for name, kind in (
        ("TYPE_NAME", _NAME),
        ("DATA_TYPE", _SMALLINT),
        ("PRECISION", _INT),
        ("LITERAL_PREFIX", SqlType("varchar", 32)),
        ("LITERAL_SUFFIX", SqlType("varchar", 32)),
        ("CREATE_PARAMS", SqlType("varchar", 32)),
        ("NULLABLE", _SMALLINT),
        ("CASE_SENSITIVE", _SMALLINT),
        ("SEARCHABLE", _SMALLINT),
        ("UNSIGNED_ATTRIBUTE", _SMALLINT),
        ("MONEY", _SMALLINT),
        ("AUTO_INCREMENT", _SMALLINT),
        ("LOCAL_TYPE_NAME", _NAME),
        ("MINIMUM_SCALE", _SMALLINT),
        ("MAXIMUM_SCALE", _SMALLINT),
        ("SQL_DATA_TYPE", _SMALLINT),
        ("SQL_DATETIME_SUB", _SMALLINT),
        ("NUM_PREC_RADIX", _INT),
        ("INTERVAL_PRECISION", _SMALLINT),
        ("USERTYPE", _SMALLINT),
    )
)

# name, ODBC type, precision, quotes, parameters, unsigned, highest scale, radix
_Kind = tuple[str, int, int, str, str | None, int | None, int | None, int | None]
_KINDS: tuple[_Kind, ...] = (
    ("datetimeoffset", -155, 34, "'", "scale", None, 7, None),
    ("time", -154, 16, "'", "scale", None, 7, None),
    ("nvarchar", -9, 4000, "N'", "max length", None, None, None),
    ("nchar", -8, 4000, "N'", "length", None, None, None),
    ("ntext", -10, 1073741823, "N'", None, None, None, None),
    ("bit", -7, 1, "", None, None, 0, None),
    ("tinyint", -6, 3, "", None, 1, 0, 10),
    ("bigint", -5, 19, "", None, 0, 0, 10),
    ("image", -4, 2147483647, "0x", None, None, None, None),
    ("varbinary", -3, 8000, "0x", "max length", None, None, None),
    ("binary", -2, 8000, "0x", "length", None, None, None),
    ("text", -1, 2147483647, "'", None, None, None, None),
    ("uniqueidentifier", -11, 36, "'", None, None, None, None),
    ("char", 1, 8000, "'", "length", None, None, None),
    ("numeric", 2, 38, "", "precision,scale", 0, 38, 10),
    ("decimal", 3, 38, "", "precision,scale", 0, 38, 10),
    ("money", 3, 19, "$", None, 0, 4, 10),
    ("smallmoney", 3, 10, "$", None, 0, 4, 10),
    ("int", 4, 10, "", None, 0, 0, 10),
    ("smallint", 5, 5, "", None, 0, 0, 10),
    ("float", 6, 53, "", None, 0, None, 2),
    ("real", 7, 24, "", None, 0, None, 2),
    ("varchar", 12, 8000, "'", "max length", None, None, None),
    ("date", 91, 10, "'", None, None, 0, None),
    ("datetime2", 93, 27, "'", "scale", None, 7, None),
    ("datetime", 93, 23, "'", None, None, 3, None),
    ("smalldatetime", 93, 16, "'", None, None, 0, None),
)

# System type numbers, as sys.types has them.
_SYSTEM_TYPES = {
    "image": 34,
    "text": 35,
    "uniqueidentifier": 36,
    "date": 40,
    "time": 41,
    "datetime2": 42,
    "datetimeoffset": 43,
    "tinyint": 48,
    "smallint": 52,
    "int": 56,
    "smalldatetime": 58,
    "real": 59,
    "money": 60,
    "datetime": 61,
    "float": 62,
    "ntext": 99,
    "bit": 104,
    "decimal": 106,
    "numeric": 108,
    "smallmoney": 122,
    "bigint": 127,
    "varbinary": 165,
    "varchar": 167,
    "binary": 173,
    "char": 175,
    "nvarchar": 231,
    "nchar": 239,
}
_SIZES = {
    "tinyint": (1, 3),
    "smallint": (2, 5),
    "int": (4, 10),
    "bigint": (8, 19),
    "bit": (1, 1),
    "real": (4, 24),
    "float": (8, 53),
    "smallmoney": (4, 10),
    "money": (8, 19),
    "date": (3, 10),
    "smalldatetime": (4, 16),
    "datetime": (8, 23),
    "uniqueidentifier": (16, 0),
}


def type_information(wanted: object) -> Iterator[Event]:
    """Yield the types of that ODBC number, or all for 0."""
    rows = [_type_row(kind) for kind in _KINDS if wanted in {0, None, kind[1]}]
    yield Columns(_TYPE_INFORMATION)
    yield Rows(rows)
    yield Done(len(rows), is_select=True)


def undeclared(parameters: Sequence[Parameter]) -> Iterator[Event]:
    """Yield what a driver wants to know of parameters that the statement did not declare."""
    rows = [_parameter_row(ordinal, p) for ordinal, p in enumerate(parameters, 1)]
    yield Columns(_UNDECLARED)
    yield Rows(rows)
    yield Done(len(rows), is_select=True)


def _type_row(kind: _Kind) -> tuple[object, ...]:
    name, number, precision, quote, parameters, unsigned, scale, radix = kind
    dated = name.startswith(("date", "small")) and number in {91, 93}
    return (
        name,
        number,
        precision,
        quote or None,
        "'" if quote.endswith("'") else None,
        parameters,
        1,
        0,
        3 if "'" in quote else 2,
        unsigned,
        int("money" in name),
        None if unsigned is None else 0,
        name,
        scale if scale is None else 0,
        scale,
        9 if dated else number,
        {91: 1, 93: 3}.get(number) if dated else None,
        radix,
        None,
        0,
    )


def _parameter_row(ordinal: int, parameter: Parameter) -> tuple[object, ...]:
    kind = canonical(parameter.type)
    size, precision, scale = _dimensions(kind)
    return (
        ordinal,
        parameter.name,
        _SYSTEM_TYPES[kind.name],
        _declaration(kind),
        size,
        precision,
        scale,
        *(None,) * 9,
        0,
        0,
        0,
        1,
        0,
        None,
        type_info(kind)[0],
        65_535 if is_max(kind) else size,
    )


def _dimensions(kind: SqlType) -> tuple[int, int, int]:
    """Return length in bytes, precision and scale, the way sys.columns tells them."""
    if kind.name in _SIZES:
        size, precision = _SIZES[kind.name]
        return size, precision, {"money": 4, "smallmoney": 4, "datetime": 3}.get(kind.name, 0)
    if kind.name in {"decimal", "numeric"}:
        return type_info(kind)[1], kind.precision or 18, kind.scale or 0
    if kind.name in {"time", "datetime2", "datetimeoffset"}:
        scale = 7 if kind.scale is None else kind.scale
        clock = 3 if scale <= 2 else 4 if scale <= 4 else 5
        digits = scale + (scale > 0)
        added, base = {"time": (0, 8), "datetime2": (3, 19), "datetimeoffset": (5, 26)}[kind.name]
        return clock + added, base + digits, scale
    if kind.length is None:
        return 16, 0, 0
    if is_max(kind):
        return -1, 0, 0
    return kind.length * (2 if kind.name in {"nchar", "nvarchar"} else 1), 0, 0


def _declaration(kind: SqlType) -> str:
    if is_max(kind):
        return f"{kind.name}(max)"
    if kind.length is not None:
        return f"{kind.name}({kind.length})"
    if kind.name in {"decimal", "numeric"}:
        return f"{kind.name}({kind.precision},{kind.scale or 0})"
    if kind.name in {"time", "datetime2", "datetimeoffset"}:
        return f"{kind.name}({kind.scale})"
    return kind.name
